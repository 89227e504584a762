# SPDX-License-Identifier: GPL-2.0-or-later
"""Rows of docs/compatibility.md that no other test looks at, one test each."""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
import struct
import subprocess
import zlib
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from interpose.cache import census
from tests.support.places import Repositories, need_tool
from tests.support.published import Publisher, manifest_fields
from tests.support.run import Runner
from tests.support.web import Server

Configured = Callable[..., list[Any]]
FQRN = "tricky.example.org"
ROOT = f"/cvmfs/{FQRN}"
START = """
import ctypes, errno, fcntl, json, os, stat, sys
root = sys.argv[1]
libc = ctypes.CDLL(None, use_errno=True)
def outcome(call, *words):
    try:
        call(*words)
        return 'ok'
    except OSError as error:
        return errno.errorcode[error.errno]
"""
# `names(PATH)`: those of one getdents64().
LISTING = """
number = {'x86_64': 217, 'aarch64': 61}[os.uname().machine]
def names(path):
    buffer = ctypes.create_string_buffer(1 << 15)
    fd = os.open(path, os.O_RDONLY)
    size, at, found = libc.syscall(number, fd, buffer, len(buffer)), 0, []
    while at < size:
        record = buffer.raw[at : at + int.from_bytes(buffer.raw[at + 16 : at + 18],
                                                     'little')]
        found.append(record[19:].split(b'\\0')[0].decode('latin-1'))
        at += len(record)
    return found
"""


def job(run: Runner, configured: Configured, code: str) -> Any:
    """What `print(json.dumps(...))` of a job printed."""
    command = ("/usr/bin/python3", "-I", "-c", START + code, ROOT)
    return json.loads(run(*command, options=configured(FQRN)).ok().text)


def test_names_have_255_bytes_and_longer_ones_are_too_long(
    run: Runner, configured: Configured
) -> None:
    code = """
longer, longest = f'{root}/' + 'n' * 256, f'{root}/' + 'n' * 255
print(json.dumps([os.statvfs(root).f_namemax, os.pathconf(root, 'PC_NAME_MAX'),
                  outcome(os.stat, longest), outcome(os.stat, longer),
                  outcome(os.mkdir, longer)]))
"""
    found = job(run, configured, code)
    assert found == [255, 255, "ENOENT", "ENAMETOOLONG", "ENAMETOOLONG"]


def root_catalog(stratum: Path) -> bytes:
    """The database that the manifest names."""
    name = manifest_fields(stratum)["C"]
    return zlib.decompress((stratum / f"data/{name[:2]}/{name[2:]}C").read_bytes())


def test_statfs_tells_a_part_of_the_quota_and_the_flags_of_a_mount(
    run: Runner, configured: Configured
) -> None:
    """CPython's test_shutil and others take what is empty for a mistake."""
    code = """
found = os.statvfs(root)
room = ctypes.create_string_buffer(512)
libc.statfs(root.encode(), room)
print(json.dumps([found.f_blocks, found.f_bfree, found.f_bavail, found.f_frsize,
                  int.from_bytes(room.raw[:8], 'little'), found.f_flag & 7]))
"""
    blocks, free, available, unit, kind, flags = job(run, configured, code)
    assert (unit, blocks * unit) == (512, 4000 << 20)
    assert 0 < free == available < blocks
    assert (kind, flags) == (0x65735546, os.ST_RDONLY | os.ST_NODEV | os.ST_NOSUID)
    # What lies in the cache when the repository is opened.
    (index,) = (run.cache / "index").glob("*.v*")
    whole = sum(item.size_bytes for item in census.items(run.cache))
    assert index.stat().st_size <= (blocks - free) * unit < whole + unit


def test_listings_begin_with_both_dots(run: Runner, configured: Configured) -> None:
    code = """
print(json.dumps([names(path)[:2] for path in (root, f'{root}/special', '/cvmfs')]))
"""
    assert job(run, configured, LISTING + code) == [[".", ".."]] * 3


def test_a_listing_has_the_order_of_the_catalog(
    run: Runner, configured: Configured, repositories: Repositories, place: Path
) -> None:
    """That is what the official client's query gives."""
    file = place / "catalog"
    file.write_bytes(root_catalog(repositories.need(FQRN)))
    folders = ["", "/special", "/symlinks", "/modes"]
    query = "SELECT name FROM catalog WHERE parent_1 = ? AND parent_2 = ?"
    wanted = []
    with closing(sqlite3.connect(file)) as catalog:
        for folder in folders:
            key = struct.unpack("<qq", hashlib.md5(folder.encode()).digest())
            wanted.append([name for (name,) in catalog.execute(query, key)])
    code = f"print(json.dumps([os.listdir(root + name) for name in {folders}]))"
    assert job(run, configured, code) == wanted
    assert sorted(wanted[0]) != wanted[0]


