# SPDX-License-Identifier: GPL-2.0-or-later
"""Messages of the channel as bytes. Source: native/interpose.h (the channel)."""

from __future__ import annotations

import struct
from typing import NamedTuple

from interpose.errors import FormatError
from interpose.native import CHANNEL_VERSION


class Question(NamedTuple):
    """A message of the tracer; `entry` is a number in an index."""

    id: int
    kind: int
    fqrn: str = ""
    body: bytes = b""
    entry: int = 0
    flags: int = 0


_QUESTION = struct.Struct("<7I4x")
_ANSWER = struct.Struct("<IIiI")


def unpack_question(message: bytes) -> Question:
    """The question in one message of the channel.

    Errors: FormatError if it is none or of another version.
    """
    if len(message) < _QUESTION.size:
        raise FormatError("question that is cut off")
    version, number, kind, flags, entry, named, size = _QUESTION.unpack_from(message)
    start = _QUESTION.size + named
    if version != CHANNEL_VERSION or len(message) != start + size:
        raise FormatError("question of another version")
    try:
        fqrn = message[_QUESTION.size : start].decode("ascii")
    except UnicodeDecodeError as error:
        raise FormatError("question of an impossible name") from error
    return Question(number, kind, fqrn, message[start:], entry, flags)


def pack_answer(question_id: int, error: int, body: bytes = b"") -> bytes:
    """One message of the channel: `error` is 0 or a positive errno."""
    return _ANSWER.pack(CHANNEL_VERSION, question_id, error, len(body)) + body
