# SPDX-License-Identifier: GPL-2.0-or-later
"""Plays the tracer: starts a resolver and asks it over a real channel."""

from __future__ import annotations

import os
import socket
import struct
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from interpose import native
from interpose.native import Entry, Index

ROOT = Path(__file__).resolve().parents[3]
_QUESTION = struct.Struct("<8I")
_ANSWER = struct.Struct("<IIiI")
_START = f"import sys; sys.path.insert(0, {str(ROOT)!r})\n"
# Where a test is busy with other things meanwhile, the resolver must not end of itself.
_MAIN = (
    f"{_START}from interpose.resolver import loop; loop.IDLE_S = 3600.0\n"
    "from interpose.resolver.program import run; run()"
)


@dataclass(frozen=True)
class Answer:
    """What came back."""

    error: int
    body: bytes


class Resolver:
    """A resolver process and our end of its channel."""

    def __init__(
        self,
        scratch: Path,
        options: Mapping[str, str],
        more: tuple[str, ...] = (),
        code: str = _MAIN,
    ) -> None:
        scratch.mkdir(parents=True, exist_ok=True)
        self.scratch = scratch
        self._number = 0
        self._channel, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.errors = scratch / "stderr"
        with self.errors.open("ab") as errors:
            self.process = subprocess.Popen(
                [sys.executable, "-I", "-c", code, "--fd", str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                stderr=errors,
                env={"PATH": "/usr/bin:/bin", "HOME": str(scratch)},
            )
        theirs.close()
        self._channel.settimeout(120)
        settings = [f"scratch={scratch}", *more]
        settings += [f"option={name}={value}" for name, value in options.items()]
        self.settings = tuple(settings)
        body = b"".join(os.fsencode(text) + b"\0" for text in settings)
        self.send(native.HELLO, body=body)

    def send(
        self,
        kind: int,
        fqrn: str = "",
        body: bytes = b"",
        entry: int = 0,
        flags: int = 0,
    ) -> int:
        """Ask; the question's number."""
        self._number += 1
        name = fqrn.encode()
        header = _QUESTION.pack(
            native.CHANNEL_VERSION,
            self._number,
            kind,
            flags,
            entry,
            len(name),
            len(body),
            0,
        )
        self._channel.send(header + name + body)
        return self._number

    def receive(self) -> tuple[int, Answer]:
        """The next answer and the number of its question."""
        message = self._channel.recv(1 << 18)
        _, number, error, size = _ANSWER.unpack_from(message)
        body = message[_ANSWER.size :]
        assert len(body) == size
        return number, Answer(error, body)

    def ask(self, kind: int, fqrn: str = "", **more: object) -> Answer:
        """One question and its answer."""
        number = self.send(kind, fqrn, **more)  # type: ignore[arg-type]
        found, answer = self.receive()
        assert found == number
        return answer

    def lines(self) -> list[str]:
        """What it wrote for the user."""
        return self.errors.read_text().splitlines()

    def end(self) -> int:
        """Close the channel; the status of the process."""
        self._channel.close()
        return self.process.wait(60)

    def __enter__(self) -> Resolver:  # noqa: PYI034 (Self is younger than 3.9)
        return self

    def __exit__(self, *_: object) -> None:
        self._channel.close()
        try:
            self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


@dataclass(frozen=True)
class Record:
    """The part of a mount file that a walk needs."""

    root: str
    index_dir: Path
    cache_dir: Path
    revision: int
    valid_until: int


def read_record(path: Path) -> Record:
    """The mount file, read by its layout in native/interpose.h."""
    data = path.read_bytes()
    magic, version, _, revision, _, until = struct.unpack_from("<IIQQqq", data)
    assert (magic, version) == (0x544D5049, 5)
    digest = data[40:60]
    (algorithm,) = struct.unpack_from("<I", data, 60)
    spans = struct.unpack_from("<12I", data, 120)
    index_dir = data[spans[2] : spans[2] + spans[3]]
    cache_dir = data[spans[4] : spans[4] + spans[5]]
    return Record(
        digest.hex() + hash_suffix(algorithm),
        Path(os.fsdecode(index_dir)),
        Path(os.fsdecode(cache_dir)),
        revision,
        until,
    )


def hash_suffix(algorithm: int) -> str:
    """The algorithm's id in hash texts."""
    return ("", "-rmd160", "-shake128")[algorithm]


@dataclass(frozen=True)
class Found:
    """An entry of the tree, and the catalog that it stands in."""

    path: bytes
    entry: Entry
    catalog: str


def walk(resolver: Resolver, fqrn: str, record: Record) -> Iterator[Found]:
    """All entries, catalogs asked for as the tracer does; hidden ones too."""

    def load(text: str, where: bytes) -> Index:
        path = record.index_dir / f"{text}.v{native.INDEX_VERSION}"
        if not path.exists():
            body = text.encode() + b"\0" + where
            answer = resolver.ask(native.CATALOG, fqrn, body=body)
            assert answer.error == 0, (text, where, answer)
        return Index.open(path)

    def below(index: Index, text: str, number: int, where: bytes) -> Iterator[Found]:
        for child in index.children(number):
            path = where + b"/" + child.name
            yield Found(path, child, text)
            if child.flags & native.ENTRY_NESTED and child.digest is not None:
                name = child.digest.hex() + hash_suffix(child.algorithm)
                yield from below(load(name, path), name, 0, path)
            elif child.mode & 0o170000 == 0o040000:
                yield from below(index, text, child.number, path)

    root = load(record.root, b"")
    yield Found(b"", root.entry(0), record.root)
    yield from below(root, record.root, 0, b"")
