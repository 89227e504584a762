# SPDX-License-Identifier: GPL-2.0-or-later
"""Files of /proc that name files or mounts: as a mount of /cvmfs would show them."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.places import need_user
from tests.support.run import Runner

Configured = Callable[..., list[Any]]
FQRN = "programs.example.org"
ROOT = f"/cvmfs/{FQRN}"
# Maps argv[1], then prints the lines about it as (file, fields, path from column 73).
MAPS = """
import json, mmap, os, sys
path = sys.argv[1]
file = open(path, 'rb')
mapping = mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ)
state = os.stat(path)
print(json.dumps([os.major(state.st_dev), os.minor(state.st_dev), state.st_ino]))
os.chdir('/proc/self')
for name in ('/proc/self/maps', f'/proc/{os.getpid()}/smaps', 'maps',
             '/proc/thread-self/maps'):
    for line in open(name, 'rb').read().splitlines():
        if line[73:].startswith(b'/cvmfs'):
            print(json.dumps([name, line[:72].decode().split(), line[73:].decode()]))
"""
NUMA = """
import mmap, sys
file = open(sys.argv[1], 'rb')
mapping = mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ)
print(sum(f' file={sys.argv[1]} ' in f'{line} ' for line in
          open('/proc/self/numa_maps').read().splitlines()))
"""
# Prints 1 where /proc/self/maps is a file of proc, as without anything of ours.
UNTOUCHED = """
import os
fd = os.open('/proc/self/maps', os.O_RDONLY)
print(int(os.fstat(fd).st_dev == os.stat('/proc').st_dev), os.read(fd, 10) != b'')
"""
PYTHON = ("/usr/bin/python3", "-I", "-c")


def test_a_mapped_file_has_its_own_name_device_and_inode(
    run: Runner, configured: Configured
) -> None:
    path = f"{ROOT}/README"
    result = run(*PYTHON, MAPS, path, options=configured(FQRN)).ok()
    numbers, *lines = [json.loads(line) for line in result.text.splitlines()]
    major, minor, inode = numbers
    assert len(lines) == 4, result.text
    for name, fields, shown in lines:
        assert shown == path, name
        assert fields[1] == "r--s", name
        assert fields[3:] == [f"{major:02x}:{minor:02x}", str(inode)], name


def test_numa_maps_names_a_mapped_file(run: Runner, configured: Configured) -> None:
    if not Path("/proc/self/numa_maps").exists():
        pytest.skip("this kernel has no numa_maps")
    result = run(*PYTHON, NUMA, f"{ROOT}/README", options=configured(FQRN)).ok()
    assert result.text.split() == ["1"]


def test_maps_of_a_job_without_files_of_ours_is_the_kernels_own(
    run: Runner, configured: Configured
) -> None:
    result = run(*PYTHON, UNTOUCHED, options=configured(FQRN)).ok()
    assert result.text.split() == ["1", "True"]


def test_maps_of_another_process_of_the_job_is_shown_too(
    run: Runner, configured: Configured
) -> None:
    code = """
import mmap, os, sys
pipe, end = os.pipe(), os.pipe()
child = os.fork()
if child == 0:
    file = open(sys.argv[1], 'rb')
    mapping = mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ)
    os.write(pipe[1], b'.')
    os.read(end[0], 1)
    os._exit(0)
os.read(pipe[0], 1)
text = open(f'/proc/{child}/maps').read()
os.write(end[1], b'.')
os.wait()
print(sys.argv[1] in text)
"""
    result = run(*PYTHON, code, f"{ROOT}/README", options=configured(FQRN)).ok()
    assert result.text.split() == ["True"]


def test_opening_maps_for_writing_fails_as_natively(
    run: Runner, configured: Configured
) -> None:
    code = """
import errno, mmap, os, sys
file = open(sys.argv[1], 'rb')
mapping = mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ)
for flags in (os.O_WRONLY, os.O_RDWR, os.O_RDONLY | os.O_DIRECTORY):
    try:
        os.close(os.open('/proc/self/maps', flags))
        print('ok')
    except OSError as error:
        print(errno.errorcode[error.errno])
