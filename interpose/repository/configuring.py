# SPDX-License-Identifier: GPL-2.0-or-later
"""The configuration repository: opened like any other, its files made readable.

Source: docs/parameters.md.
"""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from interpose.cache import inventory
from interpose.config import Sources, load
from interpose.errors import InterposeError
from interpose.formats.fqrn import Fqrn
from interpose.repository.repository import Repository, Surroundings

if TYPE_CHECKING:
    from interpose.repository.tree import Node, Tree

_ETC = b"/etc/cvmfs"
_MOST_FILES = 10_000
_MOST_BYTES = 1 << 20


def with_configuration_repository(sources: Sources, around: Surroundings) -> Sources:
    """The same sources, able to read a configuration repository."""
    found: dict[str, _Files | None] = {}
    lock = threading.Lock()

    def provide(name: str) -> _Files | None:
        with lock:
            if name not in found:
                try:
                    found[name] = _Files(name, sources, around)
                except InterposeError as error:
                    around.notice(str(error), "configuration repository")
                    found[name] = None
            return found[name]

    def directory(name: str) -> Path | None:
        files = provide(name)
        return files.directory if files else None

    def file(name: str, path: str) -> Path | None:
        files = provide(name)
        return files.other(path) if files else None

    return sources._replace(config_repository=directory, config_file=file)


class _Files:
    """Copies of a configuration repository's files: its etc/cvmfs, others on demand.

    `directory` is the copy of etc/cvmfs. Errors: whatever opening can raise.
    """

    def __init__(self, name: str, sources: Sources, around: Surroundings) -> None:
        from interpose.repository.tree import Tree  # noqa: PLC0415

        fqrn = Fqrn.parse(name)
        self._repository = Repository.open(fqrn, load(fqrn, sources), around)
        self._tree = Tree(self._repository)
        top = self._repository.caches.private.top
        words = {"fqrn": fqrn, "hash": self._repository.root.hash.text}
        self._rest = inventory.CONFIGURATION_REST.below(top, **words)
        self.directory = inventory.CONFIGURATION.below(top, **words)
        complete = self.directory / ".complete"
        if not complete.exists():
            copy = _Copy(self._tree, self._repository)
            copy.run(self._tree.find(_ETC), self.directory)
            self._repository.caches.private.store_small(complete, b"")

    def other(self, path: str) -> Path | None:
        """A copy of any other small file, None if there is none."""
        target = Path(os.path.normpath(self._rest / path))
        if not path or target.is_file():
            return target if path else None
        try:
            node = self._tree.find(os.fsencode(path))
            _Copy(self._tree, self._repository).file(node, target)
        except InterposeError:
            return None
        return target if target.is_file() else None


class _Copy:
    """Copies small files and directories; links are followed inside the tree."""

    def __init__(self, tree: Tree, repository: Repository) -> None:
        self._tree = tree
        self._repository = repository
        self._left = _MOST_FILES

    def run(self, directory: Node, target: Path) -> None:
        for child in self._tree.children(directory):
            self._left -= 1
            if self._left < 0:
                raise InterposeError("too many files", self._tree.shown(child.path))
            name = os.fsdecode(child.path.rpartition(b"/")[2])
            if name == ".complete":
                continue
            if child.is_directory:
                self.run(child, target / name)
            else:
                self.file(child, target / name)

    def file(self, child: Node, target: Path) -> None:
        try:
            node = self._tree.find(child.path)
        except InterposeError:
            return  # A link that leads nowhere.
        if node.entry.size <= _MOST_BYTES and not node.is_directory:
            data = self._repository.content(node.subject).read_bytes()
            self._repository.caches.private.store_small(target, data, 0o444)
