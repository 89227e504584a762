# SPDX-License-Identifier: GPL-2.0-or-later
"""A job that mounts over the scratch or the cache goes on to see /cvmfs.

covers: mount move_mount pivot_root openat chdir execve
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.differential.namespaces import IS_ROOT, forbidden
from tests.support.places import need_tool
from tests.support.published import Publisher
from tests.support.run import Result, Runner
from tests.support.web import Server

FQRN = "covered.example.org"
ROOT = f"/cvmfs/{FQRN}"
LINE = "over the scratch or the cache"
Covered = Callable[..., Result]
# What a job does with /cvmfs, and what it must see.
LOOK = f"""
import os, subprocess, sys
root = "{ROOT}"
print(sorted(os.listdir(root)), open(root + "/d/f").read().strip())
fd = os.open(root + "/d/f", os.O_RDONLY)
print(fd, os.get_inheritable(fd), os.fstat(fd).st_ino == os.stat(root + "/d/f").st_ino)
print(os.readlink(f"/proc/self/fd/{{fd}}"), os.read(fd, 99))
os.close(fd)
os.chdir(root + "/d")
print(os.getcwd(), open("link").read().strip(), sorted(os.listdir(".")))
print(os.readlink(os.open("link", os.O_PATH | os.O_NOFOLLOW) and "link"))
for name in ("mounts", "mountinfo", "mountstats"):
    print(root in open("/proc/self/" + name).read())
for words in (["./sh", "-c", "echo $0"], ["./script", "word"], [root + "/d/script"]):
    done = subprocess.run(words, stdout=subprocess.PIPE)
    print(done.returncode, done.stdout.decode().strip())
words = ["./sh", "-c", "echo ready; read -r line"]
sh = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
sh.stdout.readline()
proc = f"/proc/{{sh.pid}}/"
print(os.readlink(proc + "exe"), open(proc + "comm").read().strip())
print(root + "/d/sh" in open(proc + "maps").read())
sh.communicate(b"end\\n")
"""
SEEN = f"""['d'] of cvmfs
3 False True
{ROOT}/d/f b'of cvmfs\\n'
{ROOT}/d of cvmfs ['f', 'link', 'own', 'script', 'sh']
f
True
True
True
0 ./sh
0 {ROOT}/d/sh ./script word
0 {ROOT}/d/sh {ROOT}/d/script
{ROOT}/d/sh sh
True
"""
# Signals and threads between the calls that hand a descriptor over.
BUSY = f"""
import os, signal, threading
count = 0
def tick(*_):
    global count
    count += 1
    os.close(os.open("{ROOT}/d/link", os.O_RDONLY))
signal.signal(signal.SIGALRM, tick)
signal.setitimer(signal.ITIMER_REAL, 0.002, 0.002)
wrong = []
def reads():
    for _ in range(100):
        with open("{ROOT}/d/f") as file:
            if file.read() != "of cvmfs\\n":
                wrong.append(file)
threads = [threading.Thread(target=reads) for _ in range(3)]
for each in threads:
    each.start()
reads()
for each in threads:
    each.join()
while count < 20:
    signal.pause()
