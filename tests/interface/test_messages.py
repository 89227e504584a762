# SPDX-License-Identifier: GPL-2.0-or-later
"""What goes wrong at first: one line each, which says what is wrong and what to do."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.places import program
from tests.support.published import Publisher

FQRN = "my.example.org"
TOP = f"/cvmfs/{FQRN}"
TIMEOUT_S = 60.0
Done = "subprocess.CompletedProcess[str]"


@dataclass
class Desk:
    """Somebody who has published a repository and mistypes things."""

    place: Path
    publisher: Publisher

    @property
    def url(self) -> str:
        return f"file://{self.publisher.storage}/cvmfs/{FQRN}"

    @property
    def key(self) -> Path:
        return self.publisher.keys / f"{FQRN}.pub"

    @property
    def here(self) -> list[str]:
        """Options that make everything right."""
        words = ["--repository", f"{FQRN}={self.url},pubkey={self.key}"]
        return [*words, "-o", "CVMFS_HTTP_PROXY=DIRECT", *self.kept]

    @property
    def kept(self) -> list[str]:
        return ["--cache", str(self.place / "cache"), "--scratch", str(self.place)]

    def run(self, name: str, *words: str | Path, **how: object) -> Done:
        env = {"PATH": "/usr/bin:/bin", "HOME": str(self.place)}
        return subprocess.run(
            [program(name), *map(str, words)],
            cwd=self.place,
            env=env,
            text=True,
            check=False,
            timeout=TIMEOUT_S,
            **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **how},
        )


@pytest.fixture(scope="module")
def publisher(tmp_path_factory: pytest.TempPathFactory) -> Publisher:
    place = tmp_path_factory.mktemp("published")
    (place / "tree").mkdir()
    (place / "tree/file").write_text("content")
    made = Publisher(place)
    made.publish(place / "tree", FQRN)
    return made


@pytest.fixture
def desk(place: Path, publisher: Publisher) -> Desk:
    return Desk(place, publisher)


def said(done: Done) -> list[str]:
    """Lines of ours; nothing else may be there."""
    lines = done.stderr.splitlines()
    assert all(line.startswith("interpose: ") for line in lines), done.stderr
    assert not any("bug of interpose" in line for line in lines), lines
    return lines


@pytest.mark.parametrize(
    ("repository", "words"),
    [
        ("{fqrn}={url},pubkeys={key}", ["pubkeys", "is pubkey meant?"]),
        ("{fqrn}={url},key={key}", ["unknown field, key", "pubkey=FILE"]),
        ("{fqrn}={url}", ["no master key", "{fqrn}=URL,pubkey=FILE"]),
        ("{fqrn}@2020-01-01={url},pubkey={key}", ["tag", "2020-01-01T00:00:00Z"]),
        ("{fqrn}={url},pubkey=/nowhere", ["/nowhere", "cannot be read"]),
        ("{fqrn}={url},pubkey=.", ["directory"]),
    ],
)
def test_a_repository_that_is_given_wrongly(
    desk: Desk, repository: str, words: list[str]
) -> None:
    values = {"fqrn": FQRN, "url": desk.url, "key": str(desk.key)}
    given = repository.format(**values)
    options = ["-r", given, "-o", "CVMFS_HTTP_PROXY=DIRECT", *desk.kept]
    for done in (
        desk.run("interpose", "ls", *options, TOP),
        desk.run("interpose_run", *options, "--", "ls", TOP),
    ):
        assert done.returncode in (2, 125), done.stderr
        (line,) = said(done)
        for word in words:
            assert word.format(**values) in line, line


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("CVMFS_HTTP_PROXY = DIRECT", ["CVMFS_HTTP_PROXY=DIRECT", "blanks"]),
        ("CVMFS_HTPP_PROXY=DIRECT", ["CVMFS_HTPP_PROXY", "CVMFS_HTTP_PROXY meant"]),
        ("CVMFS_EXTERNAL_URL=http://x/{fqrn}", ["{fqrn}", "@fqrn@"]),
        ("CVMFS_EXTERNAL_URL=http://x/@fqrn", ["@fqrn", "write @fqrn@"]),
    ],
)
def test_a_line_of_a_file_that_is_meant_otherwise(
    desk: Desk, text: str, words: list[str]
) -> None:
    (desk.place / "my.conf").write_text(f"{text}\n")
    options = ["--config", "my.conf", *desk.here]
    for done in (
        desk.run("interpose", "ls", *options, TOP),
        desk.run("interpose_run", *options, "--", "ls", TOP),
    ):
        assert (done.returncode, done.stdout) == (0, "file\n"), done.stderr
        (line,) = said(done)
        assert "my.conf" in line
        for word in words:
            assert word in line, line


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("interpose sl", "is ls meant?"),
        ("interpose publisch", "is publish meant?"),
        ("interpose xyzzy", "see interpose --help"),
        ("interpose ls --ofline /cvmfs/a.b", "is --offline meant?"),
        ("interpose ls", "PATH"),
        ("interpose serve out --port abc", "abc is no number"),
        ("interpose serve out --port 65536", "65536 is no number"),
        ("interpose serve", "OUT"),
        ("interpose_run --ofline true", "is --offline meant?"),
        ("interpose_run --tarce x true", "is --trace meant?"),
        ("interpose_run --xyzzy true", "see interpose_run --help"),
        ("interpose_run --trace - true", "--trace writes a file"),
        ("interpose_run --log - true", "--log writes a file"),
        ("interpose_run -o x true", "NAME=VALUE"),
    ],
)
def test_a_command_line_that_is_mistyped(desk: Desk, command: str, words: str) -> None:
    name, *rest = command.split()
    done = desk.run(name, *rest)
    assert done.returncode == (2 if name == "interpose" else 125)
    (line,) = said(done)
    assert words in line


def test_a_repository_that_is_mistyped_suggests_the_nearest(desk: Desk) -> None:
    done = desk.run("interpose", "ls", *desk.here, "/cvmfs/my.exmaple.org")
    assert done.returncode == 125
    (line,) = said(done)
    assert f"is {FQRN} meant?" in line


SUBCOMMANDS = {
    "ls": [TOP],
    "cat": [f"{TOP}/file"],
    "stat": [TOP],
    "probe": [FQRN],
    "cp": [f"{TOP}/file", "copy"],
}


@pytest.mark.parametrize("name", [*SUBCOMMANDS, "showconfig", "--help"])
@pytest.mark.parametrize("stream", ["1", "2", "1 and 2"])
def test_closed_streams_are_no_bug(desk: Desk, name: str, stream: str) -> None:
    words = [*desk.here, *SUBCOMMANDS[name]] if name in SUBCOMMANDS else []
    closing = " ".join(f"{number}>&-" for number in stream.split(" and "))
    script = f'exec "$0" "$@" {closing}'
    command = ["/bin/sh", "-c", script, program("interpose"), name, *words]
    done = subprocess.run(
        command,
        cwd=desk.place,
        env={"PATH": "/usr/bin:/bin", "HOME": str(desk.place)},
        capture_output=True,
        text=True,
        check=False,
        timeout=TIMEOUT_S,
    )
    if "1" in stream and name != "cp":
        assert done.returncode == 125
        assert said(done) == (
            ["interpose: standard output is closed"] if stream == "1" else []
        )
    else:
        assert (done.returncode, done.stderr) == (0, "")
    if name == "cp":
        assert (desk.place / "copy").read_text() == "content"


@pytest.mark.parametrize("name", [*SUBCOMMANDS, "showconfig"])
def test_a_reader_that_went_away_is_a_status_without_a_word(
    desk: Desk, name: str
) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    words = [*desk.here, *SUBCOMMANDS[name]] if name in SUBCOMMANDS else []
    done = desk.run("interpose", name, *words, stdout=writing)
    os.close(writing)
    assert (done.returncode, done.stderr) == (0 if name == "cp" else 141, "")


def test_an_error_is_told_by_its_status_where_nobody_hears_it(desk: Desk) -> None:
    for stream in ("2>&-", "2>/dev/full"):
        script = f'exec "$0" ls /cvmfs/none.example.org {stream}'
        command = ["/bin/sh", "-c", script, program("interpose")]
        assert subprocess.run(command, check=False).returncode == 125


def test_probe_tells_what_is_behind_its_answer(desk: Desk) -> None:
    first = desk.run("interpose", "probe", "--refresh", *desk.here, FQRN)
    assert first.stdout.splitlines()[0] == f"{FQRN}: OK"
    gone = desk.publisher.storage.with_name("gone")
    desk.publisher.storage.rename(gone)
    try:
        asked = desk.run("interpose", "probe", "--refresh", *desk.here, FQRN)
    finally:
        gone.rename(desk.publisher.storage)
    assert asked.returncode == 0
    assert "from the cache: no server answers now" in asked.stdout.splitlines()[0]


def test_a_repository_that_was_made_anew_is_told(desk: Desk) -> None:
    mine = Publisher(desk.place)
    mine.keys = desk.publisher.keys
    tree = desk.place / "tree"
    tree.mkdir()
    for _ in range(2):
        mine.publish(tree, FQRN)
    desk.publisher = mine
    assert desk.run("interpose_run", *desk.here, "--", "ls", TOP).stderr == ""
    mine.storage.rename(desk.place / "old")
    mine.publish(tree, FQRN)
    for words in (["interpose", "probe"], ["interpose_run"], ["interpose_run"]):
        last = [FQRN] if words[1:] else ["--", "ls", TOP]
        done = desk.run(*words, "--refresh", *desk.here, *last)
        assert done.returncode == 0
        (line,) = said(done)
        assert "revision 1 is older than 2" in line
        assert str(desk.place / "cache" / "interpose" / FQRN) in line


def test_one_is_no_plural(desk: Desk) -> None:
    (desk.place / "one").mkdir()
    words = ["--repository", "one.example.org", "--storage", "out", "--keys", "keys"]
    done = desk.run("interpose", "publish", "one", *words)
    assert "1 entry, 0 bytes, 1 catalog in" in done.stdout
