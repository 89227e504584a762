# SPDX-License-Identifier: GPL-2.0-or-later
"""The stub's board and index files, when something happens to them.

What is not as it was is the tracer's: each run is compared with one without a stub.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.fast import (
    NEEDS_STUB,
    PYTHON,
    Options,
    fast,
    figures,
    given,
    same,
    traced,
)
from tests.support.fasttree import LOOK, TOP, made_options, publish
from tests.support.keeper import own_directory
from tests.support.places import ROOT
from tests.support.published import Publisher
from tests.support.run import Runner

CATALOGS, THREADS, SEEDS = 60, 8, 300
WIDE = "/cvmfs/wide.example.org"

pytestmark = NEEDS_STUB


@pytest.fixture(scope="module")
def publisher() -> Iterator[Publisher]:
    with own_directory("interpose-fast-") as top:
        yield publish(top)


@pytest.fixture
def options(publisher: Publisher) -> Options:
    return made_options(publisher)


@pytest.fixture(scope="module")
def wide() -> Iterator[Options]:
    """A repository of many catalogs."""
    with own_directory("interpose-wide-") as top:
        for number in range(CATALOGS):
            (top / f"tree/d{number}").mkdir(parents=True)
            (top / f"tree/d{number}/.cvmfscatalog").touch()
            (top / f"tree/d{number}/f").write_text("x" * number)
        made = Publisher(top)
        made.publish(top / "tree", "wide.example.org")
        yield made.options("wide.example.org", f"file://{made.storage}")


# After sys.argv[1] was done; by this process, a child, and a new program.
SHOW = (
    LOOK
    + f"""
import glob, resource, shutil, signal
NAMES = ["", "README", "dir/nested", "dir/nested/f", "dir/nested/inner/g", "no",
         "dir/nested/no", "dir/nested/inner/up", "across", "README/x"]
def show(tag):
    for name in NAMES:
        full = "{TOP}/" + name
        print(tag, name, fields(told(os.stat, full)), told(os.readlink, full),
              told(os.access, full, os.R_OK), statx(full, -100, 0, 0x7ff))
    sys.stdout.flush()
def indexes():
    found = glob.glob(glob.escape(os.environ["CACHE"]) + "/index/*.v*")
    assert found
    for name in found:
        os.chmod(name, 0o644)
    return found
if len(sys.argv) > 1:
    show("before"), show("before")
    exec(sys.argv[1])
    show("after"), show("after")
    child = os.fork()
    if not child:
        show("child")
        os._exit(0)
    os.waitpid(child, 0)
    child = os.fork()
    if not child:
        os.execv(sys.executable, [sys.executable, "-I", "-c", os.environ["SHOW"]])
    os.waitpid(child, 0)
else:
    show("new"), show("new")
"""
)
DEEDS = {
    "truncated": "for name in indexes(): os.truncate(name, 0)",
    "cut": "for name in indexes(): os.truncate(name, 100)",
    "grown": "for name in indexes(): os.truncate(name, os.stat(name).st_size + 4096)",
    "removed": "for name in indexes(): os.remove(name)",
    "replaced": """
for name in indexes():
    with open(name + ".new", "wb") as file: file.write(b"x" * os.stat(name).st_size)
    os.replace(name + ".new", name)""",
    "exchanged": """
first, second, *_ = sorted(indexes())
os.rename(first, first + ".new"), os.rename(second, first)
os.rename(first + ".new", second)""",
    "copied": """
for name in indexes():
    shutil.copy(name, name + ".new"), os.replace(name + ".new", name)""",
    "a fifo": "for name in indexes(): os.remove(name), os.mkfifo(name)",
    "a link": """
for name in indexes():
    os.rename(name, name + ".new"), os.symlink(name + ".new", name)""",
    "shut": "for name in indexes(): os.chmod(name, 0)",
    "folder gone": 'shutil.rmtree(os.environ["CACHE"] + "/index")',
    "cache gone": 'shutil.rmtree(os.environ["CACHE"])',
    "no descriptors": """
resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
kept = []
while isinstance(told(os.dup, 0), int): pass""",
    "one descriptor": """
resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
while isinstance(told(os.dup, 0), int): pass
os.close(63)""",
    "little address space": """
used = int(open("/proc/self/statm").read().split()[0]) * 4096
resource.setrlimit(resource.RLIMIT_AS, (used + (1 << 24), resource.RLIM_INFINITY))""",
    "everything locked": "print(libc.mlockall(3))",
    "signals blocked": """
