# SPDX-License-Identifier: GPL-2.0-or-later
"""The truth again, seen by unmodified tools: find, tar, ls, a static busybox."""

from __future__ import annotations

import ast
import hashlib
import json
import os
import re
import stat
import tarfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.fast import fast, figures
from tests.support.places import need_tool
from tests.support.run import Runner
from tests.support.truth import (
    Entry,
    assert_equal_tree,
    truth_lines,
    truth_summary,
    truth_tree,
)

Configured = Callable[..., list[Any]]
TREES = "tricky programs bind shake128".split()
FIND = r"%y\0%m\0%U\0%G\0%s\0%T@\0%n\0%P\0%l\0"
LETTERS = {
    "f": "file",
    "d": "dir",
    "l": "symlink",
    "c": "chr",
    "b": "blk",
    "p": "fifo",
    "s": "sock",
}
FIELDS = "type mode uid gid size mtime_ns nlink target".split()


def found_by_find(output: bytes) -> list[Entry]:
    """Records of `find -printf FIND`."""
    words = os.fsdecode(output).split("\0")[:-1]
    rows = []
    for at in range(0, len(words), 9):
        kind, mode, uid, gid, size, time, links, path, target = words[at : at + 9]
        row: Entry = {
            "type": LETTERS[kind],
            "mode": f"{int(mode, 8):04o}",
            "uid": int(uid),
            "gid": int(gid),
            "size": int(size),
            "mtime_ns": nanoseconds(time),
            "nlink": int(links),
            "path": path,
        }
        if kind == "l":
            row["target"] = target
        rows.append(row)
    return rows


def nanoseconds(text: str) -> int:
    """Of `SECONDS.FRACTION` as find and ls print it: the fraction always counts up."""
    whole, _, fraction = text.partition(".")
    return int(whole) * 10**9 + int(fraction[:9].ljust(9, "0"))


@pytest.mark.parametrize("short", TREES)
def test_find_prints_the_truth(run: Runner, configured: Configured, short: str) -> None:
    fqrn = f"{short}.example.org"
    command = ("find", f"/cvmfs/{fqrn}", "-printf", FIND)
    result = run(*command, options=configured(fqrn)).ok()
    tree = truth_tree(f"{fqrn}.jsonl")
    assert_equal_tree(tree, found_by_find(result.stdout), FIELDS)
    assert result.stderr == b"", result.explain()


@pytest.mark.long
def test_find_sees_each_of_the_125000_files(
    run: Runner, configured: Configured
) -> None:
    """And hardly stops: no more often than once for each of its 81 catalogs and some."""
    fqrn = "lsst.example.org"
    command = ("find", f"/cvmfs/{fqrn}", "-printf", FIND)
    result = fast(run, *command, after=16, options=configured(fqrn), timeout_s=300)
    assert figures(result.ok())[0] < 200
    rows = found_by_find(result.stdout)
    summary = truth_summary(fqrn)
    kinds = Counter(row["type"] for row in rows)
    assert dict(kinds) == summary["counts"]
    files = [row for row in rows if row["type"] == "file"]
    assert sum(row["size"] for row in files) == summary["file_bytes"]
    entries: Counter[str] = Counter()
    sizes: Counter[str] = Counter()
    for row in rows:
        package = package_of(row["path"], summary["by_directory"])
        entries[package] += 1
        sizes[package] += row["size"] if row["type"] == "file" else 0
    for name, wanted in summary["by_directory"].items():
        assert entries[name] == wanted["entries"], name
        assert sizes[name] == wanted["file_bytes"], name


@pytest.mark.long
def test_every_byte_of_the_125000_files_is_the_truth(
    run: Runner, configured: Configured, place: Path
) -> None:
    fqrn = "lsst.example.org"
    script = Path(__file__).parents[1] / "support/walker.py"
    command = ("/usr/bin/python3", "-I", script, f"/cvmfs/{fqrn}")
    output = place / "walk.jsonl"
    run(*command, options=configured(fqrn), stdout=output, timeout_s=1800).ok()
    rows = [json.loads(line) for line in output.read_bytes().splitlines()]
    summary = truth_summary(fqrn)
    assert digest(rows) == summary["sha256"]


