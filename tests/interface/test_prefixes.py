# SPDX-License-Identifier: GPL-2.0-or-later
"""--mount and --prefer-host: names that stand for something else."""

from __future__ import annotations

import errno
import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from interpose.formats.fqrn import REPOSITORIES
from tests.interface.test_launch_status import OURS, bare
from tests.support.places import ROOT, program
from tests.support.run import Result, Runner

FQRN = "sha1.example.org"
TOP = f"/cvmfs/{FQRN}"
Mounted = Callable[..., Result]


@pytest.fixture
def mounted(run: Runner, configured: Callable[..., list[Any]], place: Path) -> Mounted:
    """`mounted(COMMAND, ROW...)`: a shell's command in `place` below these rows."""
    (place / "site/deep").mkdir(parents=True)
    (place / "site/file").write_text("site\n")
    (place / "site/deep/file").write_text("deep\n")

    def go(command: str, *rows: str, more: tuple[str, ...] = ()) -> Result:
        options = [*configured(FQRN), *more]
        for row in rows:
            options += ["--mount", row]
        return run("sh", "-c", command, options=options, cwd=place)

    return go


def rows_file(place: Path, *lines: str) -> str:
    (place / "mountlist").write_text("".join(f"{line}\n" for line in lines))
    return f"@{place}/mountlist"


def test_a_name_of_a_repository_is_a_directory_of_the_host(
    mounted: Mounted, place: Path
) -> None:
    inside = f"{TOP}/data/local"
    command = f"""
        cat {inside}/file; cat {inside}/deep/../file
        cd {TOP}; cat data/local/file; cd data && cat local/deep/file
        ls local; echo new > {inside}/made; cat site/made {place}/site/made
        mv {inside}/made {inside}/moved; rm {inside}/moved; ls local
    """
    found = mounted(command, f"{inside}={place}/site")
    listed = "deep\nfile\n"
    assert found.text.startswith("site\nsite\nsite\ndeep\n" + listed + "new\n"), (
        found.explain()
    )
    assert found.text.endswith("new\n" + listed)
    assert not found.messages


def test_what_the_repository_has_at_a_row_is_not_seen(
    mounted: Mounted, place: Path
) -> None:
    row = f"{TOP}/README={place}/site/file"
    found = mounted(f"cat {TOP}/README; cd {TOP}; cat README ./README", row).ok()
    assert found.text == "site\n" * 3


def test_a_row_below_the_repositories_costs_no_other_name(
    mounted: Mounted, place: Path
) -> None:
    plain = mounted(f"ls {TOP}; cat {TOP}/README").ok()
    with_row = mounted(f"ls {TOP}; cat {TOP}/README", f"{TOP}/x/y={place}/site").ok()
    assert with_row.stdout == plain.stdout


def test_names_of_the_host_stand_for_repositories(
    mounted: Mounted, place: Path
) -> None:
    rows = (f"{place}/sw={TOP}", f"{place}/no/such/names={TOP}/README")
    command = f"""
        ls {place}/sw > one; ls {TOP} > other; cmp one other && echo same
        cmp {place}/no/./such//names {TOP}/README && echo same
        cd {place}/sw && /bin/pwd; cd /; ls -d {place}/*
        touch {place}/sw/new
    """
    found = mounted(command, *rows)
    assert found.text.startswith(f"same\nsame\n{TOP}\n"), found.explain()
    assert f"{place}/sw\n" in found.text  # the listing shows it
    assert f"{place}/no" not in found.text
    assert found.errors == [
        f"touch: cannot touch '{place}/sw/new': {os.strerror(errno.EROFS)}"
    ]


def test_a_program_is_another_one(mounted: Mounted, place: Path) -> None:
    (place / "script").write_text(f"#!{place}/interpreter -\necho of the script\n")
    (place / "script").chmod(0o755)
    rows = ("/sbin/no-such-ifconfig=/bin/echo", f"{place}/interpreter=/bin/sh")
    found = mounted(
        f"/sbin/no-such-ifconfig of echo; env {place}/script; "
        "exec -a x /sbin/no-such-ifconfig x 2>&- || readlink /proc/self/exe",
        *rows,
    )
    assert found.text.startswith("of echo\nof the script\n"), found.explain()