signal.signal(signal.SIGBUS, lambda *words: print("never"))
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGBUS])
for name in indexes(): os.truncate(name, 0)""",
}


def surroundings(run: Runner) -> dict[str, str]:
    return {**run.environment(), "CACHE": str(run.cache), "SHOW": SHOW}


@pytest.mark.parametrize("deed", DEEDS)
def test_whatever_becomes_of_index_files_answers_are_the_tracers(
    run: Runner, options: Options, place: Path, deed: str
) -> None:
    words, texts = (*PYTHON, SHOW, DEEDS[deed]), []
    for way in (traced, fast):
        run.cache = place / f"cache-{way.__name__}"
        run.base[1] = run.cache
        done = way(run, *words, options=options, env=surroundings(run)).ok()
        texts.append(done.text.splitlines())
    assert [pair for pair in zip(*texts) if pair[0] != pair[1]] == []
    assert len(texts[0]) == len(texts[1])


def test_who_began_before_a_catalog_was_there_has_it_afterwards(
    run: Runner, options: Options
) -> None:
    script = (
        SHOW.partition("if len(sys.argv)")[0]
        + f"""
for _ in range(20): os.stat("/etc/passwd")
gates = [os.pipe() for _ in range(4)]
for number, gate in enumerate(gates):
    if not os.fork():
        os.read(gate[0], 1)
        show(number)
        os._exit(0)
for gate, name in zip(gates, ("", "/README", "/dir/nested/f", "/dir/nested/inner/g")):
    os.stat("{TOP}" + name)
    os.write(gate[1], b"x")
    os.wait()
"""
    )
    assert figures(same(run, *PYTHON, script, options=options))[1] > 100


CROWD = f"""
import os, sys, threading
def names():
    return len(os.listdir("/proc/self/fd"))
def size(number):
    return os.stat(f"{WIDE}/d{{number}}/f").st_size
if sys.argv[1] == "first":
    assert [size(number) for number in range({CATALOGS})] == list(range({CATALOGS}))
    os.execv(sys.executable, [sys.executable, "-I", "-c", sys.argv[2], "then"])
os.stat("/etc/passwd")
before, wrong = names(), []
for round in range(6):
    child = os.fork()
    if child:
        os.waitpid(child, 0)
        continue
    barrier = threading.Barrier({THREADS})
    def work():
        for number in range({CATALOGS}):
            barrier.wait()
            if size(number) != number: wrong.append(number)
    threads = [threading.Thread(target=work) for _ in range({THREADS})]
    for thread in threads: thread.start()
    for thread in threads: thread.join()
    print(wrong, names() - before, flush=True)
    os._exit(0)
"""


def test_many_threads_come_to_a_catalog_at_once(run: Runner, wide: Options) -> None:
    result = same(run, *PYTHON, CROWD, "first", CROWD, options=wide)
    assert set(result.text.splitlines()) == {"[] 0"}


@pytest.mark.parametrize("limit", ["-v 400000", "-n 4", "-l 0", "-s 64"])
def test_limits_from_before_change_no_answer(
    run: Runner, options: Options, limit: str
) -> None:
    script = f"ulimit {limit}; exec stat -c '%n %s %i %Y %d' {TOP}/* {TOP}/dir/nested/*"
    assert same(run, "bash", "-c", script, options=options).text.count(TOP) > 20


# Each child writes to its own state and board, by its seed, and looks at names.
SPOILING = (
    SHOW.partition("if len(sys.argv)")[0]
    + f"""
import random, re
show("warm"), show("warm")
maps = open("/proc/self/maps").read()
row = re.search("r-xp .*interpose_run\\n(.*)-(.*) rw-p ", maps)
first, end = (int(part, 16) for part in row.groups())
assert end - first >= 97 * 4096
def spoil(seed):
    dice = random.Random(seed)
    start, size = [(first, 4096), (first + 4096, end - first - 4096),
                   (first, end - first), (first + 4096, 12288)][seed % 4]
    if seed % 3 == 0:
        ctypes.memmove(start, dice.randbytes(size), size)
    for _ in range(dice.choice((1, 10, 3000))):
        at = start + dice.randrange(size - 8)
        what = dice.choice((b"\\0", b"\\1", b"\\2", b"\\xff" * 8, dice.randbytes(4)))
        ctypes.memmove(at, what, len(what))
