# SPDX-License-Identifier: GPL-2.0-or-later
"""What happens to objects and to the scratch while a job runs, beneath its /cvmfs."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.bare import WRITE, compile_bare
from tests.support.memory import in_memory, is_tmpfs
from tests.support.run import Runner

FQRN = "sha1.example.org"
FILE = f"/cvmfs/{FQRN}/README"
TRIES = 10
Configured = Callable[..., list[Any]]
# argv: a file of /cvmfs, a directory. Opens the file; when the input says so makes
# files until one has the object's number, and does what only an own file suffers.
REUSE = """
import json, os, sys
path, folder = sys.argv[1:]
def known(fd):
    return os.readlink(f"/proc/self/fd/{fd}")
fd = os.open(path, os.O_RDONLY)
assert known(fd) == path
os.close(fd)
print("opened", flush=True)
wanted = int(sys.stdin.readline())
met, wrong = False, []
for number in range(4000):
    name = f"{folder}/{number}"
    fd = os.open(name, os.O_RDWR | os.O_CREAT)
    met = met or os.stat(name).st_ino == wanted
    done = []
    try:
        os.ftruncate(fd, 5)
        os.fchmod(fd, 0o600)
        done = [known(fd), os.fstat(fd).st_size, os.fstat(fd).st_ino]
    except OSError as error:
        done = [str(error)]
    os.close(fd)
    if done != [name, 5, os.stat(name).st_ino]:
        wrong.append(done)
    if met or wrong:
        break
print(json.dumps([met, wrong]))
"""


def stored(cache: Path, content: bytes) -> Path:
    """The object with this content."""
    files = [path for path in cache.rglob("*") if path.is_file()]
    (found,) = [path for path in files if path.read_bytes() == content]
    return found


def gives_numbers_again(folder: Path) -> bool:
    """Whether a new file gets the number of one that was removed just now."""
    numbers = set()
    for _ in range(50):
        (folder / "probe").touch()
        numbers.add((folder / "probe").stat().st_ino)
        (folder / "probe").unlink()
    return len(numbers) < 50


def meets_the_number(run: Runner, options: list[Any], folder: Path) -> bool:
    """Whether a file of a job got the number of an object that had left just before.

    Fails unless all files that it made were its own.
    """
    content = run("cat", FILE, options=options).ok().stdout
    folder.mkdir()
    leaving = stored(run.cache, content)
    # File systems give a number again to a file of the same directory. With its time it
    # is still what was stored.
    again = shutil.copy2(leaving, folder / "again")
    again.rename(leaving)
    words = ("/usr/bin/python3", "-I", "-c", REUSE, FILE, folder)
    front = run.start(*words, options=options)
    assert front.stdout
    assert front.stdout.readline() == b"opened\n", front.communicate()[1]
    number = leaving.stat().st_ino
    leaving.unlink()
    out, err = front.communicate(b"%d\n" % number, timeout=60)
    met, wrong = json.loads(out)
    assert wrong == [], err
    return bool(met)


def test_a_file_with_the_number_of_a_former_object_is_the_jobs_own(
    run: Runner, configured: Configured
) -> None:
    options = configured(FQRN)
    folders = [run.place / f"own-{number}" for number in range(TRIES)]
    # Somebody else on the machine may have been given the number.
    if any(meets_the_number(run, options, folder) for folder in folders):
        return
    if not gives_numbers_again(folders[0]):
        pytest.skip("natively, too, this file system gives no number twice")
    pytest.fail("the number of the object was never met")


# argv: a file of /cvmfs. Shows what it and directories around it are, once at the
# beginning and once for each line of input.
AGAIN = """
import json, os, sys
path = sys.argv[1]
folder = os.path.dirname(path)
def outcome(call, *words):
    try:
        return call(*words)
    except OSError as error:
        return os.strerror(error.errno)