def test_a_row_is_met_whatever_way_leads_to_it(mounted: Mounted, place: Path) -> None:
    (place / "way").symlink_to(place)
    (place / "link").symlink_to("taken/deep")
    (place / "taken").write_text("natively\n")
    command = f"""
        cat taken/file {place}/way/taken/file link/file site/../taken/file
        cat /proc/self/cwd/taken/file; cd site; cat ../taken/file
        exec 5< ..; cd /proc/self/fd/5 && cat taken/file
    """
    found = mounted(command, f"{place}/taken={place}/site").ok()
    assert found.text == "site\nsite\ndeep\nsite\nsite\nsite\nsite\n"


def test_a_target_is_not_asked_for_rows_again(mounted: Mounted, place: Path) -> None:
    for name in ("one", "two"):
        (place / name).write_text(f"{name}\n")
    rows = (f"{place}/one={place}/two", f"{place}/two={place}/one")
    assert mounted("cat one two", *rows).ok().text == "two\none\n"
    (place / "site/link").symlink_to(place / "one")
    rows = (f"{place}/three={place}/site", f"{place}/one={place}/two")
    assert mounted("cat three/link", *rows).ok().text == "two\n"


def test_circles_end(mounted: Mounted, place: Path) -> None:
    (place / "loop").mkdir()
    (place / "loop/back").symlink_to(place / "circle")
    found = mounted("cat circle/back/back/back/file", f"{place}/circle={place}/loop")
    assert os.strerror(errno.ENOENT) in found.errors[0]
    (place / "round").symlink_to(place / "turn/x")
    found = mounted("cat round/y", f"{place}/turn/x={place}/round")
    assert found.errors


def test_refusals(mounted: Mounted, place: Path) -> None:
    (place / "secret").mkdir()
    (place / "secret/x").write_text("secret\n")
    (place / "gone").write_text("gone\n")
    rows = (f"{place}/secret=DENY", f"{place}/gone=ENOENT", f"{TOP}/data=DENY")
    names = ("secret", "secret/x", "gone", f"{TOP}/data", "site/../secret/x")
    denied, missing = os.strerror(errno.EACCES), os.strerror(errno.ENOENT)
    for command in ("cat {}", "ls -ld {}", "mkdir {}/y", "rm {}", "mv {} moved"):
        for name in names:
            found = mounted(command.format(name), *rows)
            expected = missing if name == "gone" else denied
            assert found.status != 0
            assert expected in found.errors[0], (command, name, found.explain())
    found = mounted("echo x > gone; ls", *rows)
    assert missing in found.errors[0] or "nonexistent" in found.errors[0]
    assert "gone" in found.text.split()
    assert (place / "gone").read_text() == "gone\n"


def test_where_a_job_stands_counts(mounted: Mounted, place: Path) -> None:
    found = mounted("ls; cat site/file; cd site; cat file", f"{place}=DENY")
    assert found.text == ""
    assert len(found.errors) >= 3


def test_modes_of_a_mountlist(mounted: Mounted, place: Path) -> None:
    (place / "tool").write_text("#!/bin/sh\necho ran\n")
    (place / "tool").chmod(0o755)
    (place / "inner").mkdir()
    row = rows_file(
        place,
        "# a comment, and a blank line",
        "",
        "/ rx",
        "/dev/null rwx",
        f"{place}/site rw",
        f"{place}/inner {place}/site r",
        f"{place}/tool r",
    )
    command = """
        echo 1 > /dev/null && echo to null
        echo 2 > site/new && cat inner/new && rm site/new
        (echo 3 > new) 2>&- || echo not new
        (echo 4 > inner/file) 2>&- || echo not inner
        ./tool 2>&- || echo not run
        sh ./tool
        cd site && echo 5 > made && rm made && (echo 6 > ../made) 2>&- || echo not up
        test -w ../tool || echo not writable
    """
    found = mounted(command, row)
    expected = "to null\n2\nnot new\nnot inner\nnot run\nran\nnot up\nnot writable\n"
    assert found.text == expected, found.explain()
    assert {path.name for path in place.iterdir()} >= {"site", "tool"}
    assert not (place / "new").exists()


