# SPDX-License-Identifier: GPL-2.0-or-later
"""The stub inside the job's processes: who has it, and that nobody can tell.

The whole suite runs with it too (docs/fast-path.md); here is what needs it to be there.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.fast import NEEDS_STUB, PYTHON, fast, figures
from tests.support.run import Runner

Configured = Callable[..., list[Any]]
FQRN = "tricky.example.org"
ROOT = f"/cvmfs/{FQRN}"
README = f"{ROOT}/README"
FILES = 1500

pytestmark = NEEDS_STUB

# Calls for which no path of this program is needed: its own stub's memory.
STUB = """
import ctypes, mmap, os, re, signal, sys
libc = ctypes.CDLL(None, use_errno=True)
def stub():
    os.stat("/etc/passwd")
    for line in open("/proc/self/maps"):
        if re.search(r"r-xp .*/interpose_run$", line):
            first, end = (int(part, 16) for part in line.split()[0].split("-"))
            return first, end
    sys.exit("no stub")
"""


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tree of the host with FILES files, and links."""
    top = tmp_path_factory.mktemp("tree")
    top.parent.chmod(0o755)
    for number in range(FILES):
        folder = top / f"d{number % 30}" / f"e{number % 5}"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"f{number}").write_text("x" * (number % 7))
    (top / "link").symlink_to("d0")
    (top / "dangling").symlink_to("nothing")
    return top


@pytest.mark.parametrize("after", [1, 16])
def test_a_walk_over_the_host_hardly_stops(run: Runner, tree: Path, after: int) -> None:
    words = ("find", tree, "-printf", "%p %i %s %T@ %l\n")
    result = fast(run, *words, after=after)
    stops, calls = figures(result)
    assert stops < 100 + after
    assert calls > FILES
    plain = run(*words, options=["--no-fastpath"], stats=True)
    assert figures(plain)[1] == 0
    assert figures(plain)[0] > FILES
    assert plain.stdout == result.stdout


def test_a_search_of_missing_names_finds_what_is_there(
    run: Runner, configured: Configured, place: Path
) -> None:
    """After some misses one look decides: by links, in /proc, without rights."""
    (place / "shut").mkdir(mode=0)
    links = {"ours": README, "none": f"{ROOT}/no", "proc": "/proc/self", "loop": "loop"}
    for name, target in links.items():
        (place / name).symlink_to(target)
    script = f"""
import errno, os, sys
os.chdir(sys.argv[1])
def look(name):
    for way in (os.stat, os.lstat):
        try:
            yield way(name).st_mode
        except OSError as error:
            yield errno.errorcode[error.errno]
names = ["ours", "none", "proc/exe", "proc/no", "loop", "loop/x", "shut/x", "ours/x",
         "", "new", "../cvmfs/{FQRN}/README", "/../cvmfs/{FQRN}/README", "{README}",
         "cvmfs", "/etc/passwd", "/etc/passwd/x", "x" * 256, "no/" * 1400,
         "/proc/self/no"]
for misses in range(5):
    for name in names:
        for number in range(misses):
            list(look(f"missing-{{number}}"))
        print(misses, name[:50], *look(name), *look(os.path.join(sys.argv[1], name)))
    open("new", "w").close() if misses == 3 else None
"""
    options = configured(FQRN)
    traced = run(*PYTHON, script, place, options=[*options, "--no-fastpath"]).ok()
    (place / "new").unlink()
    assert fast(run, *PYTHON, script, place, options=options).text == traced.text


@pytest.mark.parametrize("way", ["variable", "option", "trace"])
def test_it_can_be_switched_off(run: Runner, tree: Path, way: str, place: Path) -> None:
    env = run.environment()
    env |= {"INTERPOSE_FASTPATH_AFTER": "1", "INTERPOSE_FASTPATH": "1"}
    options: list[Any] = []
    if way == "variable":
        env["INTERPOSE_FASTPATH"] = "0"
    elif way == "option":
        options = ["--no-fastpath"]
    else:
        options = ["--trace", place / "trace"]
    stops, calls = figures(run("find", tree, env=env, options=options, stats=True))
    assert calls == 0
    assert stops > FILES / 10


def test_a_program_of_few_calls_does_not_get_it(run: Runner) -> None:
    script = "for ((i = 0; i < 20; i++)); do /bin/true; done"
    stops, calls = figures(fast(run, "bash", "-c", script, after=16))
    traced = run("bash", "-c", script, options=["--no-fastpath"], stats=True)
    assert calls < 100
    assert stops <= figures(traced)[0] + 10


def test_threads_that_come_later_have_it(run: Runner) -> None:
    script = """
import os, threading
os.stat("/etc/passwd")
def work():
    for _ in range(500):
        os.stat("/etc/passwd")
        os.close(os.open("/etc/passwd", os.O_RDONLY))
threads = [threading.Thread(target=work) for _ in range(4)]
for thread in threads: thread.start()
for thread in threads: thread.join()
"""
    stops, calls = figures(fast(run, *PYTHON, script))
    # With threads opens of glibc 2.41 and later are made at a place that is left alone.
    assert calls > 4 * 500
    assert stops < 200 + (0 if calls > 4 * 500 * 2 else 4 * 500)


