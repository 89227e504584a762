# SPDX-License-Identifier: GPL-2.0-or-later
"""What programs make, remove and change on the host with a stub, and not in /cvmfs."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.fast import NEEDS_STUB, PYTHON, Options, fast, figures, traced
from tests.support.fasttree import TOP, made_options, publish
from tests.support.keeper import own_directory
from tests.support.published import Publisher
from tests.support.run import Runner

TIMES = 40

pytestmark = NEEDS_STUB


@pytest.fixture(scope="module")
def publisher() -> Iterator[Publisher]:
    with own_directory("interpose-changes-") as top:
        yield publish(top)


@pytest.fixture
def options(publisher: Publisher) -> Options:
    return made_options(publisher)


# told(CALL): what it says; left(): what is there then, but for times that nobody set.
SCRIPT = f"""
import ctypes, errno, fcntl, os, stat, sys
TOP, HOME = "{TOP}", sys.argv[1]
libc = ctypes.CDLL(None, use_errno=True)
libc.renameat2.argtypes = [ctypes.c_int, ctypes.c_char_p] * 2 + [ctypes.c_uint]
O = os
def told(function, *words, **how):
    try:
        result = function(*words, **how)
        if function is not os.open:
            return result
        flags = oct(fcntl.fcntl(result, fcntl.F_GETFL))
        kept = os.get_inheritable(result)
        if flags[-1] in "12" and os.fstat(result).st_size:
            os.write(result, b"written")
        return flags, kept
    except OSError as error:
        return errno.errorcode[error.errno]
    finally:
        if function is os.open and "result" in locals():
            os.close(result)
def called(name, *words):
    ctypes.set_errno(0)
    words = [os.fsencode(word) if isinstance(word, str) else word for word in words]
    result = getattr(libc, name)(*words)
    return name, result, errno.errorcode.get(ctypes.get_errno())
def left(top):
    for folder, folders, files in os.walk(top):
        folders.sort()
        for name in sorted(folders + files):
            path = os.path.join(folder, name)
            try:
                st = os.lstat(path)
                yield (path, oct(st.st_mode), st.st_nlink, st.st_uid, st.st_gid,
                       st.st_mtime if st.st_mtime < 1e9 else "now",
                       os.readlink(path) if stat.S_ISLNK(st.st_mode) else
                       stat.S_ISREG(st.st_mode) and open(path, "rb").read())
            except PermissionError:
                yield path, "shut"
def short(name):
    return name.replace(HOME, "HOME")[-60:]
def show(top):
    for line in left(top):
        print(line)
os.umask(0o027)
os.chdir(HOME)
os.mkdir("made")
os.chdir("made")
"""
FLAGS = (
    "O.O_WRONLY | O.O_CREAT",
    "O.O_RDWR | O.O_CREAT | O.O_EXCL",
    "O.O_WRONLY | O.O_CREAT | O.O_TRUNC | O.O_CLOEXEC",
    "O.O_RDWR",
    "O.O_WRONLY | O.O_APPEND | O.O_NONBLOCK",
    "O.O_RDWR | O.O_NOFOLLOW",
    "O.O_WRONLY | O.O_CREAT | O.O_NOFOLLOW",
    "O.O_RDONLY | O.O_CREAT",
    "O.O_RDONLY | O.O_TRUNC",
    "O.O_RDWR | O.O_TMPFILE",
    "O.O_WRONLY | O.O_PATH",
    "O.O_RDWR | O.O_DIRECTORY",
    "O.O_WRONLY | O.O_SYNC | O.O_CREAT",
    "O.O_WRONLY | O.O_CREAT | 0o40000000",
)
# All calls about a name, each from nothing, from a file, a directory and a link.
EACH = f"""
def each(name, **how):
    yield "mkdir", told(os.mkdir, name, 0o757, **how)
    yield "rmdir", told(os.rmdir, name, **how)
    for flags in ({", ".join(FLAGS)}):
        yield "open", oct(flags), told(os.open, name, flags, 0o6765, **how)
    yield "chmod", told(os.chmod, name, 0o1640, **how)
    yield "utime", told(os.utime, name, (5, 7), **how)
    yield "utime of it", told(os.utime, name, (5, 9), follow_symlinks=False, **how)
    yield "chown", told(os.chown, name, -1, -1, **how)
    yield "lchown", told(os.chown, name, -1, -1, follow_symlinks=False, **how)
    both = dict(src_dir_fd=how["dir_fd"], dst_dir_fd=how["dir_fd"]) if how else {{}}
    for new in (name + ".new", name + "/", "other", TOP + "/new"):
        yield "link", told(os.link, name, new, follow_symlinks=False, **both)
        yield "rename", told(os.rename, name, new, **both)
        yield "back", told(os.rename, new, name, **both)
        yield "exchange", called("renameat2", -100, name, -100, new, 2)
        yield "unlink", told(os.unlink, new, **how)
    yield "symlink", told(os.symlink, "target", name, **how)
    yield "to link", told(os.symlink, name, "made", **how)
    yield "away", told(os.unlink, "made", **how)
    if not how:
        yield "truncate", told(os.truncate, name, 3)
        yield "chmod 2", called("chmod", name, 0o604)
        yield "lchown 2", called("lchown", name, -1, -1)
        below = (name or ".") + "/x"
        yield "below", called("mkdir", below, 0o700), called("rmdir", below)
    yield "rmdir", told(os.rmdir, name, **how)
    yield "unlink", told(os.unlink, name, **how)