def test_later_rows_win(mounted: Mounted, place: Path) -> None:
    first = (f"{place}/a/b=DENY", f"{place}/a={place}/site")
    assert mounted("cat a/file; ls a", *first).ok().text == "site\ndeep\nfile\n"
    second = (f"{place}/a={place}/site", f"{place}/a/file=DENY")
    found = mounted("cat a/deep/file; cat a/file", *second)
    assert (found.text, found.status) == ("deep\n", 1)
    assert mounted("ls /cvmfs", "/cvmfs=ENOENT").status == 2
    assert mounted(f"cat {TOP}/README", "/=LOCAL").status == 0


def test_openat2_keeps_its_promises(mounted: Mounted, place: Path) -> None:
    code = (
        "import ctypes, os, struct; c = ctypes.CDLL(None, use_errno=True);"
        "how = lambda r: struct.pack('QQQ', 0, 0, r);"
        "f = lambda r: (c.syscall(437, -100, b'row/file', how(r), 24),"
        " os.strerror(ctypes.get_errno()));"
        "print([f(r)[0] >= 0 or f(r)[1] for r in (0, 4, 1)])"
    )
    found = mounted(f'/usr/bin/python3 -c "{code}"', f"{place}/row={place}/site")
    crossing = os.strerror(errno.EXDEV)
    assert found.ok().text == f"[True, True, '{crossing}']\n"


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (("--mount", "nothing"), "A=B"),
        (("--mount", "x=/y"), "absolute"),
        (("--mount", "/a/../b=/y"), "absolute"),
        (("--mount", "/=/y"), "/"),
        (("--mount", "@/no/such/list"), "/no/such/list"),
    ],
)
def test_rows_that_are_none_are_refused(words: tuple[str, ...], named: str) -> None:
    status, _, errors = bare(*words, "true")
    assert (status, errors.count("\n")) == (OURS, 1)
    assert named in errors


@pytest.mark.parametrize(
    "line", ["/a", "/a /b q", "/a/* DENY", "/a resolver:/bin/x", "a /b"]
)
def test_a_bad_line_is_named_by_its_number(place: Path, line: str) -> None:
    row = rows_file(place, "# one", "/b DENY", line)
    status, _, errors = bare("--mount", row, "true")
    assert (status, errors.count("\n")) == (OURS, 1)
    assert "mountlist line 3" in errors


def test_the_variable_has_rows_that_options_overrule(run: Runner, place: Path) -> None:
    for name in ("one", "two"):
        (place / name).write_text(f"{name}\n")
    environment = {**os.environ, "INTERPOSE_MOUNT": f"{place}/x={place}/one"}
    words = [program("interpose_run"), "--cache", place / "c", "cat", place / "x"]
    assert subprocess.check_output(words, env=environment) == b"one\n"
    words[1:1] = ["--mount", f"{place}/x={place}/two"]
    assert subprocess.check_output(words, env=environment) == b"two\n"


def test_an_inner_run_is_told_of_rows_it_asks_for(
    mounted: Mounted, place: Path
) -> None:
    row = f"{place}/x={place}/site"
    inner = f"{program('interpose_run')} --mount {row} cat x/file"
    assert mounted(inner, row).ok().text == "site\n"
    assert mounted(inner).status == OURS


def test_only_the_table_has_the_literal() -> None:
    literal = re.compile(r'"[^"\n]*/cvmfs(?:/|")')
    found = [
        f"{path.relative_to(ROOT)}: {line.strip()}"
        for path in sorted((ROOT / "native").rglob("*.[ch]"))
        if path.name not in ("help.c", "parrothandlers.c")  # examples
        for line in path.read_text().splitlines()
        if literal.search(line) and not line.strip().startswith("/*")
    ]
    assert found == ['native/path/prefix.h: #define PREFIX_REPOSITORIES "/cvmfs"']
    assert REPOSITORIES == "/cvmfs"
