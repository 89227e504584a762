# SPDX-License-Identifier: GPL-2.0-or-later
"""What each magic extended attribute says.

The words are the official client's, because tools read them.
Source: docs/format.md 11.4.
"""

from __future__ import annotations

import os
import resource
import stat
import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, NamedTuple

from interpose import native
from interpose.errors import InterposeError
from interpose.repository.subject import Subject

if TYPE_CHECKING:
    from interpose.repository.repository import Repository

# Pilots compare it with the official client's releases.
VERSION = "2.12.0.0"
_STARTED = time.monotonic()


Value = Callable[["Repository", Subject], Iterable[str]]


class Magic(NamedTuple):
    """One attribute: which entries have it, and the parts of its value."""

    name: str
    applies: Callable[[Subject], bool]
    value: Value
    heading: str = ""


def _always(subject: Subject) -> bool:
    del subject
    return True


def _is_file(subject: Subject) -> bool:
    return subject.is_file


def _is_link(subject: Subject) -> bool:
    return stat.S_ISLNK(subject.entry.mode)


def _is_external(subject: Subject) -> bool:
    return subject.is_file and bool(subject.entry.flags & native.ENTRY_EXTERNAL)


def _has_hash(subject: Subject) -> bool:
    # Of chunked files the index knows the assembled one; the catalog tells the rest.
    return subject.is_file and (subject.is_chunked or subject.entry.digest is not None)


def _flag(flag: int) -> Value:
    def say(repository: Repository, subject: Subject) -> list[str]:
        del repository
        return ["1" if subject.entry.flags & flag else "0"]

    return say


def _of_repository(say: Callable[[Repository], str]) -> Value:
    def value(repository: Repository, subject: Subject) -> list[str]:
        del subject
        return [say(repository)]

    return value


def _catalog_counters(repository: Repository, subject: Subject) -> list[str]:
    catalog, mountpoint = repository.catalog_of(subject)
    where = mountpoint.decode("utf-8", "surrogateescape")
    head = f"catalog_hash: {catalog.text}\ncatalog_mountpoint: {where}\n"
    return [head + _table(repository.counters(catalog))]


def _table(counters: dict[str, int]) -> str:
    return "".join(f"{name},{counters[name]}\n" for name in sorted(counters))


def _chunk_list(repository: Repository, subject: Subject) -> Iterable[str]:
    del repository
    suffix = subject.algorithm.suffix
    entry = subject.entry
    if not subject.is_chunked:
        digest = entry.digest or bytes(20)
        yield f"{digest.hex()}{suffix},0,{entry.size}\n"
    for chunk in entry.chunks:
        yield f"{chunk.digest.hex()}{suffix},{chunk.offset},{chunk.size}\n"


def _chunks(repository: Repository, subject: Subject) -> list[str]:
    del repository
    return [str(len(subject.entry.chunks) if subject.is_chunked else 1)]


def _compression(repository: Repository, subject: Subject) -> list[str]:
    del repository
    is_plain = subject.entry.flags & native.ENTRY_UNCOMPRESSED
    return ["none" if is_plain else "zlib"]


def _hash(repository: Repository, subject: Subject) -> list[str]:
    found = repository.bulk_hash(subject)
    return [] if found is None else [found.text]


def _local_hash(repository: Repository, subject: Subject) -> list[str]:
    found = repository.bulk_hash(subject)
    return [] if found is None else [repository.store.local_hash(found)]


def _rawlink(repository: Repository, subject: Subject) -> list[str]:
    del repository
    return [subject.entry.target.decode("utf-8", "surrogateescape")]


def _external_url(repository: Repository, subject: Subject) -> list[str]:
    return [repository.external_url(subject.path)]


def _metainfo(repository: Repository) -> str:
    try:
        return repository.metainfo()
    except InterposeError:
        return "Failed to open metadata file"


def _public_keys(repository: Repository, subject: Subject) -> list[str]:
    del subject
    return [pem.decode("utf-8", "replace") for pem in repository.keys().pems]


def _proxies(groups: tuple[tuple[str, ...], ...]) -> list[str]:
    return ["".join(f"{proxy}\n" for proxy in group) for group in groups] or [""]


def _proxy(repository: Repository) -> str:
    groups = repository.network.settings.proxies
    return groups[0][0] if groups and groups[0] else "DIRECT"


def _hosts(repository: Repository) -> str:
    servers = repository.network.settings.servers
    return ";".join(servers) or "internal error: no hosts defined"


def _external_host(repository: Repository) -> str:
    servers = repository.external_network.settings.servers
    return servers[0] if servers else ""


