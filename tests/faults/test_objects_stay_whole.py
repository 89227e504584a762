# SPDX-License-Identifier: GPL-2.0-or-later
"""Through a descriptor, or a name that leads into the cache, nobody harms an object."""

from __future__ import annotations

import ast
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.damage import bad_in_cache, good_objects
from tests.support.places import Repositories, program
from tests.support.run import Runner

FQRN = "sha1.example.org"
Configured = Callable[..., list[Any]]
# Runs inside the job: tries everything that could change the file, tells the errors.
ATTACK = r"""
import ctypes, errno, fcntl, mmap, os, sys
path, outside = sys.argv[1:3]
libc = ctypes.CDLL(None, use_errno=True)
fd = os.open(path, os.O_RDONLY)
opath = os.open(path, os.O_PATH)
copy = os.dup(fd)
link = "/proc/self/fd/%d"
found = {}

def attempt(name, call, *arguments):
    try:
        call(*arguments)
        found[name] = "done"
    except OSError as error:
        found[name] = errno.errorcode.get(error.errno, error.errno)
    except (ValueError, TypeError) as error:
        found[name] = type(error).__name__

def native(name, *arguments):
    if getattr(libc, name)(*arguments) < 0:
        raise OSError(ctypes.get_errno(), name)

for label, one in (("fd", fd), ("dup", copy), ("path", opath)):
    attempt(label + " fchmod", os.fchmod, one, 0o777)
    attempt(label + " fchown", os.fchown, one, os.getuid(), os.getgid())
    attempt(label + " futimens", os.utime, one, (1, 1))
    attempt(label + " ftruncate", os.ftruncate, one, 0)
    attempt(label + " write", os.write, one, b"harm")
    attempt(label + " pwrite", os.pwrite, one, b"harm", 0)
    attempt(label + " fsetxattr", os.setxattr, one, "user.harm", b"1")
    attempt(label + " fremovexattr", os.removexattr, one, "user.harm")
    attempt(label + " fallocate", os.posix_fallocate, one, 0, 1 << 20)
    attempt(label + " punch", native, "fallocate", one, 3,
            ctypes.c_long(0), ctypes.c_long(4096))
    attempt(label + " copy_file_range", os.copy_file_range, fd, one, 10, 0, 100)
    attempt(label + " sendfile", os.sendfile, one, fd, 0, 10)
    flags = ctypes.c_long(0x10)
    attempt(label + " setflags", native, "ioctl", one,
            ctypes.c_ulong(0x40086602), ctypes.byref(flags))
    attempt(label + " O_APPEND", fcntl.fcntl, one, fcntl.F_SETFL, os.O_APPEND)
    attempt(label + " still no write", os.write, one, b"harm")
    attempt(label + " linkat", native, "linkat", one, b"", -100,
            os.fsencode(outside + label), 0x1000)
    for name in (link % one, "/dev/fd/%d" % one, os.readlink(link % one)):
        short = label + " " + name.split("/")[1]
        for word, how in (("w", os.O_WRONLY), ("rw", os.O_RDWR),
                          ("trunc", os.O_TRUNC | os.O_WRONLY),
                          ("append", os.O_APPEND | os.O_WRONLY)):
            attempt(short + " open " + word, os.open, name, how)
        attempt(short + " truncate", os.truncate, name, 0)
        attempt(short + " chmod", os.chmod, name, 0o777)
        attempt(short + " chown", os.chown, name, os.getuid(), os.getgid())
        attempt(short + " utime", os.utime, name, (1, 1))
        attempt(short + " setxattr", os.setxattr, name, "user.harm", b"1")
        attempt(short + " linkat", native, "linkat", -100, os.fsencode(name), -100,
                os.fsencode(outside + label + "2"), 0x400)
    attempt(label + " shared map", mmap.mmap, one, 4096, mmap.MAP_SHARED,
            mmap.PROT_WRITE)
shared = mmap.mmap(fd, 4096, mmap.MAP_SHARED, mmap.PROT_READ)
where = ctypes.c_char.from_buffer_copy(shared[:1])
libc.mmap.restype = ctypes.c_void_p
address = libc.mmap(None, ctypes.c_size_t(4096), 1, 1, fd, ctypes.c_long(0))
attempt("mprotect", native, "mprotect", ctypes.c_void_p(address),
        ctypes.c_size_t(4096), 3)
maps = [line.split(maxsplit=5)[-1].strip() for line in open("/proc/self/maps")]
print((found, [name for name in maps if "cvmfs" in name or "interpose" in name]))
"""
# A descriptor that is open for reading, or only a name: the kernel's own refusals.
NATIVE = {
    "EBADF",
    "EACCES",
    "EPERM",
    "EINVAL",
    "EOPNOTSUPP",
    "ENOTTY",
    "ENOENT",
    "EXDEV",
}
HARMLESS = {
    # Nothing is written by them: flags of the description, an empty range.
    "fd O_APPEND",
    "dup O_APPEND",
}
MUST_BE_EROFS = [
    f"{one} {call}"
    for one in ("fd", "dup")
    for call in ("fchmod", "fchown", "futimens", "fsetxattr", "setflags")
] + [
    f"fd {place} {call}"
    for place in ("proc", "dev", "cvmfs")
    for call in ("open w", "open rw", "open trunc", "truncate", "chmod", "utime")
]


def objects(cache: Path) -> dict[Path, tuple[int, ...]]:
    """Mode, size and times of everything in the cache that holds content."""
    found = {}
    for path in cache.rglob("??/*"):
        status = path.lstat()
        if stat.S_ISREG(status.st_mode) and "proofs" not in str(path):
            found[path] = (
                stat.S_IMODE(status.st_mode),
                status.st_size,
                status.st_mtime_ns,
                status.st_uid,
                status.st_nlink,
            )
    return found


@pytest.mark.parametrize("path", ["data/random.bin", "data/chunked.bin"])
@pytest.mark.parametrize("in_alien", [False, True])
def test_an_open_file_gives_no_way_to_harm_its_object(
    run: Runner,
    configured: Configured,
    repositories: Repositories,
    path: str,
    in_alien: bool,
) -> None:
    options = configured(FQRN, CVMFS_QUOTA_LIMIT="-1")
    if in_alien:
        options = [*options, "--alien-cache", run.place / "alien"]
    whole = f"/cvmfs/{FQRN}/{path}"
    run("sha256sum", whole, options=options).ok()
    before = objects(run.place)
    assert before
    outside = str(run.place / "linked-")
    command = ("/usr/bin/python3", "-I", "-c", ATTACK, whole, outside)
    result = run(*command, options=options).ok()
    found, names = ast.literal_eval(result.text)
    done = {name for name, said in found.items() if said == "done"} - HARMLESS
    assert done == set(), result.text
    wrong = {name: said for name, said in found.items() if said not in NATIVE}
    assert {
        name for name, said in wrong.items() if said not in ("EROFS", "done")
    } == set()
    refused = {name: found[name] for name in MUST_BE_EROFS}
    assert set(refused.values()) == {"EROFS"}, refused
    own = str(program("interpose_run"))  # of which a page is mapped (docs/fast-path.md)
    assert all(name.startswith("/cvmfs/") or name == own for name in names), names
    assert objects(run.place) == before
    good = good_objects(repositories.need(FQRN))
    assert bad_in_cache(run.place / "alien" if in_alien else run.cache, good) == []
    assert result.messages == [], result.explain()
