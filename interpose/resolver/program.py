# SPDX-License-Identifier: GPL-2.0-or-later
"""The resolver as a program: signals, greeting, settings, and then the loop."""

from __future__ import annotations

import os
import signal
import socket
import sys

from interpose import native
from interpose.cache import unfinished
from interpose.errors import InterposeError, UsageError
from interpose.messages import Messages, one_line
from interpose.resolver import settings as settings_module
from interpose.resolver.channel import unpack_question
from interpose.resolver.loop import Loop, receive
from interpose.resolver.settings import Settings

_OF_TERMINALS = (
    signal.SIGINT,
    signal.SIGQUIT,
    signal.SIGTSTP,
    signal.SIGTTIN,
    signal.SIGTTOU,
    signal.SIGHUP,
    signal.SIGTERM,
    signal.SIGPIPE,
)

# Made beforehand: then nothing more can be made.
_WITHOUT_MEMORY = (
    b"interpose: the resolver has no memory left "
    b"(is a limit of memory too low: ulimit -v, -d?)\n"
)


def main(arguments: list[str]) -> int:
    """Serve the channel on descriptor N; 0 when the tracer has closed it."""
    native.shut_process()
    for name in _OF_TERMINALS:
        # They are meant for the job; we end when the channel does.
        signal.signal(name, signal.SIG_IGN)
    # Held back by interpose_run since our birth; what came meanwhile is dropped.
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    # No argparse: its import costs more than all else that happens here.
    if len(arguments) != 2 or arguments[0] != "--fd" or not arguments[1].isdigit():
        raise UsageError("started by interpose_run only", "", "--fd N")
    number = int(arguments[1])
    os.set_inheritable(number, False)  # noqa: FBT003
    channel = socket.socket(fileno=number)
    settings = _hello(channel)
    if settings is None:
        return 0
    if settings.without_memfd:
        from interpose.repository.shelves import MemoryShelf  # noqa: PLC0415

        MemoryShelf.without_memfd = True
    stream = None
    if settings.log is not None:
        stream = settings.log.open("a", encoding="utf-8", errors="surrogateescape")
    _configure_logging(settings)
    Loop(channel, settings, Messages(stream, quiet=settings.quiet)).run()
    return 0


def _hello(channel: socket.socket) -> Settings | None:
    """Settings of the first message; None if the tracer went away before."""
    message = receive(channel)
    if not message:
        return None
    question = unpack_question(message)
    if question.kind != native.HELLO:
        raise InterposeError("the first message is no greeting")
    return settings_module.parse(question.body)


def _configure_logging(settings: Settings) -> None:
    if settings.verbosity <= 0:
        return
    import logging  # noqa: PLC0415

    level = logging.INFO if settings.verbosity == 1 else logging.DEBUG
    logging.basicConfig(
        level=level,
        format="interpose: %(message)s",
        filename=settings.log,
    )


def run() -> None:
    """Run as a program of its own; never returns.

    Threads may wait for servers that do not answer: nobody waits for these threads.
    """
    try:
        status = main(sys.argv[1:])
    except InterposeError as error:
        sys.stderr.write(f"interpose: {one_line(str(error))}\n")
        status = error.exit_status
    except MemoryError:
        os.write(sys.stderr.fileno(), _WITHOUT_MEMORY)
        status = 125
    except Exception as error:  # noqa: BLE001
        text = one_line(f"{type(error).__name__}: {error}")
        advice = "is a limit of memory too low: ulimit -v, -d?"
        sys.stderr.write(f"interpose: the resolver cannot go on: {text} ({advice})\n")
        status = 125
    try:
        sys.stderr.flush()
        unfinished.drop_all()
    finally:
        os._exit(status)
