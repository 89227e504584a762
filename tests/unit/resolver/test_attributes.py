# SPDX-License-Identifier: GPL-2.0-or-later
"""Extended attributes are those that the official client showed."""

from __future__ import annotations

import base64
import errno
import os
from collections import Counter
from typing import Any

import pytest

from interpose import native
from tests.support.truth import truth_lines, truth_tree
from tests.unit.resolver.conftest import Start, content_of, opened
from tests.unit.resolver.driver import Found, Resolver, walk

NAMES = ["sha1", "rmd160", "shake128", "bind", "programs", "oldschema", "tagged"]
# How many catalogs are loaded depends on what was looked at before.
UNSTEADY = {"user.nclg"}
VISIBILITIES = ("rootonly", "always", "never")


def rows_of(fqrn: str, visibility: str) -> dict[bytes, dict[str, Any]]:
    return {
        ("/" + row["path"]).rstrip("/").encode("utf-8", "surrogateescape"): row
        for row in truth_lines("magic-xattrs.jsonl")
        if row["fqrn"] == fqrn and row["visibility"] == visibility
    }


def ask(resolver: Resolver, fqrn: str, found: Found, name: str = "") -> Any:
    body = b"\0".join([found.catalog.encode(), found.path, name.encode()])
    return resolver.ask(native.XATTR, fqrn, body=body, entry=found.entry.number)


def places(resolver: Resolver, fqrn: str) -> dict[bytes, Found]:
    record = opened(resolver, fqrn)
    return {found.path: found for found in walk(resolver, fqrn, record)}


@pytest.mark.parametrize("name", [*NAMES, "tricky"])
def test_values_are_those_of_the_official_client(name: str, start: Start) -> None:
    fqrn = f"{name}.example.org"
    rows = rows_of(fqrn, "always")
    assert rows
    resolver = start(
        fqrn, CVMFS_MAGIC_XATTRS_VISIBILITY="always", CVMFS_TIMEOUT_DIRECT="5"
    )
    found = places(resolver, fqrn)
    wrong = []
    for path, row in rows.items():
        if found[path].entry.mode & 0o170000 == 0o100000:
            content_of(resolver, fqrn, found[path])
        for key, value in row.get("values", {}).items():
            answer = ask(resolver, fqrn, found[path], key)
            shown = answer.body.decode("utf-8", "surrogateescape")
            if key not in UNSTEADY and shown != value:
                wrong.append((path, key, answer.error, shown[:200], value[:200]))
        for key, reason in row.get("errors", {}).items():
            code = ask(resolver, fqrn, found[path], key).error
            if errno.errorcode.get(code) != reason:
                wrong.append((path, key, code, "", reason))
    assert wrong == []


@pytest.mark.parametrize("visibility", VISIBILITIES)
def test_listings_show_magic_names_as_configured(visibility: str, start: Start) -> None:
    fqrn = "tricky.example.org"
    resolver = start(fqrn, CVMFS_MAGIC_XATTRS_VISIBILITY=visibility)
    found = places(resolver, fqrn)
    for path, row in rows_of(fqrn, visibility).items():
        body = ask(resolver, fqrn, found[path]).body
        listed = [n.decode() for n in body.split(b"\0") if n]
        assert sorted(set(listed)) == row["listxattr"], path


def test_visible_magic_names_come_twice(start: Start) -> None:
    fqrn = "sha1.example.org"
    resolver = start(fqrn)
    found = places(resolver, fqrn)
    body = ask(resolver, fqrn, found[b""]).body
    counted = Counter(n.decode() for n in body.split(b"\0") if n)
    assert set(counted.values()) == {2}
    row = truth_lines("sha1.example.org.jsonl")[0]
    assert counted == Counter(row["xattr_names"])


def test_stored_attributes_have_their_values(start: Start) -> None:
    fqrn = "tricky.example.org"
    resolver = start(fqrn)
    found = places(resolver, fqrn)
    for path, row in truth_tree(f"{fqrn}.jsonl").items():
        for name, value in row.get("xattrs", {}).items():
            place = found[b"/" + path.encode("utf-8", "surrogateescape")]
            answer = ask(resolver, fqrn, place, name)
            if isinstance(value, str) and not hasattr(errno, value):
                assert answer.body == base64.b64decode(value), (path, name)
            else:
                assert errno.errorcode[answer.error] == value


