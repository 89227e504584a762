# SPDX-License-Identifier: GPL-2.0-or-later
"""What lies in a cache: each name, what it is, and until when it stays.

No other module puts such a path together. The tracer knows some in C: objects in
native/run/objects.c, mount files in native/run/kept.c, sites in native/fast/memo.c,
Python in native/bundle/runtime.c. docs/cache.md is made from this table.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple


class Row(NamedTuple):
    """A path below the top of a cache, with {words} that differ."""

    path: str
    what: str
    until: str

    def below(self, top: Path, **words: object) -> Path:
        """The path in the cache at `top`."""
        return top / self.path.format(**words)

    def name(self, **words: object) -> str:
        """The last part of the path."""
        return self.path.format(**words).rpartition("/")[2]


# In every cache, as the official client has them.
OBJECT = Row(
    "{object}",
    "an object, unpacked and proven: a file, a catalog, a history, a certificate",
    "the quota, in a private cache; else removed by hand",
)
TEMPORARY = Row(
    "txn/{name}",
    "an object or record on its way, where files cannot be nameless",
    "it is whole; what a killed job left, for a day",
)
TURN = Row(
    "txn/interpose-turn-{object_name}",
    "whose turn it is to get an object: in an alien cache, and on file servers",
    "the object is there; what a killed job left is taken over, or swept after a day",
)
BREADCRUMB = Row(
    "cvmfschecksum.{fqrn}", "root catalog that was used last", "the next one"
)
QUARANTINE = Row("quarantaine", "nothing; the official client wants it", "the end")
# In a private cache only.
RAW = Row("interpose/raw/{object}", "an object that is stored as it is", "as an object")
ASSEMBLED = Row(
    "interpose/assembled/{object}", "a file put together from chunks", "as an object"
)
ASSEMBLED_RAW = Row(
    "interpose/assembled-raw/{object}", "the same of raw chunks", "as an object"
)
INDEX = Row(
    "index/{hash}.v{version}", "a catalog as the tracer looks it up", "as an object"
)
FACTS = Row("index/{hash}.facts", "what else is known of that catalog", "as an object")
KEPT = Row(
    "kept/{settings}/{fqrn}",
    "mount file: a job with the same settings needs no resolver",
    "the TTL, or the configuration changes",
)
TRUST = Row(
    "interpose/{fqrn}/trust",
    "manifest, whitelist and certificate, verified again when read",
    "a newer revision",
)
REVISION = Row(
    "interpose/{fqrn}/revisions/{number}",
    "the highest revision seen: an older one is refused",
    "a newer revision",
)
KEYS = Row(
    "interpose/{fqrn}/keys",
    "mark of the master keys that verified it",
    "others are configured",
)
PIN = Row(
    "interpose/{fqrn}/pins/{digest}",
    "root catalog of a tag or date",
    "removed by hand",
)
NAMED = Row(
    "interpose/{fqrn}/named", "root catalog that was named by its hash", "the next one"
)
CONFIGURATION = Row(
    "interpose/{fqrn}/etc-{hash}",
    "etc/cvmfs of a configuration repository",
    "removed by hand",
)
CONFIGURATION_REST = Row(
    "interpose/{fqrn}/rest-{hash}", "other files that its text named", "likewise"
)
DISPROOF = Row(
    "interpose/proofs-failed/{object}",
    "which foreign files are not what their name says",
    "removed by hand",
)
DISPROOF_RAW = Row(
    "interpose/proofs-failed-raw/{object}", "the same of raw objects", "likewise"
)
LEARNED = Row(
    "interpose/learned/{network}",
    "which servers and proxies answered, which names nobody has",
    "a day at most",
)
TURNS = Row(
    "interpose/turns",
    "a locked byte for each object that is under way",
    "the cache is removed",
)
SITES = Row(
    "interpose/sites.v1",
    "at which places of a library calls are made, by its build-id",
    "others take its place: 160 KB at most",
)
USAGE = Row(
    "interpose/usage",
    "bytes and files that lie here, counted when something was taken away",
    "counted anew once a day",
)
RUNTIME = Row("runtime/{name}", "Python of the lone file, unpacked", "30 days unused")

EVERYWHERE = (OBJECT, TEMPORARY, TURN, BREADCRUMB, QUARANTINE)
PRIVATE = (
    *(RAW, ASSEMBLED, ASSEMBLED_RAW, INDEX, FACTS, KEPT, TRUST, REVISION, KEYS, PIN),
    *(NAMED, CONFIGURATION, CONFIGURATION_REST, DISPROOF, DISPROOF_RAW, LEARNED),
    *(TURNS, SITES, USAGE, RUNTIME),
)
