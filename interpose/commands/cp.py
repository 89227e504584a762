# SPDX-License-Identifier: GPL-2.0-or-later
"""`interpose cp`: copies files or trees out of a repository."""

from __future__ import annotations

import argparse
import errno
import os
import stat

from interpose.commands import options
from interpose.commands.options import Session, complain
from interpose.errors import InterposeError, UsageError
from interpose.repository.store import blocks
from interpose.repository.tree import Node, NoSuchPath, Tree

EXAMPLE = """\
example:
  interpose cp /cvmfs/sft.example.org/README .
  interpose cp -r /cvmfs/sft.example.org/share ./share

-r means directories, as for cp; a repository is given by --repository in full.
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
    target = os.fsencode(arguments.target)
    into = os.path.isdir(target)
    if len(arguments.paths) > 1 and not into:
        raise UsageError("several files need a directory", arguments.target)
    with Session(arguments) as session:
        copied = True

        def copy(path: str) -> None:
            nonlocal copied
            tree, inside = session.locate(path)
            node = tree.find(inside, follow=not arguments.recursive)
            if node.is_directory and not arguments.recursive:
                raise NoSuchPath(errno.EISDIR, f"{path} (see -r)")
            name = node.path.rpartition(b"/")[2] or tree.repository.fqrn.encode()
            copier = Copier(tree, preserve=arguments.preserve)
            copier.copy(node, os.path.join(target, name) if into else target)
            copied = copied and copier.is_complete

        status = options.for_each(arguments.paths, copy)
    return status if copied else 1


class Copier:
    """Copies nodes of one tree. Links stay links, their variables filled in."""

    def __init__(self, tree: Tree, *, preserve: bool) -> None:
        self._tree = tree
        self._preserve = preserve
        self._umask = os.umask(0)
        os.umask(self._umask)
        self.is_complete = True

    def copy(self, node: Node, target: bytes) -> None:
        """Errors: OSError; whatever getting content can raise."""
        kind = stat.S_IFMT(node.entry.mode)
        if kind == stat.S_IFDIR:
            self._directory(node, target)
        elif kind == stat.S_IFREG:
            self._file(node, target)
        elif kind == stat.S_IFLNK:
            _remove(target)
            os.symlink(self._tree.target(node), target)
        elif kind == stat.S_IFIFO:
            _remove(target)
            os.mkfifo(target, stat.S_IMODE(node.entry.mode) & ~self._umask)
        else:
            where = self._tree.shown(node.path)
            complain(InterposeError("no file that could be copied", where))
            self.is_complete = False
            return
        if self._preserve:
            self._keep_time(node, target)

    def _directory(self, node: Node, target: bytes) -> None:
        if not os.path.isdir(target):
            os.mkdir(target, 0o700)
        for child in self._tree.children(node):
            self.copy(child, os.path.join(target, child.path.rpartition(b"/")[2]))
        os.chmod(target, self._mode(node))

    def _file(self, node: Node, target: bytes) -> None:
        source = self._tree.repository.content(node.subject)
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC
        with open(os.open(target, flags, 0o600), "wb") as file:
            file.writelines(blocks(source))
            os.fchmod(file.fileno(), self._mode(node))

    def _mode(self, node: Node) -> int:
        mode = stat.S_IMODE(node.entry.mode)
        # Nobody becomes the owner of a set-uid program by copying it.
        return mode & 0o777 if self._preserve else mode & 0o777 & ~self._umask

    def _keep_time(self, node: Node, target: bytes) -> None:
        when = node.entry.mtime * 10**9 + node.entry.mtime_ns
        try:
            os.utime(target, ns=(when, when), follow_symlinks=False)
        except (OSError, OverflowError) as error:
            where = self._tree.shown(node.path)
            complain(InterposeError(f"time cannot be kept, {error}", where))
            self.is_complete = False


def _remove(target: bytes) -> None:
    """Make room for a link, as cp does; a directory in the way is an error."""
    if os.path.lexists(target):
        os.unlink(target)
