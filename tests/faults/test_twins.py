# SPDX-License-Identifier: GPL-2.0-or-later
"""Copies of files whose content others have: where they are, and where none can be.

See docs/decisions/0022.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.faults.test_disks import Prepared
from tests.faults.test_skeletons import MEMORY, disk, disks, here, mounted
from tests.support.memory import in_memory
from tests.support.places import need_tool
from tests.support.published import Publisher
from tests.support.run import Runner

__all__ = ["disk", "disks"]
FQRN = "twins.example.org"
TOP = f"/cvmfs/{FQRN}"
KINDS = {"empty": 0, "small": 4_000, "large": 100_000, "huge": 17 << 20}
NAMES = [f"{kind}_{name}" for kind in KINDS for name in "abc"]
TOOLS = [f"tool_{name}" for name in "abc"]
HEAVY = 9  # in all more than may be copied
# Opens all that argv names, says which of them are themselves, waits for a line, and
# looks once more.
JOB = """
import os, sys
def same(fd, path):
    one, other = os.fstat(fd), os.stat(path)
    link = os.readlink(f'/proc/self/fd/{fd}')
    return (one.st_ino, one.st_mode, link) == (other.st_ino, other.st_mode, path)
def tell(fds):
    print(*(os.path.basename(p) for p, fd in fds.items() if same(fd, p)), flush=True)
fds = {path: os.open(path, os.O_RDONLY) for path in sys.argv[1:]}
tell(fds)
sys.stdin.readline()
tell({path: os.open(path, os.O_RDONLY) for path in sys.argv[1:]})
tell(fds)
"""
WORDS = ("/usr/bin/python3", "-I", "-c", JOB)


@pytest.fixture
def options(run: Runner) -> list[Any]:
    """Options for a repository with three files of each kind."""
    tree = run.place / "tree"
    tree.mkdir()
    for kind, size in KINDS.items():
        for number, name in enumerate("abc"):
            path = tree / f"{kind}_{name}"
            path.write_bytes(b"0123456789abcdef" * (size // 16))
            path.chmod((0o644, 0o755, 0o600)[number])
    for number in range(HEAVY):
        with (tree / f"heavy_{number}").open("wb") as file:
            file.truncate(12 << 20)
    for name in TOOLS:
        shutil.copy(need_tool("echo", "coreutils"), tree / name)
    publisher = Publisher(run.place)
    publisher.publish(tree, FQRN)
    return publisher.options(FQRN, f"file://{publisher.storage}")


@contextmanager
def holding(
    run: Runner, options: list[Any], *names: str
) -> Iterator[subprocess.Popen[bytes]]:
    """A job that has opened these files; its first line is read already."""
    paths = [f"{TOP}/{name}" for name in names]
    front = run.start(*WORDS, *paths, options=options)
    assert front.stdout
    said = front.stdout.readline().decode().split()
    assert said == list(names), front.communicate()
    try:
        yield front
    finally:
        front.communicate()


def copies(folder: Path) -> list[int]:
    """Sizes of the copies below a scratch."""
    return sorted(path.stat().st_size for path in (folder / "t").iterdir())


def in_scratch(run: Runner) -> list[int]:
    (scratch,) = run.scratch.glob(".interpose-*")
    return copies(scratch)


SMALL = [name for name in NAMES if not name.startswith("huge")]


def test_small_ones_are_in_memory_and_all_are_gone_with_the_job(
    disk: Runner, options: list[Any]
) -> None:
    with holding(disk, options, *SMALL) as front:
        (memory,) = in_memory(front)
        assert copies(memory) == [0, 0, 4_000, 4_000]
        assert in_scratch(disk) == [100_000, 100_000]
        out, err = front.communicate(b"\n")
        assert out.decode().split() == [*SMALL, *SMALL]
        assert err == b""
    disk.nothing_left()
    assert not here(memory).exists()


def test_without_memory_they_are_in_the_scratch(
    disks: Prepared, options: list[Any]
) -> None:
    disks.script = mounted("ro")
    with holding(disks, options, *SMALL) as front:
        assert in_memory(front) == []
        assert in_scratch(disks) == sorted([0, 4_000, 100_000] * 2)


def test_who_is_opened_again_gets_the_same_one(
    disk: Runner, options: list[Any]
) -> None:
    with holding(disk, options, *SMALL) as front:
        before = in_scratch(disk)
        front.communicate(b"\n")
    script = f"for i in 1 2 3; do cat {TOP}/large_*; done | wc -c; ls $0/.*/t | wc -l"
    done = disk("sh", "-c", script, disk.scratch, options=options).ok()
    assert done.text.split() == ["900000", "2"], done.explain()
    assert len(before) == 2


def test_what_a_cleaner_takes_away_is_made_again(
    disk: Runner, options: list[Any]
) -> None:
    with holding(disk, options, *SMALL) as front:
        (memory,) = in_memory(front)
        (scratch,) = disk.scratch.glob(".interpose-*")
        if os.access(memory, os.W_OK | os.X_OK):
            shutil.rmtree(memory / "t")
        shutil.rmtree(scratch / "t")
        out, err = front.communicate(b"\n")
    assert out.decode().split() == [*SMALL, *SMALL]
    assert err == b""


# Opens one after the other, and keeps some of them: by O_PATH, mapped, and open.
TURNS = """
import mmap, os, sys
kept, wrong = [], 0
def ino(fd):
    return os.fstat(fd).st_ino
