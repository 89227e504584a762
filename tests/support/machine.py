# SPDX-License-Identifier: GPL-2.0-or-later
"""Virtual machines with a Debian release and its own kernel; they have no network.

Emulated throughout (TCG), so that they are the same wherever they run, and slow.
"""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from tests.support.places import need_tool
from tests.support.release import Release

KERNEL = "linux-image-cloud-amd64 initramfs-tools iproute2"
INSTALL = f"""
export DEBIAN_FRONTEND=noninteractive
apt-get update -q && apt-get install -y -q --no-install-recommends {KERNEL}
"""
# Run as the first process: a shell command in /checkout, then the machine is switched
# off.
INIT = """#!/bin/sh
export PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
mount -t proc proc /proc
mountpoint -q /sys || mount -t sysfs sys /sys
mountpoint -q /dev || mount -t devtmpfs dev /dev
mkdir -p /dev/shm /dev/pts /run /tmp
mount -t devpts pts /dev/pts
for each in /run /dev/shm; do mount -t tmpfs -o mode=1777 none "$each"; done
ip link set lo up
echo "kernel $(uname -r)"
cd /checkout
env -i PATH="$PATH" HOME=/root LC_ALL=C.UTF-8 TERM=dumb INTERPOSE_SHARED=/shared \\
    INTERPOSE_FASTPATH_AFTER=1 setsid sh -c '{command}' < /dev/null 2>&1 | cat
echo "the machine has come to its end"
sync
echo b > /proc/sysrq-trigger
"""
BOOT = "root=/dev/vda rw console=ttyS0 init=/first panic=-1 sysrq_always_enabled quiet"
IMAGE_GIB = 6
LONGEST_S = 3 * 3600
# Of each machine.
COMMON = (
    *("-accel", "tcg,thread=multi", "-smp", "2", "-display", "none"),
    *("-serial", "stdio", "-no-reboot", "-nic", "none"),
)


def boot(release: Release, image: Path, command: str) -> tuple[str, str]:
    """Run a shell command in /checkout: the kernel's version, and what was said."""
    qemu = need_tool("qemu-system-x86_64", "qemu-system-x86")
    release.run(INSTALL)
    tree = release.tree
    first_process(tree, command)
    (kernel,) = (tree / "boot").glob("vmlinuz-*")
    (initrd,) = (tree / "boot").glob("initrd.img-*")
    words = [need_tool("mke2fs", "e2fsprogs"), "-q", "-t", "ext4", "-d", tree, image]
    subprocess.run([*map(str, words), f"{IMAGE_GIB}G"], check=True)
    machine = [qemu, *COMMON, "-cpu", "max", "-m", "3G"]
    machine += ["-kernel", str(kernel), "-initrd", str(initrd), "-append", BOOT]
    return switched_on([*machine, "-drive", f"file={image},if=virtio,format=raw"])


def first_process(tree: Path, command: str) -> None:
    """Make `/first` of a tree: the first process of its machine."""
    (tree / "first").write_text(INIT.replace("{command}", command))
    (tree / "first").chmod(0o755)


def switched_on(machine: list[str]) -> tuple[str, str]:
    """Run a machine to its end: the kernel's version, and what was said."""
    done = subprocess.run(
        machine,
        check=False,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        timeout=LONGEST_S,
    )
    said = done.stdout.replace("\r", "")
    version = re.search(r"(?m)^kernel (\S+)$", said)
    assert version, said[-4000:]
    assert "the machine has come to its end" in said, said[-6000:]
    return version[1], said
