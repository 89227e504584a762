# SPDX-License-Identifier: GPL-2.0-or-later
"""Files that the stub opens without asking: what each inode stands for is the same."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.fast import NEEDS_STUB, PYTHON, Options, fast, figures, same, traced
from tests.support.fasttree import TOP, made_options, publish
from tests.support.keeper import own_directory
from tests.support.published import Publisher
from tests.support.run import Runner

FILES = 400

pytestmark = NEEDS_STUB


def _fill(folder: Path, first: int, *, time: int) -> None:
    folder.mkdir()
    for number in range(first, first + FILES):
        file = folder / f"{number:04}"
        file.write_text(f"content {number}\n" * (number % 7 + 1))
        os.utime(file, (time + number, time + number))


@pytest.fixture(scope="module")
def publisher() -> Iterator[Publisher]:
    """Two catalogs, half of whose files have the content of one of the other."""
    with own_directory("interpose-unasked-") as top:
        (top / "tree").mkdir()
        _fill(top / "tree/first", 0, time=1_000_000)
        _fill(top / "tree/second", FILES // 2, time=2_000_000)
        for name in ("first", "second"):
            (top / "tree" / name / ".cvmfscatalog").touch()
            (top / "tree" / name / "twin").write_text("of both catalogs")
            (top / "tree" / name / "other-twin").write_text("of both catalogs")
            os.link(top / "tree" / name / "twin", top / "tree" / name / "link")
        yield publish(top)


@pytest.fixture
def options(publisher: Publisher) -> Options:
    return made_options(publisher)


@pytest.fixture(autouse=True)
def all_is_there(run: Runner, options: Options) -> None:
    """Each object is in the private cache: what is not is asked for."""
    traced(
        run,
        "/bin/sh",
        "-c",
        f"cat {TOP}/first/* {TOP}/second/* >/dev/null",
        options=options,
    )


# A descriptor, as each way to look at it shows it.
SCRIPT = f"""
import array, glob, mmap, os, socket, subprocess, sys
TOP, FILES = "{TOP}", {FILES}
def shown(fd):
    st = os.fstat(fd)
    return (st.st_ino, st.st_dev, st.st_mode, st.st_nlink, st.st_size, st.st_mtime,
            os.readlink(f"/proc/self/fd/{{fd}}"))
def names(folder, first=0, last={FILES}, step=1):
    return sorted(glob.glob(f"{{TOP}}/{{folder}}/*[0-9]"))[first:last:step]
def opened(names):
    return [os.open(name, os.O_RDONLY) for name in names]
"""
# In each program of its own: nobody there knows what was opened.
LOOKER = """
import os, sys
for fd in range(3, int(sys.argv[1])):
    try:
        st = os.fstat(fd)
    except OSError:
        continue
    print(fd, st.st_ino, st.st_dev, st.st_mtime, os.readlink(f"/proc/self/fd/{fd}"),
          open(f"/proc/self/fdinfo/{fd}").read().split("ino:")[1].split()[0])
"""


def test_what_nobody_has_opened_costs_no_stop(run: Runner, options: Options) -> None:
    script = (
        SCRIPT
        + """
for folder, first in (("first", 0), ("second", FILES // 2)):
    for name in names(folder, first, first + int(sys.argv[1])):
        fd = os.open(name, os.O_RDONLY)
        print(name, tuple(os.fstat(fd)), os.read(fd, 1000))
        os.close(fd)
"""
    )
    few, many = (
        same(run, *PYTHON, script, count, options=options)
        for count in (str(FILES // 4), str(FILES // 2))
    )
    assert figures(many)[0] - figures(few)[0] < 10


def test_a_content_of_two_catalogs_is_each_ones_own(
    run: Runner, options: Options
) -> None:
    """Whichever of them was first, and whoever of several processes opens them."""
    script = (
        SCRIPT
        + """
for order in (("first", "second"), ("second", "first")):
    if os.fork() == 0:
        held = [(name, opened(names(name))) for name in order]
        for _ in range(2):
            for name, fds in held:
                print(name, [shown(fd) for fd in fds])
        sys.stdout.flush()
        os._exit(0)
    os.wait()
for name in ("twin", "other-twin", "link") * 2:
    for folder in ("second", "first"):
        fd = os.open(f"{TOP}/{folder}/{name}", os.O_RDONLY)
        # Two names of one file: the one that was opened last.
        print(folder, name, [part for part in shown(fd)][:-1])
"""
    )
    same(run, *PYTHON, script, options=options)


def test_copies_are_opened_again_without_a_stop(run: Runner, options: Options) -> None:
    """By each process of the run, and each is known by what its time says."""
    script = (
        SCRIPT
        + """
wanted = [(name, os.stat(name)) for name in names("first") + names("second")[:50]]
for number in range(int(sys.argv[1])):
    for name, st in wanted:
        fd = os.open(name, os.O_RDONLY)
        assert os.fstat(fd)[:9] == st[:9], name
        os.close(fd)
    if number == 1 and os.fork():
        os.wait()
        os._exit(0)
"""
    )
    few, many = (
        same(run, *PYTHON, script, count, options=options) for count in ("3", "9")
    )
    assert figures(many)[0] - figures(few)[0] < 10


@pytest.mark.parametrize("after", ["1", "0"])
def test_whoever_gets_a_descriptor_sees_the_same(
    run: Runner, options: Options, after: str
) -> None:
    """By exec, by a message, by a link of /proc, in maps; with a stub and without."""
    script = (
        SCRIPT
        + f"""
looker = {LOOKER!r}
fds = opened(names("first", 0, 200) + names("second", 100, 300))
for fd in fds:
    os.set_inheritable(fd, True)
last = str(max(fds) + 1)
env = dict(os.environ, INTERPOSE_FASTPATH_AFTER=sys.argv[1])
for _ in range(2):
    subprocess.run([sys.executable, "-I", "-c", looker, last], close_fds=False,
                   env=env, check=True, stdout=sys.stdout)
ours, theirs = socket.socketpair()
if os.fork() == 0:
    more = opened(names("first", 200) + names("second", 300))
    for fd in more:
        theirs.sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS,
                                 array.array("i", [fd]))])
    os._exit(0)
