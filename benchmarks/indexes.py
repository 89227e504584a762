# SPDX-License-Identifier: GPL-2.0-or-later
"""What it costs to map an index file and to check its sums.

`python -m benchmarks.indexes [--rounds N]`: a table by the number of entries; the file
is in the page cache. Each figure is the median of the rounds.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from pathlib import Path

from interpose import native
from interpose.formats.catalog import CatalogRow
from interpose.formats.pathhash import parent_hash, path_hash

ENTRIES = (1_000, 10_000, 100_000, 1_000_000)
_DIRECTORY, _FILE = 0o040755, 0o100644


def _row(number: int, path: bytes, mode: int) -> CatalogRow:
    digest = number.to_bytes(20, "little") if mode == _FILE else None
    name = path.rpartition(b"/")[2]
    flags = 1 if mode == _DIRECTORY else 4
    hashes = (*path_hash(path), *(parent_hash(path) if path else (0, 0)))
    values = (number, *hashes, 1, digest, number, mode, 0, None, flags, name, b"")
    return CatalogRow(*values, 0, 0, None)


def build(count: int, path: Path) -> None:
    """An index of about `count` files with names of some 20 bytes."""
    builder = native.IndexBuilder()
    rows = [_row(1, b"", _DIRECTORY)]
    for number in range(2, count + 1):
        rows.append(_row(number, b"/some-name-%010d" % number, _FILE))
    builder.add_rows(rows)
    with path.open("wb") as file:
        builder.finish(file.fileno(), b"d" * 20, 0, path_hash(b""))


def mapped_s(path: Path, rounds: int) -> float:
    """Seconds from the open to an index that may be asked."""
    taken = []
    for _ in range(rounds):
        start = time.perf_counter()
        native.Index.open(path).close()
        taken.append(time.perf_counter() - start)
    return statistics.median(taken)


def read_s(path: Path, rounds: int) -> float:
    """Seconds of one read of the whole file into memory that is there."""
    size = path.stat().st_size
    memory = bytearray(size)
    taken = []
    with path.open("rb", buffering=0) as file:
        for _ in range(rounds):
            start = time.perf_counter()
            os.preadv(file.fileno(), [memory], 0)
            taken.append(time.perf_counter() - start)
    return statistics.median(taken)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    rounds = parser.parse_args().rounds
    print(f"{'entries':>9} {'MiB':>7} {'map and check':>14} {'GB/s':>6} {'read(2)':>9}")
    with tempfile.TemporaryDirectory() as folder:
        for count in ENTRIES:
            path = Path(folder) / str(count)
            build(count, path)
            size, took = path.stat().st_size, mapped_s(path, rounds)
            line = f"{count:>9} {size / (1 << 20):>7.1f} {took * 1e3:>11.3f} ms"
            line += f" {size / took / 1e9:>6.1f}"
            print(f"{line} {read_s(path, rounds) * 1e3:>6.3f} ms")


if __name__ == "__main__":
    main()
