# SPDX-License-Identifier: GPL-2.0-or-later
"""What native/shown says of an entry, against rules written down once more here."""

from __future__ import annotations

import os
import stat
import struct
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.native.drivers import compiled

Ask = Callable[..., str]
CLAIM, WORLD_READABLE, UID_DEFAULT, GID_DEFAULT = 1, 4, 32, 64
few = settings(max_examples=150, suppress_health_check=list(HealthCheck), deadline=None)
small = st.integers(0, 3)


@pytest.fixture(scope="module")
def ask(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ask]:
    """`ask(WORD...)`: one line of an answer."""
    place = tmp_path_factory.mktemp("shown")
    sources = ("shown/entry.c", "shown/dirent.c", "path/variant.c")
    program = compiled(place, "shown_driver", *sources)
    with subprocess.Popen(
        [program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin
        assert process.stdout

        def line(*words: object) -> str:
            process.stdin.write(" ".join(map(str, words)) + "\n")
            process.stdin.flush()
            return process.stdout.readline().strip()

        yield line
        process.stdin.close()
        assert process.wait(30) == 0


@dataclass(frozen=True)
class Item:
    name: str
    inode: int
    next: int
    type: int


items = st.lists(
    st.builds(
        Item,
        name=st.text("abcäß.-_", min_size=1, max_size=100),
        inode=st.integers(0, 2**64 - 1),
        next=st.integers(0, 2**63 - 1),
        type=st.integers(0, 15),
    ),
    max_size=20,
)


def records(data: bytes, word: int, *, type_last: bool) -> list[Item]:
    """What a program reads from such a block (getdents(2))."""
    found = []
    letter = "Q" if word == 8 else "I"
    while data:
        inode, after, size = struct.unpack_from(f"<{letter}{letter}H", data)
        assert size % word == 0
        head = 2 * word + 2
        record, data = data[:size], data[size:]
        kind = record[-1] if type_last else record[head]
        name = record[head + (not type_last) :].split(b"\0", 1)[0].decode()
        found.append(Item(name, inode, after, kind))
    return found


@few
@given(items, st.sampled_from([(8, False), (8, True), (4, True)]), st.integers(0, 2000))
def test_records_are_read_as_they_were_given(
    ask: Ask, given_items: list[Item], layout: tuple[int, bool], limit: int
) -> None:
    word, type_last = layout
    words = [w for i in given_items for w in (i.name, i.inode, i.next, i.type)]
    data = bytes.fromhex(ask("dirents", word, int(type_last), limit, *words))
    assert len(data) <= limit
    mask = 2 ** (8 * word) - 1
    wanted = [Item(i.name, i.inode & mask, i.next & mask, i.type) for i in given_items]
    found = records(data, word, type_last=type_last)
    assert found == wanted[: len(found)]
    if len(found) < len(wanted):
        left = wanted[len(found)]
        assert len(data) + 2 * word + 4 + len(left.name.encode()) + word > limit


@few
@given(
    view=st.sets(st.sampled_from([CLAIM, WORLD_READABLE, UID_DEFAULT, GID_DEFAULT])),
    numbers=st.tuples(*[small] * 8),
    mode=st.sampled_from([0o100640, 0o40711, 0o120777, 0o100000]),
)
def test_owner_and_mode_follow_the_configuration(
    ask: Ask, view: set[int], numbers: tuple[int, ...], mode: int
) -> None:
    uid, gid, uid_default, gid_default, owner, group, mapped_from, mapped_to = numbers
    said = ask(
        *("stat", sum(view), uid, gid, uid_default, gid_default, mode),
        *(owner, group, mapped_from, mapped_to),
    ).split()
    if WORLD_READABLE in view:
        mode |= 0o555 if stat.S_ISDIR(mode) else 0o444
    if CLAIM in view:
        wanted = [uid, gid]
    else:
        unmapped = uid_default if UID_DEFAULT in view else owner
        wanted = [mapped_to if owner == mapped_from else unmapped]
        wanted.append(gid_default if GID_DEFAULT in view else group)
    # A link's size is that of its target, which is empty here.
    size = 0 if stat.S_ISLNK(mode) else 1025
    blocks = 1 + size // 512
    assert said == [f"{mode:o}", *map(str, wanted), str(size), str(blocks), "77"]


@pytest.mark.parametrize("kind", [stat.S_IFREG, stat.S_IFDIR, stat.S_IFLNK])
def test_plain_files_are_on_a_read_only_file_system(ask: Ask, kind: int) -> None:
    for checked in (0, 1):
        assert ask("access", kind | 0o777, os.W_OK, checked) == "read-only"
    assert ask("access", kind, os.R_OK | os.X_OK, 0) == "granted"


@given(st.integers(0, 0o777), st.integers(0, 7))
@few
def test_what_everybody_may_needs_no_credentials(
    ask: Ask, mode: int, rights: int
) -> None:
    """Of a FIFO, which is written as everywhere."""
    everybody = all(mode >> shift & rights == rights for shift in (0, 3, 6))
    said = ask("access", stat.S_IFIFO | mode, rights, 1)
    assert said == ("granted" if everybody else "by credentials")
    assert ask("access", stat.S_IFIFO | mode, rights, 0) == "granted"


@pytest.mark.parametrize("kind", [stat.S_IFIFO, stat.S_IFSOCK, stat.S_IFCHR])
def test_special_files_may_be_written(ask: Ask, kind: int) -> None:
    assert ask("access", kind | 0o777, os.W_OK, 1) == "granted"


@few
@given(st.integers(1, 2**64 - 1))
def test_a_narrow_number_is_never_zero(ask: Ask, inode: int) -> None:
    narrow = int(ask("inode", inode))
    assert 0 < narrow < 2**32
    if inode < 2**32:
        assert narrow == inode
