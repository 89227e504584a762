# SPDX-License-Identifier: GPL-2.0-or-later
"""Writes docs/system-calls.md from the tables of native/syscalls.

python -m tests.support.document > docs/system-calls.md
"""

from __future__ import annotations

import re
import sys
import textwrap
from dataclasses import dataclass, field

from tests.support.places import ROOT

SYSCALLS = ROOT / "native/syscalls"
EXEC = ROOT / "native/exec"
# What the handlers of a file do, in the order of the page.
FAMILIES = """\
open.c: a file is opened in a cache, a directory as an empty one of the scratch: the\
 path is redirected; whatever would write is EROFS
stat.c, access.c: answered from the index
i386.c: likewise, in the layouts of i386's stat and statfs calls
link.c: answered; links of /proc that lead to an object name its path in /cvmfs
cwd.c: `chdir` is redirected, `getcwd` is answered, `fchdir` passes with the permission
directory.c: answered from the index, the position is the descriptor's own; the host's\
 root shows `cvmfs` too
statfs.c: answered
inode.c: watches and attributes of the inode are redirected, a watch is silent; a file\
 handle is EOPNOTSUPP
mount.c: nothing of ours can be mounted: EPERM; after `chroot` or `setns` to another\
 root a process is no longer served
xattr.c: answered by the resolver
change.c: making and removing names: EROFS, after the errors that a kernel finds first
attributes.c: changing what is there, by path and by descriptor: EROFS, likewise
process.c: passed, the tracer looks at the result; `prctl(PR_SET_DUMPABLE, 0)` is\
 answered, the flag CLONE_UNTRACED is taken away
locks.c: on what other nodes may use, too, locks are the run's own
waits.c: passed; begun again with the time that is left when a signal was ignored
ptrace.c: passed; a refusal is explained, once
socket.c: addresses with a path below /cvmfs, or that a link leads out of it
exec.c: `#!` lines and interpreters are found in /cvmfs; the program is told its name
"""
# For macros of the table: the call stops only then.
CONDITIONS = {
    "WHEN_FCNTL": "command that is about a lock, in such a process",
    "WHEN_OURS": "in a process that has had a file of a cache of several nodes",
    "WHEN_LIMITED_MS": "with a time limit",
    "WHEN_LIMITED_2": "with a time limit",
    "WHEN_LIMITED_3": "with a time limit",
    "WHEN_LIMITED_4": "with a time limit",
    "WHEN_SEMTIMEDOP": "semtimedop",
    "WHEN_ATTRIBUTES": "request that sets flags, attributes or verity",
    "WHEN_UNTRACED": "flag CLONE_UNTRACED",
    "WHEN_TRACING": "request to trace a process",
    "WHEN_OWN": "flag CLONE_FILES or CLONE_NEWUSER",
    "WHEN_NAMED": "bind and connect",
    "WHEN_DUMPABLE": "option PR_SET_DUMPABLE, or interpose_run's own question",
}
# For macros of rows: likewise.
STUBBED = {
    "_FAST": "where the stub leaves it ([fast path](fast-path.md))",
    "_REFUSED": "unless the stub knows that there is no such file",
    "_LED": "unless the stub has seen that CLONE_UNTRACED is not among the flags",
}
HEAD = """\
# System calls

Made from `native/syscalls/table.c` and `native/syscalls/table_i386.c` by
`python -m tests.support.document`; do not edit.

A call that is not listed passes untouched to the kernel, also one of a future kernel.
A call of this page passes, too, when neither its path nor its descriptor is of /cvmfs.
How to add one: [adding-a-call.md](adding-a-call.md).

Not in the tables, but decided by the filter (`native/tracer/filter.c`):
`io_uring_setup` and calls of the x32 ABI answer ENOSYS. `fork`, `vfork`, `clone`,
`clone3`, `execve` also have events of ptrace (`native/tracer/stops.c`).
"""


@dataclass(frozen=True)
class Row:
    """One row of the table."""

    call: str
    handler: str
    condition: str
    kind: str = field(compare=False)


def rows(table: str = "") -> list[Row]:
    """All rows, in the order of the table; `table` is "" or "_i386"."""
    text = (SYSCALLS / f"table{table}.c").read_text(encoding="utf-8")
    rows = text[text.index(f"syscall_rows{table}[] = {{") :]
    pattern = r"^\tROW(\w*)\((\w+),\s*(\w+)(?:,\s*(WHEN_\w+))?"
    found = re.findall(pattern, rows, re.MULTILINE)
    assert len(found) == len(re.findall(r"^\tROW", rows, re.MULTILINE))
    return [Row(call, where, when, kind) for kind, call, where, when in found]


def files() -> list[str]:
    """Files of handlers."""
    return re.findall(r"\b\w+\.c\b", FAMILIES)


def family(row: Row) -> str:
    """The file whose function the row names. Errors: LookupError."""
    definition = f"HANDLER({row.handler})\n{{"
    for name in files():
        room = EXEC if name == "exec.c" else SYSCALLS
        if definition in (room / name).read_text(encoding="utf-8"):
            return name
    raise LookupError(f"{row.handler} is in no file of FAMILIES")


def listed(some: list[Row]) -> list[str]:
    """A table of the page."""
    lines = ["", "| call | handler | in | stops |", "|---|---|---|---|"]
    alike: dict[tuple[str, str, str], list[str]] = {}
    for row in sorted(some, key=lambda row: files().index(family(row))):
        when = CONDITIONS[row.condition] if row.condition else "always"
        when = STUBBED.get(row.kind, when)
        names = alike.setdefault((row.handler, family(row), when), [])
        names.append(f"`{row.call}`")
    for (handler, file, when), names in alike.items():
        lines.append(f"| {', '.join(names)} | {handler} | {file} | {when} |")
    return lines


def document() -> str:
    """The whole page."""
    lines = ["", "| handlers in | what they do |", "|---|---|"]
    for line in FAMILIES.splitlines():
        names, _, what = line.partition(": ")
        lines.append(f"| {names} | {what} |")
    shared = set(rows())
    own = [row for row in rows("_i386") if row not in shared]
    same = [row for row in rows("_i386") if row in shared]
    lines += listed(rows())
    lines += ["", "## i386 programs, and `int $0x80`", ""]
    lines += ["Numbers are i386's own. As above, by the same handlers:"]
    lines += textwrap.wrap(", ".join(f"`{row.call}`" for row in same) + ".", 88)
    lines += ["", "Others:", *listed(own)]
    return HEAD + "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.stdout.write(document())
