# SPDX-License-Identifier: GPL-2.0-or-later
"""`interpose showconfig`: each parameter, its value, and where it comes from.

Source: interface.md; the form of a line is the official `cvmfs_config showconfig`'s.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from dataclasses import replace
from pathlib import Path

from interpose.config.configuration import Configuration, load
from interpose.config.environment import from_environment
from interpose.config.known import complete
from interpose.config.parameters import parameter
from interpose.config.repository_option import (
    RepositoryOption,
    parse_parameter_option,
)
from interpose.config.sources import Sources
from interpose.errors import UsageError
from interpose.formats.fqrn import Fqrn
from interpose.messages import one_line

_PLAIN = re.compile(r"[A-Za-z0-9/:._,-]*")
_EXAMPLE = """\
example:
  $ interpose showconfig -o CVMFS_HTTP_PROXY=DIRECT sft.example.org
  CVMFS_HTTP_PROXY=DIRECT    # from -o
  CVMFS_TIMEOUT=5    # from /etc/cvmfs/default.conf:20
  ...
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of this subcommand."""
    parser.epilog = _EXAMPLE
    parser.add_argument(
        "fqrn",
        nargs="?",
        metavar="FQRN",
        help="a repository; without it, what holds for all of them",
    )
    parser.add_argument("--json", action="store_true", help="print a JSON object")
    add_source_arguments(parser)


def add_source_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of interpose_run that say where configuration comes from."""
    parser.add_argument(
        "--config",
        action="append",
        default=[],
        metavar="FILE|DIR",
        help="more configuration, read last (INTERPOSE_CONFIG)",
    )
    parser.add_argument(
        "-o",
        "--option",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="any client parameter",
    )
    parser.add_argument(
        "-r",
        "--repository",
        action="append",
        default=[],
        metavar="REPOSITORY",
        help="FQRN[@TAG|@DATE|@ROOTHASH][=URL[;URL]][,pubkey=FILE]",
    )


def sources_of(args: argparse.Namespace) -> Sources:
    """Sources of the environment and of `add_source_arguments`. Errors: UsageError."""
    sources = from_environment()
    return replace(
        sources,
        extra=tuple(Path(place) for place in args.config) or sources.extra,
        options=tuple(parse_parameter_option(text) for text in args.option),
        repositories=tuple(RepositoryOption.parse(text) for text in args.repository),
    )


def execute(args: argparse.Namespace) -> int:
    """Print the configuration; status 0."""
    sources = sources_of(args)
    fqrn = _name(args.fqrn, sources) if args.fqrn else None
    configuration = load(fqrn, sources)
    for notice in configuration.notices:
        sys.stderr.write(f"interpose: {one_line(notice)}\n")
    text = _json(configuration) if args.json else _lines(configuration)
    sys.stdout.write(text)
    return 0


def _name(text: str, sources: Sources) -> Fqrn:
    fqrn = complete(text.removeprefix("/cvmfs/").rstrip("/"), load(None, sources))
    if fqrn is None:
        raise UsageError("no name of a repository", text)
    return fqrn


def _lines(configuration: Configuration) -> str:
    return "".join(
        f"{name}={_quoted(value)}    # from {configuration.origin(name)}"
        f"{_remark(configuration, name)}\n"
        for name, value in configuration.items()
    )


def _remark(configuration: Configuration, name: str) -> str:
    """A word about parameters that somebody set in vain."""
    if parameter(name).weight == "C" and name in configuration.values:
        known = bool(parameter(name).name)
        shipped = configuration.get(name) == parameter(name).shipped
        return ", no effect here" if known and not shipped else ""
    return ""


def _quoted(value: str) -> str:
    if _PLAIN.fullmatch(value):
        return value
    escaped = value.replace("'", "\\'")
    return one_line(f"'{escaped}'")


def _json(configuration: Configuration) -> str:
    found = [
        {
            "name": name,
            "value": value,
            "file": configuration.origin(name).file,
            "line": configuration.origin(name).line or None,
            "weight": parameter(name).weight if parameter(name).name else None,
        }
        for name, value in configuration.items()
    ]
    whole = {
        "fqrn": configuration.fqrn,
        "parameters": found,
        "notices": list(configuration.notices),
    }
    return json.dumps(whole, indent=2) + "\n"
