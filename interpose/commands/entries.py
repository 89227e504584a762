# SPDX-License-Identifier: GPL-2.0-or-later
"""An entry of a repository as JSON fields and as a line of `ls -l`."""

from __future__ import annotations

import os
import stat
import time
from typing import Any

from interpose.repository.tree import Node, Tree

_TYPES = {
    stat.S_IFREG: "file",
    stat.S_IFDIR: "dir",
    stat.S_IFLNK: "symlink",
    stat.S_IFCHR: "chr",
    stat.S_IFBLK: "blk",
    stat.S_IFIFO: "fifo",
    stat.S_IFSOCK: "sock",
}


def text(data: bytes) -> str:
    """Bytes of a repository for JSON: foreign ones become surrogates."""
    return data.decode("utf-8", "surrogateescape")


def fields(tree: Tree, node: Node) -> dict[str, Any]:
    """What a stat call under the repository's view would say."""
    entry, view = node.entry, tree.repository.view
    caches = tree.repository.caches
    claim = view.claim_ownership
    found: dict[str, Any] = {
        "path": text(node.path[1:]),
        "type": _TYPES.get(stat.S_IFMT(entry.mode), "unknown"),
        "mode": f"{stat.S_IMODE(entry.mode):04o}",
        "uid": caches.uid if claim else view.uid_map.apply(entry.uid),
        "gid": caches.gid if claim else view.gid_map.apply(entry.gid),
        "size": entry.size,
        "mtime_ns": entry.mtime * 10**9 + entry.mtime_ns,
        "nlink": entry.nlink,
    }
    if node.is_link:
        target = tree.target(node)
        found["target"] = text(target)
        found["size"] = len(target)
    elif stat.S_ISCHR(entry.mode) or stat.S_ISBLK(entry.mode):
        found["rdev"] = [os.major(entry.device), os.minor(entry.device)]
        found["size"] = 0
    return found


def long_line(tree: Tree, node: Node, name: bytes) -> bytes:
    """A line of `ls -l`."""
    found = fields(tree, node)
    try:
        when = time.strftime("%Y-%m-%d %H:%M", time.localtime(node.entry.mtime))
    except (OverflowError, ValueError, OSError):
        when = str(node.entry.mtime)
    head = (
        f"{stat.filemode(node.entry.mode)} {found['nlink']:>3} {found['uid']:>5} "
        f"{found['gid']:>5} {found['size']:>10} {when} "
    )
    link = b" -> " + tree.target(node) if node.is_link else b""
    return head.encode() + name + link + b"\n"
