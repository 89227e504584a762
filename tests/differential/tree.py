# SPDX-License-Identifier: GPL-2.0-or-later
"""The one tree that native runs and interpose_run are shown, and the host beside it."""

from __future__ import annotations

import os
import shutil
import socket
import stat
import zlib
from pathlib import Path

from tests.differential.namespaces import forbidden

MTIME_S = 1_600_000_000
SIZES = (0, 1, 4095, 4096, 4097, 70_000)
BIG = 600
LINKS = 42


def build(tree: Path, shown: str, host: Path, programs: Path) -> None:
    """Make the tree at `tree`, which programs will see at `shown`.

    host: directory outside that links of the tree lead to, and back from.
    """
    tree.mkdir(parents=True)
    _files(tree)
    _nested(tree)
    _links(tree, shown, host)
    _modes(tree)
    _special(tree)
    _names(tree)
    _executables(tree, shown, programs)
    _times(tree)


def build_host(host: Path, shown: str) -> None:
    """Make the part outside: plain things, and links into the tree."""
    (host / "dir").mkdir(parents=True)
    (host / "file").write_text("on the host\n")
    (host / "dir" / "file").write_text("on the host, deeper\n")
    (host / "in").symlink_to(shown)
    (host / "in_file").symlink_to(f"{shown}/file")
    (host / "in_dir").symlink_to(f"{shown}/dir")
    (host / "in_none").symlink_to(f"{shown}/none")
    (host / "in_out").symlink_to(f"{shown}/to_host")
    up = "/".join([".."] * (len(host.parts) - 1))
    (host / "in_relative").symlink_to(f"{up}{shown}/file")
    (host / "here").symlink_to("dir")
    host.chmod(0o755)


def _files(tree: Path) -> None:
    (tree / "file").write_text("content of file\n")
    (tree / "dir" / "sub").mkdir(parents=True)
    (tree / "dir" / "file").write_text("content of dir/file\n")
    (tree / "dir" / "sub" / "file").write_text("content of dir/sub/file\n")
    for size in SIZES:
        (tree / f"size_{size}").write_bytes(bytes(i * 7 % 251 for i in range(size)))
    part = bytes(range(256)) * 4096
    with (tree / "chunked").open("wb") as chunked:
        for turn in range(18):
            chunked.write(bytes([turn]) * 5 + part)
    os.link(tree / "file", tree / "file_hard")
    for name in ("twin_a", "twin_b"):
        (tree / name).write_text("equal content\n")
    (tree / "twin_b").chmod(0o600)
    _copies(tree / "copies")
    (tree / "empty").mkdir()
    (tree / "big").mkdir()
    for number in range(BIG):
        (tree / "big" / f"entry_{number:04}").touch()
    deep = tree / "deep"
    for level in range(40):
        deep = deep / f"level_{level:02}"
    deep.mkdir(parents=True)
    (deep / "end").write_text("deep\n")


def _copies(place: Path) -> None:
    """Equal contents: few bytes, many, and chunks."""
    place.mkdir()
    (place / "small").write_text("equal content\n")
    contents = {"large": b"0123456789" * 10_000, "chunks": bytes(range(256)) * 40_000}
    for kind, content in contents.items():
        for number, name in enumerate("abc"):
            path = place / f"{kind}_{name}"
            path.write_bytes(content)
            path.chmod((0o644, 0o755, 0o640)[number])


def _nested(tree: Path) -> None:
    inner = tree / "nested" / "inner"
    second = tree / "nested" / "second"
    inner.mkdir(parents=True)
    second.mkdir()
    for place in (tree / "nested", second):
        (place / ".cvmfscatalog").touch()
    (tree / "nested" / "file").write_text("in a nested catalog\n")
    (inner / "file").write_text("deeper in a nested catalog\n")
    (second / "file").write_text("in a catalog below a nested one\n")
    (tree / "nested" / "twin_a").write_text("equal content\n")
    (second / "twin_b").write_text("equal content\n")
    (second / "up").symlink_to("../../file")
    (inner / "up").symlink_to("../../dir/file")


def _links(tree: Path, shown: str, host: Path) -> None:
    links = {
        "link": "file",
        "link_dir": "dir",
        "link_slash": "dir/",
        "link_file_slash": "file/",
        "link_dot": ".",
        "link_up": "..",
        "link_abs": f"{shown}/file",
        "link_abs_dir": f"{shown}/dir",
        "link_abs_up": f"{shown}/../../{shown}/file",
        "dangling": "none",
        "dangling_abs": f"{shown}/none/none",
        "loop": "loop",
        "loop_a": "loop_b",
        "loop_b": "loop_a",
        "to_host": f"{host}/file",
        "to_host_dir": f"{host}/dir",
        "to_host_none": f"{host}/none",
        "to_host_back": f"{host}/in_file",
        "to_host_back_dir": f"{host}/in_dir",
        "to_top": shown.rsplit("/", 1)[0] or "/",
        "long_target": "x/" * 2000 + "x",
        "to_proc": "/proc/self/exe",
        "dir/up_link": "../link",
    }
    for name, target in links.items():
        (tree / name).symlink_to(target)
    (tree / "chain_0").symlink_to("file")
    for number in range(1, LINKS):
        (tree / f"chain_{number}").symlink_to(f"chain_{number - 1}")


