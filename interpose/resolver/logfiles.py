# SPDX-License-Identifier: GPL-2.0-or-later
"""Log files that a configuration names: CVMFS_USYSLOG and CVMFS_DEBUGLOG.

In the official client's form. What cannot be written costs its lines, and no job.
"""

from __future__ import annotations

import errno
import os
import stat
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from interpose.config import Configuration
from interpose.config.logfiles import LogFile, LogSettings
from interpose.errors import InterposeError
from interpose.messages import Log, Messages, one_line

_ROTATED_BYTES = 500 * 1024
_FLAGS = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
# Neither a FIFO without a reader nor a terminal may hold us.
_FLAGS |= os.O_NONBLOCK | os.O_NOCTTY
_MODE = 0o600
# What only a daemon of the site may write; read-only file systems belong to that.
_NOT_ALLOWED = (errno.EACCES, errno.EPERM, errno.EROFS)

_log = Log(__name__)


class LogFiles:
    """The log files of one process. To be opened before a repository is."""

    def __init__(self, messages: Messages) -> None:
        self._messages = messages
        self._debugged: set[Path] = set()

    def open(self, configuration: Configuration) -> None:
        """From now on the lines of this repository, and general ones, go there, too."""
        settings = LogSettings.of(configuration)
        fqrn = configuration.fqrn or ""
        if settings.debug is not None:
            self._try(settings.debug, fqrn, self._debug)
        if settings.lines is not None:
            self._try(settings.lines, fqrn, _check)
            write = _writer(settings.lines.path, settings.prefix)
            self._messages.copy_to(settings.lines.path, fqrn, write)

    def _try(self, file: LogFile, fqrn: str, work: Callable[[Path], None]) -> None:
        try:
            work(file.path)
        except OSError as error:
            if file.is_sites and error.errno in _NOT_ALLOWED:
                _log.info("%s is not written: %s", file.path, error.strerror)
                return
            reason = (error.strerror or str(error)).lower()
            what = f"a log file cannot be written, {reason}"
            line = InterposeError(what, str(file.path), f"see {file.parameter}")
            self._messages.tell(str(line), cause=f"log {file.path}", repository=fqrn)

    def _debug(self, path: Path) -> None:
        """Errors: OSError."""
        if path in self._debugged:
            return
        import logging  # noqa: PLC0415

        stream = os.fdopen(_opened(path), "w", encoding="utf-8", errors="replace")
        self._debugged.add(path)
        root = logging.getLogger()
        for other in root.handlers:
            # What -v shows stays as it is.
            if other.level == logging.NOTSET:
                other.setLevel(root.level)
        handler = logging.StreamHandler(stream)
        handler.setLevel(logging.DEBUG)
        shape = "(%(name)s) %(message)s    [%(asctime)s]"
        handler.setFormatter(logging.Formatter(shape, "%m-%d-%Y %H:%M:%S %Z"))
        root.addHandler(handler)
        root.setLevel(logging.DEBUG)

        def told(text: str) -> None:
            fields = {"name": "interpose", "msg": text, "levelno": logging.INFO}
            handler.handle(logging.makeLogRecord(fields))

        self._messages.copy_to(("debug", path), "", told)


def _check(path: Path) -> None:
    """Errors: OSError."""
    os.close(_opened(path))


def _opened(path: Path) -> int:
    """A descriptor of a regular file. Errors: OSError."""
    descriptor = os.open(path, _FLAGS, _MODE)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(f"not a regular file: {path}")
    return descriptor


def _writer(path: Path, prefix: str) -> Callable[[str], Any]:
    def write(text: str) -> None:
        line = f"{time.ctime()} ({prefix}) {one_line(text)}\n"
        try:
            if path.stat().st_size >= _ROTATED_BYTES:
                path.rename(f"{path}.1")
        except OSError:
            pass  # It is not there yet, or another job was faster.
        try:
            with os.fdopen(_opened(path), "wb", buffering=0) as file:
                file.write(line.encode("utf-8", "surrogateescape"))
        except OSError as error:
            _log.info("%s is not written: %s", path, error)

    return write
