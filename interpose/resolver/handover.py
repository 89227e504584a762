# SPDX-License-Identifier: GPL-2.0-or-later
"""What a resolver that nobody asks leaves in the scratch for the one after it.

Two files: `handover` for the next resolver, `figures` for it and for the tracer, which
puts them into the stats file (native/launch/statistics.c). A third, `added`, is written
when an inner run adds something, and outlives a resolver that is killed.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from interpose.errors import FormatError
from interpose.formats import signed
from interpose.formats.fqrn import Fqrn
from interpose.formats.hashes import ContentHash
from interpose.formats.manifest import Manifest
from interpose.repository.finding import Root

_MOST = frozenset({"opens", "max_rss_bytes"})
_NEWEST = frozenset({"revision"})


class Handover(NamedTuple):
    """`seen`: what the user was told (cause, repository). `roots`: what is open.

    `figures` is the whole answer to a question for statistics, `absent` are names that
    no server knows.
    """

    seen: frozenset[tuple[str, str]] = frozenset()
    roots: Mapping[Fqrn, Root] = MappingProxyType({})
    absent: frozenset[Fqrn] = frozenset()
    figures: Mapping[str, Any] = MappingProxyType({})


def leave(scratch: Path, handover: Handover) -> None:
    """Write both files. Errors: OSError."""
    fields = {
        "seen": sorted(handover.seen),
        "absent": sorted(handover.absent),
        "roots": {fqrn: _fields(root) for fqrn, root in handover.roots.items()},
    }
    _write(scratch / "handover", fields)
    _write(scratch / "figures", dict(handover.figures))


def _write(path: Path, value: Any) -> None:
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
    with open(os.open(temporary, flags, 0o600), "w", encoding="utf-8") as file:
        json.dump(value, file)
    temporary.rename(path)


def _fields(root: Root) -> dict[str, Any]:
    manifest = None
    if root.manifest is not None:
        text = root.manifest.signed_text
        manifest = signed.join(text.body, text.hash_text, text.signature).hex()
    return {
        "hash": root.hash.text,
        "revision": root.revision,
        "tag": root.tag,
        "valid_until": root.valid_until,
        "is_fixed": root.is_fixed,
        "is_proven": root.is_proven,
        "manifest": manifest,
    }


def _root(fields: dict[str, Any]) -> Root:
    packed = fields.pop("manifest")
    manifest = None if packed is None else Manifest.parse(bytes.fromhex(packed))
    content_hash = ContentHash.parse(fields.pop("hash"))
    return Root(content_hash, manifest=manifest, **fields)


def take(scratch: Path | None) -> Handover:
    """What the resolver before left; nothing, if there was none or it was killed."""
    if scratch is None:
        return Handover()
    try:
        fields = json.loads((scratch / "handover").read_text(encoding="utf-8"))
        figures = json.loads((scratch / "figures").read_text(encoding="utf-8"))
        return Handover(
            frozenset((cause, fqrn) for cause, fqrn in fields["seen"]),
            {Fqrn(name): _root(one) for name, one in fields["roots"].items()},
            frozenset(Fqrn(name) for name in fields["absent"]),
            figures,
        )
    except (OSError, ValueError, KeyError, TypeError, FormatError):
        return Handover()


def merged(before: Any, now: Any, name: str = "") -> Any:
    """The figures of two resolvers, one after the other, as those of one."""
    if before is None or now is None:
        return before if now is None else now
    if isinstance(now, dict):
        names = [*before, *(key for key in now if key not in before)]
        return {k: merged(before.get(k), now.get(k), k) for k in names}
    if isinstance(now, list):
        by_name = {one["fqrn"]: one for one in before}
        for one in now:
            by_name[one["fqrn"]] = merged(by_name.get(one["fqrn"]), one)
        return list(by_name.values())
    if isinstance(now, str):
        return now or before
    if name in _MOST:
        return max(before, now)
    return now if name in _NEWEST else round(before + now, 6)


def since(before: Any, now: Any, name: str = "") -> Any:
    """What has come to the figures since they were as in `before`."""
    if isinstance(now, dict):
        known = before or {}
        return {key: since(known.get(key), value, key) for key, value in now.items()}
    if isinstance(now, list):
        by_name = {one["fqrn"]: one for one in before or []}
        return [since(by_name.get(one["fqrn"]), one) for one in now]
    is_number = isinstance(now, (int, float)) and isinstance(before, (int, float))
    if not is_number or name in ("max_rss_bytes", *_NEWEST):
        return now
    return round(now - before, 6)


def leave_added(scratch: Path, added: list[list[tuple[str, str]]]) -> None:
    """What inner runs have added, for every resolver to come. Errors: OSError."""
    _write(scratch / "added", added)


def take_added(scratch: Path | None) -> list[list[tuple[str, str]]]:
    """The same again."""
    if scratch is None:
        return []
    try:
        found = json.loads((scratch / "added").read_text(encoding="utf-8"))
        return [[(name, value) for name, value in pairs] for pairs in found]
    except (OSError, ValueError, TypeError):
        return []
