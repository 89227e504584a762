# SPDX-License-Identifier: GPL-2.0-or-later
"""What single parameters of the client do to a job."""

from __future__ import annotations

import os
import re
import shutil
import stat
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from tests.support.forger import Forger
from tests.support.keeper import watched
from tests.support.places import need_tool, program
from tests.support.published import Publisher
from tests.support.run import Runner
from tests.support.truth import truth_options
from tests.support.web import Server

FQRN = "made.example.org"
FILE = f"/cvmfs/{FQRN}/file"
NESTED = ("a", "b", "c", "c/deep", "c/deep/deeper", "cc")
Serve = Callable[[Path], Server]
DATE = r"[A-Z][a-z]{2} [A-Z][a-z]{2} [ 0-9]\d \d\d:\d\d:\d\d \d{4}"


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Publisher]:
    """A repository of one file, made once."""
    place = tmp_path_factory.mktemp("published")
    publisher = Publisher(place)
    tree = place / "tree"
    tree.mkdir()
    (tree / "file").write_text("first\n")
    for name in NESTED:
        (tree / name).mkdir(parents=True)
        (tree / name / "file").write_text(f"{name}\n")
        (tree / name / ".cvmfscatalog").touch()
    with watched(place):
        publisher.publish(tree, FQRN)
        yield publisher


class Made:
    """A copy of it that can be changed; `options(NAME=VALUE...)` for jobs."""

    def __init__(self, published: Publisher, place: Path, serve: Serve) -> None:
        self.keys = published.keys
        key = published.keys / f"{FQRN}.key"
        original = published.storage / "cvmfs" / FQRN
        self.forger = Forger(original, place / "docroot", key)
        self._serve = serve
        self._server: Server | None = None

    def damage(self) -> None:
        """Nothing can be opened any more."""
        self.forger.object(self.forger.fields()["C"], "C").write_bytes(b"damage")

    def options(self, **more: str) -> list[str | Path]:
        if self._server is None:
            self._server = self._serve(self.forger.docroot)
        values = {f"CVMFS_{name}": value for name, value in more.items()}
        key = self.keys / f"{FQRN}.pub"
        return truth_options(FQRN, self._server.url, key, values)


@pytest.fixture
def made(published: Publisher, place: Path, serve: Serve) -> Made:
    return Made(published, place, serve)


# Second names


def hidden(made: Made, letter: str) -> str:
    """Leave an object by its second name alone; its hash."""
    name = made.forger.fields()[letter]
    second = made.forger.place / f".cvmfsalt-{name}{letter}"
    made.forger.object(name, letter).rename(second)
    return name


def test_a_pinned_root_catalog_is_asked_for_by_its_second_name(
    made: Made, run: Runner
) -> None:
    root = hidden(made, "C")
    pin = made.options(ROOT_HASH=root)
    run("cat", FILE, options=[*pin, "-o", "CVMFS_ALT_ROOT_PATH=yes"]).ok()
    shutil.rmtree(run.cache)
    assert run("cat", FILE, options=pin).status != 0


def test_a_publisher_says_that_there_are_second_names(made: Made, run: Runner) -> None:
    hidden(made, "C")
    hidden(made, "X")
    options = made.options(MAX_RETRIES="0")
    assert run("cat", FILE, options=options).status != 0
    made.forger.sign(A="yes")
    assert run("cat", FILE, options=options).ok().text == "first\n"


# Log files


@pytest.mark.parametrize("prefix", ["", "mine"])
def test_lines_for_the_user_go_to_a_file_too(
    prefix: str, made: Made, run: Runner, place: Path
) -> None:
    log = place / "log"
    options = made.options(USYSLOG=f"{place}/log", SYSLOG_PREFIX=prefix)
    made.damage()
    found = run("cat", FILE, options=options)
    assert found.messages
    lines = log.read_text().splitlines()
    said = [line.removeprefix("interpose: ") for line in found.messages]
    assert [re.sub(DATE, "", line) for line in lines] == [
        f" ({prefix or FQRN}) {line}" for line in said
    ]
    assert stat.S_IMODE(log.stat().st_mode) == 0o600
    # The commands say it with the same words.
    words = [program("interpose"), "cat", FILE, "--cache", run.cache, *options]
    subprocess.run(words, check=False, capture_output=True)
    run("cat", FILE, options=[*options, "--quiet"])
    assert len(log.read_text().splitlines()) == 2 * len(lines)


def test_a_log_that_is_long_begins_anew(made: Made, run: Runner, place: Path) -> None:
    log = place / "log"
    log.write_bytes(b"x" * 500 * 1024)
    made.damage()
    run("cat", FILE, options=made.options(USYSLOG=str(log)))
    assert (place / "log.1").stat().st_size == 500 * 1024
    assert len(log.read_text().splitlines()) == 1


@pytest.mark.parametrize("verbose", [[], ["-v"]])
def test_the_debug_log_has_what_vv_shows(
    verbose: list[str], made: Made, run: Runner, place: Path
) -> None:
    log = place / "debug"
    options = [*made.options(DEBUGLOG=str(log)), *verbose]
    made.damage()
    found = run("cat", FILE, options=options)
    text = log.read_text()
    assert "(interpose.network.fetcher) " in text
    assert "Traceback" in text
    assert found.messages[-1].removeprefix("interpose: ") in text
    assert re.search(r"    \[\d\d-\d\d-\d{4} \d\d:\d\d:\d\d \S+\]\n", text)
    assert b"Traceback" not in found.stderr
    assert stat.S_IMODE(log.stat().st_mode) == 0o600