for _ in range(200 + 100):
    data = ours.recvmsg(1, socket.CMSG_SPACE(4))[1][0][2]
    print(shown(array.array("i", data)[0]))
os.wait()
print([shown(os.open(f"/proc/self/fd/{{fd}}", os.O_RDONLY)) for fd in fds[::9]])
kept = [mmap.mmap(fd, 0, prot=mmap.PROT_READ) for fd in fds[::7]]
lines = [line.split() for line in open("/proc/self/maps") if TOP in line]
print(sorted((parts[3], parts[4], parts[5]) for parts in lines))
"""
    )
    result = same(run, *PYTHON, script, after, options=options)
    assert f"{TOP}/second/0" in result.text


def test_a_file_whose_object_has_gone_stays_what_it_is(
    run: Runner, options: Options
) -> None:
    """Removed while it is open, and got anew: who has either one sees the file."""
    script = (
        SCRIPT
        + f"""
looker = {LOOKER!r}
fds = opened(names("first", 0, 60))
for name in glob.glob(sys.argv[1] + "/[0-9a-f][0-9a-f]/*"):
    if open(name, "rb").read(7) == b"content":
        os.unlink(name)
fds += opened(names("first", 30, 90)) + opened(names("first", 30, 90))
for fd in fds:
    os.set_inheritable(fd, True)
    print(shown(fd), os.read(fd, 100))
last = str(max(fds) + 1)
subprocess.run([sys.executable, "-I", "-c", looker, last], close_fds=False,
               check=True, stdout=sys.stdout)
"""
    )
    same(run, *PYTHON, script, run.cache, options=options)


@pytest.mark.parametrize("way", ["cut", "written", "other times", "linked away"])
def test_an_object_that_is_not_as_we_made_it_is_proven_first(
    run: Runner, options: Options, way: str
) -> None:
    script = (
        SCRIPT
        + """
opened(names("first", 0, 40))
for name in glob.glob(sys.argv[1] + "/[0-9a-f][0-9a-f]/*"):
    bytes = open(name, "rb").read()
    if bytes[:7] != b"content":
        continue
    if sys.argv[2] == "linked away":
        os.rename(name, name + "-away")
        os.symlink("/etc/passwd", name)
        continue
    os.chmod(name, 0o755)
    with open(name, "r+b") as file:
        if sys.argv[2] == "cut":
            file.truncate(3)
        if sys.argv[2] == "written":
            file.write(b"CONTENT")
    if sys.argv[2] == "other times":
        os.utime(name, ns=(5_123_456_789, 5_123_456_789))
    os.chmod(name, 0o555)
for name in names("first") + names("second"):
    fd = os.open(name, os.O_RDONLY)
    print(name, os.read(fd, 1000), os.fstat(fd).st_size)
    os.close(fd)
"""
    )
    result = same(run, *PYTHON, script, run.cache, way, options=options)
    assert "CONTENT" not in result.text
    assert "root" not in result.text


@pytest.mark.parametrize(("first", "last"), [("00", "7f"), ("80", "ff"), ("00", "ff")])
def test_directories_that_others_may_write_are_asked_for(
    run: Runner, options: Options, first: str, last: str
) -> None:
    """Nothing is opened there that the tracer has not looked at, all else is."""
    script = (
        SCRIPT
        + """
for name in names("first", 0, int(sys.argv[1])):
    fd = os.open(name, os.O_RDONLY)
    print(os.read(fd, 1000))
    os.close(fd)
"""
    )
    for folder in run.cache.glob("??"):
        if first <= folder.name <= last:
            folder.chmod(0o777)
    few, many = (
        fast(run, *PYTHON, script, count, options=options)
        for count in (str(FILES // 4), str(FILES // 2))
    )
    more = figures(many)[0] - figures(few)[0]
    if (first, last) == ("00", "ff"):
        assert more >= FILES // 4
    else:
        assert FILES // 16 < more < FILES // 4


def test_many_threads_open_and_look(run: Runner, options: Options) -> None:
    """Notes of what was opened are written by several threads at once."""
    script = (
        SCRIPT
        + """
import threading
wanted = {name: os.stat(name)[1:9] for name in names("first") + names("second")}
wrong = []
def work(step):
    for _ in range(4):
        for name in list(wanted)[step::3] + list(wanted)[::step + 1]:
            fd = os.open(name, os.O_RDONLY)
            seen = os.fstat(fd)[1:9]
            os.close(fd)
            if seen != wanted[name]:
                wrong.append((name, seen, wanted[name]))
threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
print(wrong)
"""
    )
    assert same(run, *PYTHON, script, options=options).text == "[]\n"