def _expires(repository: Repository) -> str:
    left_s = repository.root.valid_until - time.time()
    if repository.root.is_fixed or repository.pin.stays:
        return "never (fixed root catalog)"
    return str(max(0, int(left_s) // 60))


def _speed(repository: Repository) -> str:
    seconds = repository.statistics.seconds["network"]
    if seconds <= 0:
        return "n/a"
    return str(int(repository.statistics.bytes_fetched / 1024 / seconds))


def _hit_rate(repository: Repository) -> str:
    opens = sum(repository.statistics.objects_from.values())
    if opens == 0:
        return "n/a"
    fetched = repository.statistics.objects_from["network"]
    return f"{100 * (1 - fetched / opens):.3f}"


def _used_descriptors(repository: Repository) -> str:
    del repository
    return str(len(os.listdir("/proc/self/fd")))


def _most_descriptors(repository: Repository) -> str:
    del repository
    return str(resource.getrlimit(resource.RLIMIT_NOFILE)[0])


def _uptime(repository: Repository) -> str:
    del repository
    return str(int(time.monotonic() - _STARTED) // 60)


def _pid(repository: Repository) -> str:
    del repository
    return str(os.getpid())


def _timeout(attribute: str, *, external: bool = False) -> Callable[[Repository], str]:
    def say(repository: Repository) -> str:
        network = repository.external_network if external else repository.network
        return str(int(getattr(network.settings, attribute)))

    return say


def _say(text: str) -> Callable[[Repository], str]:
    def say(repository: Repository) -> str:
        del repository
        return text

    return say


_ANYWHERE: dict[str, Callable[[Repository], str]] = {
    "user.expires": _expires,
    "user.external_host": _external_host,
    "user.external_timeout": _timeout("timeout_direct_s", external=True),
    "user.fqrn": lambda repository: repository.fqrn,
    "user.hitrate": _hit_rate,
    "user.host": lambda repository: _hosts(repository).partition(";")[0],
    "user.host_list": _hosts,
    "user.inode_max": _say(str((1 << 53) - 1)),
    "user.logbuffer": lambda repository: "".join(repository.statistics.log),
    "user.maxfd": _most_descriptors,
    "user.ncleanup24": _say("-1"),
    "user.nclg": lambda repository: str(repository.loaded_catalogs),
    "user.ndiropen": _say("0"),
    "user.ndownload": lambda r: str(r.statistics.objects_from["network"]),
    "user.nioerr": lambda repository: str(repository.statistics.errors),
    "user.nopen": lambda repository: str(repository.statistics.files_read),
    "user.pid": _pid,
    "user.proxy": _proxy,
    "user.repo_counters": lambda r: _table(r.counters(r.root.hash)),
    "user.repo_metainfo": _metainfo,
    "user.revision": lambda repository: str(repository.root.revision),
    "user.root_hash": lambda repository: repository.root.hash.text,
    "user.rx": lambda repository: str(repository.statistics.bytes_fetched // 1024),
    "user.speed": _speed,
    "user.tag": lambda repository: repository.root.tag,
    "user.timeout": _timeout("timeout_s"),
    "user.timeout_direct": _timeout("timeout_direct_s"),
    "user.timestamp_last_ioerr": lambda r: str(r.statistics.last_error_at),
    "user.uptime": _uptime,
    "user.useddirp": _say("0"),
    "user.usedfd": _used_descriptors,
    "user.version": _say(VERSION),
}


def _proxy_list(repository: Repository, subject: Subject) -> list[str]:
    del subject
    return _proxies(repository.network.settings.proxies)


def _external_proxy_list(repository: Repository, subject: Subject) -> list[str]:
    del subject
    return _proxies(repository.external_network.settings.proxies)


_ROWS = [
    *(Magic(name, _always, _of_repository(say)) for name, say in _ANYWHERE.items()),
    Magic("user.catalog_counters", _always, _catalog_counters),
    Magic("user.proxy_list", _always, _proxy_list),
    Magic("user.proxy_list_external", _always, _external_proxy_list),
    Magic("user.pubkeys", _always, _public_keys),
    Magic("user.hash", _has_hash, _hash),
    Magic("user.lhash", _has_hash, _local_hash),
    Magic("user.chunks", _is_file, _chunks),
    Magic("user.chunk_list", _is_file, _chunk_list, "hash,offset,size\n"),
    Magic("user.compression", _is_file, _compression),
    Magic("user.direct_io", _is_file, _flag(native.ENTRY_DIRECT_IO)),
    Magic("user.external_file", _is_file, _flag(native.ENTRY_EXTERNAL)),
    Magic("user.external_url", _is_external, _external_url),
    Magic("user.rawlink", _is_link, _rawlink),
    Magic("xfsroot.rawlink", _is_link, _rawlink),
]
MAGIC = {row.name: row for row in _ROWS}
