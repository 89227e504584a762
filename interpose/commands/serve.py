# SPDX-License-Identifier: GPL-2.0-or-later
"""`interpose serve`: shows published repositories on loopback until interrupted."""

from __future__ import annotations

import argparse
import json
import signal
import sys
from pathlib import Path

from interpose.publish.server import RepositoryServer
from interpose.publish.storage import MANIFEST

_ENDS = frozenset({signal.SIGINT, signal.SIGTERM})

_EXAMPLE = """example:
  interpose publish software --repository sft.example.org --storage out --keys keys
  interpose serve out --keys keys

The three lines that it prints are the whole configuration of a client, for instance
  interpose_run --config FILE -- ls /cvmfs/sft.example.org

Links below OUT are not served, wherever they lead; OUT itself may be one.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `interpose serve`."""
    parser.epilog = _EXAMPLE
    parser.add_argument("storage", metavar="OUT", help="what `publish --storage` made")
    parser.add_argument(
        "--port", type=_port, default=8000, help="default 8000; 0 takes a free one"
    )
    parser.add_argument(
        "--keys", metavar="KEYDIR", help="where the public keys are (only printed)"
    )
    parser.add_argument(
        "--json", action="store_true", help="print one JSON object instead of text"
    )


def execute(arguments: argparse.Namespace) -> int:
    """Serve until SIGINT or SIGTERM, which is the ordinary end: status 0."""
    # Blocked before any thread starts, so that sigwait below is the only taker.
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _ENDS)
    storage = Path(arguments.storage)
    try:
        server = RepositoryServer(storage, arguments.port)
        try:
            server.start()
            _announce(server, storage, arguments)
            signal.sigwait(_ENDS)
        finally:
            server.close()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    return 0


def _announce(
    server: RepositoryServer, storage: Path, arguments: argparse.Namespace
) -> None:
    names = sorted(
        path.parent.name
        for path in storage.glob(f"cvmfs/*/{MANIFEST}")
        if not path.is_symlink() and not path.parent.is_symlink()
    )
    keys = Path(arguments.keys).resolve() if arguments.keys else Path("/path/to")
    key = keys / f"{names[0] if len(names) == 1 else 'FQRN'}.pub"
    settings = {
        "CVMFS_SERVER_URL": f"{server.url}/cvmfs/@fqrn@",
        "CVMFS_PUBLIC_KEY": str(key),
        "CVMFS_HTTP_PROXY": "DIRECT",
    }
    if arguments.json:
        answer = {
            "url": server.url,
            "port": server.port,
            "repositories": names,
            "configuration": settings,
        }
        sys.stdout.write(json.dumps(answer) + "\n")
    else:
        lines = [f"{server.url}/cvmfs/{name}" for name in names]
        lines = lines or [f"{server.url}/ (no repository is there yet)"]
        lines += ["", "A client needs these three lines:"]
        lines += [f"{name}={value}" for name, value in settings.items()]
        lines += ["", "Serving until interrupted (Ctrl-C)."]
        sys.stdout.write("\n".join(lines) + "\n")
    sys.stdout.flush()


def _port(text: str) -> int:
    number = int(text) if text.isascii() and text.isdigit() else -1
    if not 0 <= number <= 65535:
        raise argparse.ArgumentTypeError(f"{text} is no number up to 65535")
    return number