"""
SETTING = """
for folder in ("a", "a/b", "deep/er"):
    os.makedirs(folder)
for file in ("file", "a/file", "deep/er/file"):
    open(file, "w").write(file)
for link, target in {"to-a": "a", "to-file": "file", "to-nothing": "a/nothing",
                     "to-ours": TOP, "to-our-dir": TOP + "/dir", "to-no": TOP + "/no",
                     "to-our-file": TOP + "/README", "to-proc": "/proc/self",
                     "to-top": "/cvmfs", "to-up": "../made/a", "loop": "loop"}.items():
    os.symlink(target, link)
"""
NAMES = """
names = ["new", "file", "a", "a/new", "a/file", "a/b", "a/no/new", "file/new", "new/",
         "a/", "./new", ".//a/./new", "../made/new", "to-a", "to-a/new", "to-file",
         "to-nothing", "to-ours/new", "to-ours/README", "to-our-dir/new", "to-our-dir",
         "to-our-file", "to-no", "to-proc/new", "to-proc/fd/1", "to-top/new",
         "to-up/new",
         "loop", "loop/x", "", ".", "..", "n" * 255, "n" * 256, "x/" * 2047 + "y",
         "cvmfs", "cvmfs/x", "proc", "process", TOP + "/new", TOP + "/README", TOP,
         TOP + "/dir", TOP + "/dir/new", TOP + "/no/new", "/cvmfs", "/cvmfs/new",
         "/proc/self/new", "/proc/no", "/dev/fd/1/x", "//cvmfs", HOME + "/made/abs",
         HOME + "/made/a/../abs", HOME + "/made/to-a/abs", HOME + "/made/to-ours/abs"]
"""


def _three(run: Runner, script: str, place: Path, options: Options) -> str:
    """Traced and with the stub the same; what both have said."""
    found = []
    for number, way in enumerate((traced, fast)):
        home = place / str(number)
        home.mkdir()
        result = way(run, *PYTHON, script, home, options=options).ok()
        found.append(result.text.replace(str(home), "HOME"))
    pairs = zip(found[0].splitlines(), found[1].splitlines())
    assert [pair for pair in pairs if pair[0] != pair[1]] == []
    assert found[0] == found[1]
    return found[1]


def test_each_change_by_each_name(run: Runner, options: Options, place: Path) -> None:
    script = SCRIPT + EACH + SETTING + NAMES
    script += """
for name in names:
    for line in each(name):
        print(short(name), *line)
show(".")
"""
    assert "EROFS" in _three(run, script, place, options)


def test_each_change_by_the_descriptor_of_a_directory(
    run: Runner, options: Options, place: Path
) -> None:
    script = SCRIPT + EACH + SETTING + NAMES
    script += """
for folder in (".", "a", TOP, TOP + "/dir/nested", "/proc/self", "file"):
    fd = os.open(folder, os.O_RDONLY)
    for name in [name for name in names if name and name[0] != "/"][:22]:
        # Nothing of the machine's own is changed.
        if folder == "/proc/self" and ".." in name:
            continue
        for line in each(name, dir_fd=fd):
            print(folder, short(name), *line)
    os.close(fd)
for line in each("new", dir_fd=99):
    print(*line)
show(".")
"""
    assert "EROFS" in _three(run, script, place, options)


def test_each_change_from_a_working_directory(
    run: Runner, options: Options, place: Path
) -> None:
    script = SCRIPT + EACH + SETTING + NAMES
    script += """
names = [name for name in names if name and name[0] != "/"]
deep = HOME + "/made/deep/er"
for folder in ("a", TOP, TOP + "/dir/nested", "/proc/self", deep):
    os.chdir(folder if folder[0] == "/" else HOME + "/made/" + folder)
    for name in names:
        # Nothing of the machine's own is changed.
        if folder == "/proc/self" and name == "..":
            continue
        for line in each(name):
            print(folder, short(name), *line)
