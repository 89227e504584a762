# SPDX-License-Identifier: GPL-2.0-or-later
"""`interpose ls`: lists directories of repositories without a job."""

from __future__ import annotations

import argparse
import json
from typing import Any

from interpose.commands import entries, options
from interpose.commands.options import Session
from interpose.repository.tree import Node, Tree

EXAMPLE = """\
example:
  interpose ls -l /cvmfs/sft.example.org/lib
  interpose ls --config my.conf /cvmfs/my.example.org

Nothing is mounted and no job is run. Without a configuration of this node for the
repository, give --config or -r as to interpose_run.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `ls`."""
    parser.epilog = EXAMPLE
    parser.add_argument("paths", nargs="+", metavar="PATH", help="/cvmfs/FQRN/path")
    parser.add_argument("-l", dest="long", action="store_true", help="all fields")
    parser.add_argument("-a", dest="all", action="store_true", help="names with a dot")
    parser.add_argument(
        "-d", dest="itself", action="store_true", help="the directory itself"
    )
    parser.add_argument("--json", action="store_true", help="one JSON list")
    options.add_arguments(parser)


def execute(arguments: argparse.Namespace) -> int:
    """Status 0; 1 if a path does not exist."""
    listed: list[dict[str, Any]] = []
    with Session(arguments) as session:

        def show(path: str) -> None:
            tree, inside = session.locate(path)
            # As ls: a link is followed unless its own fields are asked for.
            follow = not (arguments.long or arguments.itself) or inside.endswith(b"/")
            node = tree.find(inside, follow=follow)
            if not node.is_directory or arguments.itself:
                _show(arguments, tree, [(path.encode(), node)], listed)
                return
            if len(arguments.paths) > 1 and not arguments.json:
                options.write(f"{path}:\n".encode("utf-8", "surrogateescape"))
            _show(arguments, tree, _children(arguments, tree, node), listed)

        status = options.for_each(arguments.paths, show)
    if arguments.json:
        options.say(json.dumps(listed))
    return status


def _children(
    arguments: argparse.Namespace, tree: Tree, node: Node
) -> list[tuple[bytes, Node]]:
    named = [(n.path.rpartition(b"/")[2], n) for n in tree.children(node)]
    shown = [(name, n) for name, n in named if arguments.all or name[:1] != b"."]
    return sorted(named if arguments.json else shown, key=lambda pair: pair[0])


def _show(
    arguments: argparse.Namespace,
    tree: Tree,
    named: list[tuple[bytes, Node]],
    listed: list[dict[str, Any]],
) -> None:
    for name, node in named:
        if arguments.json:
            listed.append({"name": entries.text(name), **entries.fields(tree, node)})
        elif arguments.long:
            options.write(entries.long_line(tree, node, name))
        else:
            options.write(name + b"\n")
