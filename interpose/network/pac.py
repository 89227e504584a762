# SPDX-License-Identifier: GPL-2.0-or-later
"""Proxy auto-configuration files: what their JavaScript says, in our words.

The script runs in a process of its own, whose time and memory end: it comes from the
network, and an endless loop in it must not be one of ours. As a program, this module is
that process. Source: the de facto standard of FindProxyForURL; docs/format.md 12.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

from interpose.errors import ConfigurationError, FormatError
from interpose.formats.proxylist import DIRECT

_MOST_MEMORY_BYTES = 1 << 30
_MISSING = 3
_PLAIN = {"PROXY": "http", "HTTP": "http", "HTTPS": "https"}


def evaluate(program: bytes, servers: Sequence[str], limit_s: float) -> str:
    """Proxies for the first server that the script has an answer for, or "".

    They are separated by `;`, for a script means them to be tried in order.
    Errors: ConfigurationError where no interpreter is installed; FormatError.
    """
    question = json.dumps([program.decode("utf-8", "replace"), list(servers)])
    command = [*_interpreter(), "-m", "interpose.network.pac"]
    try:
        done = subprocess.run(
            command,
            input=question.encode(),
            capture_output=True,
            timeout=limit_s,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise FormatError("a PAC file that does not come to an end") from None
    except OSError as error:
        raise FormatError("a PAC file cannot be evaluated", str(error)) from error
    if done.returncode == _MISSING:
        raise ConfigurationError(
            "no interpreter for PAC files", "", "pip install pypac, or name the proxies"
        )
    if done.returncode != 0:
        raise FormatError("a PAC file that cannot be evaluated")
    for answer in json.loads(done.stdout):
        text = in_our_words(answer)
        if text:
            return text
    return ""


def _interpreter() -> list[str]:
    """The words that start another Python like this one: the bundle's has a loader."""
    words = Path("/proc/self/cmdline").read_text("utf-8", "surrogateescape").split("\0")
    before = words[: words.index(sys.executable)] if sys.executable in words else []
    flags = ["-I", "-S"] if sys.flags.no_site else ["-I"]
    return [*before, sys.executable, *flags]


def in_our_words(answer: str) -> str:
    """`PROXY a:1; DIRECT` as `http://a:1;DIRECT`; what we cannot use is left out."""
    found = []
    for part in answer.split(";"):
        kind, _, where = part.strip().partition(" ")
        if kind.upper() == DIRECT:
            found.append(DIRECT)
        elif kind.upper() in _PLAIN and where.strip():
            found.append(f"{_PLAIN[kind.upper()]}://{where.strip()}")
    return ";".join(found)


def main() -> int:
    """Read a script and URLs from standard input, write the answers."""
    import resource  # noqa: PLC0415

    resource.setrlimit(resource.RLIMIT_AS, (_MOST_MEMORY_BYTES, _MOST_MEMORY_BYTES))
    program, servers = json.load(sys.stdin)
    try:
        from pypac.parser import PACFile  # noqa: PLC0415
    except ImportError:
        return _MISSING
    script = PACFile(program)
    answers = [
        script.find_proxy_for_url(url, urlsplit(url).hostname or "") for url in servers
    ]
    sys.stdout.write(json.dumps([str(answer or "") for answer in answers]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
