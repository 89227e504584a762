# SPDX-License-Identifier: GPL-2.0-or-later
"""bind and connect with paths below /cvmfs: the errors of a read-only mount."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.support.run import Runner

Configured = Callable[..., list[Any]]
FQRN = "tricky.example.org"
ROOT = f"/cvmfs/{FQRN}"
CALLS = """
import errno, json, os, socket, sys
def outcome(call, *words):
    try:
        call(*words)
        return 'ok'
    except OSError as error:
        return errno.errorcode[error.errno]
def fresh(kind=socket.SOCK_STREAM, family=socket.AF_UNIX):
    return socket.socket(family, kind)
"""
# As Linux 6.18 answers on a tmpfs that is mounted read-only: (bind, connect).
WANTED = {
    "README": ("EADDRINUSE", "EROFS"),
    "special": ("EADDRINUSE", "EROFS"),
    "special/": ("EADDRINUSE", "EROFS"),
    "special/..": ("EADDRINUSE", "EROFS"),
    "special/sock": ("EADDRINUSE", "ECONNREFUSED"),
    "special/sock/": ("EADDRINUSE", "ENOTDIR"),
    "special/fifo": ("EADDRINUSE", "ECONNREFUSED"),
    "none": ("EROFS", "ENOENT"),
    "none/": ("ENOENT", "ENOENT"),
    "none/x": ("ENOENT", "ENOENT"),
    "README/x": ("ENOTDIR", "ENOTDIR"),
    "symlinks/dangling_abs": ("EADDRINUSE", "ENOENT"),
}


def job(run: Runner, configured: Configured, code: str, *words: str | Path) -> Any:
    command = ("/usr/bin/python3", "-I", "-c", CALLS + code, *words)
    return json.loads(run(*command, options=configured(FQRN)).ok().text)


def test_paths_below_cvmfs_give_the_errors_of_a_read_only_mount(
    run: Runner, configured: Configured
) -> None:
    code = """
found = {}
for path in sys.argv[2:]:
    name = f'{sys.argv[1]}/{path}'
    found[path] = [outcome(fresh().bind, name), outcome(fresh().connect, name)]
print(json.dumps(found))
"""
    found = job(run, configured, code, ROOT, *WANTED)
    assert found == {path: list(pair) for path, pair in WANTED.items()}


def test_relative_paths_mean_the_working_directory(
    run: Runner, configured: Configured
) -> None:
    code = """
os.chdir(sys.argv[1])
print(json.dumps([outcome(fresh().bind, 'none'), outcome(fresh().bind, 'README')]))
"""
    assert job(run, configured, code, ROOT) == ["EROFS", "EADDRINUSE"]


def test_what_the_descriptor_is_comes_first(
    run: Runner, configured: Configured
) -> None:
    code = """
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
address = b'\\x01\\x00' + sys.argv[1].encode() + b'/none\\x00'
def code(number, call):
    ctypes.set_errno(0)
    call(number, address, len(address))
    return errno.errorcode[ctypes.get_errno()]
file, inet = os.open('/dev/null', os.O_RDONLY), fresh(family=socket.AF_INET)
print(json.dumps([[code(fd, call) for fd in (999, file, inet.fileno())]
                  for call in (libc.bind, libc.connect)]))
"""
    ours = job(run, configured, code, ROOT)
    assert [pair[:2] for pair in ours] == [["EBADF", "ENOTSOCK"]] * 2
    assert ours == job(run, configured, code, "/no/such")


def test_abstract_and_host_sockets_are_left_alone(
    run: Runner, configured: Configured, place: Path
) -> None:
    code = """
found = []
for name in (b'\\0/cvmfs/none', sys.argv[1]):
    server, client = fresh(), fresh()
    server.bind(name)
    server.listen()
    found.append([outcome(client.connect, name), client.getpeername() == name])
unnamed = fresh()
found.append([outcome(unnamed.bind, ''), True])
print(json.dumps(found))
"""
    found = job(run, configured, code, place / "socket")
    assert found == [["ok", True]] * 3


def test_a_link_below_cvmfs_leads_to_a_socket_of_the_host(
    run: Runner, configured: Configured, place: Path
) -> None:
    code = """
through = sys.argv[1] + '/symlinks/abs_root' + sys.argv[2]
server = fresh()
bound = outcome(server.bind, through)
server.listen()
print(json.dumps([bound, os.path.exists(sys.argv[2]), outcome(fresh().connect, through),
                  outcome(fresh().bind, through)]))
"""
    path = place / "s"
    assert len(os.fsencode(path)) < 60
    assert job(run, configured, code, ROOT, path) == ["ok", True, "ok", "EADDRINUSE"]


def test_a_socket_can_be_bound_after_a_refusal(
    run: Runner, configured: Configured, place: Path
) -> None:
    code = """
one = fresh()
print(json.dumps([outcome(one.bind, sys.argv[1] + '/none'),
                  outcome(one.bind, sys.argv[2])]))
"""
    found = job(run, configured, code, ROOT, place / "s")
    assert found == ["EROFS", "ok"]


def test_a_host_path_that_an_address_cannot_hold_is_too_long(
    run: Runner, configured: Configured, place: Path
) -> None:
    """The same path by links of the host alone is the kernel's to walk."""
    code = """
through = sys.argv[1] + '/symlinks/abs_root' + sys.argv[2]
server = fresh()
found = [outcome(fresh().bind, through), outcome(server.bind, sys.argv[2])]
server.listen()
print(json.dumps([*found, os.path.exists(through), outcome(fresh().connect, through),
                  outcome(fresh().connect, sys.argv[2])]))
"""
    deep = place / ("d" * 60) / ("e" * 60)
    deep.mkdir(parents=True)
    (place / "l").symlink_to(deep)
    found = job(run, configured, code, ROOT, place / "l" / "s")
    assert found == ["ENAMETOOLONG", "ok", True, "ENAMETOOLONG", "ok"]


def test_datagrams_and_names_of_sockets_are_the_kernels(
    run: Runner, configured: Configured, place: Path
) -> None:
    """Natively they would reach the host's socket, and tell the name that was given."""
    code = """
through = sys.argv[1] + '/symlinks/abs_root' + sys.argv[2]
there, sender = fresh(socket.SOCK_DGRAM), fresh(socket.SOCK_DGRAM)
there.bind(through)
def message(name):
    sender.sendmsg([b'x'], [], 0, name)
found = [outcome(send, name)
         for name in (sys.argv[1] + '/special/sock', sys.argv[1] + '/none', through)
         for send in (lambda name: sender.sendto(b'x', name), message)]
sender.connect(through)
sender.send(b'y')
names = [there.getsockname(), sender.getpeername()]
print(json.dumps([found, *names, there.recv(9) == b'y']))
"""
    found = job(run, configured, code, ROOT, place / "s")
    assert found == [["ENOENT"] * 6, str(place / "s"), str(place / "s"), True]
