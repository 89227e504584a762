# SPDX-License-Identifier: GPL-2.0-or-later
"""What the stub has to know of a process: where it is, its memory, its threads."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.fast import NEEDS_STUB, PYTHON, Options, given, same
from tests.support.fasttree import LOOK, TOP, made_options, publish
from tests.support.keeper import own_directory
from tests.support.run import Runner

pytestmark = NEEDS_STUB


@pytest.fixture(scope="module")
def options() -> Iterator[Options]:
    with own_directory("interpose-fast-") as top:
        yield made_options(publish(top))


OVER = (
    LOOK
    + """
def over(function, name, *words):
    buffer = ctypes.create_string_buffer(name, 8192)
    ctypes.set_errno(0)
    words = [buffer if word == "over" else word for word in words]
    return function(*words), ctypes.get_errno()
statx = libc.statx
at, file = (os.open(sys.argv[1] + rest, os.O_RDONLY) for rest in ("/dir", "/README"))
os.chdir(sys.argv[1] + "/dir")
for _ in range(3):
    names = [os.fsencode(sys.argv[1]) + rest for rest in (b"/README", b"/no", b"")]
    for name in (*names, b"/etc/passwd", b"/", b"/dev/null", b"nested", b".", b"..",
                 b"nested/f", os.fsencode(sys.argv[2])):
        print(name, over(statx, name, at, "over", 0, 0x7ff, "over"))
        print(name, over(libc.readlink, name, "over", "over", 100))
    for fd in (at, file):
        print(over(statx, b"", fd, "over", 0x1000, 0x7ff, "over"))
    print(over(libc.readlink, sys.argv[1].encode() + b"/no", "over", "over", 0))
    print(over(libc.readlink, b"/nowhere", "over", "over", 0))
"""
)


def test_an_answer_may_lie_over_its_name(
    run: Runner, options: Options, place: Path
) -> None:
    """The kernel takes the name before it writes."""
    read_only = place / "like-an-object"
    read_only.write_text("x")
    read_only.chmod(0o444)
    result = same(run, *PYTHON, OVER, TOP, read_only, options=options)
    assert result.text.count("(0, 0)") > 20


MAPS = (
    LOOK
    + f"""
for _ in range(3):
    os.stat("{TOP}/dir/nested/inner/g")
if sys.argv[1] == "child":
    child = os.fork()
    if not child:
        os.read(0, 1)
        os._exit(0)
pid = child if sys.argv[1] == "child" else os.getpid()
names = ("maps", "smaps", "numa_maps")
texts = {{name: open(f"/proc/{{pid}}/{{name}}").read()
         for name in names if os.path.exists(f"/proc/self/{{name}}")}}
print(pid, flush=True)
for name, text in texts.items():
    print(name, len(text.splitlines()))
folder = f"/proc/{{pid}}/map_files"
try:
    texts["links"] = "\\n".join(told(os.readlink, f"{{folder}}/{{name}}")
                                for name in os.listdir(folder))
except PermissionError:
    pass
print([text for text in texts.values() if sys.argv[2] in text])
print("zero", texts["maps"].count("/dev/zero (deleted)"), flush=True)
os.read(0, 1)
"""
)


@pytest.mark.parametrize("whose", ["own", "child"])
def test_maps_have_no_name_of_the_cache(
    run: Runner, options: Options, whose: str
) -> None:
    """And as many lines as the kernel has."""
    env = {**run.environment(), **given()}
    words = (*PYTHON, MAPS, whose, run.cache)
    job = run.start(*words, options=options, env=env)
    assert job.stdout
    lines: list[str] = []
    while not lines or not lines[-1].startswith("zero"):
        lines.append(job.stdout.readline().decode())
        assert lines[-1]
    pid, *counts, named, zero = lines
    for line in counts:
        name, count = line.split()
        text = Path(f"/proc/{int(pid)}/{name}").read_text()
        assert len(text.splitlines()) == int(count)
    assert named == "[]\n"
    assert int(zero.split()[1]) >= 3
    job.communicate(b"xx", timeout=60)
    assert job.returncode == 0


def test_who_opens_an_index_file_has_its_name(run: Runner, options: Options) -> None:
    script = """
