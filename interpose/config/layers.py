# SPDX-License-Identifier: GPL-2.0-or-later
"""The order in which files and other layers of parameters are read.

Source: docs/parameters.md.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path

from interpose.config.environment import pilot_values, user_values
from interpose.config.files import LOCKED, Origin, Reader, Tree, Value, required
from interpose.config.sources import Addition, Sources
from interpose.errors import ConfigurationError
from interpose.formats.fqrn import Fqrn

_REPOSITORY_NAME = re.compile(r"[A-Za-z0-9._-]{1,60}")


def read(fqrn: Fqrn | None, sources: Sources, wanted: Value | None) -> Reader:
    """Everything, in its order. `wanted`: the configuration repository's name.

    Errors: ConfigurationError naming file and line.
    """
    reader = Reader(fqrn, sources.environment)
    etc = Tree(sources.etc, system=True)
    own = [reader.add_own(path) for path in sources.extra if os.path.isdir(path)]
    reader.defaults(etc)
    for tree in own:
        reader.defaults(tree)
    if wanted is not None:
        reader.set(LOCKED, wanted.text, wanted.origin)
    reader.lock()
    missing = _open_repository(reader, sources)
    _read_files(reader, sources, etc, own)
    reader.unlock()
    _read_above(reader, sources)
    if missing:
        _without_repository(reader, missing, sources)
    return reader


def _read_files(reader: Reader, sources: Sources, etc: Tree, own: list[Tree]) -> None:
    """The files after the defaults.

    Directories of the user's stand beside /etc/cvmfs: what each of them has of one
    kind is read together, so that the configuration repository sees their values and
    they see its own, as at the place that they were copied from.
    """
    repository = reader.repository_tree
    if repository:
        reader.file(repository.root / "default.conf", repository)
    reader.file(etc.root / "default.local", etc)
    user = Tree(sources.user_dir) if sources.user_dir and own else None
    if user:
        reader.file(user.root / "default.local", user)
    for path in _before_last_directory(sources):
        if os.path.isdir(path):
            reader.file(path / "default.local", Tree(path))
        else:
            reader.file(path, Tree(path.parent), must=True)
    for directory in ("domain.d", "config.d"):
        if repository:
            reader.specific(repository, directory, ".conf")
        reader.specific(etc, directory, ".conf", ".local")
        if user and directory == "config.d":
            reader.specific(user, directory, ".conf")
        for tree in own:
            reader.specific(tree, directory, ".conf", ".local")
    for tree in own:
        reader.own_keys(tree.root)


def _before_last_directory(sources: Sources) -> list[Path]:
    """Paths of `--config` up to the last directory, which wins over them."""
    found = list(sources.extra)
    while found and not os.path.isdir(found[-1]):
        found.pop()
    return found


def _read_above(reader: Reader, sources: Sources) -> None:
    """What wins over the official files."""
    read_already = len(_before_last_directory(sources))
    if sources.user_dir is not None and not read_already:
        tree = Tree(sources.user_dir)
        reader.file(sources.user_dir / "default.local", tree)
        reader.specific(tree, "config.d", ".conf")
    for path in sources.extra[read_already:]:
        reader.file(path, Tree(path.parent), must=True)
    for name, text, origin in pilot_values(sources.environment, reader.fqrn):
        reader.set(name, text, Origin(origin))
    for name, text in user_values(sources.environment):
        reader.set(name, text, Origin("environment"))
    _read_options(reader, sources)
    for addition in sources.added:
        _read_addition(reader, addition)


def _read_addition(reader: Reader, addition: Addition) -> None:
    """What an inner run gave; its directories are read like the user's own."""
    for path in addition.extra:
        if not os.path.isdir(path):
            reader.file(path, Tree(path.parent), must=True)
            continue
        tree = reader.add_own(path)
        reader.defaults(tree)
        reader.file(path / "default.local", tree)
        for directory in ("domain.d", "config.d"):
            reader.specific(tree, directory, ".conf", ".local")
        reader.own_keys(path)
    _read_options(reader, addition)


def _read_options(reader: Reader, given: Sources | Addition) -> None:
    """`-o` and then `-r` of one command line."""
    for name, text in given.options:
        reader.set(name, text, Origin("-o"))
    for option in given.repositories:
        if option.fqrn == reader.fqrn:
            for name, text in option.parameters():
                reader.set(name, text, Origin("-r"))


def _open_repository(reader: Reader, sources: Sources) -> str:
    """Find the configuration repository's files; its name if they cannot be had."""
    name = reader.text(LOCKED)
    mount = reader.text("CVMFS_MOUNT_DIR")
    if reader.fqrn is None or not name or name == reader.fqrn or not mount:
        return ""
    if not _REPOSITORY_NAME.fullmatch(name):
        reader.notices.append(f"no name of a repository in {LOCKED}: {name}")
        return ""
    root = sources.config_repository(name) if sources.config_repository else None
    if root is None:
        return name
    alias = f"{mount}/{name}/etc/cvmfs"
    reader.repository_tree = Tree(root, alias=alias, foreign=True)
    if sources.config_file:
        reader.elsewhere = _elsewhere(f"{mount}/{name}/", name, sources.config_file)
    return ""


def _elsewhere(
    top: str, name: str, find: Callable[[str, str], Path | None]
) -> Callable[[str], Path | None]:
    def elsewhere(path: str) -> Path | None:
        inside = path.startswith(top)
        return find(name, path[len(top) :]) if inside else None

    return elsewhere


def _without_repository(reader: Reader, name: str, sources: Sources) -> None:
    if sources.config_repository and required(reader):
        raise ConfigurationError(
            "the configuration repository cannot be read",
            name,
            "or set CVMFS_CONFIG_REPO_REQUIRED=no",
        )
    reader.notices.append(f"the configuration repository is not read: {name}")
