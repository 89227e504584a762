# SPDX-License-Identifier: GPL-2.0-or-later
"""Cost of fetching what is not on the node, beside curl with as many connections.

The server is 20 ms away. A job reads one file first, so that its resolver runs; then it
takes the time for the others itself.
"""

from __future__ import annotations

import random
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from benchmarks.ratios import Clock, Ratios
from benchmarks.setting import ROOT, Session, Setting, options_of, publish

MANY = "many.example.org"
FILES, AWAY_MS, READERS = 300, 20, 16
BIG_BYTES = 96 << 20
_READ = """
import sys, time, concurrent.futures
readers, first, *names = sys.argv[1:]
def read(name):
    with open(name, "rb", buffering=0) as file:
        while file.read(1 << 20):
            pass
read(first)
began = time.monotonic()
with concurrent.futures.ThreadPoolExecutor(int(readers)) as pool:
    list(pool.map(read, names))
print(time.monotonic() - began)
"""
_FIRST_BYTE = """
import sys, time
began = time.monotonic()
with open(sys.argv[1], "rb", buffering=0) as file:
    file.read(1)
    first = time.monotonic() - began
    while file.read(1 << 20):
        pass
print(first, time.monotonic() - began)
"""


def measure(session: Session) -> list[Ratios]:
    """300 small objects for one reader and for sixteen; first byte of a big file."""
    setting, rounds = session.base, session.rounds
    tree = setting.place / "many"
    tree.mkdir()
    chance = random.Random(1)
    for number in range(FILES + 1):
        (tree / f"{number:03}").write_bytes(chance.randbytes(3000))
    (tree / "big").write_bytes(chance.randbytes(BIG_BYTES))
    publish(Setting(setting.place, tree, fqrn=MANY), tree)
    results = []
    with away(setting.place / "storage") as url:
        for readers in (1, READERS):
            results.append(_small(setting, url, readers, rounds))
        results += _big(setting, url, rounds)
    return results


@contextmanager
def away(root: Path) -> Iterator[str]:
    """The URL of a server that is 20 ms away."""
    words = [sys.executable, "-m", "benchmarks.distant", str(root), str(AWAY_MS)]
    server = subprocess.Popen(words, stdout=subprocess.PIPE, cwd=ROOT)
    assert server.stdout is not None
    try:
        yield f"http://127.0.0.1:{int(server.stdout.readline())}"
    finally:
        server.terminate()
        server.wait()


def _small(setting: Setting, url: str, readers: int, rounds: int) -> Ratios:
    result = Ratios(
        f"{FILES} objects of 3 kB, {AWAY_MS} ms away, {readers} readers", "ms"
    )
    names = [f"/cvmfs/{MANY}/{number:03}" for number in range(FILES + 1)]
    for _ in range(rounds):
        urls = _objects(setting, url)
        result.add("native", _curl(setting, urls, readers))
        into = Path(tempfile.mkdtemp(prefix="stored-", dir=setting.place))
        result.add("curl into files", _curl(setting, urls, readers, into))
        reading = [_READ, str(readers), *names]
        for how in ([], ["--no-prefetch"]):
            said = _job(setting, url, reading, how)
            result.add(" ".join(["interpose_run", *how]), 1000 * float(said))
    return result


def _objects(setting: Setting, url: str) -> list[str]:
    """URLs of as many small objects."""
    top = setting.place / "storage"
    objects = (top / f"cvmfs/{MANY}/data").rglob("*")
    small = [path for path in objects if 3000 <= path.stat().st_size < 3100]
    return [f"{url}/{path.relative_to(top)}" for path in small if path.is_file()][
        :FILES
    ]


def _curl(
    setting: Setting, urls: Sequence[str], readers: int, into: Path | None = None
) -> float:
    """Milliseconds of curl for all of them; into files of a directory, or nowhere."""
    file = setting.place / "urls"
    outputs = ["/dev/null" if into is None else f"{into}/{n}" for n in range(len(urls))]
    lines = [f'url = "{u}"\noutput = "{o}"\n' for u, o in zip(urls, outputs)]
    file.write_text("".join(lines))
    many = (
        ["--no-progress-meter", "--parallel", "--parallel-max", str(readers)]
        if readers > 1
        else []
    )
    with Clock() as clock:
        subprocess.run(["curl", "-s", *many, "-K", file], check=True)
    return clock.ms


def _job(
    setting: Setting, url: str, words: Sequence[str], how: Sequence[str] = ()
) -> str:
    """What a job says that begins with an empty cache.

    A directory of its own: inodes that were just removed make new ones dear (ext4).
    """
    cache = Path(tempfile.mkdtemp(prefix="cold-", dir=setting.place)) / "cache"
    key = setting.place / f"keys/{MANY}.pub"
    options = options_of(url, key, MANY)
    cold = Setting(setting.place, setting.plain, url, options)
    command = [*cold.wrapper("--cache", cache, *how), sys.executable, "-c", *words]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return done.stdout


def _big(setting: Setting, url: str, rounds: int) -> list[Ratios]:
    first = Ratios(f"first byte of a chunked file of {BIG_BYTES >> 20} MB", "ms")
    whole = Ratios(f"all of a chunked file of {BIG_BYTES >> 20} MB", "ms")
    for _ in range(rounds):
        said = _job(setting, url, [_FIRST_BYTE, f"/cvmfs/{MANY}/big"]).split()
        first.add("interpose_run", 1000 * float(said[0]))
        whole.add("interpose_run", 1000 * float(said[1]))
    return [first, whole]
