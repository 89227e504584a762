# SPDX-License-Identifier: GPL-2.0-or-later
"""`interpose stat`: what a repository knows about a path."""

from __future__ import annotations

import argparse
import base64
import json
from typing import Any

from interpose import native
from interpose.commands import entries, options
from interpose.commands.options import Session
from interpose.formats import xattrs
from interpose.repository.tree import Node, Tree

EXAMPLE = """\
example:
  interpose stat /cvmfs/sft.example.org/lib/libx.so
  interpose stat --json /cvmfs/sft.example.org/lib

Besides the fields of stat(1): content hash, chunks, nested catalog, attributes.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `stat`."""
    parser.epilog = EXAMPLE
    parser.add_argument("paths", nargs="+", metavar="PATH", help="/cvmfs/FQRN/path")
    parser.add_argument(
        "-L", dest="follow", action="store_true", help="follow a link at the end"
    )
    parser.add_argument("--json", action="store_true", help="one JSON list")
    options.add_arguments(parser)


def execute(arguments: argparse.Namespace) -> int:
    """Status 0; 1 if a path does not exist."""
    listed: list[dict[str, Any]] = []
    with Session(arguments) as session:

        def show(path: str) -> None:
            tree, inside = session.locate(path)
            node = tree.find(inside, follow=arguments.follow)
            listed.append(_fields(tree, node))
            if not arguments.json:
                _print(path, listed[-1])

        status = options.for_each(arguments.paths, show)
    if arguments.json:
        options.say(json.dumps(listed))
    return status


def _fields(tree: Tree, node: Node) -> dict[str, Any]:
    entry, subject = node.entry, node.subject
    suffix = subject.algorithm.suffix
    found = entries.fields(tree, node)
    found["repository"] = tree.repository.fqrn
    found["revision"] = tree.repository.root.revision
    found["catalog"] = node.catalog.text
    if node.is_directory and entry.flags & native.ENTRY_NESTED and entry.digest:
        found["nested_catalog"] = entry.digest.hex() + suffix
    if subject.is_file:
        found["external"] = bool(entry.flags & native.ENTRY_EXTERNAL)
        plain = entry.flags & native.ENTRY_UNCOMPRESSED
        found["compression"] = "none" if plain else "zlib"
        if subject.is_chunked:
            found["chunks"] = [
                {"hash": c.digest.hex() + suffix, "offset": c.offset, "size": c.size}
                for c in entry.chunks
            ]
        elif entry.digest is not None:
            found["hash"] = entry.digest.hex() + suffix
    stored = xattrs.read(entry.xattr)
    found["xattrs"] = {
        entries.text(name): base64.b64encode(value).decode()
        for name, value in stored.items()
    }
    return found


def _print(path: str, found: dict[str, Any]) -> None:
    lines = [path]
    for name, value in found.items():
        if name == "chunks":
            shown = f"{len(value)}"
        elif name == "xattrs":
            shown = " ".join(value)
        else:
            shown = str(value)
        if shown and name != "path":
            lines.append(f"  {name + ':':<16} {shown}")
    text = "\n".join(lines) + "\n"
    options.write(text.encode("utf-8", "surrogateescape"))
