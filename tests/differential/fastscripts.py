# SPDX-License-Identifier: GPL-2.0-or-later
"""Random scripts of calls that a stub answers (docs/fast-path.md), nearly all of them.

Names are mostly of entries that everybody may reach: of others the tracer knows. What
only the tracer answers is there too, now and then, between all else.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

from tests.differential.calls import (
    AT_EACCESS,
    AT_EMPTY_PATH,
    AT_NO_AUTOMOUNT,
    AT_SYMLINK_NOFOLLOW,
    STAT_BYTES,
    STATX_BYTES,
    Calls,
    follow,
    modes,
    statx,
    text_out,
)
from tests.differential.scripts import SLOTS, Step, Words, Writer, quote

# A process, and one that shares its descriptors but not its memory.
ACTORS = (0, 5)
RARELY = 0.01
OPEN_KINDS = (0, 0, os.O_NOFOLLOW, os.O_DIRECTORY, os.O_CLOEXEC, os.O_PATH)
ON_THE_HOST = ("file", "dir", "dir/file", "dir/sub", "here/file", "none", "none/x")
ON_THE_HOST += ("script", "loop", "file/x", "dir/sub/", "dir//file", "file/")
ELSEWHERE = ("/etc/passwd", "/usr/bin", "/none", "/usr/lib/none", "/etc/passwd/x")


def reachable(tree: Path, names: list[bytes]) -> list[bytes]:
    """Those that everybody may reach, list and read, and that lead nowhere else."""
    found = []
    for name in names:
        way = [name[: at or None] for at in [*_slashes(name), 0]]
        kinds = [os.lstat(os.fsencode(tree) + b"/" + part).st_mode for part in way]
        least = [0o5 if stat.S_ISDIR(kind) else 0o4 for kind in kinds]
        if all(kind & need == need for kind, need in zip(kinds, least)) and (
            stat.S_ISDIR(kinds[-1]) or stat.S_ISREG(kinds[-1])
        ):
            found.append(name)
    return found


def _slashes(name: bytes) -> list[int]:
    return [at for at, byte in enumerate(name) if byte == ord("/")]


def inner_links(tree: Path, shown: str, names: list[bytes]) -> list[bytes]:
    """Links whose text is of the tree, whatever is there."""
    beginning = os.fsencode(shown)
    found = []
    for name in reachable(tree, [os.path.dirname(one) for one in names if b"/" in one]):
        found += [one for one in names if os.path.dirname(one) == name]
    found += [one for one in names if b"/" not in one]
    texts = {name: os.readlink(os.fsencode(tree) + b"/" + name) for name in found}
    return sorted(
        name
        for name, text in texts.items()
        if text.startswith(beginning)
        or (not text.startswith(b"/") and text.count(b"..") <= name.count(b"/"))
    )


class FastWords(Words):
    """Arguments as programs have them, and rarely others."""

    writer: FastWriter

    def out(self, *sizes: int) -> str:
        return self.bad() if self._rarely() else f"o:{sizes[0]}"

    def bits(self, *choices: int) -> str:
        return (
            super().bits(*choices)
            if self._rarely()
            else f"i:{choices[0] * self.coin()}"
        )

    def coin(self) -> int:
        return self.rng.randrange(2)

    def dirfd(self) -> str:
        return super().dirfd() if self._rarely() else f"d:{self.writer.directory()}"

    def path(self) -> str:
        return super().path() if self._rarely() else f"p:{self._path()}"

    def _rarely(self) -> bool:
        return self.rng.random() < RARELY

    def _path(self) -> str:
        rng = self.rng
        if self._rarely():
            return super()._path()
        chance = rng.random()
        if chance < 0.5:
            return f"{self.writer.tree}/{self._entry()}"
        if chance < 0.75:
            return self._entry() or "."
        if chance < 0.95:
            return f"{self.writer.work}/{rng.choice(ON_THE_HOST)}"
        return rng.choice(ELSEWHERE)

    def _entry(self) -> str:
        rng = self.rng
        if self._rarely():
            return super()._entry()
        name = rng.choice(self.writer.likely_names)
        chance = rng.random()
        if chance < 0.6:
            return name
        if chance < 0.7:
            return rng.choice(self.writer.likely_links)
        ends = ("/", "/.", "/..", "/none", "//", "/../none", "/./", "/" + "n" * 256)
        if chance < 0.9:
            return name + rng.choice(ends)
        up = "/../" * rng.randint(1, name.count("/") + 1)
        return name + up + rng.choice(self.writer.likely_names)


def _open_flags(w: Words) -> str:
    return f"i:{w.rng.choice(OPEN_KINDS) | os.O_NONBLOCK}"


def _statx(w: Words) -> list[str]:
    if w.rng.random() < RARELY:
        return statx(w)
    flags = w.number(0, AT_SYMLINK_NOFOLLOW, 0x2000, 0x4000, AT_NO_AUTOMOUNT)
    mask = w.number(0x7FF, 0xFFF, 0, 0x1000, 0x17FF, 1, 0x200)
    return [w.dirfd(), w.path(), flags, mask, w.out(STATX_BYTES)]


def _modes(w: Words) -> str:
    return modes(w) if w.rng.random() < RARELY else w.number(0, 0, 4, 4, 1, 5, 2)


def _follow(w: Words) -> str:
    some = (0, 0, AT_SYMLINK_NOFOLLOW, AT_NO_AUTOMOUNT)
    return follow(w) if w.rng.random() < RARELY else w.number(*some)


def _attribute(w: Words) -> str:
    return w.rng.choice(("p:security.selinux", "p:security.capability"))


def _by_itself(w: Words, *more: str) -> list[str]:
    return [w.fd(), "p:", *more]


CALLS: Calls = {
    "stat": (10, lambda w: [w.path(), w.out(STAT_BYTES)]),
    "lstat": (10, lambda w: [w.path(), w.out(STAT_BYTES)]),
    "fstat": (8, lambda w: [w.fd(), w.out(STAT_BYTES)]),
    "newfstatat": (
        10,
        lambda w: [w.dirfd(), w.path(), w.out(STAT_BYTES), _follow(w)],
    ),
    "newfstatat:itself": (
        3,
        lambda w: _by_itself(w, w.out(STAT_BYTES), f"i:{AT_EMPTY_PATH}"),
    ),
    "statx": (10, _statx),
    "statx:itself": (
        3,
        lambda w: _by_itself(w, f"i:{AT_EMPTY_PATH}", "i:0x7ff", w.out(STATX_BYTES)),
    ),
    "access": (8, lambda w: [w.path(), _modes(w)]),
    "faccessat": (4, lambda w: [w.dirfd(), w.path(), _modes(w)]),
    "faccessat2": (
        6,
        lambda w: [
            w.dirfd(),
            w.path(),
            _modes(w),
            w.number(0, AT_SYMLINK_NOFOLLOW, AT_EACCESS),
        ],
    ),
    "readlink": (8, lambda w: [w.path(), *text_out(w, 4096)]),
    "readlink:short": (3, lambda w: [w.path(), *text_out(w, 3)]),
    "readlinkat": (6, lambda w: [w.dirfd(), w.path(), *text_out(w, 4096)]),
    "getcwd": (5, lambda w: text_out(w, 4096)),
    "getxattr": (3, lambda w: [w.path(), _attribute(w), *text_out(w, 100)]),
    "lgetxattr": (3, lambda w: [w.path(), _attribute(w), *text_out(w, 100)]),
    "open": (12, lambda w: [w.path(), _open_flags(w), "i:0"]),
    "openat": (16, lambda w: [w.dirfd(), w.path(), _open_flags(w), "i:0"]),
    "list": (10, lambda w: [w.fd(), w.number(32768, 4096, 400, 280)]),
    "read": (6, lambda w: [w.fd(), *text_out(w, 1000)]),
    "pread64": (4, lambda w: [w.fd(), *text_out(w, 1000), w.number(0, 4090)]),
    "seek": (2, lambda w: [w.fd(), w.number(0, 10), w.number(0, 1, 2)]),
    "close": (3, lambda w: [w.fd()]),
    "dup": (2, lambda w: [w.fd()]),
    "chdir": (1, lambda w: [f"p:{w.writer.tree}/{w.rng.choice(_directories(w))}"]),
    "chdir:host": (1, lambda w: [f"p:{w.writer.work}/{w.rng.choice(ON_THE_HOST)}"]),
    "fchdir": (1, lambda w: [w.fd()]),
    "child": (1, lambda w: [w.fd(), w.path()]),
}
OPENS = {"open", "openat", "dup"}


def _directories(w: Words) -> list[str]:
    assert isinstance(w.writer, FastWriter)
    return w.writer.likely_directories


class FastWriter(Writer):
    """Writes them; `directory()` is a slot that was filled with a directory lately."""

    words = FastWords

    def take(self, tree: Path) -> FastWriter:
        """Look at the tree that the scripts are about."""
        shape = self.shape
        directories = reachable(tree, shape.directories)
        names = [*directories, *reachable(tree, shape.files)]
        self.likely_directories = [quote(name) for name in [*directories, b""]]
        self.likely_names = [quote(name) for name in names]
        self.likely_links = [
            quote(name) for name in inner_links(tree, self.tree, shape.links)
        ] or self.likely_names
        return self

    def directory(self) -> int:
        return self.rng.randrange(3)

    def _alone(self, group: int) -> Step:
        rng = self.rng
        actor = rng.choice(ACTORS)
        # The first slots are for directories, to which names can be relative.
        if rng.random() < 0.05:
            name = rng.choice(self.likely_directories)
            words = ("open", f"p:{self.tree}/{name}", f"i:{os.O_DIRECTORY}", "i:0")
            return Step(group, actor, self.directory(), words)
        slot = rng.randrange(3, SLOTS)
        words = self._call(CALLS, actor)
        if words[0] in OPENS:
            self.likely[actor] = slot
        return Step(group, actor, slot, words)

    def _together(self, group: int) -> list[Step]:
        reads = {name: CALLS[name] for name in list(CALLS)[:16]}
        return [
            Step(group, actor, 0, self._call(reads, actor))
            for actor in ACTORS
            for _ in range(self.rng.randint(1, 2))
        ]
