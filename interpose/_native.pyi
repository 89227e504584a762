# SPDX-License-Identifier: GPL-2.0-or-later
# What native/interpose.h declares, for mypy; tests/native compares the two.
from typing import Any

ffi: Any

class _Library:
    INTERPOSE_INDEX_VERSION: int
    INTERPOSE_MOUNT_MAGIC: int
    INTERPOSE_MOUNT_VERSION: int
    INTERPOSE_CHANNEL_VERSION: int
    INTERPOSE_DIGEST_SIZE: int

    INTERPOSE_SHA1: int
    INTERPOSE_RIPEMD160: int
    INTERPOSE_SHAKE128: int

    INTERPOSE_ENTRY_CHUNKED: int
    INTERPOSE_ENTRY_EXTERNAL: int
    INTERPOSE_ENTRY_UNCOMPRESSED: int
    INTERPOSE_ENTRY_NESTED: int
    INTERPOSE_ENTRY_BIND: int
    INTERPOSE_ENTRY_HIDDEN: int
    INTERPOSE_ENTRY_XATTR: int
    INTERPOSE_ENTRY_VARIANT: int
    INTERPOSE_ENTRY_NO_CONTENT: int
    INTERPOSE_ENTRY_DIRECT_IO: int
    INTERPOSE_ENTRY_TWIN: int

    INTERPOSE_VIEW_CLAIM: int
    INTERPOSE_VIEW_CHECK_PERMISSIONS: int
    INTERPOSE_VIEW_WORLD_READABLE: int
    INTERPOSE_VIEW_XATTR_ALWAYS: int
    INTERPOSE_VIEW_XATTR_NEVER: int
    INTERPOSE_VIEW_UID_DEFAULT: int
    INTERPOSE_VIEW_GID_DEFAULT: int

    INTERPOSE_OWNED: int
    INTERPOSE_OWNED_MISSING: int
    INTERPOSE_OWNED_FOREIGN: int
    INTERPOSE_OWNED_OPEN: int
    INTERPOSE_OWNED_UNKNOWN: int

    INTERPOSE_HELLO: int
    INTERPOSE_OPEN: int
    INTERPOSE_CATALOG: int
    INTERPOSE_OBJECT: int
    INTERPOSE_LIST: int
    INTERPOSE_LIST_SIZE: int
    INTERPOSE_NOTE: int
    INTERPOSE_XATTR: int
    INTERPOSE_STATISTICS: int
    INTERPOSE_ADD: int
    INTERPOSE_QUESTION_NAMED: int

    def interpose_builder_create(self) -> Any: ...
    def interpose_builder_destroy(self, builder: Any) -> None: ...
    def interpose_builder_add_rows(
        self, builder: Any, rows: Any, count: int, data: Any, data_len: int
    ) -> int: ...
    def interpose_builder_add_chunks(
        self,
        builder: Any,
        path_1: int,
        path_2: int,
        digest: Any,
        chunks: Any,
        count: int,
    ) -> int: ...
    def interpose_builder_add_nested(
        self,
        builder: Any,
        path_1: int,
        path_2: int,
        digest: Any,
        algorithm: int,
        is_bind: int,
    ) -> int: ...
    def interpose_builder_finish(
        self,
        builder: Any,
        fd: int,
        catalog_digest: Any,
        catalog_algorithm: int,
        root_1: int,
        root_2: int,
    ) -> int: ...
    def interpose_index_open(self, fd: int, ret_index: Any) -> int: ...
    def interpose_index_close(self, index: Any) -> None: ...
    def interpose_index_catalog(self, index: Any, digest: Any) -> int: ...
    def interpose_index_is_broken(self, index: Any) -> int: ...
    def interpose_owned(self, path: bytes, where: Any, size: int) -> int: ...
    def interpose_walk_to(
        self, path: bytes, names: bytes, uids: Any, count: int, is_guarded: Any
    ) -> int: ...
    def interpose_walk_below(
        self, directory: int, names: bytes, uids: Any, count: int, is_guarded: Any
    ) -> int: ...
    def interpose_finish(self, fd: int, mode: int, sealed: int) -> int: ...
    def interpose_reopen(self, fd: int) -> int: ...
    def interpose_is_of_this_node(self, fd: int) -> int: ...
    def interpose_alone_write(self, fd: int, uids: Any, count: int) -> int: ...
    def interpose_may_be_stream(self, head: bytes, size: int) -> int: ...
    def interpose_seal(self, second: int, size: int) -> int: ...
    def interpose_checksum(self, data: bytes, size: int) -> int: ...
    def interpose_index_count(self, index: Any) -> int: ...
    def interpose_index_entry(self, index: Any, number: int, ret_entry: Any) -> int: ...
    def interpose_index_child(
        self, index: Any, directory: int, name: Any, name_len: int, ret_number: Any
    ) -> int: ...
    def interpose_rename_new(self, directory: int, old: bytes, new: bytes) -> int: ...
    def interpose_shut_process(self) -> None: ...

lib: _Library
