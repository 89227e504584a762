# SPDX-License-Identifier: GPL-2.0-or-later
"""An opened repository: one revision, its catalogs as indexes, its files as paths."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from interpose import native
from interpose.cache import Learned
from interpose.config import (
    Configuration,
    KeySettings,
    PinSettings,
    ViewSettings,
    catalog_watermark,
)
from interpose.errors import CacheFull, FormatError, InterposeError
from interpose.formats import limits
from interpose.formats.fqrn import REPOSITORIES, Fqrn
from interpose.formats.hashes import CATALOG, METAINFO, ContentHash
from interpose.formats.manifest import Manifest
from interpose.native import Index
from interpose.network import Lent
from interpose.repository import blacklist
from interpose.repository.caches import Caches
from interpose.repository.chunked import Assembler
from interpose.repository.contents import name_of, pieces, whole
from interpose.repository.finding import Root, RootFinder
from interpose.repository.flight import SingleFlight
from interpose.repository.indexing import Facts, IndexFiles
from interpose.repository.keys import Keys
from interpose.repository.loaded import Loaded
from interpose.repository.objects import StoredObject
from interpose.repository.settings import fetchers
from interpose.repository.sizes import Attached, CatalogSizes
from interpose.repository.statistics import Statistics
from interpose.repository.store import Notice, Store
from interpose.repository.subject import Subject


def _silent(text: str, cause: str) -> None:
    del text, cause


class Surroundings(NamedTuple):
    """What a run lends to its repositories.

    `notice(text, cause)` hears what a user should know though nothing failed.
    `refresh`: the servers are asked within the time to live, too.
    """

    scratch: Path | None = None
    notice: Notice = _silent
    clock: Callable[[], float] = time.time
    refresh: bool = False


class Repository:
    """One repository at one revision. Thread-safe once it is open."""

    def __init__(
        self, fqrn: Fqrn, configuration: Configuration, around: Surroundings
    ) -> None:
        self.fqrn: Fqrn = fqrn
        self.configuration = configuration
        self.caches: Caches = Caches.of(fqrn, configuration, around.scratch)
        self.view = ViewSettings.of(configuration)
        self.pin = PinSettings.of(configuration)
        self.statistics: Statistics = Statistics()
        lent = Lent(Learned(self.caches.workspace), around.notice)
        networks = fetchers(configuration, lent, offline=self.caches.offline)
        self.network, self.external_network = networks
        self.store = Store(self.caches, networks, self.statistics, around.notice)
        self.index_files = IndexFiles(self.caches.private, self.caches.scratch)
        self._assembler = Assembler(self.store)
        self._around = around
        self._sizes = CatalogSizes(self._nested)
        self._loaded = Loaded(catalog_watermark(configuration))
        self._flights: SingleFlight[Index] = SingleFlight()
        self._bulk: dict[ContentHash, dict[tuple[int, int], bytes]] = {}
        self._root: Root | None = None
        self._alternative: ContentHash | None = None
        self.expires: datetime | None = None

    @classmethod
    def open(
        cls,
        fqrn: Fqrn,
        configuration: Configuration,
        around: Surroundings | None = None,
        root: Root | None = None,
        *,
        stay_on: Root | None = None,
    ) -> Repository:
        """The repository at the revision that the configuration selects.

        `root`: the one that an earlier process of the same run has chosen; `stay_on`:
        the same, where nothing but the tracer's word is left of it.

        Errors: ConfigurationError, Offline, NetworkError and below, TrustError and
        below, FormatError, CacheError and below.
        """
        around = Surroundings() if around is None else around
        repository = cls(fqrn, configuration, around)
        for line in repository.caches.refused:
            around.notice(str(line), f"refused {line.where}")
        pin = repository.pin
        finder = RootFinder(repository, pin, around.clock, refresh=around.refresh)
        found = finder.find() if root is None else root
        repository.expires = finder.expires
        if stay_on is not None and not stay_on.is_as(found):
            found = root = stay_on
        if finder.remark:
            around.notice(finder.remark, "remark")
        size = 0 if found.manifest is None else found.manifest.root_size
        is_newest = (
            found.manifest is not None and found.manifest.root_hash == found.hash
        )
        repository._sizes.begin(found.hash, size if is_newest else 0)
        if pin.is_alternative if found.is_fixed else _has_alternative(found):
            repository._alternative = found.hash
        repository.load_root(found.hash)
        facts = repository.facts(found.hash)
        repository._root = finder.complete(found, facts) if root is None else root
        repository.caches.make_workspace()
        repository.statistics.count("opens")
        repository._tell_drawbacks()
        return repository

    def _tell_drawbacks(self) -> None:
        """Say once what works, but not as well as it could."""
        where = str(self.caches.private.top)
        if self.caches.is_noexec():
            text = "programs cannot be executed from a noexec file system"
            line = InterposeError(text, where, "see --cache")
            self._around.notice(str(line), "noexec")
        alien = self.caches.alien
        is_told = bool(self.caches.refused)
        is_alone = alien is None or not alien.writable
        if self.caches.is_for_this_run() and is_alone and not is_told:
            text = "no cache directory can be written, what is fetched is not kept"
            line = InterposeError(text, where, "give one with --cache")
            self._around.notice(str(line), "no cache")

    def load_root(self, catalog: ContentHash) -> None:
        """Load the first catalog, and see where there is room for all the others.

        Errors: as `index`.
        """
        if self.caches.has_little_room():
            self.index_files.use_spare()
        self.load_index(catalog, b"")
        if self.index_files.elsewhere(catalog) is None or self.caches.scratch is None:
            return
        self.index_files.use_spare()
        if self.index_files.elsewhere(catalog) is not None:
            what = "neither cache nor scratch has room for an index file"
            where = f"{self.caches.private.top}, {self.caches.scratch}"
            raise CacheFull(what, where, "make room, or see --scratch")

    @property
    def root(self) -> Root:
        """The root catalog that was chosen."""
        if self._root is None:
            raise ValueError("the repository is not open")
        return self._root

    def close(self) -> None:
        """End connections, and see to the quota; indexes in use stay mapped."""
        self.network.close()
        self.external_network.close()
        self.caches.private.quota.leave()

    def ttl_s(self, manifest: Manifest) -> float:
        """How long the manifest counts without a look at the servers."""
        facts = self.index_files.facts(manifest.root_hash)
        ttl_s = manifest.ttl_s if facts is None else facts.ttl_s
        cap_s = 60 * self.configuration.number("CVMFS_MAX_TTL")
        return min(ttl_s, cap_s) if cap_s > 0 else ttl_s

    # Catalogs

    def index(self, catalog: ContentHash, where: bytes) -> Index:
        """The mapped index of a catalog that hangs at the path `where`.

        Errors: those of Store.fetch; FormatError for a catalog that cannot be.
        """
        known = self._loaded.get(catalog)
        if known is None or known.is_broken:
            return self.load_index(catalog, where)
        if not self.index_files.path(catalog).exists():
            return self.load_index(catalog, where)
        return known

    def load_index(self, catalog: ContentHash, where: bytes) -> Index:
        """The same from a file that is checked again: the tracer could not use it."""
        return self._flights.run(catalog, lambda: self._load(catalog, where))

    def _load(self, catalog: ContentHash, where: bytes) -> Index:
        index = self.index_files.find(catalog)
        is_reused = index is not None
        if index is None:
            index = self._build(catalog, where)
        is_new = self._loaded.add(catalog, where, index)
        if is_new:
            self.statistics.count("catalogs_loaded")
        if is_new and is_reused:
            self.statistics.count("index_reused")
        return index

    def _build(self, catalog: ContentHash, where: bytes) -> Index:
        """Make the index; what a full disk left of a catalog is got anew."""
        wanted = self._wanted_catalog(catalog, where)
        file = self.store.fetch(wanted)
        try:
            return self.index_files.build(catalog, file)
        except (FormatError, OSError):
            if not self.store.drop_damaged(wanted, file):
                raise
        return self.index_files.build(catalog, self.store.fetch(wanted))

    def _wanted_catalog(self, catalog: ContentHash, where: bytes) -> StoredObject:
        shown = where.decode("utf-8", "surrogateescape") or "/"
        info = f"file catalog at {self.fqrn}:{shown} ({catalog.text})"
        return StoredObject(
            catalog,
            CATALOG,
            limit=limits.CATALOG_BYTES,
            expected=self._sizes.size(catalog, where),
            info=info.encode("utf-8", "surrogateescape"),
            is_alternative=catalog == self._alternative,
        )

    @property
    def loaded_catalogs(self) -> int:
        """How many catalogs are mapped."""
        return len(self._loaded)

    def facts(self, catalog: ContentHash) -> Facts:
        """What the catalog says of itself. Errors: as `index`."""
        known = self.index_files.facts(catalog)
        if known is not None:
            return known
        self._build(catalog, b"")
        known = self.index_files.facts(catalog)
        if known is None:
            raise FormatError("a catalog that says nothing", catalog.text)
        return known

    def _nested(self, catalog: ContentHash) -> tuple[Attached, ...]:
        known = self.index_files.facts(catalog)
        return () if known is None else known.nested

    def counters(self, catalog: ContentHash) -> dict[str, int]:
        """Counters of the catalog and all below it. Errors: as `index`."""
        return self.facts(catalog).totals()

    def catalog_of(self, subject: Subject) -> tuple[ContentHash, bytes]:
        """The catalog that answers for an entry, and where it hangs."""
        entry = subject.entry
        if entry.flags & native.ENTRY_NESTED and entry.digest is not None:
            nested = ContentHash(subject.algorithm, entry.digest)
            self.index(nested, subject.path)  # It counts as loaded, as officially.
            return nested, subject.path
        index = self.index(subject.catalog, subject.path)
        mountpoint = subject.path
        while entry.number != 0:
            mountpoint = mountpoint[: mountpoint.rindex(b"/")]
            entry = index.entry(entry.parent)
        return subject.catalog, mountpoint

    # Files

    def subject(self, catalog: ContentHash, path: bytes, number: int) -> Subject:
        """The entry of this number in a catalog. Errors: as `index`."""
        index = self.index(catalog, path)
        try:
            entry = index.entry(number)
        except IndexError:
            raise FormatError("no such entry in the catalog", catalog.text) from None
        return Subject(path, entry, number, catalog)

    def content(
        self, subject: Subject, missed: Callable[[], object] | None = None
    ) -> Path:
        """Path of a file with the content of a regular file; `missed` as Store.fetch.

        Errors: those of Store.fetch; FormatError for an entry without content.
        """
        try:
            name = name_of(subject)
        except FormatError as error:
            where = f"{REPOSITORIES}/{self.fqrn}{error.where}"
            raise FormatError(error.what, where) from None
        if subject.is_chunked:
            size = subject.entry.size
            path = self._assembler.assemble(name, size, pieces(subject))
        else:
            path = self.store.fetch(whole(subject), missed, is_asked_for=True)
        self.statistics.count("files_read")
        return path

    # What only extended attributes tell

    def bulk_hash(self, subject: Subject) -> ContentHash | None:
        """The hash in the file's row; chunked files mostly have none."""
        algorithm = subject.algorithm
        if not subject.is_chunked:
            digest = subject.entry.digest
        else:
            digest = self._bulk_digest(subject)
        return None if digest is None else ContentHash(algorithm, digest)

    def _bulk_digest(self, subject: Subject) -> bytes | None:
        from interpose.formats.catalog import CatalogFile  # noqa: PLC0415
        from interpose.formats.pathhash import path_hash  # noqa: PLC0415

        catalog, mountpoint = self.catalog_of(subject)
        wanted = self._wanted_catalog(catalog, mountpoint)
        with CatalogFile(self.store.fetch(wanted)) as file:
            if catalog not in self._bulk:
                rows = (row for row in file.rows() if row.flags & 64 and row.hash)
                self._bulk[catalog] = {row[1:3]: row.hash or b"" for row in rows}
            inside = file.root_prefix + subject.path[len(mountpoint) :]
        return self._bulk[catalog].get(path_hash(inside))

    def metainfo(self) -> str:
        """The JSON text of the repository's own description. Errors: as Store.fetch."""
        manifest = self.root.manifest
        if manifest is None:
            return "manifest not available"
        if manifest.metainfo_hash is None:
            return "metainfo not available"
        wanted = StoredObject(
            manifest.metainfo_hash, METAINFO, limit=limits.METAINFO_BYTES
        )
        return self.store.fetch(wanted).read_text("utf-8", "replace")

    def keys(self) -> Keys:
        """The master keys and the blacklist. Errors: UnknownKey."""
        settings = KeySettings.of(self.configuration)
        keys = Keys.read(settings.files, settings.parameter, self.fqrn)
        return keys._replace(blacklist=blacklist.read(self.configuration))

    def external_url(self, path: bytes) -> str:
        """Where external data of the file at `path` is."""
        servers = self.external_network.settings.servers
        server = servers[0] if servers else ""
        return server + path.decode("utf-8", "surrogateescape")


def _has_alternative(root: Root) -> bool:
    """Whether the publisher says so: what is below data/ may not be for everybody."""
    return root.manifest is not None and root.manifest.alt_names