def test_the_first_block_of_the_roots_listing_ends_with_cvmfs(
    run: Runner, configured: Configured
) -> None:
    found = job(run, configured, LISTING + "print(json.dumps(names('/')))")
    if os.path.lexists("/cvmfs"):
        pytest.skip("the host has a /cvmfs, which has its own place")
    assert found[-1] == "cvmfs"
    assert found.count("cvmfs") == 1


def test_times_blocks_and_devices_are_those_of_the_official_client(
    run: Runner, configured: Configured
) -> None:
    code = """
paths = [root, '/cvmfs', *(f'{root}/{name}' for name in ('README', 'symlinks'))]
for folder in ('special', 'symlinks'):
    paths += [f'{root}/{folder}/{name}' for name in os.listdir(f'{root}/{folder}')]
def times(path):
    found = os.lstat(path)
    return found.st_atime_ns, found.st_mtime_ns, found.st_ctime_ns
before = [times(path) for path in paths]
open(f'{root}/README').read(), os.listdir(root), os.readlink(paths[-1])
states = [os.lstat(path) for path in paths]
print(json.dumps([all(len(set(three)) == 1 for three in before),
                  before == [times(path) for path in paths],
                  sorted({one.st_blocks - one.st_size // 512 for one in states}),
                  sorted({one.st_blksize for one in states}),
                  len({stat.S_IFMT(one.st_mode) for one in states})]))
"""
    assert job(run, configured, code) == [True, True, [1], [4096], 7]


def test_statx_gives_all_basic_fields_whatever_is_asked(
    run: Runner, configured: Configured
) -> None:
    code = """
found = set()
for mask in (0, 1, 0x200, 0x7ff):
    for path in ('/cvmfs', root, root + '/README', root + '/special/fifo'):
        room = ctypes.create_string_buffer(256)
        libc.statx(-100, path.encode(), 0, mask, room)
        told = [int.from_bytes(room.raw[at : at + 8], 'little') for at in (32, 40)]
        state = os.stat(path)
        found.add((int.from_bytes(room.raw[:4], 'little') & 0x7ff,
                   told == [state.st_ino, state.st_size]))
print(json.dumps(sorted(found)))
"""
    assert job(run, configured, code) == [[0x7FF, True]]


def test_devices_are_no_others_and_inodes_small(
    run: Runner, configured: Configured
) -> None:
    code = """
info = [line.split() for line in open('/proc/self/mountinfo')]
hosts = {fields[2] for fields in info if not fields[4].startswith('/cvmfs')}
states = [os.stat(path) for path in ('/cvmfs', root, '/cvmfs/sha1.example.org')]
devices = [one.st_dev for one in states]
names = [f'{os.major(one)}:{os.minor(one)}' for one in devices]
largest = max(entry.inode() for entry in os.scandir(root))
print(json.dumps([[os.major(one) for one in devices], len(set(devices)),
                  not hosts & set(names), os.path.ismount(root),
                  os.path.ismount('/cvmfs'), 1 < largest < 2**53]))
"""
    code = START + code
    options = [*configured("sha1.example.org"), *configured(FQRN)]
    both = ("-o", f"CVMFS_REPOSITORIES={FQRN},sha1.example.org")
    keys = [word for word in options if str(word).startswith("CVMFS_PUBLIC_KEY=")]
    keys = ["-o", ":".join([str(keys[0]), str(keys[1]).partition("=")[2]])]
    words = ("/usr/bin/python3", "-I", "-c", code, ROOT)
    result = run(*words, options=[*options, *both, *keys]).ok()
    assert json.loads(result.text) == [[0, 0, 0], 3, True, True, True, True]


