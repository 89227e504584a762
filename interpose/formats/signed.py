# SPDX-License-Identifier: GPL-2.0-or-later
"""The common form of manifest and whitelist: BODY, `--`, HASH, SIGNATURE.

Source: docs/format.md 2 and 3.
"""

from __future__ import annotations

import hmac
from typing import NamedTuple

from interpose.errors import BadSignature, FormatError
from interpose.formats.hashes import Algorithm, ContentHash, hash_bytes


class SignedText(NamedTuple):
    """A text and what its signer says of it; nothing is verified.

    `body` reaches up to the newline before `--`; `hash_text` is the line that is
    signed.
    """

    body: bytes
    hash_text: str
    signature: bytes


def split(data: bytes, what: str) -> SignedText:
    """The parts of `data`.

    Errors: FormatError naming `what` if a part is missing.
    """
    cut = 0 if data.startswith(b"--\n") else data.find(b"\n--\n") + 1
    if cut == 0:
        raise FormatError(f"{what} without a `--` line")
    line, newline, signature = data[cut + 3 :].partition(b"\n")
    if not newline or not signature:
        raise FormatError(f"{what} without a signature")
    hash_text = ContentHash.parse(ascii_text(line, what)).text
    return SignedText(data[:cut], hash_text, signature)


def check_body(signed: SignedText, what: str) -> None:
    """Errors: BadSignature if the hash line is not the hash of the body."""
    named = ContentHash.parse(signed.hash_text)
    found = hash_bytes(named.algorithm, signed.body)
    if not hmac.compare_digest(named.digest, found.digest):
        raise BadSignature(f"{what} differs from its own hash")


def join(body: bytes, hash_text: str, signature: bytes) -> bytes:
    """The bytes of a signed text."""
    return body + b"--\n" + hash_text.encode("ascii") + b"\n" + signature


def hash_line(body: bytes, algorithm: Algorithm) -> str:
    """The text that is to be signed for `body`."""
    return hash_bytes(algorithm, body).text


def ascii_text(data: bytes, what: str) -> str:
    """Errors: FormatError naming `what` if `data` is not ASCII."""
    try:
        return data.decode("ascii")
    except UnicodeDecodeError:
        raise FormatError(f"{what} with a line that is not ASCII") from None
