# SPDX-License-Identifier: GPL-2.0-or-later
"""`interpose trace`: prints the records of `interpose_run --trace`, one line a call.

    1234 openat(AT_FDCWD, "/cvmfs/...", O_RDONLY|O_CLOEXEC) = 3 (redirected)

The words say what became of it: left to the kernel (which was not watched further),
answered (by the tracer), redirected (done by the kernel, perhaps on another path).
"""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, TextIO

from interpose.commands import records
from interpose.commands.records import Record
from interpose.errors import UsageError

EXAMPLE = """\
interpose_run starts it, so that FILE of --trace holds lines; a user need not.

example:
  interpose_run --trace trace.txt ls /cvmfs/sft.example.org
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `trace`."""
    parser.epilog = EXAMPLE
    parser.add_argument(
        "file", nargs="?", type=Path, help="records of the tracer, not its lines"
    )
    parser.add_argument(
        "--follow-fd", type=int, metavar="N", help="read records from a descriptor"
    )
    parser.add_argument(
        "--output", type=Path, metavar="FILE", help="instead of standard output"
    )


def execute(arguments: argparse.Namespace) -> int:
    """Status 0. Errors: FormatError for a file that holds something else."""
    if (arguments.file is None) == (arguments.follow_fd is None):
        raise UsageError("one of FILE and --follow-fd is wanted")
    with contextlib.ExitStack() as stack:
        if arguments.follow_fd is None:
            source: BinaryIO = stack.enter_context(arguments.file.open("rb"))
        else:
            # Ctrl-C is meant for the job; our end comes with the pipe's.
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            signal.signal(signal.SIGQUIT, signal.SIG_IGN)
            os.set_inheritable(arguments.follow_fd, False)  # noqa: FBT003
            pipe = open(arguments.follow_fd, "rb", buffering=1 << 16)  # noqa: SIM115
            source = stack.enter_context(pipe)
        target = sys.stdout
        if arguments.output is not None:
            opened = arguments.output.open("w", encoding="ascii", buffering=1)
            target = stack.enter_context(opened)
        _print(lines(records.read(source)), target)
    return 0


def _print(texts: Iterator[str], target: TextIO) -> None:
    target.writelines(text + "\n" for text in texts)


def lines(stops: Iterator[Record]) -> Iterator[str]:
    """One line for each call; it comes when the call has its result."""
    from interpose.commands.calls import call_text, result_text  # noqa: PLC0415

    begun: dict[int, str] = {}
    for stop in stops:
        name = stop.verdict_name
        if stop.is_exit:
            known = begun.pop(stop.tid, None)
            if name == "AT_EXIT" and known:  # a program is in place and has not run yet
                yield f"{stop.tid} {known} = 0 (redirected)"
            elif known and not stop.runs_again:
                yield f"{stop.tid} {known} = {result_text(stop.result)} (redirected)"
            continue
        if stop.tid in begun:
            yield f"{stop.tid} {begun.pop(stop.tid)} = ? (redirected)"
        text = call_text(stop)
        if name == "AT_EXIT":
            begun[stop.tid] = text
        elif name == "ANSWER":
            yield f"{stop.tid} {text} = {result_text(stop.result)} (answered)"
        else:
            yield f"{stop.tid} {text} = ? (left to the kernel)"
    for tid, text in begun.items():
        yield f"{tid} {text} = ? (redirected)"
