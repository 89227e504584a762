# SPDX-License-Identifier: GPL-2.0-or-later
"""What the kernel answers by itself, and so not always as on a mount.

Rows of docs/compatibility.md, one test each.
"""

from __future__ import annotations

import json
import os
import struct
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.differential.test_compatibility import FQRN, ROOT, START, Configured, job
from tests.support.bare import READ, WRITE, compile_bare
from tests.support.published import Publisher
from tests.support.run import Runner
from tests.support.web import Server

IS_ROOT = os.geteuid() == 0
SOMEBODY = 12345
PYTHON = ("/usr/bin/python3", "-I", "-c")
# What statx() and the calls about mounts are asked with.
MOUNTS = """
import struct
libc.syscall.restype = ctypes.c_long
def number(path):
    room = ctypes.create_string_buffer(256)
    assert libc.statx(-100, path.encode(), 0, 0x47ff, room) == 0
    return (struct.unpack_from('<I', room, 0)[0] & 0x4000 != 0,
            struct.unpack_from('<Q', room, 144)[0])
def asked(call, mount, *rest):
    ctypes.set_errno(0)
    request = struct.pack('<IIQQQ', 32, 0, mount, rest[0], 0)
    done = libc.syscall(call, request, *rest[1:], 0)
    return done if done >= 0 else errno.errorcode[ctypes.get_errno()]
def statmount(mount):
    room = ctypes.create_string_buffer(4096)
    return asked(457, mount, 1, room, ctypes.c_size_t(len(room)))
"""


def test_calls_that_list_mounts_do_not_know_those_of_mountinfo(
    run: Runner, configured: Configured
) -> None:
    code = """
ids = (ctypes.c_uint64 * 4096)()
count = asked(458, 2**64 - 1, 0, ids, ctypes.c_size_t(4096))
numbers = [number(path) for path in ('/cvmfs', root)]
info = [line.split()[4] for line in open('/proc/self/mountinfo')]
print(json.dumps([statmount(number('/')[1]), count, [one[0] for one in numbers],
                  [statmount(one[1]) for one in numbers],
                  [one[1] in list(ids) for one in numbers],
                  [path in info for path in ('/cvmfs', root)]]))
"""
    found = job(run, configured, MOUNTS + code)
    if found[0] == "ENOSYS":
        pytest.skip("statmount and listmount came with Linux 6.8")
    assert found[0] == 0
    assert found[1] > 0
    ours = [[True, True], ["ENOENT", "ENOENT"], [False, False], [True, True]]
    assert found[2:] == ours


# name: [number on x86_64, number elsewhere, arguments]; a path stands for itself.
UNKNOWN_CALLS = """
import ctypes, errno, json, struct, sys
libc = ctypes.CDLL(None, use_errno=True)
path = ctypes.create_string_buffer(sys.argv[1].encode())
none, attributes = b'/none/none', struct.pack('<4Q', 1, 0, 0, 0)
object_get = struct.pack('<QIIi', ctypes.addressof(path), 0, 0, 0)
wanted = {'acct': (163, 89, path), 'swapon': (167, 224, path, 0),
          'swapoff': (168, 225, path),
          'fspick': (433, 433, -100, path, 0),
          'mount_setattr': (442, 442, -100, path, 0, attributes, 32),
          'bpf': (321, 280, 7, object_get, 20)}
found = {}
for name, (wide, other, *words) in wanted.items():
    ctypes.set_errno(0)
    libc.syscall(wide if sys.argv[2] == 'x86_64' else other, *words)
    found[name] = errno.errorcode.get(ctypes.get_errno(), 'ok')
print(json.dumps(found))
"""


def test_calls_without_a_row_find_nothing_below_cvmfs(
    run: Runner, configured: Configured
) -> None:
    """As of a name that is missing: for all but root they fail before that."""
    machine = os.uname().machine
    native = subprocess.run(
        [*PYTHON, UNKNOWN_CALLS, "/none/none", machine], check=True, capture_output=True
    )
    words = (*PYTHON, UNKNOWN_CALLS, f"{ROOT}/README", machine)
    found = json.loads(run(*words, options=configured(FQRN)).ok().text)
    assert found == json.loads(native.stdout)
    allowed = {"ENOENT", "ENOSYS"} if IS_ROOT else {"EPERM", "ENOSYS", "ENOENT"}
    assert set(found.values()) <= allowed