def test_pages_are_counted_and_end(start: Start) -> None:
    fqrn = "sha1.example.org"
    resolver = start(fqrn)
    root = places(resolver, fqrn)[b""]

    def value(name: str) -> bytes:
        answer = ask(resolver, fqrn, root, name)
        assert answer.error == 0, name
        return bytes(answer.body)

    plain = value("user.fqrn")
    assert value("user.fqrn~0") == plain == b"sha1.example.org"
    assert value("user.fqrn~?") == value("user.fqrn@?") == b"num_pages, 1"
    assert value("user.fqrn@0").endswith(plain)
    assert value("user.fqrn@0").startswith(b"# Access page at idx: 0. ")
    for odd in ("~1", "~00", "~-1", "~x", "~", "@1", "~0~0"):
        answer = ask(resolver, fqrn, root, f"user.fqrn{odd}")
        assert answer.error == errno.ENODATA, odd


def test_long_tables_have_several_pages_with_a_heading_each(start: Start) -> None:
    from interpose.repository.magic import _pages
    from interpose.repository.magic_values import MAGIC

    lines = [f"{n:040x},{n},1\n" for n in range(3000)]
    pages = list(_pages(MAGIC["user.chunk_list"], lines))
    assert len(pages) > 1
    assert all(page.startswith("hash,offset,size\n") for page in pages)
    joined = "".join(page.partition("\n")[2] for page in pages)
    assert joined == "".join(lines)


def test_protected_attributes_need_a_privileged_group(start: Start) -> None:
    fqrn = "sha1.example.org"
    resolver = start(fqrn, CVMFS_XATTR_PROTECTED_XATTRS="user.proxy,user.fqrn")
    root = places(resolver, fqrn)[b""]
    wanted = 0 if os.getgid() == 0 else errno.ENODATA
    assert ask(resolver, fqrn, root, "user.proxy").error == wanted


@pytest.mark.parametrize("kind", ["tag", "date"])
def test_pins_choose_the_recorded_revision(kind: str, start: Start) -> None:
    fqrn = "tagged.example.org"
    for row in truth_lines(f"{fqrn}.dates.jsonl"):
        if kind not in row:
            continue
        if kind == "tag" and "date" in row:
            continue
        name = "CVMFS_REPOSITORY_TAG" if kind == "tag" else "CVMFS_REPOSITORY_DATE"
        resolver = start(fqrn, **{name: row[kind]})
        if row.get("mount") == "refused":
            assert resolver.ask(native.OPEN, fqrn).error == errno.EIO
            assert len(resolver.lines()) == 1
            continue
        record = opened(resolver, fqrn)
        assert (record.root, record.revision) == (row["root_hash"], row["revision"])


@pytest.mark.parametrize(
    "tag", ["first", "v1.0", "v2.0", "last", "trunk", "trunk-previous"]
)
def test_tags_show_the_recorded_trees(tag: str, start: Start) -> None:
    fqrn = "tagged.example.org"
    truth = truth_tree(f"{fqrn}@{tag}.jsonl")
    resolver = start(fqrn, f"repository={fqrn}@{tag}")
    record = opened(resolver, fqrn, named=True)
    for found in walk(resolver, fqrn, record):
        row = truth.pop(found.path[1:].decode())
        if row["type"] == "file":
            assert content_of(resolver, fqrn, found) == row["sha256"]
    assert truth == {}


def test_a_root_hash_needs_no_signature(start: Start) -> None:
    fqrn = "tagged.example.org"
    pin = "9228ecbdd0edc3e1b225f34bcf94ff6e2fbc6725"
    resolver = start(fqrn, f"repository={fqrn}@{pin}", CVMFS_PUBLIC_KEY="/none")
    record = opened(resolver, fqrn, named=True)
    assert (record.root, record.revision) == (pin, 1)
