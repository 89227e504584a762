# SPDX-License-Identifier: GPL-2.0-or-later
"""`interpose cp`: copies files or trees out of a repository."""

from __future__ import annotations

import argparse
import errno
import os
import stat

from interpose.commands import options
from interpose.commands.copying import Copier, Folder
from interpose.commands.options import Session
from interpose.errors import InterposeError, UsageError
from interpose.repository.tree import Node, NoSuchPath

EXAMPLE = """\
example:
  interpose cp /cvmfs/sft.example.org/README .
  interpose cp -r /cvmfs/sft.example.org/share ./share

-r means directories, as for cp; a repository is given by --repository in full.
Below TARGET no link is followed and nothing is written into: a link, FIFO or device in
the way of a file is replaced, in the way of a directory it is an error. Set-user-ID
bits are not copied; nor are devices and sockets, which cost a line and status 1.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `cp`."""
    parser.epilog = EXAMPLE
    parser.add_argument("paths", nargs="+", metavar="PATH", help="/cvmfs/FQRN/path")
    parser.add_argument("target", metavar="TARGET", help="a file or directory")
    parser.add_argument(
        "-r", "-R", dest="recursive", action="store_true", help="directories too"
    )
    parser.add_argument(
        "-p", dest="preserve", action="store_true", help="keep times and modes"
    )
    options.add_arguments(parser, ("--repository",))


def execute(arguments: argparse.Namespace) -> int:
    """Status 0; 1 if a path does not exist or could not be copied as what it is."""
    for path in arguments.paths:
        if "=" in path and ("://" in path or ",pubkey=" in path):
            advice = "give a repository by --repository"
            raise UsageError("-r means directories here", path, advice)
    target = os.fsencode(arguments.target)
    into = os.path.isdir(target)
    if len(arguments.paths) > 1 and not into:
        raise UsageError("several files need a directory", arguments.target)
    with Session(arguments) as session:
        is_complete = True

        def copy(path: str) -> None:
            nonlocal is_complete
            tree, inside = session.locate(path)
            node = tree.find(inside, follow=not arguments.recursive)
            if node.is_directory and not arguments.recursive:
                raise NoSuchPath(errno.EISDIR, f"{path} (see -r)")
            with Copier(tree, preserve=arguments.preserve) as copier:
                if into:
                    name = node.path.rpartition(b"/")[2]
                    name = name or tree.repository.fqrn.encode()
                    _copy_into(copier, node, target, name)
                else:
                    _copy_as(copier, node, target)
            is_complete = is_complete and copier.is_complete

        status = options.for_each(arguments.paths, copy)
    return status if is_complete else 1


def _copy_into(copier: Copier, node: Node, directory: bytes, name: bytes) -> None:
    """Copy to a name in a directory, which may be reached by links of the user's."""
    flags = os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC
    folder = Folder(os.open(directory, flags))
    try:
        copier.copy(node, folder, name)
    finally:
        folder.release()


def _copy_as(copier: Copier, node: Node, target: bytes) -> None:
    """Copy to the name that the user gave; what is there is written as by cp."""
    is_file = stat.S_ISREG(node.entry.mode)
    if not os.path.lexists(target):
        _copy_into(copier, node, *_split(target))
    elif is_file:
        _write_over(copier, node, target)
    elif stat.S_IFMT(os.lstat(target).st_mode) in (stat.S_IFREG, stat.S_IFLNK):
        _copy_into(copier, node, *_split(target))
    else:
        what = "is in the way, and is no plain file"
        raise InterposeError(what, os.fsdecode(target), "name another target")


def _split(target: bytes) -> tuple[bytes, bytes]:
    directory, name = os.path.split(target.rstrip(b"/"))
    return directory or b".", name


def _write_over(copier: Copier, node: Node, target: bytes) -> None:
    # O_NONBLOCK: a FIFO that nobody reads is an error and no rest for ever.
    flags = os.O_WRONLY | os.O_TRUNC | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
    try:
        descriptor = os.open(target, flags)
    except OSError as error:
        if error.errno != errno.ENXIO:
            raise
        where = os.fsdecode(target)
        raise InterposeError("nobody reads this FIFO", where) from error
    try:
        os.set_blocking(descriptor, True)
        copier.write_into(node, descriptor)
    finally:
        os.close(descriptor)
