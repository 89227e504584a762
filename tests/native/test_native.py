# SPDX-License-Identifier: GPL-2.0-or-later
from __future__ import annotations

import ast
import re
import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from interpose import native
from interpose._native import ffi, lib
from interpose.errors import FormatError
from interpose.resolver.channel import Question, pack_answer, unpack_question

ROOT = Path(__file__).resolve().parents[2]
MOUNT = native.Mount(
    fqrn="sw.example.org",
    revision=7,
    made_at=1_699_999_000,
    valid_until=1_700_000_000,
    root_digest=bytes(range(20)),
    root_algorithm=2,
    index_dir=b"/cache/index",
    cache_dir=b"/cache",
    inode_seed=1 << 63,
    view=native.VIEW_CLAIM | native.VIEW_UID_DEFAULT,
    uid=1000,
    gid=100,
    uid_default=5,
    blocks=10,
    blocks_free=9,
    files=3,
    variables=((b"A", b"1"), (b"CVMFS_X", b"")),
    uid_map=((1, 2), (3, 4)),
    gid_map=((5, 6),),
)


def test_declarations_for_mypy_name_what_the_header_names() -> None:
    header = (ROOT / "native/interpose.h").read_text()
    typed = ast.parse((ROOT / "interpose/_native.pyi").read_text())
    library = next(node for node in typed.body if isinstance(node, ast.ClassDef))
    known = set()
    for node in library.body:
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            known.add(node.target.id)
        elif isinstance(node, ast.FunctionDef):
            known.add(node.name)
    constants = re.findall(r"\b(INTERPOSE_\w+) =", header)
    functions = re.findall(r"\b(interpose_\w+)\(", header)
    assert known == {*constants, *functions} == set(dir(lib))


def test_rows_are_packed_as_the_header_lays_them_out() -> None:
    assert native._ROW.size == ffi.sizeof("struct interpose_row")
    fields = [name for name, _ in ffi.typeof("struct interpose_row").fields]
    names = "path_1 path_2 parent_1 parent_2 size mtime hardlinks mtime_ns mode uid gid"
    names += " flags rowid name_len target_len digest_len xattr_len"
    assert fields == names.split()


def raw_rows(**lengths: int) -> tuple[object, object]:
    builder = ffi.gc(lib.interpose_builder_create(), lib.interpose_builder_destroy)
    return builder, ffi.new("struct interpose_row[]", [{"mode": 0o40755, **lengths}])


@pytest.mark.parametrize("field", ["name_len", "target_len", "digest_len", "xattr_len"])
@pytest.mark.parametrize("length", [1, 20, 0xFFFFFFFF])
def test_lengths_beyond_the_bytes_are_refused(field: str, length: int) -> None:
    builder, rows = raw_rows(**{field: length})
    assert lib.interpose_builder_add_rows(builder, rows, 1, b"", 0) == -74


def test_bytes_that_no_row_asks_for_are_refused() -> None:
    builder, rows = raw_rows(name_len=1)
    assert lib.interpose_builder_add_rows(builder, rows, 1, b"ab", 2) == -74


def test_more_rows_than_any_catalog_holds_are_refused_before_they_are_read() -> None:
    builder, rows = raw_rows()
    assert lib.interpose_builder_add_rows(builder, rows, 1 << 40, b"", 0) == -74


def test_mount_file_reads_back_through_the_struct() -> None:
    data = native.pack_mount(MOUNT)
    found = ffi.from_buffer("struct interpose_mount[]", data)[0]

    def text(span: object) -> bytes:
        return data[span.offset : span.offset + span.length]  # type: ignore[attr-defined]

    assert (found.magic, found.version) == (0x544D5049, 5)
    assert bytes(found.root_digest) == MOUNT.root_digest
    for name in native._PLAIN:
        assert getattr(found, name) == getattr(MOUNT, name)
    assert text(found.fqrn) == b"sw.example.org"
    assert text(found.index_dir) == b"/cache/index"
    assert text(found.cache_dir) == b"/cache"
    assert text(found.variables) == b"A=1\0CVMFS_X=\0"
    assert struct.unpack("<4I", text(found.uid_map)) == (1, 2, 3, 4)
    assert struct.unpack("<2I", text(found.gid_map)) == (5, 6)
    assert found.uid_map.offset % 4 == found.gid_map.offset % 4 == 0


def message(fqrn: bytes, body: bytes, **fields: int) -> bytes:
    """A question as the tracer would send it."""
    header = ffi.new(
        "struct interpose_question *",
        {"version": 1, "fqrn_len": len(fqrn), "body_len": len(body), **fields},
    )
    return bytes(ffi.buffer(header)) + fqrn + body


def test_question_gives_what_the_tracer_sent() -> None:
    sent = message(b"a.b", b"hash\0/p", id=9, kind=native.OBJECT, flags=1, entry=77)
    found = unpack_question(sent)
    wanted = Question(9, native.OBJECT, "a.b", b"hash\0/p", 77, 1)
    assert found == wanted


def test_impossible_questions_are_refused() -> None:
    good = message(b"a.b", b"body")
    others = (b"", good[:31], good[:-1], good + b"x", message(b"\xff", b""))
    for bad in (*others, message(b"a", b"", version=2)):
        with pytest.raises(FormatError):
            unpack_question(bad)


@given(st.binary(max_size=80))
def test_any_bytes_are_a_question_or_a_format_error(data: bytes) -> None:
    try:
        unpack_question(data)
    except FormatError:
        pass


def test_answer_is_laid_out_as_the_header_says() -> None:
    sent = pack_answer(5, 2, b"path")
    found = ffi.from_buffer("struct interpose_answer[]", sent[:16])[0]
    assert (found.version, found.id, found.error, found.body_len) == (1, 5, 2, 4)
    assert sent[ffi.sizeof("struct interpose_answer") :] == b"path"
