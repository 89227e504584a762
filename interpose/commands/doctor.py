# SPDX-License-Identifier: GPL-2.0-or-later
"""`interpose doctor`, the half that asks the network.

interpose_run looks at the node itself, starts this and prints what it finds
(native/doctor): so the node is looked at where no Python is, too.
"""

from __future__ import annotations

import argparse
import os
import signal
import threading
import time
from collections import deque

from interpose.commands import options
from interpose.commands.examining import Examination, start_thread
from interpose.commands.findings import NO, OK, WARNING, Finding, Findings
from interpose.commands.options import Session
from interpose.commands.probe import named
from interpose.config import known_repositories
from interpose.errors import InterposeError, UsageError

# What is left of the time for the last lines and for the end of this process.
_RESERVE_S = 2.0
_AT_ONCE = 8
_WRONG_CLOCK_S = 300.0
# Rows of the table (native/doctor/table.c) say these.
_SAID_ELSEWHERE = frozenset({"noexec", "no cache"})


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `doctor`, as interpose_run gives them."""
    parser.epilog = "example:\n  interpose_run --doctor sft.example.org\n"
    parser.add_argument("names", nargs="*", metavar="FQRN")
    parser.add_argument("--findings", type=int, metavar="DESCRIPTOR")
    parser.add_argument("--until", type=int, metavar="MILLISECONDS")
    options.add_arguments(parser)


def execute(arguments: argparse.Namespace) -> int:
    """Status 0: all was said, good or bad."""
    if arguments.findings is None or arguments.until is None:
        raise UsageError("this half of the doctor is no command", "", _HOW)
    os.set_inheritable(arguments.findings, False)  # noqa: FBT003
    # Who started us has blocked what ends us before we can tidy up.
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM, signal.SIGHUP})
    findings = Findings(arguments.findings)

    def hear(text: str, cause: str) -> None:
        if cause not in _SAID_ELSEWHERE:
            findings.add(Finding(WARNING, "configuration", "", text))

    try:
        with Session(arguments, refresh=True, hear=hear) as session:
            Round(session, findings, arguments.until / 1000 - _RESERVE_S).make(
                arguments.names
            )
    except InterposeError as error:
        for name in arguments.names or [""]:
            findings.add(Finding.of(error, NO, "repository", name))
    findings.close()
    return 0


_HOW = "interpose_run --doctor starts it"


class Round:
    """All repositories, some at once, until the time is over."""

    def __init__(self, session: Session, findings: Findings, until: float) -> None:
        self._session = session
        self._findings = findings
        self._until = until
        self._waiting: deque[str] = deque()
        self._known: list[str] = []
        self._examinations: dict[str, Examination] = {}
        self._ended = threading.Semaphore(0)

    def make(self, names: list[str]) -> None:
        """Examine; who is not done in time is said to be not known."""
        start_thread(lambda: self._begin(names))
        if self._has_ended():
            count = min(_AT_ONCE, len(self._waiting))
            for _ in range(count):
                start_thread(self._work)
            for _ in range(count):
                if not self._has_ended():
                    break
        self._tell_undone()
        self._tell_clock()

    def _begin(self, names: list[str]) -> None:
        """Which there are: a configuration repository may be asked for it."""
        try:
            self._known = names or list(known_repositories(self._session.sources))
            if not self._known:
                text, advice = "none is configured", "name one, or CVMFS_REPOSITORIES"
                self._findings.add(Finding(WARNING, "repository", "", text, advice))
        except InterposeError as error:
            self._findings.add(Finding.of(error, NO, "configuration", ""))
        finally:
            self._waiting.extend(self._known)
            self._ended.release()

    def _has_ended(self) -> bool:
        """Whether one more thread is done, within the time."""
        left_s = max(0.0, self._until - time.monotonic())
        return self._ended.acquire(timeout=left_s)

    def _work(self) -> None:
        try:
            while time.monotonic() < self._until:
                self._examine(self._waiting.popleft())
        except IndexError:
            pass  # Nothing is left to do.
        finally:
            self._ended.release()

    def _examine(self, name: str) -> None:
        try:
            fqrn = named(name)
        except UsageError as error:
            self._findings.add(Finding.of(error, NO, "repository", name))
            return
        one = Examination(fqrn, self._session, self._findings, self._until)
        self._examinations[name] = one
        one.run()

    def _tell_undone(self) -> None:
        done = {name for name, one in self._examinations.items() if one.is_done}
        for name in self._known:
            if name in self._examinations and name not in done:
                text, advice = "not opened in time", "see the lines of its servers"
                self._findings.add(Finding(NO, "repository", name, text, advice))
        late = [name for name in self._waiting if name not in self._examinations]
        for name in late:
            text, advice = "not asked, the time was over", "name fewer at once"
            self._findings.add(Finding(WARNING, "repository", name, text, advice))
        if not self._known and time.monotonic() >= self._until:
            text = "which repositories there are was not known in time"
            advice = "see CVMFS_CONFIG_REPOSITORY"
            self._findings.add(Finding(NO, "configuration", "", text, advice))

    def _tell_clock(self) -> None:
        """One server's clock may be wrong: the nearest counts."""
        told = [s for one in self._examinations.values() for s in one.ahead_s]
        if not told:
            return
        nearest: float = min(told, key=abs)
        ahead_s = round(nearest)
        facts: dict[str, float | str] = {"ahead_s": ahead_s}
        if abs(ahead_s) <= _WRONG_CLOCK_S:
            text = f"as that of the servers ({ahead_s:+d} s)"
            self._findings.add(Finding(OK, "clock", "", text, "", facts))
            return
        word = "ahead of" if ahead_s > 0 else "behind"
        text = f"{abs(ahead_s)} s {word} all servers; signatures have dates"
        advice = "set the clock: timedatectl, chrony, ntpd"
        self._findings.add(Finding(WARNING, "clock", "", text, advice, facts))
