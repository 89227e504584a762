# SPDX-License-Identifier: GPL-2.0-or-later
"""A published tree with all that a stub answers, and a program that looks at names."""

from __future__ import annotations

import os
from pathlib import Path

from tests.support.published import Publisher

FQRN = "fast.example.org"
TOP = f"/cvmfs/{FQRN}"
LINKS = 45
# By mode, below "rights/": what some may, all may, and nobody may.
MODES = (0o777, 0o755, 0o711, 0o744, 0o700, 0o070, 0o007, 0o500, 0o1777, 0o000)

# look(NAME, fd): everything that calls say of it, but addresses and times of day.
LOOK = """
import ctypes, errno, os, sys
libc = ctypes.CDLL(None, use_errno=True)
def told(function, *words, **how):
    try:
        return function(*words, **how)
    except OSError as error:
        return errno.errorcode[error.errno]
def fields(st):
    if isinstance(st, str):
        return st
    names = sorted(name for name in dir(st) if name.startswith("st_"))
    return [(name, getattr(st, name)) for name in names]
WAYS = [(0, 0x7ff), (0x100, 0xfff), (0x100, 0), (0, 0x5fff), (0x2000, 1), (0x4100, 2),
        (0x900, 0x200), (0x6000, 1), (0, 0x80000000), (0x100, 0x1000)]
def statx(name, fd, flags, mask):
    buffer = ctypes.create_string_buffer(256)
    ctypes.set_errno(0)
    result = libc.statx(fd, os.fsencode(name), flags, ctypes.c_uint(mask), buffer)
    return result, ctypes.get_errno(), buffer.raw.hex()
def look(name, fd=None):
    at = -100 if fd is None else fd
    how = {} if fd is None else {"dir_fd": fd}
    yield "stat", fields(told(os.stat, name, **how))
    yield "lstat", fields(told(os.lstat, name, **how))
    yield "link", told(os.readlink, name, **how)
    for mode in range(8):
        yield "access", mode, told(os.access, name, mode, **how)
    yield "effective", told(os.access, name, os.R_OK, effective_ids=True, **how)
    for flags, mask in WAYS:
        yield "statx", flags, mask, statx(name, at, flags, mask)
    for size in (0, 1, 5, 4096):
        buffer = ctypes.create_string_buffer(4096)
        ctypes.set_errno(0)
        done = libc.readlinkat(at, os.fsencode(name), buffer, size)
        yield "readlink", size, done, ctypes.get_errno(), buffer.value
    for flags in (os.O_RDONLY, os.O_NOFOLLOW, os.O_DIRECTORY, os.O_PATH):
        opened = told(os.open, name, flags, **how)
        if isinstance(opened, int):
            yield "open", flags, fields(told(os.fstat, opened))
            os.close(opened)
        else:
            yield "open", flags, opened
"""


def make_tree(tree: Path) -> None:
    """All kinds of names, in catalogs in catalogs."""
    for folder in ("dir/nested/inner", "dir/plain", "rights"):
        (tree / folder).mkdir(parents=True)
    for folder in ("dir/nested", "dir/nested/inner"):
        (tree / folder / ".cvmfscatalog").touch()
    for file in ("README", "dir/plain/p", "dir/nested/f", "dir/nested/inner/g"):
        (tree / file).write_text(file)
    (tree / "dir/nested/exe").write_text("#!/bin/sh\n")
    (tree / "dir/nested/exe").chmod(0o755)
    (tree / ("n" * 255)).touch()
    links = {
        **{f"chain{n}": f"chain{n - 1}" for n in range(1, LINKS)},
        "chain0": "README",
        "loop": "loop",
        "dangling": "nothing/at/all",
        "across": "dir/nested/inner/../../plain/p",
        "dir/nested/inner/up": "../../../README",
        "dir/nested/inner/side": "../f",
        "dir/plain/into": "../nested/inner",
        "to_file": "README/",
        "dots": "././dir/.//nested/./",
    }
    for name, target in links.items():
        (tree / name).symlink_to(target)
    _make_rights(tree / "rights")


def _make_rights(rights: Path) -> None:
    for mode in MODES:
        # What its owner cannot read only root can publish; to others it is not there.
        if os.geteuid() != 0 and mode & 0o500 != 0o500:
            continue
        folder = rights / f"d{mode:o}"
        folder.mkdir()
        (folder / "file").write_text("x")
        (folder / "file").chmod(mode & 0o777)
        (folder / "link").symlink_to("../../README")
        if os.geteuid() == 0:
            os.chown(folder / "link", 1234, 1234, follow_symlinks=False)
        folder.chmod(mode)


def links_to_cvmfs(tree: Path) -> None:
    """Those that are nothing in the tree itself."""
    links = {
        "absolute": f"{TOP}/README",
        "doubled": f"//cvmfs//{FQRN}/./dir",
        "dir/nested/absolute": f"{TOP}/dir/nested/inner/g",
        "around": f"../{FQRN}/README",
        "above": f"../../cvmfs/{FQRN}/dir/nested",
        "elsewhere": "/etc/passwd",
        "variant": "$(FAST_NAME:-README)",
    }
    links.update({f"far{n}": f"{TOP}/far{n - 1}" for n in range(1, LINKS)})
    links["far0"] = "README"
    for name, target in links.items():
        (tree / name).symlink_to(target)


# Below a tree made by make_tree(): what there is, and what there is not.
NAMES = (
    *("README", "README/", "README/.", "README/x", "dir", "dir/", "dir/.", "dir/.."),
    *("dir/nested", "dir/nested/", "dir/nested/f", "dir/nested/exe", "dir/nested/no"),
    *("dir/nested/inner", "dir/nested/inner/g", "dir/nested/inner/..", "no", "no/no"),
    *("dir/nested/inner/../../plain", "dir/nested/inner/g/x", "dir/nested/f/.."),
    *("dir/nested/inner/up", "dir/nested/inner/side", "dir/plain/into/g", "across"),
    *("chain0", "chain39", "chain40", "chain44", "loop", "loop/x", "dangling", "dots"),
    *("dangling/", "to_file", "dots/inner", "n" * 255, "n" * 256, "no/../README"),
    *("dir//nested///f", "./dir/./nested", "dir/plain/into/../f", "x/" * 2000 + "y"),
    *(f"rights/d{mode:o}{rest}" for mode in MODES for rest in ("", "/file", "/link")),
)
# Of links_to_cvmfs().
MORE_NAMES = (
    *("absolute", "absolute/", "doubled", "doubled/nested/f", "dir/nested/absolute"),
    *("around", "above", "above/f", "far39", "far40", "far44", "elsewhere", "variant"),
    *("..", f"../{FQRN}/README", "../nobody.example.org", f"../../cvmfs/{FQRN}/dir"),
    *("../../etc/passwd", f"dir/nested/../../../{FQRN}/dir/plain/p"),
)


def publish(top: Path) -> Publisher:
    """All of it, in `top`, whose "tree" is published."""
    make_tree(top / "tree")
    links_to_cvmfs(top / "tree")
    publisher = Publisher(top)
    publisher.keys.mkdir(mode=0o755)
    publisher.publish(top / "tree", FQRN)
    return publisher


def made_options(publisher: Publisher, *more: str) -> list[str | Path]:
    """Options of interpose_run for it; `more` are settings, NAME=VALUE."""
    words = publisher.options(FQRN, f"file://{publisher.storage}")
    return [*words, *(word for pair in more for word in ("-o", pair))]