for turn in range(3):
    for number, path in enumerate(sys.argv[1:]):
        fd = os.open(path, os.O_PATH if number == 1 else os.O_RDONLY)
        wrong += ino(fd) != os.stat(path).st_ino
        if turn == 0 and number == 2:
            mapped = mmap.mmap(fd, 4096, mmap.MAP_PRIVATE, mmap.PROT_READ)
        if turn == 0 and number in (1, 3):
            kept.append((fd, path))
        else:
            os.close(fd)
        wrong += sum(ino(fd) != os.stat(path).st_ino for fd, path in kept)
names = [line.split()[-1] for line in open('/proc/self/maps') if '/cvmfs/' in line]
print(wrong, names == [sys.argv[3]], flush=True)
sys.stdin.readline()
"""


def test_copies_that_nobody_has_make_room_for_others(
    disk: Runner, options: list[Any]
) -> None:
    words = ["/usr/bin/python3", "-I", "-c", TURNS]
    paths = [f"{TOP}/heavy_{number}" for number in range(HEAVY)]
    front = disk.start(*words, *paths, options=options)
    assert front.stdout
    assert front.stdout.readline() == b"0 True\n", front.communicate()
    sizes = in_scratch(disk)
    front.communicate(b"\n")
    assert 3 <= len(sizes) <= (64 << 20) // (12 << 20)


def test_where_all_are_in_use_there_is_no_room_and_no_error(
    disk: Runner, options: list[Any]
) -> None:
    paths = [f"{TOP}/heavy_{number}" for number in range(HEAVY)]
    opens = "; ".join(f"exec {20 + i}<{path}" for i, path in enumerate(paths))
    done = disk(
        "bash",
        "-c",
        f"{opens}; sha256sum <&27; ls $0/.*/t | wc -l",
        disk.scratch,
        options=options,
    ).ok()
    assert done.text.split()[-1] == "5", done.explain()
    assert done.errors == [], done.explain()


FULL = ["size=40k", "nr_inodes=12"]


@pytest.mark.parametrize("full", FULL)
def test_a_full_disk_costs_no_error(
    disks: Prepared, options: list[Any], full: str
) -> None:
    disks.mount(disks.scratch, full)
    disks.script += f"; {mounted('nr_inodes=4')}"
    paths = [f"{TOP}/{name}" for name in SMALL]
    script = 'for f; do python3 -I -c "$0" "$f" </dev/null; wc -c <"$f"; done'
    done = disks("sh", "-c", script, JOB, *paths, options=options).ok()
    wanted = [
        word
        for name in SMALL
        for word in [name] * 3 + [str(KINDS[name.partition("_")[0]])]
    ]
    assert done.text.split() == wanted, done.explain()
    assert done.errors == [], done.explain()


def test_a_twin_that_cannot_be_copied_is_readable(
    disk: Runner, options: list[Any]
) -> None:
    """By itself it is what it is; open together, both are the one opened last."""
    a, b = (f"{TOP}/huge_{name}" for name in "ab")
    script = f"cmp {a} {b} && stat -c %a {a} {b}; stat -L -c %a /dev/fd/8 8<{b} 9<{a}"
    done = disk("sh", "-c", script, options=options).ok()
    assert done.text.split()[:2] == ["644", "755"]
    assert done.text.split()[2] in ("644", "755"), done.explain()
    with holding(disk, options, "huge_b") as front:
        out, _ = front.communicate(b"\n")
    assert out.decode().split() == ["huge_b"] * 2


@pytest.mark.parametrize("noexec", ["scratch", "memory", "both"])
def test_programs_run_where_nothing_can_be_executed_in_a_scratch(
    disks: Prepared, options: list[Any], noexec: str
) -> None:
    if noexec in ("scratch", "both"):
        disks.mount(disks.scratch, "noexec")
    if noexec in ("memory", "both"):
        disks.script += f"; {mounted('noexec')}"
    script = "; ".join(f"{TOP}/{name} {name}" for name in [*TOOLS, *TOOLS])
    script += f"; {TOP}/empty_b; echo $?; {TOP}/empty_a; echo $?"
    done = disks("sh", "-c", script, options=options).ok()
    assert done.text.split() == [*TOOLS, *TOOLS, "0", "126"], done.explain()


def test_a_twin_that_somebody_writes_to_is_made_anew(
    disk: Runner, options: list[Any]
) -> None:
    script = f"""
        cat {TOP}/large_a {TOP}/large_b | sha256sum
        chmod u+w "$0"/.*/t/*; for f in "$0"/.*/t/*; do echo no >"$f"; done
        cat {TOP}/large_a {TOP}/large_b | sha256sum
    """
    done = disk("sh", "-c", script, disk.scratch, options=options).ok()
    first, second = done.text.splitlines()
    assert first == second, done.explain()


def test_who_has_other_mounts_has_them_too(disk: Runner, options: list[Any]) -> None:
    own = ["unshare", "-m"] if os.geteuid() == 0 else ["unshare", "-Urm"]
    tried = subprocess.run([*own, "true"], capture_output=True, check=False)
    if tried.returncode != 0:
        pytest.skip("this machine gives nobody a mount namespace of his own")
    names = [f"{TOP}/{name}" for name in SMALL]
    hide = f"mount -t tmpfs none {MEMORY}"
    script = f"""
        {" ".join(own)} sh -c '{hide}; exec "$@" </dev/null' "$0" "$@"
        "$@" </dev/null
    """
    done = disk("sh", "-c", script, "sh", *WORDS, *names, options=options).ok()
    assert done.text.split() == SMALL * 6, done.explain()
    assert done.errors == [], done.explain()