held = os.open(path, os.O_RDONLY)
def look():
    state = os.fstat(held)
    shown = [[os.readlink(f"/proc/self/fd/{held}"), state.st_ino, state.st_size]]
    for name in (path, folder, "/cvmfs", folder + "/special/fifo"):
        fd = outcome(os.open, name, os.O_RDONLY | os.O_NONBLOCK)
        if isinstance(fd, str):
            shown.append([name, fd])
            continue
        state = os.fstat(fd)
        shown.append([os.readlink(f"/proc/self/fd/{fd}"), state.st_ino, state.st_mode,
                      state.st_size, outcome(os.fchmod, fd, 0o777)])
        if os.path.isdir(name):
            os.chdir(name)
            shown.append([os.getcwd(), sorted(os.listdir(fd)), os.listdir(".") != []])
        os.close(fd)
    shown.append(len(outcome(lambda: open(path, "rb").read())))
    print(json.dumps(shown), flush=True)
look()
for line in sys.stdin:
    look()
"""


def close_all(folder: Path) -> None:
    for path in [*folder.iterdir(), folder]:
        path.chmod(0, follow_symlinks=not path.is_symlink())


def clean_all(folder: Path) -> None:
    for path in folder.iterdir():
        path.rmdir() if path.is_dir() else path.unlink()


def replace_all(folder: Path) -> None:
    clean_all(folder)
    for number in range(4):
        (folder / str(number)).write_text("another file")


HARMS = (clean_all, shutil.rmtree, close_all, replace_all)


@pytest.mark.parametrize("harm", HARMS)
def test_a_cleaner_of_temporary_files_takes_nothing_from_the_job(
    run: Runner, configured: Configured, harm: Callable[[Path], None]
) -> None:
    words = ("/usr/bin/python3", "-I", "-c", AGAIN, FILE)
    front = run.start(*words, options=configured(FQRN))
    assert front.stdin
    assert front.stdout
    before = front.stdout.readline()
    (scratch,) = run.scratch.glob(".interpose-*")
    tops = [scratch, *(() if is_tmpfs(scratch) else in_memory(front))]
    harmed = [top / folder for top in tops for folder in ("d", "o", "i")]
    harmed = [folder for folder in harmed if folder.exists()]
    assert tops[-1] / "d" in harmed
    for folder in harmed:
        harm(folder)
    after, err = front.communicate(b"\n", timeout=60)
    assert len(json.loads(before)) == 8, err
    assert json.loads(after) == json.loads(before)
    run.nothing_left()


@pytest.mark.parametrize("deed", ["leaves", "comes back", "closed", "empty", "touched"])
def test_an_object_that_others_touch_is_served_as_before(
    run: Runner, configured: Configured, deed: str
) -> None:
    options = configured(FQRN)
    content = run("cat", FILE, options=options).ok().stdout
    words = ("/usr/bin/python3", "-I", "-c", AGAIN, FILE)
    front = run.start(*words, options=options)
    assert front.stdout
    before = front.stdout.readline()
    touched = stored(run.cache, content)
    if deed == "closed":
        touched.chmod(0)
    elif deed == "touched":
        os.utime(touched, (1, 1))
    else:
        touched.rename(run.place / "former")  # its number stays taken
    if deed == "comes back":
        assert run.start("cat", FILE, options=options).communicate()[0] == content
    if deed == "empty":
        touched.touch(0o555)
    after, err = front.communicate(b"\n", timeout=60)
    assert json.loads(after) == json.loads(before), err
    touched = stored(run.cache, content)
    assert touched.stat().st_mode & 0o777 == 0o555


def test_a_program_that_was_built_anew_is_the_new_one(
    run: Runner, configured: Configured, place: Path
) -> None:
    """With its interpreter in /cvmfs, so that a copy runs in its place."""
    fqrn = "programs.example.org"
    loader = f"/cvmfs/{fqrn}/ownloader/lib/ld-linux-x86-64.so.2"
    for word in ("one", "two", "six"):
        compile_bare(f'call({WRITE}, 1, "{word}\\n", 4);', loader, place / word)
    script = """
        cp one it; ./it; ./it
        cat two > it; ./it
        stat -c %i it; rm it; cp six it; ./it; stat -c %i it
        touch -r one it; cat one > it; touch -r one it; ./it
    """
    result = run("sh", "-ec", script, options=configured(fqrn), cwd=place).ok()
    said = [line for line in result.text.split() if not line.isdigit()]
    assert said == ["one", "one", "two", "six", "one"]
