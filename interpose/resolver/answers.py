# SPDX-License-Identifier: GPL-2.0-or-later
"""One answer for each kind of question. Source: native/interpose.h, the channel."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from typing import Any

from interpose import native
from interpose.errors import FormatError, InterposeError
from interpose.formats.fqrn import Fqrn
from interpose.formats.hashes import ContentHash
from interpose.messages import one_line
from interpose.resolver import kept, mountfile
from interpose.resolver.ahead import Ahead
from interpose.resolver.channel import Question
from interpose.resolver.handover import merged, since
from interpose.resolver.repositories import Repositories
from interpose.resolver.settings import Settings, split

_TRIES = 3


class Answers:
    """Answers questions; thread-safe. What fails is raised as InterposeError."""

    def __init__(self, settings: Settings, repositories: Repositories) -> None:
        self._settings = settings
        self._ahead = Ahead() if settings.prefetch else None
        self._repositories = repositories
        self._kinds: dict[int, Callable[[Question], bytes]] = {
            native.OPEN: self._open,
            native.CATALOG: self._catalog,
            native.OBJECT: self._object,
            native.LIST: self._list,
            native.XATTR: self._xattr,
            native.STATISTICS: self._statistics,
            native.ADD: self._add,
        }

    def answer(self, question: Question) -> bytes:
        """The body of the answer.

        Errors: InterposeError and below; OSError where the scratch cannot be written.
        """
        kind = self._kinds.get(question.kind)
        if kind is None:
            raise FormatError(f"question of unknown kind {question.kind}")
        for _ in range(_TRIES):
            try:
                return kind(question)
            except native.DamagedIndex as error:
                last = error  # It is made anew when it is asked for again.
        raise last

    def _open(self, question: Question) -> bytes:
        is_named = bool(question.flags & native.QUESTION_NAMED)
        repository = self._repositories.open_for_job(
            Fqrn.parse(question.fqrn), is_named=is_named
        )
        if self._settings.scratch is None:
            raise FormatError("no scratch was named")
        repository.load_root(repository.root.hash)
        record = mountfile.record(repository)
        keep_in = self._settings.kept
        # With an addition it would be kept under a key that does not know of it.
        is_plain = not self._repositories.has_additions
        if keep_in is not None and is_plain and kept.may_be_kept(repository, record):
            kept.keep(record, keep_in)
        return os.fsencode(mountfile.write(record, self._settings.scratch))

    def _catalog(self, question: Question) -> bytes:
        catalog, path, _ = _body(question)
        repository = self._repositories.opened(Fqrn.parse(question.fqrn))
        repository.load_index(catalog, path)
        elsewhere = repository.index_files.elsewhere(catalog)
        return b"" if elsewhere is None else os.fsencode(elsewhere)

    def _object(self, question: Question) -> bytes:
        catalog, path, _ = _body(question)
        repository = self._repositories.opened(Fqrn.parse(question.fqrn))
        subject = repository.subject(catalog, path, question.entry)
        if self._ahead is None:
            return os.fsencode(repository.content(subject))
        with self._ahead.asked(repository, subject) as missed:
            return os.fsencode(repository.content(subject, missed))

    def _warm(self) -> list[str]:
        """Names of which an earlier job left a mount file, for the tracer to take."""
        directory = self._settings.kept
        try:
            return [] if directory is None else os.listdir(directory)
        except OSError:
            return []

    def _list(self, question: Question) -> bytes:
        """Names from a place on, as many as one answer holds: more are asked for."""
        body = b""
        names = self._repositories.names(self._warm())
        for name in names[question.entry :]:
            line = f"{name}\n".encode()
            if len(body) + len(line) > native.LIST_SIZE:
                break
            body += line
        return body

    def _xattr(self, question: Question) -> bytes:
        from interpose.repository import magic  # noqa: PLC0415

        catalog, path, name = _body(question)
        repository = self._repositories.opened(Fqrn.parse(question.fqrn))
        subject = repository.subject(catalog, path, question.entry)
        if name:
            return magic.value(repository, subject, name)
        return b"".join(n + b"\0" for n in magic.names(repository, subject))

    def _statistics(self, question: Question) -> bytes:
        figures = self.figures()
        if question.body:
            figures = since(json.loads(question.body), figures)
        return json.dumps(figures).encode()

    def _add(self, question: Question) -> bytes:
        """Nothing, or the line that says why not."""
        try:
            self._repositories.add(split(question.body))
        except InterposeError as error:
            return one_line(str(error)).encode("utf-8", "surrogateescape")
        return b""

    @property
    def is_reading_ahead(self) -> bool:
        """Whether something is got that nobody has asked for yet."""
        return self._ahead is not None and self._ahead.is_busy()

    def figures(self) -> dict[str, Any]:
        """Our parts of the stats file; what earlier resolvers counted is included."""
        numbers = self._repositories.statistics()
        numbers["resolver"] = {
            "max_rss_bytes": _most_memory_bytes(),
            "cpu_s": round(time.process_time(), 6),
        }
        found: dict[str, Any] = merged(
            self._repositories.before.figures or None, numbers
        )
        return found


def _most_memory_bytes() -> int:
    """Largest resident size; ru_maxrss would count what started us, too."""
    with open("/proc/self/status", encoding="ascii", errors="replace") as lines:
        for line in lines:
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    return 0


def _body(question: Question) -> tuple[ContentHash, bytes, bytes]:
    """Catalog, path in the repository (b"" or b"/a/b") and attribute name."""
    parts = question.body.split(b"\0")
    if len(parts) < 2:
        raise FormatError("question without a path")
    try:
        catalog = ContentHash.parse(parts[0].decode("ascii"))
    except UnicodeDecodeError:
        raise FormatError("question about an impossible catalog") from None
    path = parts[1].strip(b"/")
    name = parts[2] if len(parts) > 2 else b""
    return catalog, b"/" + path if path else b"", name
