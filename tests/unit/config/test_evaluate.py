# SPDX-License-Identifier: GPL-2.0-or-later
"""Our evaluator against docs/parameters.md and against /bin/sh itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from interpose.config import systemfiles as module
from interpose.config.evaluate import Source, defined_names, evaluate
from interpose.config.shell import ask_shell
from interpose.config.streams import Files
from interpose.config.systemfiles import is_system_file
from interpose.errors import ConfigurationError

HERE = Path("/nonexistent/site.conf")


def source(text: str, path: Path = HERE, **more: Any) -> Source:
    return Source(path, text, Files(str(path.parent)), **more)


def values(text: str, **environment: str) -> dict[str, str]:
    found = evaluate(source(text), environment)
    return {definition.name: definition.value for definition in found.definitions}


def notices(text: str, **environment: str) -> tuple[str, ...]:
    return evaluate(source(text), environment).notices


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("X=1", {"X": "1"}),
        ("  export X=1 # why", {"X": "1"}),
        ("readonly X=1\nY=$X", {"X": "1", "Y": "1"}),
        ("eval X=a\\$B", {"X": "a"}),
        ("B=c\neval X=a\\$B", {"B": "c", "X": "ac"}),
        ("X='a  $b'", {"X": "a $b"}),
        ('X="a \\" \\$ \\x"', {"X": 'a " $ \\x'}),
        ("X=a\\\nb", {"X": "ab"}),
        ("X=a#b", {"X": "a#b"}),
        ("X=$HO\\\nME", {"X": "/home"}),
        ("X=${Y:-d}${Z-e}", {"X": "de"}),
        ('Y=\nX="${Y:-d e}${Y-f}"', {"Y": "", "X": "d e"}),
        ("X=${HOME:+set}${#HOME}", {"X": "set5"}),
        (": ${X:=y}", {}),
        (": ${X:=y}\nX=$X", {"X": "y"}),
        ("[ a = a ] && X=y", {}),
        ("[ a = a ] && X=y\nX=$X", {"X": "y"}),
        ("X=1; Y=2", {"X": "1"}),
        ("if true; then X=1; fi", {}),
        ("X = 1", {"X": ""}),
        ("if false; then\nX=1\nfi", {"X": ""}),
        ('if [ -z "$Q" ]; then\nX=1\nelse\nX=2\nfi', {"X": "1"}),
        ('if [ "$Q" != "" ]\nthen\nX=1\nelif [ 3 -gt 2 ]; then\nX=3\nfi', {"X": "3"}),
        ("false || X=1\n! true || X=2\nX=$X", {"X": "2"}),
        ("X=1\n{ X=2; }\nX=$X", {"X": "2"}),
        ("X=$((7 % 4 + 2 * (3 - 1)))", {"X": "7"}),
        ("P=~/a:~/b", {"P": "/home/a:/home/b"}),
        ("X=1\nunset X", {"X": ""}),
        ("# X=1\n\n   \n", {}),
        ("X=late\nY=$X\nX=later", {"Y": "late", "X": "later"}),
        ("X=@fqrn@", {"X": "@fqrn@"}),
        ("X=a\r", {"X": "a"}),
    ],
)
def test_a_file_defines_what_the_notes_say(text: str, expected: dict[str, str]) -> None:
    assert values(text, HOME="/home") == expected


def test_the_value_is_the_one_after_the_whole_file_has_run() -> None:
    assert values("X=1\nif true; then X=2; fi") == {"X": "2"}


def test_a_branch_that_is_not_taken_shows_what_the_environment_holds() -> None:
    assert values("if false; then\nX=1\nfi", X="old") == {"X": "old"}


def test_the_line_is_that_of_the_assignment_which_counted() -> None:
    text = "if true; then\n  X=1\nelse\n  X=2\nfi\n"
    (definition,) = evaluate(source(text), {}).definitions
    assert definition.line == 2


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("X=1\nY=$(gcc)\n", 2),
        ("X=`gcc`", 1),
        ("X='a\nb", 1),
        ("gcc --version", 1),
        ("X=1 > /tmp/x", 1),
        ("if true; then X=1", 1),
        ("X=1\nfi", 2),
        ("readonly X=1\nX=2", 2),
        ("X=${Y@Q}", 1),
        ("X=$((1/0))", 1),
        ("X=$((1 +))", 1),
        (". /missing", 1),
        ("true;;", 1),
        ("((((", 1),
        ("return", 1),
        ("exit 0", 1),
        ("sleep 1 &", 1),
        ("eval 'eval \"$X\"'", 1),
        ("cat <<EOF\n", 1),
        ("X=(a b)", 1),
        ("X=$(date -d yesterday)", 1),
        ("X=$(echo a | sed 'y/ab/')", 1),
    ],
)
def test_what_is_not_understood_costs_its_line_and_one_notice(
    text: str, line: int
) -> None:
    following = text + "\nAFTER=here\n"
    found = evaluate(source(following), {"X": "boom $(", "PATH": "/usr/bin:/bin"})
    assert [n for n in found.notices if n.endswith(f"{HERE} line {line}")]
    whole = "if true; then X=1" in text or "((((" in text
    assert whole or ("AFTER", "here") in [(d.name, d.value) for d in found.definitions]


def test_the_lines_around_hold_whatever_is_in_between() -> None:
    text = "A=1\nif [ 1 = 1 ]; then\n  B=2\n  C=(x y)\n  D=4\nfi\nE='\nF=6\n"
    assert values(text) == {"A": "1", "B": "2", "D": "4", "F": "6"}
    assert len(notices(text)) == 2


def test_a_line_that_is_left_out_keeps_what_was_there_before() -> None:
    assert values("X=$(gcc)", PATH="/usr/bin", X="before") == {"X": "before"}


def test_a_condition_that_is_not_understood_does_not_hold() -> None:
    text = "if ((1 > 0)); then\n  X=1\nelse\n  X=2\nfi\n"
    assert values(text) == {"X": "2"}
    assert len(notices(text)) == 1


@pytest.mark.parametrize(
    "text",
    [
        "CVMFS_PUBLIC_KEY=$(gcc)",
        "if gcc; then\nCVMFS_KEYS_DIR=/k\nfi",
        "K=$(gcc)\nCVMFS_PUBLIC_KEY=/keys/$K",
        "CVMFS_KEYS_DIR=(/a /b)",
        "CVMFS_BLACKLIST='/open",
        "export CVMFS_KEYS_DIR=`gcc`",
    ],
)
def test_a_line_that_sets_keys_has_to_be_understood(text: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        evaluate(source(text), {"PATH": "/usr/bin"})
    assert "CVMFS_" in str(caught.value)


def test_a_line_in_a_branch_that_is_not_taken_costs_nothing() -> None:
    assert not notices("if false; then\nCVMFS_KEYS_DIR=(a)\ngcc\nfi\n", PATH="/bin")


def test_all_of_a_strict_file_has_to_be_understood() -> None:
    with pytest.raises(ConfigurationError, match="CVMFS_CONFIG_REPO_REQUIRED"):
        evaluate(source("X=(a)", strict=True), {})


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("CVMFS_X=a.example.org, b.example.org", "`b.example.org` is no command"),
        ("CVMFS_X=http://a:3128|http://b:3128", "`http://b:3128` is no command"),
        ("CVMFS_X=http://a:3128;http://b:3128", "`http://b:3128` is no command"),
        ("CVMFS_X = 1", "write CVMFS_X=1 without blanks"),
    ],
)
def test_a_value_without_its_quotes_is_said(text: str, word: str) -> None:
    (notice,) = notices(text)
    assert word in notice
    assert f"{HERE} line 1" in notice


def test_a_program_that_is_not_there_is_no_news_where_its_errors_are_unwanted() -> None:
    assert not notices("X=$(lsb_release -rs 2>/dev/null)", PATH="/nowhere")


@pytest.mark.parametrize("opening", ["{ ", "if true; then ", "X=${X:-", "X=$((", "! "])
def test_deep_nesting_is_a_notice_and_no_crash(opening: str) -> None:
    assert notices(opening * 5000)


@pytest.mark.parametrize(
    "text",
    [
        "while true; do X=1; done",
        "f() { f; }\nf",
        "X=aaaaaaaaaaaaaaaa\n" + "X=$X$X\n" * 40,
    ],
)
def test_what_never_ends_is_a_notice(text: str) -> None:
    assert notices(text)


def test_the_shapes_of_published_configuration_repositories_are_understood() -> None:
    text = """
    X="auto;DIRECT"
    if [ "$(($$ % 2))" == 1 ]; then
      P="http://a/wpad.dat;http://b/wpad.dat"
    else
      P="http://b/wpad.dat;http://a/wpad.dat"
    fi
    if [ "$X" = "DIRECT" ] || [ "$X" = "auto;DIRECT" ]; then
        S="http://one:8000/cvmfs/@fqrn@"
    fi
    B="$B/storage"
    """
    found = values(text, B="/var/lib/cvmfs")
    assert len(found["P"].split(";")) == 2
    assert found["S"] == "http://one:8000/cvmfs/@fqrn@"
    assert found["B"] == "/var/lib/cvmfs/storage"


def test_a_long_file_takes_no_longer_than_its_length_asks() -> None:
    text = "X=" + "a" * 200_000 + "\nY=$" + "b" * 200_000 + "\n"
    assert values(text) == {"X": "a" * 200_000, "Y": ""}


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet="XY=$\"'\\{}()[];&|\n #~:-+iftheneslfi!a1`*?"))
def test_any_text_gives_values_and_clear_notices(text: str) -> None:
    found = evaluate(source(text), {"X": "1", "Y": ""})
    assert all(str(HERE) in notice for notice in found.notices)


WORDS = st.text(alphabet="abc019/:._-,;@|%+", min_size=0, max_size=8)
NAMES = st.sampled_from(["A", "B_1", "CVMFS_X", "CVMFS_HTTP_PROXY"])
PIECES = st.one_of(
    WORDS.map(lambda t: t.replace(";", "").replace("|", "")),
    st.text(alphabet="ab \t;|#'$&()=~^", max_size=8).map(
        lambda t: "'" + t.replace("'", "") + "'"
    ),
    st.text(alphabet="ab \t;|#'&()=~", max_size=8).map(lambda t: f'"{t}"'),
    NAMES.map(lambda n: f"${n}"),
    NAMES.map(lambda n: f'"${{{n}}}"'),
    st.builds("${{{}{}{}}}".format, NAMES, st.sampled_from([":-", "-", ":+"]), NAMES),
    st.sampled_from(
        ["\\$", "\\ ", "\\;", "a#b", '"a\\"b"', "$((3*2%4))", "~/x", "x\\\ny"]
    ),
)
VALUES = st.lists(PIECES, max_size=5).map("".join)
ASSIGNMENTS = st.builds("{}{}={}".format, st.sampled_from(["", "  "]), NAMES, VALUES)
TESTS = st.one_of(
    st.builds('[ "${}" {} "{}" ]'.format, NAMES, st.sampled_from(["=", "!="]), WORDS),
    st.builds('[ {} "${}" ]'.format, st.sampled_from(["-n", "-z", "!"]), NAMES),
    st.builds(
        "[ {} {} {} ]".format,
        st.integers(-9, 9),
        st.sampled_from(["-eq", "-lt", "-ge"]),
        st.integers(-9, 9),
    ),
    st.sampled_from(["true", "false", "! true"]),
)
LINES = st.one_of(
    ASSIGNMENTS,
    st.builds("{} {} {}".format, TESTS, st.sampled_from(["&&", "||"]), ASSIGNMENTS),
    st.builds("if {}; then\n{}\nelse\n{}\nfi".format, TESTS, ASSIGNMENTS, ASSIGNMENTS),
    st.builds("{} # {}".format, ASSIGNMENTS, WORDS),
    st.builds(": ${{{}:={}}}".format, NAMES, NAMES),
    st.just("# a comment with ' and \""),
)


@settings(max_examples=250, deadline=None)
@given(st.lists(LINES, max_size=8).map("\n".join))
def test_harmless_files_mean_the_same_to_us_and_to_the_shell(text: str) -> None:
    environment = {"HOME": "/home/me", "CVMFS_X": "from before"}
    names = list(defined_names(text))
    said = ask_shell(Path("/site.conf"), text, names, environment)
    ours = evaluate(source(text, Path("/site.conf")), environment).definitions
    assert [(d.name, d.value) for d in ours] == list(zip(names, said))


def test_root_files_that_need_more_are_given_to_the_shell(tmp_path: Path) -> None:
    text = "if true; then\n  X=1\nfi\nY=$(env echo a; pwd)\nset -f\nZ=2\n"
    found = evaluate(source(text, tmp_path / "a.conf", system=True), {"PATH": "/bin"})
    values = {d.name: (d.value, d.line) for d in found.definitions}
    assert values == {"X": ("1", 2), "Y": (f"a {tmp_path}", 4), "Z": ("2", 6)}
    assert not found.notices


def test_a_shell_that_gives_up_leaves_names_empty(tmp_path: Path) -> None:
    text = "X=1\nexit 3\n"
    assert ask_shell(tmp_path / "a.conf", text, ["X", "Y"], {}) == ["", ""]


def test_only_files_that_root_alone_can_change_are_system_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "SYSTEM_DIRECTORY", tmp_path)
    tmp_path.chmod(0o755)
    file = tmp_path / "default.local"
    file.write_text("X=1\n")
    file.chmod(0o644)
    owned = file.stat().st_uid == 0
    assert is_system_file(file) is owned
    file.chmod(0o664)
    assert not is_system_file(file)
    file.chmod(0o644)
    tmp_path.chmod(0o777)
    assert not is_system_file(file)


def test_a_file_outside_of_etc_is_no_system_file(tmp_path: Path) -> None:
    assert not is_system_file(tmp_path / "x.conf")
    assert not is_system_file(Path("/etc/passwd"))


def test_a_link_into_the_wild_is_no_system_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    etc = tmp_path / "etc"
    etc.mkdir(mode=0o755)
    (tmp_path / "wild.conf").write_text("X=1\n")
    (etc / "default.local").symlink_to(tmp_path / "wild.conf")
    monkeypatch.setattr(module, "SYSTEM_DIRECTORY", etc)
    assert not is_system_file(etc / "default.local")


def test_a_file_is_sourced_by_either_word(tmp_path: Path) -> None:
    (tmp_path / "domain.d").mkdir()
    (tmp_path / "common.conf").write_text('X=common\n[ -z "$Y" ] && Y=default\n')
    for word in (".", "source"):
        text = f"X=\nY=$Y\n{word} ../common.conf\n"
        found = evaluate(source(text, tmp_path / "domain.d" / "a.conf"), {})
        values = {d.name: (d.value, d.line) for d in found.definitions}
        assert values == {"X": ("common", 3), "Y": ("default", 3)}


def test_a_file_is_sourced_by_the_name_it_has_below_the_mount(tmp_path: Path) -> None:
    (tmp_path / "auth.conf").write_text("X=1\n")
    other = tmp_path / "other"
    other.write_text("Y=2\n")
    files = Files(
        str(tmp_path / "config.d"),
        (("/cvmfs/c.org/etc/cvmfs", tmp_path),),
        foreign=True,
        elsewhere=lambda path: other if path == "/cvmfs/c.org/libexec/o" else None,
    )
    text = "X=\nY=\n. $M/etc/cvmfs/auth.conf\n. ../../../libexec/o\n"
    found = evaluate(
        Source(tmp_path / "config.d/a.conf", text, files), {"M": "/cvmfs/c.org"}
    )
    assert [d.value for d in found.definitions] == ["1", "2"]
    assert other in files.consulted


def test_a_configuration_repository_sees_nothing_of_the_users(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("X=secret\n")
    secret.chmod(0o600)
    files = Files("/nonexistent", foreign=True)
    text = f"X=\nY=$(cat {secret})\n. {secret}\nZ=$(cat /etc/passwd | wc -l)\n"
    found = evaluate(Source(HERE, text, files), {})
    values = {d.name: d.value for d in found.definitions}
    assert values["X"] == values["Y"] == ""
    assert int(values["Z"]) > 0


def test_patterns_match_files_beside_the_file(tmp_path: Path) -> None:
    (tmp_path / "b.pub").touch()
    (tmp_path / "a.pub").touch()
    text = "X=*.pub\nY=no*thing\nZ=\nfor i in *.pub; do Z=$Z,$i; done\n"
    found = evaluate(source(text, tmp_path / "x.conf"), {})
    values = [d.value for d in found.definitions]
    assert values == ["a.pub b.pub", "no*thing", ",a.pub,b.pub"]