NEW_ROOTS = """
folder = root + '/special'
none, size = b'/none/none', ctypes.c_size_t(0)
def code(call, *words):
    ctypes.set_errno(0)
    return errno.errorcode[ctypes.get_errno()] if call(*words) < 0 else 'ok'
pivot = {'x86_64': 155, 'aarch64': 41}[os.uname().machine]
found = []
for path in (name.encode() for name in ('/cvmfs', root, folder)):
    found.append([code(libc.chroot, path), code(libc.syscall, pivot, path, path),
                  code(libc.mount, b'/usr', path, None, 4096, None),
                  code(libc.mount, path, none, None, 4096, None)])
print(json.dumps([found, os.path.exists(folder)]))
"""


def test_nothing_of_cvmfs_becomes_a_root_or_a_mount(
    run: Runner, configured: Configured
) -> None:
    roots = ["ENOENT"] * 2 if IS_ROOT else ["EPERM"] * 2
    row = [*roots, "EPERM", "ENOENT"]
    assert job(run, configured, NEW_ROOTS) == [[row] * 3, True]


def test_openat2_opens_what_no_cache_of_the_kernel_knows(
    run: Runner, configured: Configured
) -> None:
    code = """
import struct
how = struct.pack('<QQQ', 0, 0, 0x20)
def opened(path):
    ctypes.set_errno(0)
    done = libc.syscall(437, -100, path.encode(), how, ctypes.c_size_t(len(how)))
    return done >= 0 or errno.errorcode[ctypes.get_errno()]
print(json.dumps([opened('/'), opened(root + '/README'), opened(root)]))
"""
    native = START + code.replace("root", "'/usr'").replace("/README", "/bin")
    words = (*PYTHON, native, "/usr")
    told = subprocess.run(words, check=True, capture_output=True).stdout
    if json.loads(told)[0] in ("EINVAL", "ENOSYS"):
        pytest.skip("natively neither: RESOLVE_CACHED is of Linux 5.12")
    assert job(run, configured, code) == [True, True, True]


HOLD = """
import fcntl, mmap, os, sys
root = sys.argv[1]
file, folder = (os.open(path, os.O_RDONLY) for path in (root + '/README', root))
fcntl.flock(file, fcntl.LOCK_SH)
state = os.fstat(file)
print(os.getpid(), file, folder, os.readlink(f'/proc/self/fd/{file}'), state.st_ino)
words = [line.split() for line in open('/proc/locks')]
print([line[5] for line in words if line[4] == str(os.getpid())][0])
info = open(f'/proc/self/fdinfo/{file}').read()
print([line.split()[6] for line in info.splitlines() if line.startswith('lock:')][0],
      flush=True)
sys.stdin.read()
"""


def test_from_outside_descriptors_and_locks_are_those_of_the_object(
    run: Runner, configured: Configured
) -> None:
    front = run.start(*PYTHON, HOLD, ROOT, options=configured(FQRN))
    assert front.stdout
    words = front.stdout.readline().decode().split()
    assert words, front.communicate()[1]
    locks = [front.stdout.readline().decode().strip() for _ in range(2)]
    pid, file, folder = words[:3]
    shown = [Path(os.readlink(f"/proc/{pid}/fd/{fd}")) for fd in (file, folder)]
    state = shown[0].stat()
    front.communicate()
    assert words[3] == f"{ROOT}/README"
    assert run.cache in shown[0].parents
    assert shown[1].parent.parent.name.startswith(".interpose-")
    device = f"{os.major(state.st_dev):02x}:{os.minor(state.st_dev):02x}"
    assert locks == [f"{device}:{state.st_ino}"] * 2
    assert int(words[4]) != state.st_ino


