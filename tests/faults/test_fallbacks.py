# SPDX-License-Identifier: GPL-2.0-or-later
"""Where the kernel has not got what we use of newer ones, nothing changes.

Each is taken away twice: by INTERPOSE_FORCE_FALLBACK, and by a filter in front of
interpose_run, so that the probe has to find out.
"""

from __future__ import annotations

import errno
import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.differential.namespaces import IS_ROOT, POWERLESS, forbidden, unshare
from tests.support.keeper import own_directory
from tests.support.places import NUMBERS, ROOT, need_tool, root_is_a_mount
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


PROTECTED = r"""
#include <errno.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
int main(int argc, char **argv)
{
    char *pages = mmap(0, 8192, 3, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    struct stat *across = (void *)(pages + 4096 - 96);
    int result, untouched;
    if (mprotect(pages + 4096, 4096, PROT_NONE) < 0)
        return 1;
    result = stat(argv[argc - 1], across);
    printf("%d %d ", result, result < 0 ? errno : 0);
    mprotect(pages + 4096, 4096, PROT_READ);
    for (untouched = 0; untouched < 4096 && !pages[4096 + untouched]; untouched++)
        ;
    printf("%d\n", untouched);
}
"""


@pytest.mark.parametrize("name", ["none", "process_vm"])
def test_memory_that_is_protected_stays_so_where_proc_may_only_be_read(
    run: Runner, configured: Configured, place: Path, name: str
) -> None:
    """The answer reaches into a page that the program itself may not write."""
    if forbidden() or not root_is_a_mount():
        pytest.skip("nobody may make /proc read-only here")
    program = place / "protected"
    words = [need_tool("gcc"), "-x", "c", "-", "-o", str(program)]
    subprocess.run(words, input=PROTECTED, text=True, check=True)
    script = 'mount --rbind /proc /proc && mount -o remount,bind,ro /proc && exec "$@"'
    run.before = unshare(script, *(() if IS_ROOT else POWERLESS))
    env = {**run.environment(), "INTERPOSE_FORCE_FALLBACK": name.replace("none", "")}
    words = [str(program), f"/cvmfs/{FQRN}/README"]
    result = run(*words, options=configured(FQRN), env=env).ok()
    assert result.text == f"-1 {errno.EFAULT} 4096\n"


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