"""
    path = f"{ROOT}/README"
    native = run(*PYTHON, code, "/etc/passwd", options=configured(FQRN)).ok()
    assert run(*PYTHON, code, path, options=configured(FQRN)).ok().text == native.text


def test_the_mounts_of_all_forms_agree_with_statx(
    run: Runner, configured: Configured
) -> None:
    code = """
import json, os, sys
root = sys.argv[1]
out = [[os.major(s.st_dev), os.minor(s.st_dev)] for s in map(os.stat, ('/cvmfs', root))]
for name in ('mounts', 'mountinfo', 'mountstats'):
    text = open('/proc/self/' + name).read()
    out.append([line.split() for line in text.splitlines() if '/cvmfs' in line])
os.stat(sys.argv[1])
info = [line.split() for line in open('/proc/self/mountinfo')]
out.append([fields[0] for fields in info if fields[4] == '/'])
print(json.dumps(out))
"""
    more = {"CVMFS_CHECK_PERMISSIONS": "yes"}
    result = run(*PYTHON, code, ROOT, options=configured(FQRN, **more)).ok()
    top, ours, mounts, info, stats, roots = json.loads(result.text)
    points = ["/cvmfs", ROOT]
    assert [line[:3] for line in mounts] == [["cvmfs2", p, "fuse"] for p in points]
    assert "default_permissions" in mounts[1][3].split(",")
    assert [line[4] for line in info] == points
    assert [line[2] for line in info] == [f"{a}:{b}" for a, b in (top, ours)]
    assert [line[1] for line in info] == [roots[-1], info[0][0]]
    assert [line[4] for line in stats] == points
    wanted = ["ro", "nosuid", "nodev", "relatime"]
    assert [line[5].split(",") for line in info] == [wanted] * 2


def test_statx_and_fdinfo_tell_the_mount_of_mountinfo(
    run: Runner, configured: Configured
) -> None:
    code = """
import ctypes, json, os, struct, sys
libc = ctypes.CDLL(None, use_errno=True)
def statx(fd, path):
    room = ctypes.create_string_buffer(256)
    assert libc.statx(fd, path.encode(), 0x1000, 0x17ff, room) == 0
    attributes, = struct.unpack_from('<Q', room, 8)
    mask, = struct.unpack_from('<Q', room, 56)
    mount, = struct.unpack_from('<Q', room, 144)
    return mount, attributes & 0x2000 != 0, mask & 0x2000 != 0
os.stat(sys.argv[1])
info = [line.split() for line in open('/proc/self/mountinfo')]
ids = {fields[4]: int(fields[0]) for fields in info}
out = []
for path in ('/cvmfs', sys.argv[1], sys.argv[1] + '/README', sys.argv[1] + '/special'):
    fd = os.open(path, os.O_RDONLY)
    lines = dict(line.split() for line in open(f'/proc/self/fdinfo/{fd}'))
    top = path if path in ids else sys.argv[1]
    out.append([statx(-100, path) == statx(fd, ''), int(lines['mnt_id:']) == ids[top],
                int(lines['ino:']) == os.stat(path).st_ino, *statx(fd, '')[1:],
                statx(fd, '')[0] == ids[top]])
print(json.dumps(out))
"""
    root = "/cvmfs/tricky.example.org"
    options = configured("tricky.example.org")
    result = run(*PYTHON, code, root, options=options).ok()
    inside = [True, True, True, False, True, True]
    assert json.loads(result.text) == [[True] * 6] * 2 + [inside] * 2


def test_mounts_read_by_another_user_are_the_kernels_own(
    run: Runner, configured: Configured
) -> None:
    need_user(0)
    code = """
import os
os.setgroups([]); os.setgid(12345); os.setuid(12345)
print(len(open('/proc/self/mounts').read()) > 0)
"""
    result = run(*PYTHON, code, options=configured(FQRN)).ok()
    assert result.text.split() == ["True"]


def test_nothing_of_a_text_stays_in_the_scratch(
    run: Runner, configured: Configured
) -> None:
    code = """
