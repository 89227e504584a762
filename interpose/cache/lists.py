# SPDX-License-Identifier: GPL-2.0-or-later
"""Access control lists: whether they let others write what the mode keeps from them."""

from __future__ import annotations

import errno
import os
import struct

_POSIX = "system.posix_acl_access"
_POSIX_VERSION = 2
_POSIX_ENTRY = struct.Struct("<HHI")  # tag, permissions, id; linux/posix_acl_xattr.h
_USER, _GROUP_OBJ, _GROUP, _OTHER = 2, 4, 8, 32
_POSIX_WRITE = 2

_NFS = "system.nfs4_acl"
_NFS_ENTRY = struct.Struct(">IIII")  # type, flags, permissions, bytes of the name
_ALLOW, _INHERIT_ONLY, _OWNER = 0, 0x8, b"OWNER@"  # RFC 7530, 6.2.1
# Write or append (add to a directory), remove from one, change the list or the owner.
_NFS_WRITE = 0x2 | 0x4 | 0x40 | 0x40000 | 0x80000
# Lists that the mode bits need not show, and that nothing here reads.
_OTHERS = ("system.richacl", "system.cifs_acl", "system.ntfs_acl", "afs.acl")
_NONE = {errno.ENODATA, errno.ENOTSUP}


def group_bits_let_others_write(descriptor: int, uids: frozenset[int]) -> bool:
    """Whether a mode's group bits mean the group, or a listed user not of `uids`.

    The mask of a POSIX list is what the mode shows as the group's bits.
    """
    try:
        data = _read(descriptor, _POSIX)
    except OSError:
        return True
    if data is None:
        return True  # No list: the group's bit is the group's.
    if len(data) < 4 or struct.unpack_from("<I", data)[0] != _POSIX_VERSION:
        return True
    whole = len(data) - (len(data) - 4) % _POSIX_ENTRY.size
    for tag, permissions, number in _POSIX_ENTRY.iter_unpack(data[4:whole]):
        if not permissions & _POSIX_WRITE:
            continue
        if tag in {_GROUP_OBJ, _GROUP, _OTHER}:
            return True
        if tag == _USER and number not in uids:
            return True
    return False


def server_lets_others_write(descriptor: int) -> bool:
    """Whether a list of a file server may let others write, whatever the mode says.

    One that is not understood may.
    """
    try:
        if any(_read(descriptor, name) is not None for name in _OTHERS):
            return True
        data = _read(descriptor, _NFS)
        return data is not None and _nfs_lets_others_write(data)
    except (OSError, struct.error):
        return True


def _nfs_lets_others_write(data: bytes) -> bool:
    """Of NFSv4: a count, and entries whose names are padded to four bytes."""
    (count,) = struct.unpack_from(">I", data)
    at = 4
    for _ in range(count):
        kind, flags, permissions, length = _NFS_ENTRY.unpack_from(data, at)
        at += _NFS_ENTRY.size
        who = data[at : at + length]
        at += length + -length % 4
        if kind != _ALLOW or flags & _INHERIT_ONLY or who == _OWNER:
            continue
        if permissions & _NFS_WRITE:
            return True
    return at > len(data)


def _read(descriptor: int, name: str) -> bytes | None:
    """The attribute, or None where there is none. Errors: OSError."""
    try:
        # By this name, because a descriptor with O_PATH gives no attributes.
        return os.getxattr(f"/proc/self/fd/{descriptor}", name)
    except OSError as error:
        if error.errno not in _NONE:
            raise
        return None
