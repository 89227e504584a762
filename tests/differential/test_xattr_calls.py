# SPDX-License-Identifier: GPL-2.0-or-later
"""Errors and sizes of the calls that read attributes; values: tests/programs."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from typing import Any

import pytest

from tests.support.run import Runner

Configured = Callable[..., list[Any]]
FQRN = "tricky.example.org"
ROOT = f"/cvmfs/{FQRN}"
CALLS = """
import ctypes, errno, json, os, sys
libc = ctypes.CDLL(None, use_errno=True)
libc.syscall.restype = ctypes.c_long
bad = ctypes.c_void_p(8)
def code(call, *words):
    ctypes.set_errno(0)
    done = call(*[w.encode() if isinstance(w, str) else w for w in words])
    return errno.errorcode[ctypes.get_errno()] if done < 0 else done
root, buffer = sys.argv[1], ctypes.create_string_buffer(70000)
get, lget, fget = libc.getxattr, libc.lgetxattr, libc.fgetxattr
listing, flisting = libc.listxattr, libc.flistxattr
"""
ERRORS = """
readme, link = root + '/README', root + '/symlinks/dangling_abs'
fd, path_fd = os.open(readme, os.O_RDONLY), os.open(readme, os.O_PATH)
found = {
    'value': code(get, readme, 'user.fqrn', buffer, 100),
    'length': code(get, readme, 'user.fqrn', None, 0),
    'too small': code(get, readme, 'user.fqrn', buffer, 3),
    'huge size': code(get, readme, 'user.fqrn', buffer, ctypes.c_size_t(1 << 40)),
    'bad buffer': code(get, readme, 'user.fqrn', bad, 100),
    'bad name': code(get, readme, bad, buffer, 100),
    'empty name': code(get, readme, '', buffer, 100),
    'long name': code(get, readme, 'user.' + 'n' * 251, buffer, 100),
    'longest name': code(get, readme, 'user.' + 'n' * 250, buffer, 100),
    'unknown': code(get, readme, 'user.nothing', buffer, 100),
    'no prefix': code(get, readme, 'nothing', buffer, 100),
    'security': code(get, readme, 'security.selinux', buffer, 100),
    'acl': code(get, readme, 'system.posix_acl_access', buffer, 100),
    'trusted': code(get, readme, 'trusted.x', buffer, 100),
    'missing': code(get, root + '/none', 'user.fqrn', buffer, 100),
    'dangling': code(get, link, 'user.fqrn', buffer, 100),
    'of a link': code(lget, link, 'user.fqrn', buffer, 100),
    'of a fifo': code(get, root + '/special/fifo', 'user.fqrn', buffer, 100),
    'by descriptor': code(fget, fd, 'user.fqrn', buffer, 100),
    'by path descriptor': code(fget, path_fd, 'user.fqrn', buffer, 100),
    'top': code(get, '/cvmfs', 'user.fqrn', buffer, 100),
    'list of top': code(listing, '/cvmfs', buffer, 100),
    'list of a directory': code(listing, root + '/special', buffer, 100),
    'list by descriptor': code(flisting, fd, buffer, 100),
    'list by path descriptor': code(flisting, path_fd, buffer, 100),
    'list of missing': code(listing, root + '/none', buffer, 100),
    'list too small': code(listing, root, buffer, 3),
    'list to a bad buffer': code(listing, root, bad, 60000),
    'list length': code(listing, root, None, 0) == code(listing, root, buffer, 65536),
}
print(json.dumps(found))
"""
WANTED = {
    "value": len(FQRN),
    "length": len(FQRN),
    "too small": "ERANGE",
    "huge size": len(FQRN),
    "bad buffer": "EFAULT",
    "bad name": "EFAULT",
    "empty name": "ERANGE",
    "long name": "ERANGE",
    "longest name": "ENODATA",
    "unknown": "ENODATA",
    "no prefix": "ENODATA",
    "security": "ENODATA",
    "acl": "ENODATA",
    "trusted": "ENODATA",
    "missing": "ENOENT",
    "dangling": "ENOENT",
    "of a link": "ENODATA",
    "of a fifo": "ENODATA",
    "by descriptor": len(FQRN),
    "by path descriptor": "EBADF",
    "top": "ENODATA",
    "list of top": 0,
    "list of a directory": 0,
    "list by descriptor": 0,
    "list by path descriptor": "EBADF",
    "list of missing": "ENOENT",
    "list too small": "ERANGE",
    "list to a bad buffer": "EFAULT",
    "list length": True,
}
AT_CALLS = """
class Args(ctypes.Structure):
    _fields_ = [('value', ctypes.c_uint64), ('size', ctypes.c_uint32),
                ('flags', ctypes.c_uint32), ('more', ctypes.c_uint64)]
