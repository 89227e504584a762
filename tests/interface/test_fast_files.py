# SPDX-License-Identifier: GPL-2.0-or-later
"""Directories and files of /cvmfs that the stub opens itself: as the tracer does."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.fast import NEEDS_STUB, PYTHON, Options, fast, figures, same
from tests.support.fasttree import TOP, made_options, publish
from tests.support.keeper import own_directory
from tests.support.published import Publisher
from tests.support.run import Runner

MANY = 700

pytestmark = NEEDS_STUB


@pytest.fixture(scope="module")
def publisher() -> Iterator[Publisher]:
    with own_directory("interpose-fast-") as top:
        many = top / "tree/dir/nested/many"
        many.mkdir(parents=True)
        for number in range(MANY):
            (many / f"{number:03}{'x' * (number % 90)}").write_text(str(number))
        for name in ("one", "two", "three"):
            (top / "tree" / f"twin-{name}").write_text("the same")
            os.utime(top / "tree" / f"twin-{name}", (len(name), len(name)))
        yield publish(top)


@pytest.fixture
def options(publisher: Publisher) -> Options:
    return made_options(publisher)


KINDS = {
    "file": 'read(TOP + "/README")',
    "file by descriptor": 'read("f", dir_fd=fd)',
    "file by a link": 'read(TOP + "/across")',
    "file as a place": 'as_place(TOP + "/README")',
    "directory": 'listed(TOP + "/dir/nested")',
    "directory by descriptor": 'listed("inner", dir_fd=fd)',
    "large directory": 'listed(TOP + "/dir/nested/many")',
    "walk": 'sorted(os.walk(TOP + "/dir"))',
    "again": "(os.lseek(fd, 0, os.SEEK_SET), sorted(os.listdir(fd)))",
}
SCRIPT = f"""
import ctypes, os, sys
TOP = "{TOP}"
def read(name, **how):
    file = os.open(name, os.O_RDONLY, **how)
    try:
        return os.read(file, 100), tuple(os.fstat(file)), os.get_inheritable(file)
    finally:
        os.close(file)
def as_place(name):
    file = os.open(name, os.O_PATH | os.O_NOFOLLOW)
    try:
        return tuple(os.fstat(file))
    finally:
        os.close(file)
def listed(name, **how):
    folder = os.open(name, os.O_RDONLY | os.O_DIRECTORY, **how)
    try:
        with os.scandir(folder) as names:
            rows = sorted((one.name, one.inode(), one.is_dir(follow_symlinks=False))
                          for one in names)
        return rows, tuple(os.fstat(folder))
    finally:
        os.close(folder)
fd = os.open(TOP + "/dir/nested", os.O_RDONLY)
"""


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_opened_again_costs_no_stop_more(
    run: Runner, options: Options, kind: str
) -> None:
    script = (
        SCRIPT
        + """
call = compile(sys.argv[2], "call", "eval")
results = [eval(call) for _ in range(int(sys.argv[1]))]
assert all(result == results[0] for result in results)
print(results[0])
"""
    )
    # All directories are the scratch's own until the first one has been opened there.
    few, many = (
        same(run, *PYTHON, script, count, KINDS[kind], options=options)
        for count in ("10", "100")
    )
    assert figures(many)[0] - figures(few)[0] < 10


def test_each_process_of_a_run_opens_what_another_one_has_opened(
    run: Runner, options: Options
) -> None:
    script = f"for n in 1 2 3 4 5 6 7 8; do cat {TOP}/README {TOP}/dir/plain/p; done"
    one, all_of_them = (
        fast(run, "bash", "-c", f"cat {TOP}/README; {more}", options=options).ok()
        for more in ("", script)
    )
    assert all_of_them.text == "README" + 8 * "READMEdir/plain/p"
    # exec, and what a process of bash stops for; its two files only once.
    assert figures(all_of_them)[0] - figures(one)[0] < 8 * 25


def test_twins_stay_each_themselves_whoever_opens_them(
    run: Runner, options: Options
) -> None:
    script = (
        SCRIPT
        + """
import array, socket
names = [TOP + "/twin-" + name for name in ("one", "two", "three")]
def seen(file):
    return os.fstat(file).st_mtime, os.readlink(f"/proc/self/fd/{file}")
for _ in range(20):
    files = [os.open(name, os.O_RDONLY) for name in names]
    copies = [os.dup(file) for file in files]
    print([seen(file) for file in files + copies])
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    child = os.fork()
    if not child:
        # Opened by another process, in another order, and sent.
        sent = [os.open(name, os.O_RDONLY) for name in reversed(names)]
        theirs.sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS,
                                 array.array("i", sent))])
        os._exit(0)
    data = ours.recvmsg(1, socket.CMSG_SPACE(12))[1][0][2]
    os.waitpid(child, 0)
    got = list(array.array("i", data))
    print([seen(file) for file in got])
    for file in files + copies + got:
        os.close(file)
    ours.close(), theirs.close()