def test_a_program_finds_cvmfs_by_every_way_although_it_has_it(
    run: Runner, configured: Configured, place: Path
) -> None:
    """Links that appear while it runs, directories it works in, descriptors."""
    script = f"""
import os, sys
place = sys.argv[1]
def stat(path, **how):
    try:
        return os.stat(path, **how).st_ino
    except OSError as error:
        return error.errno
for _ in range(50):
    assert stat(place + "/later") == 2
os.symlink("{ROOT}", place + "/later")
inode = stat("{README}")
print(stat(place + "/later/README") == inode)
os.symlink("/proc/self/cwd", place + "/here")
os.chdir("{ROOT}")
print(stat("README") == inode, stat("nowhere"), os.getcwd())
print(stat(place + "/here/README") == inode, os.readlink("/proc/self/cwd"))
print(os.readlink(place + "/here"), stat("../{FQRN}/README") == inode)
os.chdir("/")
print(stat("cvmfs/{FQRN}/README") == inode, stat("nowhere"), os.getcwd())
print("cvmfs" in os.listdir("/"), "cvmfs" in os.listdir("."))
fd = os.open("{ROOT}", os.O_RDONLY)
print(stat("README", dir_fd=fd) == inode, stat("nowhere", dir_fd=fd))
print(stat(".", dir_fd=fd) == stat("{ROOT}"), stat("..", dir_fd=fd) == stat("/cvmfs"))
print(sorted(os.listdir(fd)) == sorted(os.listdir("{ROOT}")))
file = os.open("README", os.O_RDONLY, dir_fd=fd)
print(os.fstat(file).st_ino == inode, os.stat(file).st_nlink > 0)
root = os.open("/", os.O_RDONLY)
print(stat("cvmfs/{FQRN}/README", dir_fd=root) == inode)
proc = os.open("/proc/self", os.O_RDONLY)
name = f"fd/{{file}}"
print(stat(name, dir_fd=proc) == inode, os.readlink(name, dir_fd=proc))
print(os.access(name, os.R_OK, dir_fd=proc), os.access(name, os.W_OK, dir_fd=proc))
os.symlink("/proc/self/mounts", place + "/mounts")
print("{ROOT}" in open(place + "/mounts").read())
print(stat("/usr/../cvmfs/{FQRN}/README") == inode)
print(stat("//cvmfs/{FQRN}/README") == inode)
"""
    traced = run(*PYTHON, script, place, options=[*configured(FQRN), "--no-fastpath"])
    for name in ("later", "here", "mounts"):
        (place / name).unlink()
    result = fast(run, *PYTHON, script, place, options=configured(FQRN))
    assert figures(result)[1] > 100
    assert result.text.splitlines() == traced.ok().text.splitlines()
    assert result.text.count("True") > 15


FILTER = """
import ctypes, errno, os, struct, sys
libc = ctypes.CDLL(None, use_errno=True)
for _ in range(40):
    os.stat("/etc/passwd")
def row(code, jt, jf, k):
    return struct.pack("HBBI", code, jt, jf, k)
# openat2, which the stub makes besides and this program never does, ends it.
program = row(0x20, 0, 0, 0) + row(0x15, 0, 1, 437) + row(6, 0, 0, 0x80000000)
program += row(6, 0, 0, 0x7fff0000)
buffer = ctypes.create_string_buffer(program)
head = struct.pack("HxxxxxxQ", 4, ctypes.addressof(buffer))
libc.prctl(38, 1, 0, 0, 0)
if sys.argv[1] == "prctl":
    assert libc.prctl(22, 2, head, 0, 0) == 0
else:
    assert libc.syscall(317, 1, 0, head) == 0
for _ in range(40):
    try:
        os.stat("/nowhere/at/all")
    except OSError as error:
        assert error.errno == errno.ENOENT
os.close(os.open("/etc/passwd", os.O_RDONLY))
if len(sys.argv) < 3:
    os.execv("/usr/bin/stat", ["stat", "-c", "%n", "/etc/passwd"])
"""


@pytest.mark.parametrize("way", ["prctl", "seccomp"])
def test_a_program_with_a_filter_of_its_own_makes_its_own_calls_alone(
    run: Runner, way: str
) -> None:
    result = fast(run, *PYTHON, FILTER, way)
    assert figures(result)[1] >= 39
    assert result.text == "/etc/passwd\n"


