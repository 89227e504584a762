# SPDX-License-Identifier: GPL-2.0-or-later
"""Descriptors, listings and working directories are those of a mount."""

from __future__ import annotations

import subprocess

import pytest

from tests.differential.conftest import ROOT, Pair


def test_descriptors_show_what_was_opened(pair: Pair) -> None:
    pair.same("descriptors")


def test_listings_and_working_directories_are_those_of_a_mount(mounted: Pair) -> None:
    mounted.same("directories")


def test_files_of_equal_content_are_each_itself(mounted: Pair) -> None:
    mounted.same("twins")
    mounted.same("twin_files")


def test_descriptors_of_several_processes_show_the_same(pair: Pair) -> None:
    pair.same("sharing")


# What moves bytes between descriptors, out of argv[1]: what arrived, or the error.
MOVES = """
import ctypes, errno, fcntl, hashlib, os, sys
libc = ctypes.CDLL(None, use_errno=True)
source = os.open(sys.argv[1], os.O_RDONLY)
size = os.fstat(source).st_size
def to_file(move):
    target = os.memfd_create('target')
    done = move(target)
    return done, hashlib.sha256(os.pread(target, size, 0)).hexdigest()
def splice(target):
    reader, writer = os.pipe()
    done = libc.splice(source, ctypes.byref(ctypes.c_int64(3)), writer, None, 5000, 0)
    os.write(target, os.read(reader, 5000))
    return done, os.lseek(source, 0, os.SEEK_CUR)
def preadv2(target):
    room = [bytearray(3), bytearray(size)]
    done = os.preadv(source, room, 2, 0)
    os.write(target, b''.join(room))
    return done
def clone(target):
    try:
        return fcntl.ioctl(target, 0x40049409, source)
    except OSError as error:
        return errno.errorcode[error.errno]
ways = {'sendfile': lambda target: os.sendfile(target, source, 0, size),
        'copy_file_range': lambda target: os.copy_file_range(source, target, size, 1),
        'splice': splice, 'preadv2': preadv2, 'FICLONE': clone,
        'nothing': lambda target: [libc.readahead(source, ctypes.c_int64(0), size),
            os.posix_fadvise(source, 0, 0, os.POSIX_FADV_WILLNEED),
            os.fdatasync(source), os.lseek(source, 5, os.SEEK_DATA),
            os.lseek(source, 5, os.SEEK_HOLE), libc.fallocate(source, 0, 0, 0)]}
for name, move in ways.items():
    try:
        print(name, to_file(move))
    except OSError as error:
        print(name, errno.errorcode[error.errno])
"""
# As many descriptors as the limit allows, and the numbers that they get.
FILLS = """
import errno, os, resource, sys
resource.setrlimit(resource.RLIMIT_NOFILE, (70, 70))
fds = []
try:
    while True:
        fds.append(os.open(sys.argv[1 + len(fds) % 2], os.O_RDONLY))
except OSError as error:
    print(errno.errorcode[error.errno], fds)
os.close(fds[30])
print(os.open(sys.argv[2], os.O_RDONLY) == fds[30])
os.close(fds[0])
print(sorted(os.listdir(fds[31])))
"""


@pytest.mark.parametrize("code", [MOVES, FILLS], ids=["moves", "fills"])
def test_every_descriptor_is_as_good_as_one_of_the_host(pair: Pair, code: str) -> None:
    tree = pair.world.place / "tree"
    words = ("/usr/bin/python3", "-I", "-c", code)
    names = ("chunked", "dir")
    native = subprocess.run(
        [*words, *(tree / name for name in names)], check=True, capture_output=True
    )
    ours = [f"{ROOT}/{name}" for name in names]
    result = pair.run(*words, *ours, options=pair.world.options()).ok()
    assert result.stdout == native.stdout
    assert result.stdout.count(b"\n") in (3, 6)