signal.setitimer(signal.ITIMER_REAL, 0)
blocked = signal.pthread_sigmask(signal.SIG_BLOCK, [])
print(wrong, blocked, sorted(os.listdir("/proc/self/fd")))
"""
WAYS = ("a tmpfs", "a bind", "only the cache", "bubblewrap", "its own /proc", "a root")


def way(name: str, place: Path) -> list[str]:
    """Words before a command that cover all that belongs to the test."""
    own = ["unshare", "-m"] if IS_ROOT else ["unshare", "-Urm"]
    bwrap = ["bwrap", "--dev-bind", "/", "/"]
    scripts = {
        "a tmpfs": 'mount -t tmpfs none "$0"; exec "$@"',
        "a bind": 'mount --bind /usr "$0"; exec "$@"',
        "only the cache": 'mount -t tmpfs none "$0/cache"; exec "$@"',
        "a root": """
            mount -t tmpfs none "$0"; mkdir "$0/new"; mount --rbind / "$0/new"
            cd "$0/new"; mount -t tmpfs none "./$0"; mkdir "./$0/old"
            pivot_root . "./$0/old"; cd /; exec "$@"
        """,
    }
    if name in scripts:
        return [*own, "sh", "-ec", scripts[name], str(place)]
    need_tool("bwrap", "bubblewrap")
    more = ["--unshare-pid", "--proc", "/proc"] if name == "its own /proc" else []
    return [*bwrap, *more, "--tmpfs", str(place)]


@pytest.fixture
def covered(run: Runner, place: Path) -> Iterator[Covered]:
    """`covered(WORDS, CODE)`: a Python program behind words that cover."""
    if not IS_ROOT and forbidden():
        pytest.skip(forbidden())
    tree = place / "tree"
    (tree / "d").mkdir(parents=True)
    (tree / "d" / "f").write_text("of cvmfs\n")
    (tree / "d" / "link").symlink_to("f")
    shutil.copy("/bin/sh", tree / "d" / "sh")
    (tree / "d" / "script").write_text(f'#!{ROOT}/d/sh\necho {ROOT}/d/sh "$0" "$@"\n')
    (tree / "d" / "script").chmod(0o755)
    gcc = [need_tool("gcc"), "-x", "c", "-", "-o", tree / "d" / "own"]
    gcc += [f"-Wl,--dynamic-linker={ROOT}/d/missing-loader"]
    subprocess.run(gcc, check=True, input=b"int main(void) { return 0; }")
    publisher = Publisher(place)
    publisher.publish(tree, FQRN)
    server = Server(publisher.storage, place / "server")
    server.start()
    options = publisher.options(FQRN, server.url)
    # Fetched before: the keys lie where the test covers everything.
    run(
        "sh", "-c", f"find {ROOT} -type f -exec cat {{}} + > /dev/null", options=options
    )
    python = ("/usr/bin/python3", "-I", "-c")
    yield lambda words, code: run(*words, *python, code, options=options)
    server.stop()


@pytest.mark.parametrize("name", WAYS)
def test_cvmfs_is_seen_whatever_lies_over_our_places(
    covered: Covered, place: Path, name: str
) -> None:
    result = covered(way(name, place), LOOK).ok()
    assert result.text == SEEN, result.explain()
    assert result.messages == []


def test_signals_and_threads_do_not_come_between(covered: Covered, place: Path) -> None:
    result = covered(way("a tmpfs", place), BUSY).ok()
    assert result.text == "[] set() ['0', '1', '2', '3']\n", result.explain()
    assert result.messages == []


@pytest.mark.skipif(not IS_ROOT, reason="only root may mount where the tracer is")
def test_root_may_mount_over_them_without_a_namespace_of_its_own(
    covered: Covered, run: Runner, place: Path
) -> None:
    run.before = ("unshare", "-m", "--propagation", "private")
    script = 'cat "$1" > /dev/null; mount -t tmpfs none "$0"; shift; exec "$@"'
    words = ["sh", "-ec", script, str(run.scratch), f"{ROOT}/d/f"]
    result = covered(words, LOOK).ok()
    assert result.text == SEEN, result.explain()
    assert result.messages == []


def test_without_a_free_number_it_is_the_error_of_an_open(
    covered: Covered, place: Path
) -> None:
    code = f"""
import errno, os, resource
resource.setrlimit(resource.RLIMIT_NOFILE, (4, 4))
try:
    os.open("{ROOT}/d/f", os.O_RDONLY)
except OSError as error:
    print(errno.errorcode[error.errno])
print(sorted(os.listdir("/proc/self")) != [], os.open("/", os.O_RDONLY))
"""
    result = covered(way("a tmpfs", place), code).ok()
    assert result.text == "EMFILE\nTrue 3\n"


def test_the_test_covers_what_it_means_to(run: Runner, place: Path) -> None:
    script = 'test ! -e "$0" && echo covered'
    words = ["sh", "-c", script, str(run.scratch)]
    if not IS_ROOT and forbidden():
        pytest.skip(forbidden())
    done = subprocess.run(
        [*way("a tmpfs", place), *words], check=False, capture_output=True, cwd="/"
    )
    assert done.stdout == b"covered\n", done.stderr
    assert os.path.exists(run.scratch)