silent = os.open("/dev/null", os.O_WRONLY)
bad = 0
for seed in range({SEEDS}):
    child = os.fork()
    if not child:
        os.dup2(silent, 1), os.dup2(silent, 2)
        resource.setrlimit(resource.RLIMIT_CPU, (5, 5))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        spoil(seed)
        show("spoiled")
        os._exit(0)
    status = os.waitpid(child, 0)[1]
    allowed = (0, signal.SIGSEGV, signal.SIGBUS, signal.SIGXCPU, signal.SIGKILL)
    bad += os.WIFSIGNALED(status) and os.WTERMSIG(status) not in allowed
    if seed % 50 == 0: show("whole")
print("bad", bad)
show("end")
"""
)


def test_who_overwrites_its_board_harms_itself_alone(
    run: Runner, options: Options
) -> None:
    plain = traced(run, *PYTHON, SHOW, "pass", options=options, env=surroundings(run))
    rows = [line.partition(" ")[2] for line in plain.text.splitlines()]
    done = fast(run, *PYTHON, SPOILING, options=options, timeout_s=240).ok()
    told = [line.partition(" ") for line in done.text.splitlines()]
    assert {row for tag, _, row in told if tag != "bad"} == set(rows)
    assert [row for tag, _, row in told if tag == "bad"] == ["0"]
    again = fast(run, *PYTHON, SHOW, "pass", options=options, env=surroundings(run))
    assert again.ok().text == plain.text


# A directory of ours, held by one run and looked at by another.
HOLD = f"""
import array, os, socket, sys
fds = [os.open("{TOP}" + name, os.O_RDONLY) for name in ("/dir/nested", "", "/README")]
os.stat("{TOP}/dir/nested/f"), os.fstat(fds[0])
server = socket.socket(socket.AF_UNIX)
server.bind(sys.argv[1])
server.listen(1)
print("listens", flush=True)
with server.accept()[0] as peer:
    rights = array.array("i", fds)
    peer.sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, rights)])
    peer.recv(1)
"""
TAKE = (
    LOOK
    + f"""
import array, socket
os.stat("{TOP}/dir/nested/inner/g"), os.stat("{TOP}/dir/nested/inner/g")
own = os.open("{TOP}/dir/nested", os.O_RDONLY)
peer = socket.socket(socket.AF_UNIX)
peer.connect(sys.argv[1])
_, ((_, _, data),), _, _ = peer.recvmsg(1, socket.CMSG_SPACE(12))
fds = list(array.array("i", data))
for fd in [own, *fds] * 2:
    print(oct(os.fstat(fd).st_mode), told(os.utime, fd, (1, 1)))
    for name in ("f", "README", "inner/g", "no", ".", "..", "dir/nested/f"):
        print(name, told(os.access, name, 0, dir_fd=fd),
              told(os.readlink, name, dir_fd=fd),
              told(lambda: oct(os.stat(name, dir_fd=fd).st_mode)))
    print(told(os.fchdir, fd), told(os.access, "f", 0), told(os.access, "no", 0))
    os.chdir("/")
print(fields(os.fstat(own)))
peer.send(b"x")
"""
)


def test_a_directory_of_another_run_is_what_it_is_without(
    run: Runner, options: Options, place: Path
) -> None:
    env = {**run.environment(), **given()}
    texts = []
    for number, way in enumerate((traced, fast)):
        meeting = place / f"meeting-{number}"
        holder = run.start(*PYTHON, HOLD, meeting, options=options, env=env)
        assert holder.stdout
        assert holder.stdout.readline() == b"listens\n"
        other = Runner(place / "other", place / f"cache-{number}")
        texts.append(way(other, *PYTHON, TAKE, meeting, options=options).ok().text)
        holder.communicate(timeout=60)
        assert holder.returncode == 0
    assert texts[0].splitlines() == texts[1].splitlines()


def fallbacks() -> list[str]:
    text = (ROOT / "native/tracee/kernel.c").read_text()
    return re.findall(r'\[KERNEL_\w+\] = "(\w+)"', text)


@pytest.mark.parametrize("name", [*fallbacks(), "all"])
def test_a_kernel_that_lacks_something_changes_no_answer(
    run: Runner, options: Options, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    words = (*PYTHON, SHOW, "os.chdir('/')")
    env = surroundings(run)
    plain = traced(run, *words, options=options, env=env)
    monkeypatch.setenv("INTERPOSE_FORCE_FALLBACK", name)
    found = fast(run, *words, options=options, env=env)
    assert found.ok().text == plain.text
    # Where each look into memory is an errand no program has a stub.
    assert figures(found)[1] > 50 or name in ("process_vm", "pagemap", "all")
