# SPDX-License-Identifier: GPL-2.0-or-later
"""A machine of 64-bit ARM with Debian's kernel and user land, emulated (TCG).

Its packages are unpacked here, where nothing of them can run, and not configured; our
program and the C module are cross-compiled.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import platform
import shutil
import subprocess
from pathlib import Path
from typing import Any
from unittest import mock

from tests.support.machine import COMMON, first_process, switched_on
from tests.support.places import ROOT, need_tool
from tests.support.release import copy_project, make_tree

COMPILER = "aarch64-linux-gnu-gcc"
PACKAGES = (
    "acl attr bubblewrap file gcc iproute2 libc6-dev libpython3-dev libpython3.11-dev "
    "linux-image-arm64 nginx-light procps python3 python3-cffi python3-cryptography "
    "python3-hypothesis python3-ply python3-psutil python3-pycryptodome "
    "python3-requests python3-tqdm strace util-linux xz-utils"
).split()
# Debian's is older than our tests.
NEWER = ("pytest", "pluggy", "iniconfig", "packaging", "pytest-xdist", "execnet")
NEWER += ("pygments",)
NOT_NEEDED = (
    *("usr/share/doc", "usr/share/man", "usr/share/locale", "usr/share/info"),
    *("lib/modules", "usr/lib/modules", "var/cache/apt", "debootstrap"),
)
USERS = ("root:x:0:0::/root:/bin/sh", "nobody:x:65534:65534::/:/bin/sh")
GROUPS = ("root:x:0:", "nogroup:x:65534:")
# From the image in memory to a file system that can be left and mounted upon.
INIT = """#!/bin/sh
export PATH=/usr/sbin:/usr/bin:/sbin:/bin
mount -t tmpfs -o size=80%,mode=755 none /new
tar -C / --exclude ./new --exclude ./init --exclude ./dev -cf - . | tar -C /new -xpf -
chmod 755 /new
mkdir -p /new/dev
mount -t devtmpfs dev /new/dev
ln -s /proc/self/fd /new/dev/fd
exec switch_root /new /first
"""
BOOT = "console=ttyAMA0 rdinit=/init panic=-1 sysrq_always_enabled quiet"


def boot(place: Path, command: str) -> tuple[str, str]:
    """Run a shell command in /checkout: the kernel's version, and what was said.

    Skips with the reason where a tool or the packages cannot be had.
    """
    qemu = need_tool("qemu-system-aarch64", "qemu-system-arm")
    need_tool(COMPILER, "gcc-aarch64-linux-gnu")
    archive = need_tool("cpio")
    tree, image = place / "tree", place / "image"
    _unpack(tree)
    copy_project(tree)
    _build(tree, place / "objects")
    first_process(tree, command)
    (tree / "init").write_text(INIT)
    (tree / "init").chmod(0o755)
    (kernel,) = (tree / "boot").glob("vmlinuz-*")
    shutil.copy(kernel, place / "kernel")
    with image.open("wb") as file:
        names = b"".join(os.fsencode(p) + b"\0" for p in _names(tree))
        words = [archive, "--quiet", "--null", "-o", "-H", "newc"]
        subprocess.run(words, cwd=tree, input=names, stdout=file, check=True)
    machine = [qemu, *COMMON, "-M", "virt", "-cpu", "max,pauth=off", "-m", "4G"]
    machine += ["-kernel", str(place / "kernel"), "-initrd", str(image)]
    return switched_on([*machine, "-append", BOOT])


def _names(tree: Path) -> list[Path]:
    """All below it; a directory comes before what is in it."""
    return sorted(path.relative_to(tree) for path in tree.rglob("*"))


def _unpack(tree: Path) -> None:
    options = ("--arch=arm64", "--foreign", f"--include={','.join(PACKAGES)}")
    make_tree(tree, "bookworm", *options)
    for package in sorted((tree / "var/cache/apt/archives").glob("*.deb")):
        subprocess.run(["dpkg-deb", "-x", package, tree], check=True)
    for name in NOT_NEEDED:
        shutil.rmtree(tree / name, ignore_errors=True)
    # What the packages' own programs would have done.
    for target, name in (("mawk", "usr/bin/awk"), ("dash", "bin/sh")):
        (tree / name).unlink(missing_ok=True)
        (tree / name).symlink_to(target)
    for name, lines in (("passwd", USERS), ("group", GROUPS)):
        (tree / "etc" / name).write_text("".join(f"{line}\n" for line in lines))
    (tree / "etc/hosts").write_text("127.0.0.1 localhost\n")
    for name in ("new", "mnt"):
        (tree / name).mkdir(exist_ok=True)


def _build(tree: Path, objects: Path) -> None:
    """Program and module, and what `make build` makes of them."""
    programs = tree / "checkout/.venv/bin"
    programs.mkdir(parents=True)
    objects.mkdir()
    cross = mock.patch.object(platform, "machine", return_value="aarch64")
    with mock.patch.dict(os.environ, {"CC": COMPILER}), cross:
        _loaded("setup.py").compile_program(objects, programs / "interpose_run")
    (programs / "interpose").symlink_to("interpose_run")
    for name in ("python3", "python"):
        (programs / name).symlink_to("/usr/bin/python3.11")
    recipe = _loaded("native/build_ffi.py")
    code = objects / "_native.c"
    recipe.builder(ROOT / "native").emit_c_code(str(code))
    headers = [tree / "usr/include/python3.11", tree / "usr/include", ROOT / "native"]
    words = [COMPILER, "-shared", "-fPIC", "-O2", "-std=gnu11"]
    words += ["-DPy_LIMITED_API=0x03090000", *(f"-I{path}" for path in headers)]
    words += [str(code), *map(str, recipe.sources(ROOT / "native"))]
    words += ["-o", str(tree / "checkout/interpose/_native.abi3.so")]
    subprocess.run(words, check=True)
    (tree / "usr/lib/python3/dist-packages/interpose.pth").write_text("/checkout\n")
    _bring_newer(tree / "usr/local/lib/python3.11/dist-packages")


def _loaded(name: str) -> Any:
    found = importlib.util.spec_from_file_location("recipe", ROOT / name)
    assert found
    assert found.loader
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return module


def _bring_newer(target: Path) -> None:
    for name in NEWER:
        for file in importlib.metadata.files(name) or ():
            if ".." not in file.parts:
                (target / file).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(str(file.locate()), target / file)