os.chdir("/")
for name in ("cvmfs", "./cvmfs", "proc/no", "cvmfs/x", "cvmfs/new.new"):
    print(name, told(os.mkdir, name), told(os.rmdir, name), told(os.unlink, name),
          told(os.open, name, os.O_CREAT | os.O_WRONLY), told(os.chmod, name, 0o600),
          told(os.rename, name, "cvmfs"), told(os.symlink, "target", name))
os.chdir(HOME + "/made")
show(".")
"""
    assert "EROFS" in _three(run, script, place, options)


def test_changes_of_what_is_open(run: Runner, options: Options, place: Path) -> None:
    """A file of /cvmfs cannot be changed, however its descriptor came."""
    script = SCRIPT + SETTING
    script += f"""
fds = [os.open(name, os.O_RDONLY) for name in
       ("file", "a", TOP + "/README", TOP + "/dir", TOP, "/proc/self/status")]
fds += [os.open(name, os.O_PATH | os.O_NOFOLLOW)
        for name in ("to-ours", TOP + "/across")]
for _ in range({TIMES}):
    for fd in fds + [98]:
        link = f"/proc/self/fd/{{fd}}"
        print(fd, told(os.fchmod, fd, 0o605), told(os.fchown, fd, -1, -1),
              told(os.utime, fd, (3, 4)), told(os.chmod, link, 0o644),
              told(os.utime, link, (5, 6)), called("chmod", link + "/", 0o600),
              called("utimensat", fd, None, None, 0), told(os.ftruncate, fd, 2))
print(called("chmod", 1, 2), called("rename", "file", 3), called("unlink", 1 << 47),
      called("utimensat", -100, "file", 5, 0), called("linkat", 1, 2, 3, 4, 5),
      called("unlinkat", -100, "a", 0x200 | 1), called("mkdir", None, 0))
show(".")
"""
    assert "EROFS" in _three(run, script, place, options)


def test_a_tree_is_made_and_removed_without_stops(
    run: Runner, options: Options, place: Path
) -> None:
    script = (
        SCRIPT
        + """
for turn in range(int(sys.argv[2])):
    os.makedirs(f"{HOME}/made/one/two")
    fd = os.open("one", os.O_RDONLY)
    for name in range(4):
        open(f"one/two/{name}", "w").write("x")
        os.chmod(f"one/two/{name}", 0o600)
        os.utime(f"{HOME}/made/one/two/{name}", (1, 2))
        os.rename(f"one/two/{name}", f"one/{name}")
        os.symlink("target", f"{name}", dir_fd=fd) if name > 3 else None
        os.link(f"one/{name}", f"one/{name}-too")
        os.unlink(f"{name}", dir_fd=fd)
        os.unlink(f"one/{name}-too")
    os.close(fd)
    os.rmdir("one/two")
    os.rmdir("one")
"""
    )
    few, many = (
        fast(run, *PYTHON, script, _made(place / count), count, options=options)
        for count in ("2", "42")
    )
    assert figures(many)[0] - figures(few)[0] < 10
    assert figures(many)[1] - figures(few)[1] > 40 * 4 * 7


def _made(home: Path) -> Path:
    home.mkdir()
    return home


def test_real_programs_make_the_same(
    run: Runner, options: Options, place: Path
) -> None:
    """cp, mv, tar, sed, touch, install and rm: as natively, name by name."""
    script = f"""
set -e
cd "$1"; cp -a {TOP}/dir tree; cp -r tree second; mv second moved
tar -cf tree.tar tree; mkdir out; tar -C out -xf tree.tar; rm tree.tar
touch -d @77 out/tree/plain/p; sed -i s/dir/DIR/ out/tree/plain/p
install -m 711 out/tree/plain/p installed; ln -s installed link; ln installed hard
chmod -R u+w moved; rm -r moved; mkdir -p p/q/r; rmdir -p p/q/r
find . -printf '%p %y %m %s %n %l\\n' | sort; cat out/tree/plain/p
"""
    script_native = script.replace(f"{TOP}/dir", '"$2"/dir')
    places = [_made(place / name) for name in ("traced", "fast", "native")]
    command = ("/bin/bash", "-c")
    seen = [
        traced(run, *command, script, "x", places[0], options=options).text,
        fast(run, *command, script, "x", places[1], options=options).ok().text,
    ]
    tree = _made(place / "tree")
    fast(run, "/bin/cp", "-a", f"{TOP}/dir", tree, options=options).ok()
    native = subprocess.run(
        [*command, script_native, "x", places[2], tree],
        check=True,
        capture_output=True,
        text=True,
    )
    assert seen == [native.stdout] * 2