def test_inodes_are_those_of_every_node_and_run(
    run: Runner, configured: Configured
) -> None:
    """Whatever was cached, and in whichever order the catalogs were opened."""
    options = configured(FQRN)
    found = []
    for order in ("", "-r"):
        script = f"ls {ROOT} | sort {order} | while read -r n; do ls -R {ROOT}/$n; done"
        show = f"find {ROOT} -printf '%i %P\\0' | sort -z"
        command = f"({script}) >/dev/null 2>&1; {show}"
        found += [run("sh", "-c", command, options=options).ok().stdout]
        run.cache = run.place / "another"
        run.base[1] = run.cache
    assert found[0].count(b"\0") > 200
    assert found[0] == found[1]


def test_the_top_is_a_directory_of_root_with_the_known_names(
    run: Runner, configured: Configured
) -> None:
    code = """
top = os.stat('/cvmfs')
print(json.dumps([stat.filemode(top.st_mode), top.st_ino, top.st_uid, top.st_gid,
                  top.st_mtime_ns, sorted(os.listdir('/cvmfs'))]))
"""
    options = configured(FQRN)
    words = ("/usr/bin/python3", "-I", "-c", START + code, ROOT)
    result = run(*words, options=options).ok()
    assert json.loads(result.text) == ["dr-xr-xr-x", 1, 0, 0, 0, [FQRN]]
    # Not configured by name: it is listed once it was opened.
    options = [*options, "-o", "CVMFS_REPOSITORIES=other.example.org"]
    script = f"ls /cvmfs; ls {ROOT} >/dev/null; echo; ls /cvmfs"
    result = run("sh", "-c", script, options=options).ok()
    assert result.text.split("\n\n") == [
        "other.example.org",
        f"other.example.org\n{FQRN}\n",
    ]


def test_special_files_open_as_on_a_nodev_mount(
    run: Runner, configured: Configured
) -> None:
    code = """
def outcomes(name):
    ways = (os.O_RDONLY | os.O_NONBLOCK, os.O_WRONLY | os.O_NONBLOCK, os.O_PATH)
    return [outcome(os.open, f'{root}/special/{name}', way) for way in ways]
def through():
    reader = os.open(f'{root}/special/fifo', os.O_RDONLY | os.O_NONBLOCK)
    os.write(os.open(f'{root}/special/fifo', os.O_WRONLY), b'text')
    return os.read(reader, 9).decode()
print(json.dumps([outcomes('chr_null'), outcomes('blk_sda'), outcomes('sock'),
                  through()]))
"""
    if os.geteuid() != 0:
        pytest.skip("the FIFO of the repository is for its owner")
    no, none = ["EACCES", "EACCES", "ok"], ["ENXIO", "ENXIO", "ok"]
    assert job(run, configured, code) == [no, no, none, "text"]


def test_through_a_descriptor_nothing_changes_and_locks_hold(
    run: Runner, configured: Configured
) -> None:
    code = """
fd = os.open(f'{root}/README', os.O_RDONLY)
again = f'/proc/self/fd/{fd}'
changes = [outcome(os.fchmod, fd, 0o777), outcome(os.utime, fd),
           outcome(os.fchown, fd, 0, 0), outcome(os.setxattr, fd, 'user.x', b''),
           outcome(os.open, again, os.O_RDWR), outcome(os.truncate, again, 0),
           outcome(os.chmod, again, 0o777)]
locks = [outcome(fcntl.flock, fd, fcntl.LOCK_EX), outcome(fcntl.lockf, fd,
         fcntl.LOCK_SH), outcome(os.fsync, fd), outcome(os.write, fd, b'x')]
print(json.dumps([changes, locks]))
"""
    wanted = [["EROFS"] * 7, ["ok", "ok", "ok", "EBADF"]]
    assert job(run, configured, code) == wanted


def test_a_name_that_cannot_go_is_reported_as_by_a_read_only_mount(
    run: Runner, configured: Configured
) -> None:
    code = """
there, none = f'{root}/README', f'{root}/none'
print(json.dumps([outcome(os.unlink, none), outcome(os.unlink, f'{none}/x'),
                  outcome(os.link, there, '/tmp/x'),
                  outcome(os.rename, there, '/tmp/x'),
                  outcome(os.link, sys.executable, none),
                  outcome(os.rename, sys.executable, none),
                  outcome(os.rmdir, root), outcome(os.mkdir, none),
                  outcome(os.mkdir, there)]))
"""
    wanted = ["EROFS", "ENOENT", "EXDEV", "EXDEV", "EROFS", "EXDEV"]
    wanted += ["EROFS", "EROFS", "EEXIST"]
    assert job(run, configured, code) == wanted