def package_of(path: str, packages: dict[str, Any]) -> str:
    """The first three components where that is a package, else nothing."""
    name = "/".join(path.split("/")[:3])
    return name if name in packages else ""


def digest(rows: list[Entry]) -> str:
    """The summary's hash: TYPE MODE UID GID SIZE MTIME_NS NLINK HEX(path) CONTENT."""
    lines = []
    for row in sorted(rows, key=lambda one: os.fsencode(one["path"])):
        content = row.get("sha256", "-")
        if row["type"] == "symlink":
            content = os.fsencode(row["target"]).hex() or "-"
        place = os.fsencode(row["path"]).hex() or "-"
        words = [row[key] for key in "type mode uid gid size mtime_ns nlink".split()]
        lines.append(" ".join(map(str, [*words, place, content])) + "\n")
    return hashlib.sha256("".join(lines).encode()).hexdigest()


@pytest.mark.parametrize("short", TREES)
def test_the_truth_files_agree_with_their_summaries(shared: Path, short: str) -> None:
    fqrn = f"{short}.example.org"
    rows = truth_lines(f"{fqrn}.jsonl")
    assert digest(rows) == truth_summary(fqrn)["sha256"]


TYPES = {
    tarfile.REGTYPE: "file",
    tarfile.LNKTYPE: "file",
    tarfile.DIRTYPE: "dir",
    tarfile.SYMTYPE: "symlink",
    tarfile.CHRTYPE: "chr",
    tarfile.BLKTYPE: "blk",
    tarfile.FIFOTYPE: "fifo",
}


@pytest.mark.parametrize("short", TREES)
def test_tar_packs_the_truth(
    run: Runner, configured: Configured, place: Path, short: str
) -> None:
    fqrn = f"{short}.example.org"
    command = ("tar", "--format=posix", "-C", f"/cvmfs/{fqrn}", "-cf", "-", ".")
    archive = place / "tree.tar"
    result = run(*command, options=configured(fqrn), stdout=archive).ok()
    assert all("socket ignored" in line for line in result.errors), result.explain()
    tree = truth_tree(f"{fqrn}.jsonl")
    tree = {path: row for path, row in tree.items() if row["type"] != "sock"}
    keys = "type mode uid gid mtime_ns target rdev sha256 size".split()
    for row in tree.values():
        if row["type"] != "file":
            row["size"] = 0
    # A second name of one file may be packed as a link to the first.
    with tarfile.open(archive, encoding="utf-8", errors="surrogateescape") as packed:
        rows = [from_tar(packed, member) for member in packed]
    by_path = {row["path"]: row for row in rows}
    for row in rows:
        if "link_to" in row:
            first = by_path[row.pop("link_to")]
            row.update({key: first[key] for key in first if key != "path"})
    assert_equal_tree(tree, rows, keys)


def from_tar(packed: tarfile.TarFile, member: tarfile.TarInfo) -> Entry:
    stamp = member.pax_headers.get("mtime", str(int(member.mtime)))
    row: Entry = {
        "path": plain(member.name),
        "type": TYPES[member.type],
        "mode": f"{member.mode & 0o7777:04o}",
        "uid": member.uid,
        "gid": member.gid,
        "size": member.size if member.isreg() else 0,
        "mtime_ns": decimal_nanoseconds(stamp),
    }
    if member.type in (tarfile.CHRTYPE, tarfile.BLKTYPE):
        row["rdev"] = [member.devmajor, member.devminor]
    if member.issym():
        row["target"] = member.linkname
    if member.islnk():
        row["link_to"] = plain(member.linkname)
    elif member.isreg():
        handle = packed.extractfile(member)
        assert handle is not None
        row["sha256"] = hashlib.sha256(handle.read()).hexdigest()
    return row


def decimal_nanoseconds(text: str) -> int:
    """Of a pax header, a plain decimal number: -0.25 is a quarter before the epoch."""
    whole, _, fraction = text.lstrip("-").partition(".")
    value = int(whole) * 10**9 + int(fraction[:9].ljust(9, "0") or 0)
    return -value if text.startswith("-") else value


def plain(name: str) -> str:
    """`./a/b` as the truth writes it."""
    return name[2:] if name.startswith("./") else name.lstrip(".")


