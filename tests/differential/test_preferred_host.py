# SPDX-License-Identifier: GPL-2.0-or-later
"""--prefer-host, where the host has a /cvmfs with something mounted in it."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.differential.namespaces import IS_ROOT
from tests.support.places import need_tool, program
from tests.support.run import Result, Runner
from tests.support.workflow import need_mounts

FQRN, HOSTS = "sha1.example.org", "rmd160.example.org"
# The host's own mount has one file; a directory beside it is none.
SCRIPT = """
set -e
new=$1; shift
mount -t tmpfs none "$new"
for each in /*; do
    name=${each#/}
    if [ -L "$each" ]; then cp -P "$each" "$new/$name"
    elif [ -d "$each" ]; then mkdir "$new/$name"; mount --rbind "$each" "$new/$name"; fi
done
mkdir -p "$new/cvmfs"; mount -t tmpfs none "$new/cvmfs"
mkdir "$new/cvmfs/rmd160.example.org" "$new/cvmfs/sha1.example.org"
mount -t tmpfs none "$new/cvmfs/rmd160.example.org"
mkdir "$new/cvmfs/rmd160.example.org/bin"
echo the hosts > "$new/cvmfs/rmd160.example.org/README"
printf '#!/bin/sh\\necho ran $0\\n' > "$new/cvmfs/rmd160.example.org/bin/tool"
chmod +x "$new/cvmfs/rmd160.example.org/bin/tool"
exec chroot "$new" "$@"
"""
Preferring = Callable[..., Result]


@pytest.fixture
def preferring(
    run: Runner, configured: Callable[..., list[Any]], place: Path
) -> Preferring:
    """`preferring(COMMAND, OPTION...)`: on such a host."""
    need_mounts()
    unshare = [need_tool("unshare"), "--mount", *([] if IS_ROOT else ["-r"])]
    (place / "new").mkdir()

    def go(command: str, *options: str) -> Result:
        words = [program("interpose_run"), "--cache", place / "c", "--scratch", place]
        words += [*configured(FQRN), *options, "--", "sh", "-c", command]
        here = [*unshare, "sh", "-c", SCRIPT, "sh", place / "new", *words]
        done = subprocess.run(
            list(map(os.fspath, here)), capture_output=True, check=False
        )
        return Result(
            done.returncode, done.stdout, done.stderr, " ".join(map(str, here))
        )

    return go


COMMAND = f"""
cat /cvmfs/{HOSTS}/README; /cvmfs/{HOSTS}/bin/tool
test -s /cvmfs/{FQRN}/README && echo ours
cd /cvmfs/{HOSTS}/bin && /bin/pwd && cat ../README
cd -P .. && cd -P .. && /bin/pwd && test -s {FQRN}/README && echo ours
"""
EXPECTED = f"""the hosts
ran /cvmfs/{HOSTS}/bin/tool
ours
/cvmfs/{HOSTS}/bin
the hosts
/cvmfs
ours
"""


def test_what_the_host_has_mounted_is_left_to_it(preferring: Preferring) -> None:
    found = preferring(COMMAND, "--prefer-host").ok()
    assert found.text == EXPECTED
    assert not found.errors


def test_without_it_the_host_is_not_asked(preferring: Preferring) -> None:
    found = preferring(f"cat /cvmfs/{HOSTS}/README")
    assert "the hosts" not in found.text


def test_what_is_named_is_ours(preferring: Preferring) -> None:
    found = preferring(
        f"test -s /cvmfs/{FQRN}/README && echo ours", "--prefer-host", "-r", FQRN
    )
    assert found.ok().text == "ours\n"


def test_a_row_leaves_one_to_the_host(preferring: Preferring) -> None:
    row = f"/cvmfs/{HOSTS}=LOCAL"
    found = preferring(COMMAND, "--mount", row).ok()
    assert found.text == EXPECTED
