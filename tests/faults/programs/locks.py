# SPDX-License-Identifier: GPL-2.0-or-later
"""locks.py FILE [hold]: what locks on FILE, opened for reading, do between processes.

With `hold`: takes both kinds of lock, says so, and ends at the end of its input.
"""

from __future__ import annotations

import errno
import fcntl
import os
import signal
import struct
import subprocess
import sys
import threading
from collections.abc import Callable

PATH = sys.argv[1]
FREE = """
import fcntl, os, sys
try:
    fcntl.flock(os.open(sys.argv[1], 0), int(sys.argv[2]) | fcntl.LOCK_NB)
except BlockingIOError:
    sys.exit("locked")
"""


def tried(fd: int, how: int) -> str:
    try:
        fcntl.flock(fd, how | fcntl.LOCK_NB)
    except OSError as error:
        return errno.errorcode[error.errno]
    return "done"


def another(how: int) -> str:
    """The same by a process that opens FILE itself."""
    words = [sys.executable, "-I", "-c", FREE, PATH, str(how)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    return done.stderr.strip() or "done"


def of_child(deed: Callable[[], str]) -> int:
    """What a forked child tells by its status."""
    pid = os.fork()
    if pid == 0:
        os._exit(0 if deed() == "done" else 1)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def show(label: str, *what: object) -> None:
    print(label, *what, flush=True)


def flocks() -> None:
    fd, apart = os.open(PATH, os.O_RDONLY), os.open(PATH, os.O_RDONLY)
    show("unlock first", tried(fd, fcntl.LOCK_UN))
    show("exclusive", tried(fd, fcntl.LOCK_EX), tried(apart, fcntl.LOCK_SH))
    show("another", another(fcntl.LOCK_EX), another(fcntl.LOCK_SH))
    show("duplicate", tried(os.dup(fd), fcntl.LOCK_EX))
    show("child", of_child(lambda: tried(fd, fcntl.LOCK_EX)))
    show("child, opened apart", of_child(lambda: tried(apart, fcntl.LOCK_EX)))
    show("shared", tried(fd, fcntl.LOCK_SH), another(fcntl.LOCK_SH))
    show("above shared", another(fcntl.LOCK_EX))
    show("unlocked", tried(fd, fcntl.LOCK_UN), another(fcntl.LOCK_EX))
    # As the shell does it: a child locks what its parent keeps.
    show("by a child", of_child(lambda: tried(apart, fcntl.LOCK_EX)))
    show("the child is gone", another(fcntl.LOCK_EX), tried(fd, fcntl.LOCK_SH))
    os.close(apart)
    show("closed", another(fcntl.LOCK_EX), tried(fd, fcntl.LOCK_SH))
    show("no such", tried(fd, 64), tried(os.open(PATH, os.O_PATH), fcntl.LOCK_SH))
    os.closerange(fd, 16)


def waiting() -> None:
    """Waits for the holder's end; a signal ends waiting too."""
    words = [sys.executable, "-I", __file__, PATH, "hold"]
    holder = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert holder.stdout is not None
    holder.stdout.readline()
    fd = os.open(PATH, os.O_RDONLY)

    def interrupt(*_: object) -> None:
        raise InterruptedError

    signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, 0.1)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        show("not held")
    except InterruptedError:
        show("interrupted", another(fcntl.LOCK_EX))
    waiter = threading.Thread(target=fcntl.flock, args=(fd, fcntl.LOCK_EX))
    waiter.start()
    holder.communicate(b"")
    waiter.join()
    show("after its end", holder.returncode, another(fcntl.LOCK_EX))
    os.close(fd)


def record(fd: int, command: int, kind: int) -> object:
    lock = struct.pack("hhqqi4x", kind, os.SEEK_SET, 3, 5, 0)
    try:
        return struct.unpack_from("h", fcntl.fcntl(fd, command, lock))[0]
    except OSError as error:
        return errno.errorcode[error.errno]


def records() -> None:
    fd = os.open(PATH, os.O_RDONLY)
    for commands in ((fcntl.F_SETLK, fcntl.F_GETLK), (37, 36), (38, 36)):
        for kind in (fcntl.F_RDLCK, fcntl.F_WRLCK, fcntl.F_UNLCK, 77):
            show("record", *(record(fd, command, kind) for command in commands))
    for command in (fcntl.F_GETLK, fcntl.F_SETLK, fcntl.F_SETLKW):
        try:
            fcntl.fcntl(fd, command, 1)
        except OSError as error:
            show("bad pointer", errno.errorcode[error.errno])


if sys.argv[2:] == ["hold"]:
    held = os.open(PATH, os.O_RDONLY)
    fcntl.flock(held, fcntl.LOCK_EX)
    fcntl.lockf(held, fcntl.LOCK_SH)
    show("held")
    sys.stdin.read()
else:
    flocks()
    waiting()
    records()
