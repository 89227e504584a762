# SPDX-License-Identifier: GPL-2.0-or-later
"""Where the kernel has not got what we use of newer ones, nothing changes.

Each is taken away twice: by INTERPOSE_FORCE_FALLBACK, and by a filter in front of
interpose_run, so that the probe has to find out.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.keeper import own_directory
from tests.support.places import NUMBERS, ROOT, need_tool
from tests.support.run import Runner

FQRN = "sha1.example.org"
SOURCE = Path(__file__).parent / "programs/old_kernel.c"
# Listings that go on in the middle, links, host paths, maps, changes, a program.
SCRIPT = f"""
cd /cvmfs/{FQRN} && find . -printf '%p %y %s %m %i %l\\n' | sort | sha256sum
find . -type f -exec sha256sum {{}} + | sort | sha256sum
ls -laU /cvmfs/{FQRN} | wc -l
stat -c '%n %s %d' README . /etc/passwd /proc/self/cwd /no/such; mkdir x; rm README
ln -s /cvmfs/{FQRN}/README "$HOME/link" && cat "$HOME/link"; readlink -f "$HOME/link"
exec 9<README; read -r line <&9; ls -l /proc/self/fd/9 | sed 's/.* //'
grep -c cvmfs /proc/self/mounts; pwd -P; rm "$HOME/link"
"""
Configured = Callable[..., list[Any]]


def names() -> list[str]:
    """The table of native/tracee/kernel.c."""
    text = (ROOT / "native/tracee/kernel.c").read_text()
    return re.findall(r'\[KERNEL_\w+\] = "(\w+)"', text)


@pytest.fixture(scope="module")
def old_kernel() -> Iterator[Path]:
    with own_directory("interpose-old-") as place:
        program = place / "old_kernel"
        subprocess.run(
            [need_tool("gcc"), "-O1", NUMBERS, SOURCE, "-o", program], check=True
        )
        yield program


def observed(run: Runner, options: list[Any]) -> tuple[int, bytes, list[str]]:
    done = run("sh", "-c", SCRIPT, options=options)
    return done.status, done.stdout, done.errors


@pytest.mark.parametrize("name", [*names(), "all", "process_vm,openat2"])
def test_a_forced_fallback_gives_the_same(
    run: Runner, configured: Configured, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    options = configured(FQRN)
    monkeypatch.delenv("INTERPOSE_FORCE_FALLBACK", raising=False)
    wanted = observed(run, options)
    assert wanted[1].count(b"\n") > 8
    monkeypatch.setenv("INTERPOSE_FORCE_FALLBACK", name)
    assert observed(run, options) == wanted


@pytest.mark.parametrize("error", ["missing", "forbidden"])
@pytest.mark.parametrize(
    "name", ["process_vm", "openat2", "pidfd_getfd", "statx", "memfd", "all"]
)
def test_what_the_kernel_refuses_is_done_in_another_way(
    run: Runner, configured: Configured, old_kernel: Path, name: str, error: str
) -> None:
    options = configured(FQRN)
    if error == "forbidden" and name in {"openat2", "statx", "all"}:
        name = "process_vm"  # programs themselves cannot do with EPERM of these
    without = [each for each in names() if name in {each, "all"}]
    run.before = (str(old_kernel), "--")
    wanted = observed(run, options)
    run.before = (str(old_kernel), error, *without, "--")
    assert observed(run, options) == wanted


def test_an_unknown_feature_is_an_error(
    run: Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INTERPOSE_FORCE_FALLBACK", "statx,openat3")
    done = run("true")
    assert done.status == 125
    assert len(done.messages) == 1
    assert "openat3" in done.messages[0]


def test_the_documented_names_are_those_of_the_program() -> None:
    text = (ROOT / "docs/fallbacks.md").read_text()
    assert re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE) == names()