def test_file_handles_are_not_supported(run: Runner, configured: Configured) -> None:
    code = """
room, mount = ctypes.create_string_buffer(256), ctypes.c_int()
path = f'{root}/README'.encode()
libc.name_to_handle_at(-100, path, room, ctypes.byref(mount), 0)
print(json.dumps(ctypes.get_errno() == errno.EOPNOTSUPP))
"""
    assert job(run, configured, code) is True


def test_a_process_stays_dumpable(run: Runner, configured: Configured) -> None:
    code = "print(json.dumps([libc.prctl(4, 0), libc.prctl(3)]))"
    assert job(run, configured, code) == [0, 1]


def test_another_tracer_is_refused_inside(run: Runner, configured: Configured) -> None:
    code = """
print(json.dumps([libc.ptrace(0, 0, 0, 0), ctypes.get_errno() == errno.EPERM]))
"""
    assert job(run, configured, code) == [-1, True]


def test_after_chroot_there_is_no_cvmfs(
    run: Runner, configured: Configured, place: Path
) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can chroot")
    code = f"""
before = os.path.exists(root)
os.chroot({str(place)!r})
print(json.dumps([before, os.path.exists(root)]))
"""
    assert job(run, configured, code) == [True, False]


def test_hard_links_in_two_directories_are_two_files(
    run: Runner, place: Path, serve: Callable[[Path], Server]
) -> None:
    tree, fqrn = place / "tree", "links.example.org"
    for name in ("a", "b"):
        (tree / name).mkdir(parents=True)
    (tree / "a/one").write_text("content\n")
    for name in ("a/two", "b/one", "b/two"):
        (tree / name).hardlink_to(tree / "a/one")
    publisher = Publisher(place)
    publisher.publish(tree, fqrn)
    options = publisher.options(fqrn, serve(publisher.storage).url)
    names = [f"/cvmfs/{fqrn}/{name}" for name in ("a/one", "a/two", "b/one", "b/two")]
    result = run("stat", "-c", "%i %h", *names, options=options).ok()
    rows = [line.split() for line in result.text.splitlines()]
    assert [links for _, links in rows] == ["2"] * 4
    inodes = [inode for inode, _ in rows]
    assert inodes[0] == inodes[1] != inodes[2] == inodes[3]


def test_an_owner_without_a_number_in_a_user_namespace_keeps_the_catalogs(
    run: Runner, configured: Configured
) -> None:
    enter = (need_tool("unshare", "util-linux"), "-U")
    if subprocess.run([*enter, "true"], check=False).returncode != 0:
        pytest.skip("this machine allows no user name spaces")
    names = (f"{ROOT}/README", ROOT, "/cvmfs", "/etc/passwd")
    words = ("stat", "-c", "%u %g", *names)
    options = configured(FQRN, CVMFS_CLAIM_OWNERSHIP="no")
    plain = run(*words, options=options).ok().text.splitlines()
    inside = run(*enter, *words, options=options).ok().text.splitlines()
    nobody = Path("/proc/sys/kernel/overflowuid").read_text().strip()
    assert inside[:3] == plain[:3]
    assert plain[3] == "0 0"
    assert inside[3].split()[0] == nobody
    assert nobody not in inside[0].split()


def test_attributes_about_the_client_are_those_of_the_resolver(
    run: Runner, configured: Configured
) -> None:
    code = """
pid = int(os.getxattr(root, 'user.pid'))
words = open(f'/proc/{pid}/cmdline').read().split('\\0')
limits = open(f'/proc/{pid}/limits').read().splitlines()
files = [line.split()[3] for line in limits if line.startswith('Max open files')]
print(json.dumps(['interpose.resolver' in words,
                  [os.getxattr(root, 'user.maxfd').decode()] == files]))
"""
    assert job(run, configured, code) == [True, True]


def test_a_process_without_address_space_opens(
    run: Runner, configured: Configured
) -> None:
    """A redirected call needs room for a path; where none may be mapped it is lent."""
    code = """
import resource
def limit():
    resource.setrlimit(resource.RLIMIT_AS, (4096, -1))
def free():
    resource.setrlimit(resource.RLIMIT_AS, (-1, -1))
def looked():
    return [outcome(os.stat, root), outcome(os.open, root, os.O_RDONLY)]
limit(); found = [looked()]; free(); found += [looked()]
limit(); found += [looked()]; free()
print(json.dumps(found))
"""
    before, opened, after = job(run, configured, code)
    assert before == opened == after == ["ok", "ok"]
