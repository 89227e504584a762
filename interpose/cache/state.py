# SPDX-License-Identifier: GPL-2.0-or-later
"""What we have verified ourselves, kept in the private cache below `interpose/`.

    <fqrn>/trust           manifest, whitelist, certificate and when they were verified
    <fqrn>/revisions/<n>   an empty file for the highest revision seen
    proofs-failed/<xx>/<rest>  identities of foreign files without the object's content

Each file appears whole. A lost or damaged one costs a request or a look at
a file, never more.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from interpose.cache import inventory
from interpose.cache.directory import plain_name
from interpose.cache.identity import FileIdentity

if TYPE_CHECKING:
    from interpose.cache.private import PrivateCache
    from interpose.formats.hashes import ContentHash

_VERSION = 1
_MAX_TRUST_BYTES = 8 * 1024 * 1024
_MAX_DISPROOF_BYTES = 4096
_DISPROOFS_KEPT = 16


class TrustRecord(NamedTuple):
    """Bytes that were verified together, and when (seconds since 1970)."""

    manifest: bytes
    whitelist: bytes
    certificate: bytes
    verified_at: float


class State:
    """The state in a private cache. Thread-safe; safe between processes."""

    def __init__(self, cache: PrivateCache) -> None:
        self._cache = cache
        self._top = cache.top

    def repository(self, fqrn: str) -> RepositoryState:
        """What is known of one repository. Errors: ValueError for an odd name."""
        return RepositoryState(self._cache, plain_name(fqrn))

    def is_disproven(
        self, content_hash: ContentHash, found: FileIdentity, *, compressed: bool = True
    ) -> bool:
        """Whether this very file was read before, and held something else.

        Nobody gains by a file that looks like it: what is disproven is fetched.
        """
        return found in self._disproofs(self._path(content_hash, compressed))

    def remember_disproof(
        self, content_hash: ContentHash, found: FileIdentity, *, compressed: bool = True
    ) -> None:
        """Remember that this file holds something else. Errors: CacheError and below.

        Several are kept: nodes that share a home see other device numbers.
        """
        path = self._path(content_hash, compressed)
        others = [known for known in self._disproofs(path) if known != found]
        kept = [*others[-(_DISPROOFS_KEPT - 1) :], found]
        text = "".join(f"{identity.text}\n" for identity in kept)
        self._cache.store_small(path, text.encode())

    def _path(self, content_hash: ContentHash, compressed: bool) -> Path:  # noqa: FBT001
        # The same hash may name other content where objects are stored raw.
        row = inventory.DISPROOF if compressed else inventory.DISPROOF_RAW
        return row.below(self._top, object=content_hash.cache_path())

    def _disproofs(self, path: Path) -> list[FileIdentity]:
        data = self._cache.read_small(path, _MAX_DISPROOF_BYTES) or b""
        lines = data.decode("ascii", "replace").splitlines()
        parsed = (FileIdentity.parse(line) for line in lines)
        return [identity for identity in parsed if identity is not None]


class RepositoryState:
    """What was verified for one repository, whatever its configuration says now."""

    def __init__(self, cache: PrivateCache, fqrn: str) -> None:
        self._cache = cache
        self._trust = inventory.TRUST.below(cache.top, fqrn=fqrn)
        first = inventory.REVISION.below(cache.top, fqrn=fqrn, number=0)
        self._seen = first.parent

    def trust(self) -> TrustRecord | None:
        """What was stored last, or None. The caller verifies the signatures again."""
        data = self._cache.read_small(self._trust, _MAX_TRUST_BYTES)
        if data is None:
            return None
        try:
            fields = json.loads(data)
            if fields["version"] != _VERSION:
                return None
            parts = {
                name: base64.b64decode(fields[name], validate=True)
                for name in ("manifest", "whitelist", "certificate")
            }
            return TrustRecord(verified_at=float(fields["verified_at"]), **parts)
        except (ValueError, KeyError, TypeError, binascii.Error, RecursionError):
            return None

    def store_trust(self, record: TrustRecord) -> None:
        """Replace what was stored. Errors: CacheError and below."""
        fields = {
            "version": _VERSION,
            "verified_at": record.verified_at,
            "manifest": base64.b64encode(record.manifest).decode(),
            "whitelist": base64.b64encode(record.whitelist).decode(),
            "certificate": base64.b64encode(record.certificate).decode(),
        }
        data = json.dumps(fields).encode()
        self._cache.store_small(self._trust, data)

    def highest_revision(self) -> int | None:
        """The highest revision that was remembered, or None."""
        return max(self._revisions(), default=None)

    def remember_revision(self, revision: int) -> None:
        """Remember a revision; a lower one than before changes nothing.

        Errors: CacheError and below.
        """
        # One name for each revision: no process can write an older one over a newer.
        known = self._revisions()
        if revision <= max(known, default=-1):
            return
        self._cache.store_small(self._seen / str(revision), b"")
        for older in known:
            with contextlib.suppress(OSError):
                os.unlink(self._seen / str(older))

    def _revisions(self) -> list[int]:
        seen = self._seen
        try:
            names = os.listdir(seen) if self._cache.is_ours(seen) else []
        except OSError:
            return []
        return [int(name) for name in names if name.isdigit() and name.isascii()]