@pytest.mark.parametrize("name", ["USYSLOG", "DEBUGLOG"])
@pytest.mark.parametrize("kind", ["fifo", "nowhere", "directory"])
def test_a_log_that_cannot_be_written_costs_a_line(
    name: str, kind: str, made: Made, run: Runner, place: Path
) -> None:
    log = place / "log"
    if kind == "fifo":
        os.mkfifo(log)
    elif kind == "directory":
        log.mkdir()
    else:
        log = place / "no" / "log"
    found = run("cat", FILE, options=made.options(**{name: str(log)}))
    assert found.ok().text == "first\n"
    assert len(found.messages) == 1
    assert f"CVMFS_{name} from -o" in found.messages[0]


# The revision of a run


def resolver_of(job: subprocess.Popen[bytes]) -> psutil.Process:
    for child in psutil.Process(job.pid).children(recursive=True):
        if "interpose.resolver" in " ".join(child.cmdline()):
            return child
    raise AssertionError("no resolver")


@pytest.mark.parametrize("kind", ["cold", "warm"])
def test_a_run_stays_on_its_revision_whoever_dies(
    kind: str, made: Made, run: Runner
) -> None:
    need_tool("getfattr")
    options = made.options(MAGIC_XATTRS_VISIBILITY="always", AUTO_UPDATE="no")
    show = f"getfattr --only-values -n user.revision {FILE}; echo"
    if kind == "warm":
        run("sh", "-c", show, options=options).ok()
    else:
        options += ["--refresh"]
    job = run.start("sh", "-c", f"{show}; read x; {show}", options=options)
    assert job.stdin is not None
    assert job.stdout is not None
    was = job.stdout.readline()
    made.forger.sign(S="99")
    resolver = resolver_of(job)
    resolver.kill()
    resolver.wait()
    assert job.communicate(b"go on\n")[0] == was == b"1\n"
    run("sh", "-c", show, options=[*options, "--refresh"]).ok()


@pytest.mark.parametrize("update", ["no", "yes"])
def test_a_revision_that_stays_does_not_expire(
    update: str, made: Made, run: Runner
) -> None:
    need_tool("getfattr")
    options = made.options(MAGIC_XATTRS_VISIBILITY="always", AUTO_UPDATE=update)
    command = ["getfattr", "--only-values", "-n", "user.expires", FILE]
    text = run(*command, options=options).ok().text
    assert text == "never (fixed root catalog)" if update == "no" else text.isdigit()


# Many catalogs


def indexes_mapped(job: subprocess.Popen[bytes]) -> int:
    """The most index files that one process of a run has mapped."""
    counts = []
    for process in psutil.Process(job.pid).children(recursive=True):
        maps = Path(f"/proc/{process.pid}/maps").read_text()
        counts.append(len(set(re.findall(r"/index/\S+", maps))))
    return max(counts)


@pytest.mark.parametrize(("mark", "expected"), [("2", 2), ("", 4), ("0", 4)])
def test_catalogs_beyond_the_watermark_are_let_go(
    mark: str, expected: int, made: Made, run: Runner
) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root may look into the tracer")
    files = " ".join(f"/cvmfs/{FQRN}/{name}/file" for name in ("a", "b", "cc"))
    script = f"cat {files} {FILE}; test -e {FILE}; echo all; read x; cat {files}"
    options = made.options(CATALOG_WATERMARK=mark)
    job = run.start("sh", "-c", script, options=options)
    assert job.stdin is not None
    assert job.stdout is not None
    lines = iter(job.stdout.readline, b"all\n")
    assert list(lines) == [b"a\n", b"b\n", b"cc\n", b"first\n"]
    assert indexes_mapped(job) == expected
    assert job.communicate(b"go on\n")[0] == b"a\nb\ncc\n"


@pytest.mark.parametrize("mark", ["1", "2", "3"])
@pytest.mark.parametrize("is_removed", [False, True])
def test_what_was_let_go_is_there_when_somebody_looks(
    mark: str, is_removed: bool, made: Made, run: Runner
) -> None:
    top = f"/cvmfs/{FQRN}"
    remove = f"rm -r {run.cache}/index" if is_removed else ":"
    script = f"""
    cd {top}/a; exec 5<{top}/c/deep/deeper
    for one in {" ".join(NESTED)}; do cat {top}/$one/file; done
    {remove}
    cat file ../file /proc/self/fd/5/file; ls .. ../c /proc/self/fd/5/; pwd -P
    cat {top}/c/deep/deeper/file {top}/b/../c/deep/../file; stat -c %i {top}/*/file
    """
    plain = run("sh", "-c", script.replace("rm -r", ": "), options=made.options())
    found = run("sh", "-c", script, options=made.options(CATALOG_WATERMARK=mark))
    assert found.ok().text == plain.ok().text
    assert found.errors == []


# The workspace


def test_what_is_learned_of_the_network_is_in_the_workspace(
    made: Made, run: Runner, place: Path
) -> None:
    work = place / "work"
    dead = "http://127.0.0.1:9;DIRECT"
    run("cat", FILE, options=made.options(WORKSPACE=str(work), HTTP_PROXY=dead)).ok()
    learned = "interpose/learned"
    assert len(list((work / learned).iterdir())) == 1
    assert not (run.cache / learned).exists()
    again = made.options(WORKSPACE=str(work), HTTP_PROXY=dead)
    result = run("cat", FILE, options=[*again, "--refresh"], stats=True).ok()
    assert result.stats["network"]["retries"] == 0
