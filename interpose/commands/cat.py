# SPDX-License-Identifier: GPL-2.0-or-later
"""`interpose cat`: prints files of repositories without a job."""

from __future__ import annotations

import argparse
import errno

from interpose.commands import options
from interpose.commands.options import Session
from interpose.repository.store import blocks
from interpose.repository.tree import NoSuchPath

EXAMPLE = """\
example:
  interpose cat /cvmfs/sft.example.org/README
  interpose cat --config my.conf /cvmfs/my.example.org/README

Several files are printed one after the other. Status 1: one of them does not exist.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `cat`."""
    parser.epilog = EXAMPLE
    parser.add_argument("paths", nargs="+", metavar="PATH", help="/cvmfs/FQRN/path")
    options.add_arguments(parser)


def execute(arguments: argparse.Namespace) -> int:
    """Status 0; 1 if a path is no file that exists."""
    with Session(arguments) as session:

        def show(path: str) -> None:
            tree, inside = session.locate(path)
            node = tree.find(inside)
            if node.is_directory:
                raise NoSuchPath(errno.EISDIR, tree.shown(inside))
            for block in blocks(tree.repository.content(node.subject)):
                options.write(block)

        return options.for_each(arguments.paths, show)