"""
    )
    same(run, *PYTHON, script, options=options)


def test_a_directory_is_read_in_any_way(run: Runner, options: Options) -> None:
    """Small buffers, positions, a copied descriptor, a child's, and none at all."""
    script = (
        SCRIPT
        + """
libc = ctypes.CDLL(None, use_errno=True)
def block(fd, size, address=None):
    buffer = ctypes.create_string_buffer(size + 1)
    ctypes.set_errno(0)
    count = libc.syscall(217, fd, buffer if address is None else address, size)
    return count, ctypes.get_errno(), buffer.raw[:max(count, 0)]
for name in ("/dir/nested/many", "/dir", "/dir/nested", "/dir/nested/inner", ""):
    for size in (0, 1, 23, 24, 64, 200, 5000, 100000):
        folder = os.open(TOP + name, os.O_RDONLY)
        for _ in range(12):
            print(block(folder, size), os.lseek(folder, 0, os.SEEK_CUR))
        copy = os.dup(folder)
        for to in (1, 2, 5, 1 << 20, 0):
            try:
                print(os.lseek(copy, to, os.SEEK_SET))
            except OSError as error:
                print(error.errno)
            print(block(folder, size), os.lseek(copy, 0, os.SEEK_CUR))
        child = os.fork()
        if not child:
            block(folder, size)
            os._exit(0)
        os.waitpid(child, 0)
        print(block(copy, size))
        print(block(folder, size, 1), block(folder, size, 1 << 46))
        os.close(folder), os.close(copy)
    place = os.open(TOP + name, os.O_PATH)
    print(block(place, 1000), tuple(os.fstat(place)))
    os.close(place)
print(block(99, 100), block(os.open(TOP + "/README", 0), 100))
"""
    )
    same(run, *PYTHON, script, options=options)


@pytest.mark.parametrize("mask", [0, 0o27, 0o77, 0o777])
def test_a_mask_of_modes_takes_nothing_from_directories(
    run: Runner, options: Options, mask: int
) -> None:
    script = (
        SCRIPT
        + f"""
for _ in range(3):
    print(listed(TOP + "/dir"))
os.umask({mask})
for _ in range(20):
    for name in ("/dir/nested", "/dir/nested/inner", "/rights/d755", ""):
        print(listed(TOP + name))
os.chdir(TOP + "/dir/nested")
print(os.getcwd(), sorted(os.listdir(".")), read("f"))
"""
    )
    same(run, *PYTHON, script, options=options)


def test_an_object_that_was_changed_is_found_anew(
    run: Runner, options: Options
) -> None:
    """Removed, cut or written over under a run: never other bytes."""
    script = (
        SCRIPT
        + """
import glob
for _ in range(5):
    print(read(TOP + "/README"), read(TOP + "/dir/plain/p"))
objects = [name for name in glob.glob(sys.argv[1] + "/[0-9a-f][0-9a-f]/*")
           if open(name, "rb").read(10) == b"README"]
assert objects
for name in objects:
    if sys.argv[2] == "removed":
        os.unlink(name)
    elif sys.argv[2] == "replaced":
        with open(name + "x", "wb") as file:
            file.write(b"OTHERS")
        os.replace(name + "x", name)
for _ in range(5):
    print(read(TOP + "/README"), read(TOP + "/dir/plain/p"))
"""
    )
    for way in ("removed", "replaced"):
        result = same(run, *PYTHON, script, run.cache, way, options=options)
        assert result.text.count("README") == 10


def test_descriptors_are_the_lowest_and_none_is_lost(
    run: Runner, options: Options, place: Path
) -> None:
    script = (
        SCRIPT
        + """
def numbers():
    return sorted(int(name) for name in os.listdir("/proc/self/fd"))
before = numbers()
opened = []
for name in ("/dir", "/README", "/dir/nested", "/dir/plain/p", "/dir/nested/many") * 3:
    opened.append(os.open(TOP + name, os.O_RDONLY))
print(opened, [os.get_inheritable(file) for file in opened])
for file in opened[::2]:
    os.close(file)
print([os.open(TOP + "/dir", os.O_RDONLY) for _ in range(4)])
import resource
resource.setrlimit(resource.RLIMIT_NOFILE, (len(numbers()), 100))
for name in ("/dir", "/README"):
    for _ in range(30):
        try:
            opened.append(os.open(TOP + name, os.O_RDONLY))
        except OSError as error:
            print(error.errno)
print(opened)
"""
    )
    same(run, *PYTHON, script, options=options)
