# SPDX-License-Identifier: GPL-2.0-or-later
"""`interpose showconfig`: each parameter, its value, and where it comes from.

Source: the form of a line is the official `cvmfs_config showconfig`'s.
"""

from __future__ import annotations

import argparse
import json
import re
import sys

from interpose.commands import options
from interpose.commands.options import Session, complain
from interpose.config.configuration import Configuration, load
from interpose.config.known import complete
from interpose.config.parameters import nearest, parameter
from interpose.config.sources import Sources
from interpose.errors import ConfigurationError, UsageError
from interpose.formats.fqrn import REPOSITORIES, Fqrn
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
    options.add_arguments(parser)


def execute(args: argparse.Namespace) -> int:
    """Print the configuration; status 0, 125 if no job could use it."""
    sources = options.sources_of(args)
    fqrn = _name(args.fqrn, sources) if args.fqrn else None
    status = 0
    if fqrn is None:
        configuration = load(None, sources)
    else:
        with Session(args) as session:
            try:
                configuration = load(fqrn, session.sources)
            except ConfigurationError as error:
                # The rest is what somebody needs who looks for the reason.
                complain(error)
                configuration = load(fqrn, sources)
                status = error.exit_status
    for notice in configuration.notices:
        sys.stderr.write(f"interpose: {one_line(notice)}\n")
    text = _json(configuration) if args.json else _lines(configuration)
    sys.stdout.write(text)
    return status


def _name(text: str, sources: Sources) -> Fqrn:
    fqrn = complete(
        text.removeprefix(f"{REPOSITORIES}/").rstrip("/"), load(None, sources)
    )
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
    row = parameter(name)
    if row.name:
        shipped = configuration.get(name) == row.shipped
        return ", no effect here" if row.is_without_effect and not shipped else ""
    meant = nearest(name)
    return f", unknown: is {meant} meant?" if meant else ""


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
            "effect": bool(parameter(name).name)
            and not parameter(name).is_without_effect,
            "nearest": None if parameter(name).name else nearest(name),
        }
        for name, value in configuration.items()
    ]
    whole = {
        "fqrn": configuration.fqrn,
        "parameters": found,
        "notices": list(configuration.notices),
    }
    return json.dumps(whole, indent=2) + "\n"