def getat(directory, path, at_flags, name, size=16, **fields):
    args = Args(value=ctypes.addressof(buffer), size=100, **fields)
    return code(libc.syscall, 464, directory, path, at_flags, name, ctypes.byref(args),
                ctypes.c_size_t(size))
def listat(directory, path, flags):
    return code(libc.syscall, 465, directory, path, flags, buffer, ctypes.c_size_t(100))
here, empty, nofollow = os.open(root, os.O_RDONLY), 0x1000, 0x100
readme = os.open(root + '/README', os.O_RDONLY)
print(json.dumps([
    listat(readme, '', empty), getat(here, 'README', 0, 'user.fqrn'),
    getat(readme, '', empty, 'user.fqrn'), getat(here, 'README', 0, 'user.fqrn', 24),
    getat(here, 'README', 0, 'user.fqrn', 24, more=1),
    getat(here, 'README', 0, 'user.fqrn', 8),
    getat(here, 'README', 0, 'user.fqrn', flags=1),
    getat(here, 'README', 1, 'user.fqrn'),
    getat(here, 'symlinks/dangling_abs', nofollow, 'xfsroot.nothing'),
    listat(here, 'symlinks/dangling_abs', nofollow), listat(here, 'none', 0)]))
"""


def job(run: Runner, configured: Configured, code: str) -> Any:
    command = ("/usr/bin/python3", "-I", "-c", CALLS + code, ROOT)
    return json.loads(run(*command, options=configured(FQRN)).ok().text)


def test_errors_and_sizes_are_those_of_the_kernel_and_the_official_client(
    run: Runner, configured: Configured
) -> None:
    found = job(run, configured, ERRORS)
    differing = {key: found[key] for key in WANTED if found[key] != WANTED[key]}
    assert not differing


def test_the_at_forms_read_as_the_others(run: Runner, configured: Configured) -> None:
    found = job(run, configured, AT_CALLS)
    if "ENOSYS" in found:
        pytest.skip("getxattrat and listxattrat came with Linux 6.13")
    length = len(FQRN)
    wanted = [0, length, length, length, "E2BIG", "EINVAL", "EINVAL", "EINVAL"]
    assert found == [*wanted, "ENODATA", 0, "ENOENT"]


def test_a_file_that_may_not_be_read_hides_its_attributes(
    run: Runner, configured: Configured
) -> None:
    code = """
import errno, os, sys
def outcome(name):
    try:
        os.getxattr(sys.argv[1], name)
        return 'ok'
    except OSError as error:
        return errno.errorcode[error.errno]
os.setgroups([]); os.setgid(12345); os.setuid(12345)
print(outcome('user.fqrn'), outcome('security.x'), outcome('trusted.x'), outcome('x'))
"""
    if os.geteuid() != 0:
        pytest.skip("only root can become another user")
    path = "/cvmfs/programs.example.org/bin/not_readable"
    more = {"CVMFS_CHECK_PERMISSIONS": "yes"}
    options = configured("programs.example.org", **more)
    result = run("/usr/bin/python3", "-I", "-c", code, path, options=options).ok()
    assert result.text.split() == ["EACCES", "ENODATA", "ENODATA", "EACCES"]
