# SPDX-License-Identifier: GPL-2.0-or-later
"""What the official client and its tools ask of a cache directory, as complaints.

Each rule was read in the client's source; docs/official-tools.md tells them in words.
This is code of its own, so that a mistake of ours cannot hide itself.
"""

from __future__ import annotations

import os
import re
import stat
import zlib
from pathlib import Path

from tests.support.official_check import hashed

PLACES = [f"{number:02x}" for number in range(256)]
OBJECT = re.compile(r"[0-9a-f]{38}(-rmd160|-shake128)?")
# Names that the client gives to files of its own, beside the objects.
TAKEN = re.compile(
    r"\.cvmfscache|cachedb.*|lock_cachedb|cachemgr.*|lock_cachemgr.*|lock\..*|uuid"
    r"|running\..*|(no_)?nfs_maps\..*|cvmfs_io\..*|pipe.*|proxies\..*|stacktrace\..*"
    r"|cvmfscatalog\.cache|dirtab\..*"
)
BREADCRUMB = re.compile(
    rb"[0-9a-f]{40}(-rmd160|-shake128)?T[1-9][0-9]*R(0|[1-9][0-9]*)"
)


def objects(cache: Path) -> dict[str, Path]:
    """All that lies where objects lie, by the name that the client would read."""
    return {f"{p.parent.name}/{p.name}": p for p in sorted(cache.glob("[0-9a-f]?/*"))}


def complaints(cache: Path, mode: int) -> list[str]:
    """Everything that one of the tools would not like; `mode` of directories."""
    found = [*_start(cache, mode), *_quota(cache), *_fsck(cache), *_top(cache)]
    return sorted(found)


def _start(cache: Path, mode: int) -> list[str]:
    """The client makes nothing more where `ff` is; then all must be there."""
    if not (cache / "ff").is_dir():
        return ["no ff: the client would have to make directories"]
    found = []
    for name in [*PLACES, "txn", "quarantaine"]:
        place = cache / name
        if not stat.S_ISDIR(place.lstat().st_mode if place.exists() else 0):
            found.append(f"{name} is missing")
        elif stat.S_IMODE(place.stat().st_mode) != mode:
            found.append(f"{name} has mode {place.stat().st_mode:o}")
    return found


def _quota(cache: Path) -> list[str]:
    """The quota manager lists what it finds and believes each name to be a hash."""
    found = []
    for name, path in objects(cache).items():
        if not stat.S_ISREG(path.lstat().st_mode):
            found.append(f"{name} is no regular file")
        if not OBJECT.fullmatch(path.name):
            found.append(f"{name} is no name of an object")
        if not os.access(path, os.R_OK):
            found.append(f"{name} cannot be read")
    return found


def _fsck(cache: Path) -> list[str]:
    """cvmfs_fsck compresses each object again, or takes its bytes as they are."""
    txn = cache / "txn"
    found = [f"txn/{one} is left" for one in (os.listdir(txn) if txn.is_dir() else [])]
    for name, path in objects(cache).items():
        if path.is_file() and OBJECT.fullmatch(path.name):
            wanted = name.replace("/", "")
            data = path.read_bytes()
            if wanted not in (
                hashed(zlib.compress(data), wanted),
                hashed(data, wanted),
            ):
                found.append(f"{name} has other bytes")
    return found


def _top(cache: Path) -> list[str]:
    """Files of ours must not have names that mean something to the client."""
    found = []
    for name in os.listdir(cache):
        if TAKEN.fullmatch(name):
            found.append(f"{name} is a name of the client's")
        if name.startswith("cvmfschecksum."):
            data = (cache / name).read_bytes()
            if len(data) > 164 or not BREADCRUMB.fullmatch(data):
                found.append(f"{name} has another form: {data!r}")
    return found