def _modes(tree: Path) -> None:
    # What its owner may not read, an ordinary user cannot publish without a namespace.
    file_least, dir_least = (0o400, 0o500) if forbidden() else (0, 0)
    for mode in (0o000, 0o600, 0o640, 0o604, 0o755, 0o4755, 0o2755):
        path = tree / f"mode_{mode:04o}"
        path.write_text(f"{mode:o}\n")
        path.chmod(mode | file_least)
    for mode in (0o000, 0o700, 0o711, 0o744, 0o1777):
        path = tree / f"dir_{mode:04o}"
        path.mkdir()
        (path / "file").write_text("inside\n")
        path.chmod(mode | dir_least)
    if os.geteuid() == 0:
        for name in ("owned", "owned_dir"):
            path = tree / name
            path.mkdir() if name.endswith("dir") else path.write_text("theirs\n")
            path.chmod(0o750)
            os.chown(path, 1234, 2345)
        for name, target in (("theirs", "file"), ("their_dir", "../dir")):
            path = tree / "dir_1777" / name
            path.symlink_to(target)
            os.chown(path, 1234, 2345, follow_symlinks=False)


def _special(tree: Path) -> None:
    os.mkfifo(tree / "fifo", 0o644)
    with socket.socket(socket.AF_UNIX) as made:
        here = os.getcwd()
        os.chdir(tree)
        try:
            made.bind("socket")
        finally:
            os.chdir(here)
    if os.geteuid() == 0:
        os.mknod(tree / "null", 0o666 | stat.S_IFCHR, os.makedev(1, 3))
        os.mknod(tree / "block", 0o660 | stat.S_IFBLK, os.makedev(7, 9))


def _names(tree: Path) -> None:
    names = [
        b"with blank",
        b"new\nline",
        b"\xff\xfe\x80",
        b"quote'\"$(x)",
        b"n" * 255,
        "größe".encode(),
    ]
    (tree / "names").mkdir()
    for name in names:
        (tree / "names" / os.fsdecode(name)).write_bytes(name)


def _executables(tree: Path, shown: str, programs: Path) -> None:
    place = tree / "bin"
    place.mkdir()
    shutil.copy(programs / "show", place / "show")
    for name in ("show_i386", "static_i386", "own_i386"):
        if (programs / name).exists():
            shutil.copy(programs / name, place / name)
    if (programs / "lib32").exists():
        shutil.copytree(programs / "lib32", tree / "lib32")
    scripts = {
        "script": f"#!{shown}/bin/show\n",
        "script_i386": f"#!{shown}/bin/show_i386\n",
        "script_argument": f"#! {shown}/bin/show  one two \n",
        "script_host": "#!/bin/sh\necho host shell: $0 $1 $2\n",
        "script_of_script": f"#!{shown}/bin/script\n",
        "script_missing": f"#!{shown}/bin/none\n",
        "script_directory": f"#!{shown}/bin\n",
        "script_plain": f"#!{shown}/file\n",
        "script_itself": f"#!{shown}/bin/script_itself\n",
        "script_empty": "#!\n",
        "script_long": f"#!{shown}/bin/show {'a' * 300}\n",
        "script_cut": f"#!{shown}/{'bin/../' * 40}bin/show\n",
        "text": "no program\n",
        "empty": "",
    }
    for name, text in scripts.items():
        (place / name).write_text(text)
        (place / name).chmod(0o755)
    (place / "show").chmod(0o755)
    shutil.copy(place / "show", place / "no_x")
    (place / "no_x").chmod(0o644)
    shutil.copy(place / "show", place / "x_only")
    (place / "x_only").chmod(0o711)
    (place / "link_show").symlink_to("show")


def _times(tree: Path) -> None:
    """Times of our own, so that a copy of the tree is the same tree."""
    top = os.fsencode(tree)
    for directory, names, files in os.walk(top, topdown=False):
        for name in [*sorted(files + names), b""]:
            path = os.path.join(directory, name) if name else directory
            time_s = MTIME_S + zlib.crc32(path[len(top) :]) % 1_000_000
            os.utime(path, (time_s, time_s), follow_symlinks=False)
