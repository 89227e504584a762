# SPDX-License-Identifier: GPL-2.0-or-later
"""What we can fail at.

    InterposeError 125, EIO
    |- UsageError 2              |- CommandNotFound 127     |- CommandNotExecutable 126
    |- ConfigurationError        |- NetworkError            |- NotThere ENOENT
    |- TrustError                |  |- NoServer, NoProxy, TimedOut, NotOnServer
    |  |- BadSignature, BadFingerprint, Expired, UnknownKey, HashMismatch
    |- FormatError               |- Offline
    `- CacheError
       |- CacheFull ENOSPC, CacheReadOnly

Each class holds two translations: `exit_status` before the job starts, `errno` for a
call of the job while it runs.
"""

from __future__ import annotations

import errno as _errno


class InterposeError(Exception):
    """One failure of ours: `WHAT is wrong: WHERE (what to do about it)`."""

    exit_status: int = 125
    errno: int = _errno.EIO

    def __init__(self, what: str, where: str = "", advice: str = "") -> None:
        super().__init__(what, where, advice)
        self.what = what
        self.where = where
        self.advice = advice

    def __str__(self) -> str:
        text = self.what
        if self.where:
            text += f": {self.where}"
        if self.advice:
            text += f" ({self.advice})"
        return text


class UsageError(InterposeError):
    """A command line that makes no sense."""

    exit_status = 2


class CommandNotFound(InterposeError):
    """COMMAND does not exist."""

    exit_status = 127


class CommandNotExecutable(InterposeError):
    """COMMAND exists and cannot be executed."""

    exit_status = 126


class ConfigurationError(InterposeError):
    """A parameter is missing or has a value that cannot be used."""


class FormatError(InterposeError):
    """Bytes of a repository that do not follow the format."""


class NotThere(InterposeError):
    """A repository or a path that does not exist."""

    errno = _errno.ENOENT


class Offline(InterposeError):
    """Something would have to be fetched and no connection may be made."""


class NetworkError(InterposeError):
    """Something could not be had from any server through any proxy."""


class NoServer(NetworkError):
    """No server answered."""


class NoProxy(NetworkError):
    """No proxy answered."""


class TimedOut(NetworkError):
    """A server or proxy was too slow."""


class NotOnServer(NetworkError):
    """Every server that answered says 404."""


class TrustError(InterposeError):
    """Bytes arrived and nobody vouches for them."""


class BadSignature(TrustError):
    """A manifest or a whitelist whose signature does not fit."""


class BadFingerprint(TrustError):
    """A certificate that the whitelist does not name."""


class Expired(TrustError):
    """A whitelist that is no longer valid."""


class UnknownKey(TrustError):
    """No master key, or none that can be read."""


class HashMismatch(TrustError):
    """An object whose bytes are not those that its name promises."""


class CacheError(InterposeError):
    """A cache directory that cannot be used."""


class CacheFull(CacheError):
    """The disk of a cache is full."""

    errno = _errno.ENOSPC


class CacheReadOnly(CacheError):
    """A cache that we may not write."""
