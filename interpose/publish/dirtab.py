# SPDX-License-Identifier: GPL-2.0-or-later
"""`.cvmfsdirtab`: which directories start a nested catalog without a marker.

One rule a line: `# comment`; an absolute glob, whose matches start catalogs; `! glob`,
whose matches do not. No wildcard (`*`, `?`, `[...]`) matches a slash; a glob of an
exception may be relative and then counts from any directory.

Source: docs/format.md 9.3; the official publisher's documentation.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from interpose.errors import InterposeError

NAME = b".cvmfsdirtab"
MOST_BYTES = 1 << 20


class Dirtab(NamedTuple):
    """The rules; those of a repository without the file match nothing."""

    catalogs: tuple[re.Pattern[bytes], ...] = ()
    exceptions: tuple[re.Pattern[bytes], ...] = ()

    @classmethod
    def parse(cls, text: bytes) -> Dirtab:
        """Errors: InterposeError naming a line that is no rule."""
        globs: dict[bool, dict[bytes, re.Pattern[bytes]]] = {False: {}, True: {}}
        for number, line in enumerate(text.splitlines(), 1):
            rule = line.strip()
            if not rule or rule.startswith(b"#"):
                continue
            is_exception = rule.startswith(b"!")
            glob = rule[1:].strip() if is_exception else rule
            glob = glob.rstrip(b"/") or glob
            _check(glob, number, is_exception=is_exception)
            if glob in globs[not is_exception]:
                raise _wrong("a rule and its exception are the same", number)
            globs[is_exception][glob] = _compiled(glob)
        return cls(tuple(globs[False].values()), tuple(globs[True].values()))

    def starts_catalog(self, path: bytes) -> bool:
        """Whether the directory at `path` (b"/a/b") is to start a nested catalog."""
        if not any(glob.fullmatch(path) for glob in self.catalogs):
            return False
        return not any(glob.fullmatch(path) for glob in self.exceptions)


def _check(glob: bytes, number: int, *, is_exception: bool) -> None:
    if not glob or glob == b"/":
        raise _wrong("a rule that names no directory", number)
    if not glob.startswith(b"/") and not is_exception:
        raise _wrong("a rule that does not begin with a slash", number)


def _wrong(what: str, number: int) -> InterposeError:
    return InterposeError(what, f"/.cvmfsdirtab line {number}")


def _compiled(glob: bytes) -> re.Pattern[bytes]:
    start = b"" if glob.startswith(b"/") else b"(?:.*/)?"
    return re.compile(start + _regular(glob), re.DOTALL)


def _regular(glob: bytes) -> bytes:
    """A glob as a regular expression; an unclosed bracket is an ordinary letter."""
    found = b""
    at = 0
    while at < len(glob):
        letter = glob[at : at + 1]
        end = glob.find(b"]", at + 2) if letter == b"[" else -1
        if letter == b"*":
            found += b"[^/]*"
        elif letter == b"?":
            found += b"[^/]"
        elif letter == b"\\" and at + 1 < len(glob):
            at += 1
            found += re.escape(glob[at : at + 1])
        elif end > 0:
            found += _bracket(glob[at + 1 : end])
            at = end
        else:
            found += re.escape(letter)
        at += 1
    return found


def _bracket(inside: bytes) -> bytes:
    negated = inside[:1] in (b"!", b"^")
    letters = inside[1:] if negated else inside
    escaped = letters.replace(b"\\", rb"\\").replace(b"[", rb"\[").replace(b"^", rb"\^")
    return b"(?!/)[" + (b"^" if negated else b"") + escaped + b"]"