def test_what_an_interpreter_of_cvmfs_runs_is_a_copy_in_the_scratch(
    run: Runner, configured: Configured, place: Path
) -> None:
    fqrn, program = "programs.example.org", place / "waits"
    loader = f"/cvmfs/{fqrn}/ownloader/lib/ld-linux-x86-64.so.2"
    waits = f'char byte; call({WRITE}, 1, "runs\\n", 5); call({READ}, 0, &byte, 1);'
    compile_bare(waits, loader, program)
    script = 'echo $$ $(readlink "/proc/$$/exe"); exec "$0"'
    front = run.start("sh", "-c", script, program, options=configured(fqrn))
    assert front.stdout
    pid = front.stdout.readline().decode().split()[0]
    assert front.stdout.readline() == b"runs\n", front.communicate()[1]
    shown = Path(os.readlink(f"/proc/{pid}/exe"))
    front.communicate()
    assert front.returncode == 0
    assert run.scratch in shown.parents


def mapped_files(core: bytes) -> list[str]:
    """The names in its note NT_FILE: two numbers, three for each, then the names."""
    mark = struct.pack("=I", 0x46494C45) + b"CORE\0\0\0\0"
    at = core.index(mark)
    (size,) = struct.unpack_from("=I", core, at - 4)
    note = core[at + len(mark) : at + len(mark) + size]
    (count,) = struct.unpack_from("=Q", note)
    return [os.fsdecode(name) for name in note[16 + 24 * count :].split(b"\0")]


def test_a_core_file_has_the_names_of_objects(
    run: Runner, configured: Configured, place: Path
) -> None:
    code = """
import mmap, os, sys
os.chdir(sys.argv[2])
file = open(sys.argv[1] + '/README', 'rb')
mapping = mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ)
os.abort()
"""
    words = ("bash", "-c", 'ulimit -c unlimited; exec "$@"', "bash", *PYTHON, code)
    copy, ours = place / "copy", place / "ours"
    copy.mkdir()
    ours.mkdir()
    (copy / "README").write_text("content\n")
    natively = subprocess.run(
        [*words, copy, copy], check=False, stderr=subprocess.DEVNULL
    )
    assert natively.returncode == -6
    if not list(copy.glob("core*")):
        pytest.skip("this machine writes no core file beside a native program either")
    result = run(*words, ROOT, ours, options=configured(FQRN))
    (core,) = ours.glob("core*")
    names = mapped_files(core.read_bytes())
    assert result.status == -6
    assert [name for name in names if name.startswith(str(run.cache))]
    assert [name for name in names if name.startswith("/cvmfs")] == []


def test_the_status_of_a_process_tells_of_the_tracer(
    run: Runner, configured: Configured
) -> None:
    code = """
lines = dict(line.split(':', 1) for line in open('/proc/self/status'))
tracer = int(lines['TracerPid'])
print(json.dumps([open(f'/proc/{tracer}/comm').read().strip(),
                  int(lines['NoNewPrivs']), int(lines['Seccomp'])]))
"""
    assert job(run, configured, code) == ["interpose_run", 1, 2]


def test_reading_and_mapping_cost_no_stop(run: Runner, configured: Configured) -> None:
    code = """
import ctypes, os, sys
libc = ctypes.CDLL(None)
libc.mmap.restype = ctypes.c_void_p
libc.munmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t]
file = os.open(sys.argv[1] + '/README', os.O_RDONLY)
for turn in range(int(sys.argv[2])):
    os.lseek(file, 0, os.SEEK_SET)
    os.read(file, 100)
    os.pread(file, 100, 1)
    mapping = libc.mmap(None, ctypes.c_size_t(10), 1, 2, file, 0)
    assert ctypes.string_at(mapping, 10) == os.pread(file, 10, 0)
    libc.munmap(mapping, 10)
    os.sendfile(1, file, 0, 1)
"""
    stops = []
    for count in ("1", "1", "1000"):
        words = (*PYTHON, code, ROOT, count)
        # Who gets the stub stops for that, too, now and then once more.
        options = [*configured(FQRN), "--no-fastpath"]
        result = run(*words, options=options, stats=True).ok()
        assert len(result.stdout) == int(count)
        stops.append(result.stats["tracer"]["stops"])
    # The first run found nothing in the cache.
    assert stops[2] == stops[1]