import os, sys
os.stat('{ROOT}')
for name in ('mounts', 'mountinfo') * 3:
    assert '/cvmfs' in open('/proc/self/' + name).read()
(own,) = [one for one in os.listdir(sys.argv[1]) if one.startswith('.interpose-')]
print(os.listdir(f'{sys.argv[1]}/{own}/f'))
"""
    code = code.replace("{ROOT}", ROOT)
    result = run(*PYTHON, code, run.scratch, options=configured(FQRN)).ok()
    assert result.text.strip() == "[]"


def test_a_program_below_cvmfs_finds_itself_in_its_maps(
    run: Runner, configured: Configured
) -> None:
    shell = f"{ROOT}/busybox/sh"
    script = 'while read -r line; do echo "$line"; done </proc/self/maps'
    result = run(shell, "-c", script, options=configured(FQRN)).ok()
    shown = {line[73:] for line in result.text.splitlines() if ".interpose" in line}
    assert not shown
    assert f"{ROOT}/busybox/busybox\n" in result.text
    assert str(run.cache) not in result.text


def test_a_loader_and_its_libraries_are_shown_by_their_names(
    run: Runner, configured: Configured
) -> None:
    loader = f"{ROOT}/ownloader/lib/ld-linux-x86-64.so.2"
    library = f"{ROOT}/ownloader/lib"
    command = (loader, "--library-path", library, "/bin/cat", "/proc/self/maps")
    result = run(*command, options=configured(FQRN))
    if result.status != 0:
        pytest.skip("the host's cat does not run with that C library")
    names = {line[73:] for line in result.text.splitlines()}
    assert {loader, f"{library}/libc.so.6"} <= names


# PROCMAP_QUERY (Linux 6.11), while a file of ours is mapped.
QUERY = """
import errno, fcntl, mmap, sys
file = open(sys.argv[1], 'rb')
mapping = mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ)
try:
    fcntl.ioctl(open('/proc/self/maps', 'rb'), 0xc0686611, bytearray(104))
except OSError as error:
    print(errno.errorcode[error.errno])
"""


def test_maps_is_a_text_and_answers_no_questions(
    run: Runner, configured: Configured
) -> None:
    result = run(*PYTHON, QUERY, f"{ROOT}/README", options=configured(FQRN)).ok()
    assert result.text == "ENOTTY\n"


# The name in the last record of perf_event_open(2): about a mapping of argv[1].
RECORDED = """
import ctypes, mmap, os, struct, sys
number = {'x86_64': 298, 'aarch64': 241}[os.uname().machine]
kernel = ctypes.CDLL(None, use_errno=True)
flags = 1 << 5 | 1 << 6 | 1 << 8 | 1 << 17  # no kernel, no hypervisor; mmap, mmap_data
attributes = struct.pack('<IIQQQQQ', 1, 72, 9, 0, 0, 0, flags) + bytes(24)
fd = kernel.syscall(number, ctypes.create_string_buffer(attributes), 0, -1, -1, 0)
if fd < 0:
    sys.exit(77)
records = mmap.mmap(fd, 2 * mmap.PAGESIZE)
with open(sys.argv[1], 'rb') as file:
    mapping = mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ)
head, = struct.unpack_from('<Q', records, 1024)
text, name = records[mmap.PAGESIZE:mmap.PAGESIZE + head], b''
while text:
    size, = struct.unpack_from('<H', text, 6)
    text, name = text[size:], text[40:size].rstrip(b'\\0')
sys.stdout.buffer.write(name)
"""


def test_records_of_performance_name_the_objects(
    run: Runner, configured: Configured
) -> None:
    words = (*PYTHON, RECORDED, "/etc/passwd")
    native = subprocess.run(words, check=False, capture_output=True)
    if native.returncode == 77:
        pytest.skip("this machine natively gives its users no counters")
    assert native.stdout == b"/etc/passwd"
    options = configured(FQRN)
    assert run(*words, options=options).ok().stdout == b"/etc/passwd"
    result = run(*PYTHON, RECORDED, f"{ROOT}/README", options=options).ok()
    assert result.stdout.startswith(bytes(run.cache))
