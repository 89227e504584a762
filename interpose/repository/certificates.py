# SPDX-License-Identifier: GPL-2.0-or-later
"""The certificate of a manifest, from a cache or the network, without writing any.

Nothing may stay in a cache before a manifest is verified, which needs the certificate:
so it is kept in memory until then. Of jobs that start together one fetches it.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from interpose.cache import CacheDirectory, Turns
from interpose.errors import CacheError
from interpose.formats import limits
from interpose.formats.compression import deflate
from interpose.formats.hashes import CERTIFICATE, ContentHash, hash_bytes
from interpose.network import Fetcher
from interpose.repository.caches import Caches
from interpose.repository.objects import Memory, StoredObject


class Certificates:
    """Gets certificates by their hash."""

    def __init__(self, caches: Caches, network: Fetcher) -> None:
        self._caches = caches
        self._network = network

    def _searched(self) -> list[CacheDirectory]:
        private, alien = self._caches.private, self._caches.alien
        return [private] if alien is None else [private, alien]

    @contextlib.contextmanager
    def got(
        self, content_hash: ContentHash, *, is_alternative: bool = False
    ) -> Iterator[bytes]:
        """The PEM text; what the block keeps, others find who wait for it.

        Errors: Offline, NetworkError and below, HashMismatch.
        """
        found = self._cached(content_hash)
        if found is not None:
            yield found
            return

        def look() -> bytes | None:
            return self._cached(content_hash)

        turns = Turns(self._caches.workspace, self._caches.filled)
        with turns.turn(content_hash.text, look, is_first=True) as found:
            yield found or self._fetched(content_hash, is_alternative=is_alternative)

    def _cached(self, content_hash: ContentHash) -> bytes | None:
        for cache in self._searched():
            # These very bytes are judged, whatever the file becomes.
            path = cache.path(content_hash)
            data = cache.read_small(path, limits.CERTIFICATE_BYTES)
            if data is not None:
                packed = hash_bytes(content_hash.algorithm, deflate(data))
                if packed == content_hash:
                    return data
        return None

    def _fetched(self, content_hash: ContentHash, *, is_alternative: bool) -> bytes:
        memory = Memory()
        wanted = StoredObject(
            content_hash,
            CERTIFICATE,
            limit=limits.CERTIFICATE_BYTES,
            is_alternative=is_alternative,
        )
        self._network.get(wanted.request(), lambda: wanted.sink(memory))
        return bytes(memory.data)

    def keep(self, content_hash: ContentHash, pem: bytes) -> None:
        """Put a certificate that counts into the caches, as the official client does.

        Errors: CacheError and below.
        """
        for cache in self._searched():
            if not cache.writable:
                continue
            if cache.read_small(cache.path(content_hash), len(pem)) == pem:
                continue
            try:
                with cache.receive() as receiver:
                    receiver.write(pem)
                    receiver.commit(content_hash)
            except CacheError:
                if cache is self._caches.private:
                    raise