import os, sys
for _ in range(3):
    os.stat(sys.argv[2])
folder = sys.argv[1] + "/index/"
for name in os.listdir(folder):
    fd = os.open(folder + name, os.O_RDONLY)
    print(os.readlink(f"/proc/self/fd/{fd}") == folder + name)
"""
    result = same(run, *PYTHON, script, run.cache, f"{TOP}/dir/nested", options=options)
    assert set(result.text.split()) == {"True"}


def test_a_fork_knows_where_it_is_whatever_other_threads_do(
    run: Runner, options: Options, compiled: Path
) -> None:
    """A thread moves while another forks; the child moves, too, and looks around."""
    words = (compiled / "fork_and_move", f"{TOP}/dir", f"{TOP}/dir/nested", "60")
    assert same(run, *words, options=options).text == "wrong 0\n"


def test_threads_that_move_have_no_wrong_answer(run: Runner, options: Options) -> None:
    """Two directories have different files: each name is in one of them, or neither."""
    script = f"""
import os, threading
moving = True
def move():
    while moving:
        for folder in ("{TOP}/dir/nested", "/etc", "{TOP}/dir/nested/inner", "/"):
            os.chdir(folder)
def size(name):
    try:
        return os.stat(name).st_size
    except FileNotFoundError:
        return None
right = {{name: {{None, os.stat(f"{TOP}/dir/nested/" + name).st_size}}
         for name in ("f", "exe", "inner/g")}}
mover = threading.Thread(target=move)
mover.start()
wrong = [name for _ in range(1500) for name in right if size(name) not in right[name]]
moving = False
mover.join()
os.chdir("{TOP}/dir/nested")
print(wrong, size("f"), size("inner/g"), size("g"), os.getcwd())
"""
    same(run, *PYTHON, script, options=options)


def test_a_vforked_child_moves_alone(
    run: Runner, options: Options, compiled: Path
) -> None:
    """It shares the memory, and so what the stub knows, but not the place."""
    words = (compiled / "vfork_and_move", f"{TOP}/dir", f"{TOP}/dir/nested", "f")
    assert same(run, *words, options=options).text.count("missing") == 6


REMOVED = (
    LOOK
    + """
gone = sys.argv[1] + "/gone"
os.mkdir(gone)
here, ours = (os.open(name, os.O_RDONLY) for name in (gone, sys.argv[2]))
file = os.open(sys.argv[2] + "/f", os.O_RDONLY)
os.rmdir(gone)
for _ in range(3):
    os.fchdir(ours)
    for name in ("f", ".", "..", "../plain/p", "no", "inner"):
        print("ours", name, fields(told(os.stat, name)))
    os.fchdir(here)
    print("removed", [told(os.access, name, 0) for name in ("f", ".", "no", "..")])
    print(told(os.getcwd), told(os.fchdir, file), told(os.stat, "f"))
    os.chdir("/")
    print("root", [told(os.access, name, 0) for name in ("f", ".", "etc", "cvmfs")])
"""
)


def test_directories_that_are_removed_are_no_place_of_ours(
    run: Runner, options: Options, place: Path
) -> None:
    (place / "work").mkdir()
    words = (*PYTHON, REMOVED, place / "work", f"{TOP}/dir/nested")
    assert "ENOTDIR" in same(run, *words, options=options).text


def test_a_small_stack_is_enough(run: Runner, options: Options, compiled: Path) -> None:
    """Of a thread, and of a handler: what the kernel needs and eight kilobytes."""
    words = (compiled / "small_stacks", f"{TOP}/dir/nested/inner/../../../across")
    assert same(run, *words, options=options).text == "0 0\n0 0\n"