# All that tells of a change, and IN_UNMOUNT comes unasked.
WATCH = """
import struct
CHANGES = 0x2 | 0x4 | 0x40 | 0x80 | 0x100 | 0x200 | 0x400 | 0x800
watcher = libc.inotify_init1(os.O_NONBLOCK)
paths = ['/cvmfs', root, root + '/special', root + '/README', root + '/symlinks']
watches = [libc.inotify_add_watch(watcher, path.encode(), CHANGES) for path in paths]
print(json.dumps(len({one for one in watches if one > 0}) == len(paths)), flush=True)
sys.stdin.readline()
for top, folders, files in os.walk(root):
    for name in files:
        outcome(os.stat, os.path.join(top, name))
for path in paths:
    fd = os.open(path, os.O_RDONLY)
    changes = [outcome(os.fchmod, fd, 0o777), outcome(os.utime, path),
               outcome(os.mkdir, path + '/new'), outcome(os.rename, path, path + 'x')]
    os.close(fd)
print(json.dumps([changes, outcome(os.read, watcher, 4096)]))
"""


def test_a_watch_is_accepted_and_reports_no_change(
    run: Runner, configured: Configured
) -> None:
    """Though directories of the scratch come and another job uses the same objects."""
    options = configured(FQRN)
    front = run.start(*PYTHON, START + WATCH, ROOT, options=options)
    assert front.stdin
    assert front.stdout
    assert front.stdout.readline() == b"true\n", front.communicate()[1]
    other = ("find", ROOT, "-type", "f", "-execdir", "md5sum", "{}", "+")
    assert b" ./README\n" in run.start(*other, options=options).communicate()[0]
    out, err = front.communicate(b"\n")
    changes, events = json.loads(out)
    assert events == "EAGAIN", err
    assert set(changes) <= {"EROFS", "EPERM"}


@pytest.fixture
def owned(
    run: Runner, place: Path, serve: Callable[[Path], Server]
) -> tuple[list[Any], str]:
    """A file in a repository of the test, of SOMEBODY: options and path."""
    tree, fqrn = place / "tree", "owned.example.org"
    tree.mkdir()
    (tree / "file").write_text("content\n")
    if IS_ROOT:
        os.chown(tree / "file", SOMEBODY, SOMEBODY)
    publisher = Publisher(place)
    publisher.publish(tree, fqrn)
    options = publisher.options(fqrn, serve(publisher.storage).url)
    return options, f"/cvmfs/{fqrn}/file"


NOATIME = """
import fcntl, os, sys
uid = int(sys.argv[2])
if uid != os.geteuid():
    os.setgroups([]); os.setgid(uid); os.setuid(uid)
fd = os.open(sys.argv[1], os.O_RDONLY | os.O_NOATIME)
print(fcntl.fcntl(fd, fcntl.F_GETFL) & os.O_NOATIME != 0, os.read(fd, 100) != b'')
"""


def test_noatime_is_for_the_owner_of_the_object(
    run: Runner, owned: tuple[list[Any], str]
) -> None:
    options, path = owned
    words = (*PYTHON, NOATIME, path, str(os.geteuid()))
    assert run(*words, options=options).ok().text == "True True\n"


@pytest.mark.skipif(not IS_ROOT, reason="only root can become another user")
def test_noatime_of_another_users_object_is_dropped(
    run: Runner, owned: tuple[list[Any], str]
) -> None:
    """The entry is the asking user's, so a mount would take the flag."""
    options, path = owned
    words = (*PYTHON, NOATIME, path, str(SOMEBODY))
    assert run(*words, options=options).ok().text == "False True\n"


def test_after_fexecve_comm_is_the_name_of_the_file(
    run: Runner, configured: Configured
) -> None:
    fqrn = "programs.example.org"
    code = """
import os, sys
fd = os.open(sys.argv[1], os.O_RDONLY)
os.execve(fd, ['cat', '/proc/self/comm'], {})
"""
    path = f"/cvmfs/{fqrn}/busybox/busybox"
    result = run(*PYTHON, code, path, options=configured(fqrn)).ok()
    assert result.text == "busybox\n"
