# SPDX-License-Identifier: GPL-2.0-or-later
"""Paths of an opened repository, walked as a kernel would, without any job.

Source: docs/format.md 4.7, 4.9; path_resolution(7).
"""

from __future__ import annotations

import errno
import os
import re
import stat
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple, TypeVar

from interpose import native
from interpose.errors import NotThere
from interpose.formats.fqrn import REPOSITORIES
from interpose.formats.hashes import Algorithm, ContentHash
from interpose.native import Entry, Index
from interpose.repository.repository import Repository
from interpose.repository.subject import Subject

T = TypeVar("T")
MOST_LINKS = 40
_VARIABLE = re.compile(rb"\$\(([^)]*)\)")


class NoSuchPath(NotThere):
    """A path that leads nowhere; `reason` is the errno of a kernel's answer."""

    def __init__(self, reason: int, where: str) -> None:
        super().__init__(os.strerror(reason).lower(), where)
        self.reason = reason


class Node(NamedTuple):
    """A place in the tree; `path` is b"" for the root, else b"/a/b"."""

    path: bytes
    entry: Entry
    catalog: ContentHash

    @property
    def subject(self) -> Subject:
        """The same as the repository wants it."""
        return Subject(self.path, self.entry, self.entry.number, self.catalog)

    @property
    def is_directory(self) -> bool:
        """By the mode."""
        return stat.S_ISDIR(self.entry.mode)

    @property
    def is_link(self) -> bool:
        """By the mode."""
        return stat.S_ISLNK(self.entry.mode)


class Tree:
    """Walks one repository."""

    def __init__(self, repository: Repository) -> None:
        self.repository = repository
        self._mount = f"{REPOSITORIES}/{repository.fqrn}".encode()
        variables = dict(repository.configuration.environment)
        variables.update(repository.view.variables)
        self._variables = variables

    def root(self) -> Node:
        """The root directory."""
        catalog = self.repository.root.hash
        entry = _steady(lambda: self.repository.index(catalog, b"").entry(0))
        return Node(b"", entry, catalog)

    def find(self, path: bytes, *, follow: bool = True) -> Node:
        """The node at `path`; `follow` says whether a link at its end is followed.

        Errors: NoSuchPath; what loading a catalog can raise.
        """
        chain = [self.root()]
        names = path.split(b"/")[::-1]
        links = 0
        while names:
            name = names.pop()
            if name in (b"", b"."):
                self._need_directory(chain[-1], path)
                continue
            if name == b"..":
                self._need_directory(chain[-1], path)
                chain = chain[:-1] or chain
                continue
            node = self.child(chain[-1], name, path)
            if not node.is_link or (not names and not follow):
                chain.append(node)
                continue
            links += 1
            if links > MOST_LINKS:
                raise NoSuchPath(errno.ELOOP, self.shown(path))
            target = self._inside(self.target(node))
            if target.startswith(b"/"):
                chain = chain[:1]
            names += target.split(b"/")[::-1]
        return chain[-1]

    def _need_directory(self, node: Node, path: bytes) -> None:
        if not node.is_directory:
            raise NoSuchPath(errno.ENOTDIR, self.shown(path))

    def _inside(self, target: bytes) -> bytes:
        """The target of a link as seen from the repository's root."""
        if not target:
            raise NoSuchPath(errno.ENOENT, "an empty link")
        if not target.startswith(b"/"):
            return target
        if target == self._mount or target.startswith(self._mount + b"/"):
            return target[len(self._mount) :] or b"/"
        where = target.decode("utf-8", "backslashreplace")
        raise NotThere("a link leads out of the repository", where)

    def child(self, directory: Node, name: bytes, path: bytes = b"") -> Node:
        """The entry `name` of a directory. Errors: NoSuchPath."""
        return _steady(lambda: self._child(directory, name, path))

    def _child(self, directory: Node, name: bytes, path: bytes) -> Node:
        shown = self.shown(path or directory.path + b"/" + name)
        if not directory.is_directory:
            raise NoSuchPath(errno.ENOTDIR, shown)
        index, catalog, number = self._inner(directory)
        found = index.child(number, name)
        if found is None:
            raise NoSuchPath(errno.ENOENT, shown)
        return Node(directory.path + b"/" + name, index.entry(found), catalog)

    def children(self, directory: Node) -> Iterator[Node]:
        """What a listing shows, in the catalog's order."""
        return iter(_steady(lambda: list(self._children(directory))))

    def _children(self, directory: Node) -> Iterator[Node]:
        index, catalog, number = self._inner(directory)
        for entry in index.children(number):
            if not entry.flags & native.ENTRY_HIDDEN:
                yield Node(directory.path + b"/" + entry.name, entry, catalog)

    def _inner(self, directory: Node) -> tuple[Index, ContentHash, int]:
        """Index, catalog and number that hold what is in a directory."""
        entry, catalog = directory.entry, directory.catalog
        if entry.flags & native.ENTRY_NESTED and entry.number != 0:
            if entry.digest is None:
                raise NoSuchPath(errno.ENOENT, self.shown(directory.path))
            catalog = ContentHash(Algorithm.of_flag(entry.algorithm), entry.digest)
            return self.repository.index(catalog, directory.path), catalog, 0
        index = self.repository.index(catalog, directory.path)
        return index, catalog, entry.number

    def target(self, node: Node) -> bytes:
        """The target of a link, variables filled in."""
        return expand(node.entry.target, self._variables)

    def shown(self, path: bytes) -> str:
        """A path for messages."""
        text = path.decode("utf-8", "backslashreplace")
        whole = f"{REPOSITORIES}/{self.repository.fqrn}/{text.strip('/')}"
        return whole.rstrip("/")


def _steady(look: Callable[[], T]) -> T:
    """What `look` finds; an index that breaks beneath it is made anew, once."""
    try:
        return look()
    except native.DamagedIndex:
        return look()


def expand(target: bytes, variables: Mapping[str, str]) -> bytes:
    """A variant link's target: `$(NAME)` and `$(NAME:-default)` filled in."""

    def value(found: re.Match[bytes]) -> bytes:
        name, _, default = found.group(1).partition(b":-")
        known = variables.get(os.fsdecode(name))
        return default if known is None else os.fsencode(known)

    return _VARIABLE.sub(value, target)