def test_who_takes_its_memory_away_goes_on_without_it(run: Runner) -> None:
    script = (
        STUB
        + """
first, end = stub()
before = os.stat("/etc/passwd").st_ino
libc.mmap.restype = ctypes.c_void_p
words = [ctypes.c_int] * 3 + [ctypes.c_long]
libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t] + words
size = end - first + 4096
if sys.argv[1] == "unmapped":
    libc.munmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t]
    assert libc.munmap(first, size) == 0
else:
    assert libc.mmap(first, size, 0, 0x32, -1, 0) == first
for _ in range(100):
    assert os.stat("/etc/passwd").st_ino == before
    os.close(os.open("/etc/passwd", os.O_RDONLY))
print("went on", os.getcwd())
"""
    )
    for way in ("unmapped", "overlaid"):
        assert fast(run, *PYTHON, script, way).ok().text == "went on /\n"


def test_who_spoils_its_memory_harms_itself_alone(
    run: Runner, configured: Configured
) -> None:
    """State, code and trampolines overwritten; the parent, and the cache, are whole."""
    script = (
        STUB
        + f"""
def spoil(what):
    first, end = stub()
    libc.mprotect.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
    assert libc.mprotect(first, end - first, 7) == 0
    start, size = dict(code=(first, 32768), trampolines=(first + 32768, 8192),
                       state=(end, 4096))[what]
    ctypes.memset(start, 0x55, size)
    for _ in range(20):
        os.stat("/etc/passwd")
        os.close(os.open("{README}", os.O_RDONLY))
for what in ("code", "trampolines", "state"):
    child = os.fork()
    if not child:
        try:
            spoil(what)
        finally:
            os._exit(0)
    os.waitpid(child, 0)
text = open("{README}").read()
print(len(text) > 0, os.stat("{README}").st_size == len(text))
print(os.stat("/etc/passwd").st_size == len(open("/etc/passwd", "rb").read()))
"""
    )
    result = fast(run, *PYTHON, script, options=configured(FQRN))
    assert result.ok().text == "True True\nTrue\n"
    again = run("cat", README, options=configured(FQRN))
    assert again.ok().stdout


def test_a_call_with_a_bad_address_is_what_it_is(run: Runner) -> None:
    """At a page's end, across it, in nothing; and on a stack that has no room."""
    script = (
        STUB
        + """
stub()
libc.mmap.restype = ctypes.c_void_p
page = libc.mmap(None, 8192, 3, 0x22, -1, 0)
libc.munmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t]
libc.munmap(page + 4096, 4096)
def call(function, *arguments):
    ctypes.set_errno(0)
    return function(*arguments), ctypes.get_errno()
name = b"/etc/passwd\\0"
ctypes.memmove(page + 4096 - len(name), name, len(name))
at = ctypes.c_void_p
buffer = ctypes.create_string_buffer(512)
def both(name):
    # Before glibc 2.33 they had other names.
    old = {"stat": "__xstat", "fstat": "__fxstat"}[name]
    return getattr(libc, name, None) or (lambda *words: getattr(libc, old)(1, *words))
stat, fstat = both("stat"), both("fstat")
print(call(stat, at(page + 4096 - len(name)), buffer))
for where in (0, 1, 4095, page + 4096 - 5, page + 4096, 2 ** 47, 2 ** 64 - 4096, -1):
    print(call(stat, at(where), buffer), call(stat, name, at(where)),
          call(libc.access, at(where), 0), call(libc.open, at(where), 0),
          call(libc.readlink, b"/proc/self/exe", at(where), 100),
          call(libc.readlink, b"/etc/mtab", at(where), 100), call(fstat, 0, at(where)))
for size in (0, -1, 3):
    print(call(libc.readlink, b"/etc/mtab", buffer, size))
"""
    )
    traced = run(*PYTHON, script.replace("\nstub()\n", "\n"), options=["--no-fastpath"])
    assert fast(run, *PYTHON, script).ok().text == traced.ok().text


def test_after_chroot_names_are_those_of_the_new_root(run: Runner, place: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("chroot is root's")
    (place / "etc").mkdir()
    (place / "etc/mine").write_text("mine")
    script = """
import os, sys
for _ in range(40):
    os.stat("/etc/passwd")
os.chroot(sys.argv[1])
print(os.listdir("/etc"), os.path.exists("/etc/passwd"), os.stat("/etc/mine").st_size)
"""
    result = fast(run, *PYTHON, script, place)
    assert result.ok().text == "['mine'] False 4\n"


@pytest.mark.parametrize(
    "limit",
    ["-v 300000", "-n 8", "-s 256", "-l 0", "-u unlimited"],
)
def test_it_comes_or_not_under_limits(run: Runner, tree: Path, limit: str) -> None:
    script = f"ulimit {limit}; exec find {tree}/d0 -name 'f*'"
    result = fast(run, "bash", "-c", script)
    assert len(result.ok().text.split()) == FILES / 30


def test_a_program_that_maps_everything_at_once_has_room(run: Runner) -> None:
    """mlockall() for later mappings, too."""
    script = (
        STUB
        + """
print(libc.mlockall(3))
for _ in range(50):
    os.stat("/etc/passwd")
print(len([name for name in os.listdir("/etc") if name == "passwd"]))
"""
    )
    assert fast(run, *PYTHON, script).ok().text.endswith("\n1\n")
