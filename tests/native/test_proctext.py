# SPDX-License-Identifier: GPL-2.0-or-later
"""Texts of /proc rewritten by native/proc/proctext.c, under the sanitizers."""

from __future__ import annotations

import mmap
import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.native.drivers import compiled

SHOWN = ("/cvmfs/a.example.org/lib/x y.so", "f0001", "9007199254740991")
Rewrite = Callable[..., "tuple[bytes, int]"]


@pytest.fixture(scope="module")
def rewrite(tmp_path_factory: pytest.TempPathFactory) -> Rewrite:
    """`rewrite(WHAT, TEXT, WORD...)`: the new text and how many lines changed."""
    place = tmp_path_factory.mktemp("proctext")
    program = compiled(place, "proctext_driver", "proc/proctext.c")

    def run(what: str, text: bytes, *words: object) -> tuple[bytes, int]:
        command = [program, what, *map(str, words)]
        done = subprocess.run(command, input=text, check=False, capture_output=True)
        assert done.returncode == 0, done.stderr.decode()[-4000:]
        return done.stdout, int(done.stderr)

    return run


@pytest.fixture
def mapped(tmp_path: Path) -> Path:
    path = tmp_path / "an object\nof = a cache"
    path.write_bytes(b"x")
    return path


def own_text(path: Path, name: str) -> bytes:
    """What the kernel shows of this process while `path` is mapped."""
    with path.open("rb") as file, mmap.mmap(file.fileno(), 1, prot=mmap.PROT_READ):
        return Path("/proc/self", name).read_bytes()


def known(path: Path, text: bytes) -> list[str]:
    """The words that make the driver know `path`, with the numbers of `text`."""
    inode = path.stat().st_ino
    line = next(one for one in text.splitlines() if b" %d " % inode in one)
    pair = re.search(rb" ([0-9a-f]+):([0-9a-f]+) ", line)
    assert pair
    device = os.makedev(int(pair[1], 16), int(pair[2], 16))
    shown, shown_device, shown_inode = SHOWN
    words = [str(path), f"{device:x}", str(inode)]
    return [*words, shown, f"{os.makedev(0, int(shown_device, 16)):x}", shown_inode]


def test_a_text_without_files_of_ours_stays_as_it_is(
    rewrite: Rewrite, mapped: Path
) -> None:
    for name in ("maps", "smaps"):
        text = own_text(mapped, name)
        assert rewrite("maps", text) == (text, 0)


def test_only_device_inode_and_path_of_a_mapping_change(
    rewrite: Rewrite, mapped: Path
) -> None:
    for name in ("maps", "smaps"):
        text = own_text(mapped, name)
        found, count = rewrite("maps", text, *known(mapped, text))
        assert count == 1
        old, new = text.split(b"\n"), found.split(b"\n")
        assert len(old) == len(new)
        pairs = [(a, b) for a, b in zip(old, new) if a != b]
        assert len(pairs) == 1
        before, after = pairs[0]
        assert after[:73] != before[:73]
        assert before[:72].split()[:3] == after[:72].split()[:3]
        assert after[:73].split()[3:] == [b"00:" + SHOWN[1].encode(), SHOWN[2].encode()]
        assert after[73:] == SHOWN[0].encode()


def test_a_path_begins_in_the_column_of_the_kernel(
    rewrite: Rewrite, mapped: Path
) -> None:
    text = own_text(mapped, "maps")
    same = known(mapped, text)
    same[3:] = same[:3]
    assert rewrite("maps", text, *same) == (text, 1)


def test_a_long_line_has_one_blank_before_the_padding_would_begin(
    rewrite: Rewrite,
) -> None:
    head = b"ffffffffff600000-ffffffffff601000 r-xp 123456789abcdef0 fff:fffff "
    text = head + b"18446744073709551615  /x\n"
    device = f"{os.makedev(0xFFF, 0xFFFFF):x}"
    words = ["/x", device, 2**64 - 1]
    assert rewrite("maps", text, *words, *words) == (text, 1)


def test_numa_maps_shows_the_path_with_its_escapes(
    rewrite: Rewrite, mapped: Path
) -> None:
    escaped = str(mapped).replace("\n", "\\012").replace(" ", "\\040")
    escaped = escaped.replace("=", "\\075")
    text = f"7f0 default file={escaped} mapped=1 N0=1\n7f1 default heap\n7f2 x"
    words = [mapped, 0, 0, *SHOWN]
    found, count = rewrite("numa_maps", text.encode(), *words)
    shown = SHOWN[0].replace(" ", "\\040")
    assert found.decode() == text.replace(escaped, shown)
    assert count == 1


def test_numa_maps_of_the_kernel_is_understood(rewrite: Rewrite, mapped: Path) -> None:
    if not Path("/proc/self/numa_maps").exists():
        pytest.skip("this kernel has no numa_maps")
    text = own_text(mapped, "numa_maps")
    found, count = rewrite("numa_maps", text, mapped, 0, 0, mapped, 0, 0)
    assert (found, count) == (text, 1)


def test_lines_of_mounts_name_the_repository(rewrite: Rewrite) -> None:
    options = b"user_id=0,group_id=0,default_permissions,allow_other"
    root = b"22 27 0:21 / /proc rw - proc proc rw\n27 1 254:0 / / rw - ext4 /dev/x rw\n"
    line = b"cvmfs2 /cvmfs fuse ro,nosuid,nodev,relatime,%b 0 0\n" % options
    assert rewrite("mounts", b"")[0] == line
    line = b"device cvmfs2 mounted on /cvmfs with fstype fuse\n"
    assert rewrite("mountstats", b"")[0] == line
    line = b"7 %d 0:983041 / /cvmfs ro,nosuid,nodev,relatime - fuse cvmfs2 ro,%b\n"
    assert rewrite("mountinfo", root)[0] == line % (27, options)
    over = root + b"90 27 0:50 / / rw - overlay overlay rw\n"
    assert rewrite("mountinfo", over)[0] == line % (90, options)
    assert rewrite("mountinfo", b"")[0] == line % (1, options)


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    st.text("0a-: /=fil\\14\n", max_size=300), st.sampled_from(["maps", "numa_maps"])
)
def test_any_other_text_comes_out_unchanged(
    rewrite: Rewrite, text: str, what: str
) -> None:
    assert rewrite(what, text.encode()) == (text.encode(), 0)