LS = re.compile(
    r"([-dlcbps])([-rwxsStT]{9})[.+]? +(\d+) +(\d+) +(\d+) +(?:(\d+), +)?(\d+) "
    r"(-?\d+\.\d+) (\"(?:[^\"\\]|\\.)*\")(?: -> (\"(?:[^\"\\]|\\.)*\"))?"
)


@pytest.mark.parametrize("short", TREES)
def test_ls_lists_the_truth(run: Runner, configured: Configured, short: str) -> None:
    fqrn = f"{short}.example.org"
    root = f"/cvmfs/{fqrn}"
    words = "ls -lAnRQ --time-style=+%s.%N".split()
    env = {**run.environment(), "LC_ALL": "C"}
    result = run(*words, root, options=configured(fqrn), env=env).ok()
    assert result.stderr == b"", result.explain()
    rows = []
    directory = ""
    for line in result.text.splitlines():
        if line.startswith('"'):
            directory = unquoted(line[:-1])[len(root) + 1 :]
        elif line and not line.startswith("total "):
            rows.append(from_ls(line, directory))
    tree = truth_tree(f"{fqrn}.jsonl")
    del tree[""]
    for row in tree.values():
        if row["type"] in ("chr", "blk"):
            del row["size"]
    assert_equal_tree(tree, rows, [*FIELDS, "rdev"])


def from_ls(line: str, directory: str) -> Entry:
    found = LS.fullmatch(line)
    assert found, line
    kind, bits, links, uid, gid, major, size, time, name, target = found.groups()
    path = unquoted(name)
    row: Entry = {
        "path": f"{directory}/{path}" if directory else path,
        "type": LETTERS["f" if kind == "-" else kind],
        "mode": f"{mode_of(bits):04o}",
        "uid": int(uid),
        "gid": int(gid),
        "nlink": int(links),
        "mtime_ns": nanoseconds(time),
    }
    if major is None:
        row["size"] = int(size)
    else:
        row["rdev"] = [int(major), int(size)]
    if target is not None:
        row["target"] = unquoted(target)
    elif kind == "l":
        row["target"] = ""
    return row


def unquoted(text: str) -> str:
    """A C string as `ls -Q` writes it."""
    raw: bytes = ast.literal_eval("b" + text)
    return os.fsdecode(raw)


def mode_of(bits: str) -> int:
    """Permission bits of `rwxr-x--T`."""
    mode = 0
    for place, letter in enumerate(bits):
        if letter in "rwxst":
            mode |= 1 << (8 - place)
    for place, letters, flag in (
        (2, "sS", stat.S_ISUID),
        (5, "sS", stat.S_ISGID),
        (8, "tT", stat.S_ISVTX),
    ):
        if bits[place] in letters:
            mode |= flag
    return mode


@pytest.mark.parametrize("short", TREES)
def test_a_static_busybox_finds_every_entry_by_its_type(
    run: Runner, configured: Configured, short: str
) -> None:
    busybox = need_tool("busybox", "busybox-static")
    fqrn = f"{short}.example.org"
    root = f"/cvmfs/{fqrn}"
    script = f"for t in f d l c b p s; do {busybox} find {root} -type $t -print0; done"
    result = run(busybox, "sh", "-c", script, options=configured(fqrn)).ok()
    paths = os.fsdecode(result.stdout).split("\0")[:-1]
    rows = [{"path": path[len(root) + 1 :]} for path in paths]
    assert_equal_tree(truth_tree(f"{fqrn}.jsonl"), rows, [])


def test_a_static_busybox_reads_the_bytes_of_the_truth(
    run: Runner, configured: Configured
) -> None:
    busybox = need_tool("busybox", "busybox-static")
    root = "/cvmfs/tricky.example.org/"
    folders = [root + name for name in ("sizes", "chunked", "smallchunks", "external")]
    command = f"{busybox} find {' '.join(folders)} -type f -exec {busybox} sha256sum "
    options = configured("tricky.example.org")
    result = run(busybox, "sh", "-c", command + "{} +", options=options).ok()
    tree = truth_tree("tricky.example.org.jsonl")
    lines = result.text.splitlines()
    assert len(lines) > 30
    for line in lines:
        sha256, _, path = line.partition("  ")
        assert tree[path[len(root) :]]["sha256"] == sha256, path
