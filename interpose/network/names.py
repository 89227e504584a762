# SPDX-License-Identifier: GPL-2.0-or-later
"""Connections to names: looked up within a time, one address after the other.

getaddrinfo knows no limit: it asks each name server several times. Here it has a
thread of its own, and who asks waits no longer than for a connection.
Source: getaddrinfo(3), resolv.conf(5); docs/parameters.md (families).
"""

from __future__ import annotations

import _thread
import socket
import threading
import time
from collections.abc import Sequence
from typing import Any

from interpose.latch import Latch
from interpose.network.settings import Families

Address = tuple[int, int, int, str, Any]
_LOOKUPS_AT_ONCE = 16


class _Lookup:
    """One question to the system's resolver, for all who ask it meanwhile."""

    def __init__(self) -> None:
        self.done = Latch()
        self.found: Sequence[Address] = ()
        self.error: OSError | None = None

    def run(self, host: str, port: int, family: int) -> None:
        try:
            self.found = socket.getaddrinfo(host, port, family, socket.SOCK_STREAM)
        except OSError as error:
            self.error = error
        except UnicodeError:
            self.error = socket.gaierror(socket.EAI_NONAME, "no name of a host")
        finally:
            self.done.open()


_lock = threading.Lock()
_lookups: dict[tuple[str, int, int], _Lookup] = {}


def look_up(host: str, port: int, family: int, timeout_s: float) -> list[Address]:
    """Addresses in the system's order. Errors: OSError; socket.timeout."""
    try:
        socket.inet_pton(socket.AF_INET6 if ":" in host else socket.AF_INET, host)
    except (OSError, ValueError):
        pass
    else:
        return list(socket.getaddrinfo(host, port, family, socket.SOCK_STREAM))
    key = (host, port, family)
    with _lock:
        lookup = _lookups.get(key)
        if lookup is None or lookup.done.wait(0):
            for known in [k for k, one in _lookups.items() if one.done.wait(0)]:
                del _lookups[known]
            if len(_lookups) >= _LOOKUPS_AT_ONCE:
                raise socket.timeout("the name service does not answer")
            lookup = _lookups[key] = _Lookup()
            # Not threading.Thread: its start() waits for one that has no memory.
            _thread.start_new_thread(lookup.run, (host, port, family))
    if not lookup.done.wait(timeout_s):
        raise socket.timeout("the name service does not answer")
    if lookup.error is not None:
        raise lookup.error
    return list(lookup.found)


def in_order(found: list[Address], families: Families) -> list[Address]:
    """Addresses of a proxy: the preferred family first, spread over all of it.

    Source: docs/format.md 12 (each address of a proxy is a proxy; IPv4 first).
    """
    import random  # noqa: PLC0415

    wanted = socket.AF_INET6 if families.preferred_of_proxies == 6 else socket.AF_INET
    first = [address for address in found if address[0] == wanted]
    others = [address for address in found if address[0] != wanted]
    random.shuffle(first)
    random.shuffle(others)
    return (first + others)[: families.most_of_proxy or None]


class _Socket(socket.socket):
    """One whose time-out costs a system call only if it changes."""

    def settimeout(self, value: float | None) -> None:
        if value != self.gettimeout():
            super().settimeout(value)


def connect(
    found: Sequence[Address], timeout_s: float, options: Sequence[Any] = ()
) -> socket.socket:
    """A connection to the first address that answers, within the time for all.

    Errors: OSError of the last one; socket.timeout.
    """
    until = time.monotonic() + timeout_s
    failed: OSError = socket.gaierror(socket.EAI_NONAME, "no address")
    for n, (family, kind, protocol, _, address) in enumerate(found):
        share_s = (until - time.monotonic()) / (len(found) - n)
        connection = _Socket(family, kind, protocol)
        try:
            for option in options:
                connection.setsockopt(*option)
            connection.settimeout(max(share_s, 0.01))
            connection.connect(address)
            connection.settimeout(timeout_s)
        except OSError as error:
            connection.close()
            failed = error
        else:
            return connection
    raise failed
