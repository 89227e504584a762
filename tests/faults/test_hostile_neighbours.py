# SPDX-License-Identifier: GPL-2.0-or-later
"""Another user writes into the shared cache, or another publisher uses ours.

The jobs read right bytes, and the figures say how objects were come by (docs/trust.md).
"""

from __future__ import annotations

import hashlib
import json
import mmap
import os
import shutil
import subprocess
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from interpose.cache.guarded import Owners, opened
from tests.support.damage import bad_in_cache, good_objects
from tests.support.forger import Forger
from tests.support.places import Repositories, need_user
from tests.support.published import Publisher
from tests.support.run import Result, Runner
from tests.support.truth import truth_tree
from tests.support.web import Server

FQRN = "sha1.example.org"
README = f"/cvmfs/{FQRN}/README"
US, THEM = 1001, 1002
Configured = Callable[..., list[Any]]
Serve = Callable[[Path], Server]
NEED_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root can be two users")


class Neighbours:
    """A cache that THEY filled, and jobs of ours with a fresh private cache each."""

    def __init__(self, run: Runner, options: list[Any]) -> None:
        for uid in (US, THEM):
            need_user(uid)
        self._run = run
        self._count = 0
        run.place.chmod(0o755)
        self.above = run.place / "shared"
        self.alien = self.above / "alien"
        self.alien.mkdir(parents=True)
        os.chown(self.alien, THEM, THEM)
        self.options = [*options, "--alien-cache", self.alien]
        self.job(THEM, "sh", "-c", f"find /cvmfs/{FQRN} -type f | xargs cat").ok()

    def job(self, uid: int, *command: str, **how: Any) -> Result:
        """A job of this user, with a new private cache."""
        self._count += 1
        home = self._run.place / f"home-{self._count}"
        home.mkdir()
        os.chown(home, uid, uid)
        self.cache = home / "cache"
        self._run.base = ["--cache", self.cache, "--scratch", self._run.scratch]
        stats = home / "stats.json"
        options = [*self.options, "--stats", stats]
        result = self._run(*command, options=options, uid=uid, **how)
        if stats.exists():
            result.stats.update(json.loads(stats.read_text()))
        return result

    def objects(self) -> list[Path]:
        """Files with bytes in the shared cache."""
        found = [p for p in self.alien.glob("[0-9a-f][0-9a-f]/*") if p.stat().st_size]
        assert found
        return found

    def content(self, data: bytes) -> Path:
        """The object with this content."""
        (found,) = [path for path in self.objects() if path.read_bytes() == data]
        return found


def figures(result: Result) -> dict[str, Any]:
    (only,) = result.stats["repositories"]
    found: dict[str, Any] = only
    return found


@pytest.fixture
def neighbours(run: Runner, configured: Configured) -> Neighbours:
    with opened(run.place, Owners.with_us()) as directory:
        if not directory.is_guarded:
            pytest.skip(f"others can write above {run.place}")
    return Neighbours(run, configured(FQRN, CVMFS_QUOTA_LIMIT="-1"))


def own_objects(cache: Path) -> list[Path]:
    return [path for path in cache.glob("[0-9a-f][0-9a-f]/*") if path.stat().st_size]


@NEED_ROOT
@pytest.mark.parametrize("name", ["number", "parameter"])
def test_what_a_named_owner_wrote_is_used_in_place_by_every_new_node(
    neighbours: Neighbours, name: str
) -> None:
    how: dict[str, Any] = {}
    if name == "number":
        how["env"] = {"INTERPOSE_TRUSTED_OWNERS": str(THEM)}
    else:
        neighbours.options += ["-o", f"INTERPOSE_TRUSTED_OWNERS=daemon,{THEM}"]
    for _ in range(2):
        result = neighbours.job(US, "cat", README, **how).ok()
        found = figures(result)
        assert result.stdout == b"a small tree\n"
        assert found["objects_copied"] == 0
        assert found["objects_trusted"] == found["objects_from"]["alien"] > 0
        # The certificate is kept by everybody for himself.
        assert len(own_objects(neighbours.cache)) <= 1


@NEED_ROOT
@pytest.mark.parametrize("loosened", ["nothing", "alien", "above"])
def test_of_all_others_each_object_is_copied_while_it_is_hashed(
    neighbours: Neighbours, loosened: str
) -> None:
    how: dict[str, Any] = {"env": {"INTERPOSE_TRUSTED_OWNERS": str(THEM)}}
    if loosened == "nothing":
        how = {}
    else:
        places = {"alien": neighbours.alien, "above": neighbours.above}
        places[loosened].chmod(0o777)
    result = neighbours.job(US, "cat", README, **how).ok()
    found = figures(result)
    assert found["objects_trusted"] == 0
    assert found["objects_copied"] == found["objects_from"]["alien"] > 0
    assert found["objects_from"]["network"] == 0
    assert len(own_objects(neighbours.cache)) >= found["objects_copied"]


@NEED_ROOT
def test_bytes_that_their_owner_writes_through_a_mapping_are_never_read(
    neighbours: Neighbours, run: Runner
) -> None:
    path = neighbours.content(b"a small tree\n")
    with path.open("r+b") as file, mmap.mmap(file.fileno(), 0) as mapping:
        assert neighbours.job(US, "cat", README).stdout == b"a small tree\n"
        cache = neighbours.cache
        mapping[:4] = b"EVIL"
        run.base = ["--cache", cache, "--scratch", run.scratch]
        result = run("cat", README, options=neighbours.options, uid=US).ok()
        assert result.stdout == b"a small tree\n"
        # Who comes now finds wrong bytes, and fetches.
        late = neighbours.job(US, "cat", README).ok()
        assert late.stdout == b"a small tree\n"
        assert figures(late)["objects_from"]["network"] == 1


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> tuple[Publisher, bytes]:
    """Two honest repositories; a file of one is as long as the stream it packs to."""
    place = tmp_path_factory.mktemp("two")
    texts = (b"a" * n + hashlib.sha256(b"").digest() for n in range(100))
    text = next(text for text in texts if len(zlib.compress(text)) == len(text))
    for name, files in {
        "good.example.org": {"text": text},
        "evil.example.org": {"text": b"1", "catalog": b"2"},
    }.items():
        (place / name).mkdir()
        for file, data in files.items():
            (place / name / file).write_bytes(data)
    made = Publisher(place)
    for name in ("good.example.org", "evil.example.org"):
        made.publish(place / name, name)
    return made, text


@pytest.mark.parametrize("with_alien", [False, True])
def test_no_repository_reads_what_another_one_stored_raw_under_its_names(
    run: Runner,
    serve: Serve,
    place: Path,
    two: tuple[Publisher, bytes],
    with_alien: bool,
) -> None:
    made, text = two
    good, evil = (made.storage / f"cvmfs/{n}.example.org" for n in ("good", "evil"))
    forger = Forger(evil, place / "doc", made.keys / "evil.example.org.key")
    shutil.copytree(good, place / "doc/cvmfs/good.example.org")
    root = Forger(good, place / "unused", made.keys / "good.example.org.key")
    stream = root.object(root.fields()["C"], "C").read_bytes()
    lies = {"text": zlib.compress(text), "catalog": stream}
    for name, data in lies.items():
        forger.lay_raw(name, data)
    server = serve(place / "doc")
    options: list[Any] = ["-o", "CVMFS_HTTP_PROXY=DIRECT"]
    for name in ("good.example.org", "evil.example.org"):
        key = made.keys / f"{name}.pub"
        options += ["-r", f"{name}={server.url}/cvmfs/{name},pubkey={key}"]
    if with_alien:
        options += ["-o", "CVMFS_QUOTA_LIMIT=-1", "--alien-cache", place / "alien"]
    evil_files = [f"/cvmfs/evil.example.org/{name}" for name in lies]
    good_file = "/cvmfs/good.example.org/text"
    expected = b"".join(lies.values())
    for _ in range(2):
        assert run("cat", *evil_files, options=options).ok().stdout == expected
        assert run("cat", good_file, options=options).ok().stdout == text
    both = run("cat", *evil_files, good_file, *evil_files, options=options).ok()
    assert both.stdout == expected + text + expected


def as_it_was(top: Path) -> list[tuple[str, int, int, bytes]]:
    """Names, modes, owners and bytes of what is the victim's own."""
    return [
        (
            str(path.relative_to(top)),
            path.stat().st_mode,
            path.stat().st_uid,
            path.read_bytes() if path.is_file() else b"",
        )
        for path in [top, *sorted(top.rglob("*"))]
    ]


@NEED_ROOT
@pytest.mark.parametrize("uid", [0, US])
def test_beside_a_neighbour_who_never_stops_all_bytes_are_right(
    run: Runner,
    configured: Configured,
    repositories: Repositories,
    uid: int,
) -> None:
    """He owns the cache, and what he wants is the victim's files."""
    neighbours = Neighbours(run, configured(FQRN, CVMFS_QUOTA_LIMIT="-1"))
    neighbours.alien.chmod(0o777)
    own = run.place / "own"
    (own / "txn").mkdir(parents=True)
    for name in ("key", "interpose-node-1-aa", "txn/interpose-node-2-bb"):
        (own / name).write_bytes(b"mine")
        (own / name).chmod(0o600)
        os.utime(own / name, (1, 1))
    own.chmod(0o700)
    for path in (own, *own.rglob("*")):
        os.chown(path, uid, uid)
    before = as_it_was(own)
    wanted = {
        f"/cvmfs/{FQRN}/{path}": row["sha256"]
        for path, row in truth_tree(f"{FQRN}.jsonl").items()
        if row["type"] == "file"
    }
    program = Path(__file__).parent / "programs/neighbour.py"
    targets = [own, own / "key", own / "txn"]
    words = ["setpriv", f"--reuid={THEM}", f"--regid={THEM}", "--clear-groups"]
    words += ["/usr/bin/python3", "-I", str(program), str(neighbours.alien)]
    with subprocess.Popen(
        [*words, *map(str, targets)], stdout=subprocess.PIPE
    ) as attacker:
        try:
            assert attacker.stdout is not None
            assert attacker.stdout.readline() == b"begun\n"
            for _ in range(4):
                result = neighbours.job(uid, "sha256sum", "-z", *wanted).ok()
                lines = result.text.split("\0")[:-1]
                assert [line.split("  ")[0] for line in lines] == [*wanted.values()]
                good = good_objects(repositories.need(FQRN))
                assert bad_in_cache(neighbours.cache, good) == []
                assert as_it_was(own) == before
        finally:
            attacker.kill()


@pytest.mark.parametrize("how", ["writable", "link", "mode", "hole"])
def test_in_the_private_cache_counts_what_only_we_could_write(
    run: Runner, configured: Configured, how: str
) -> None:
    """Neither resolver nor tracer believes the rest, whatever name it has."""
    options = configured(FQRN)
    right = b"a small tree\n"
    assert run("cat", README, options=options).ok().stdout == right
    files = run.cache.glob("[0-9a-f][0-9a-f]/*")
    (path,) = [file for file in files if file.read_bytes() == right]
    path.chmod(0o755)
    if how == "hole":
        os.truncate(path, 0)
        os.truncate(path, len(right))
    else:
        path.write_bytes(right.upper())
    if how != "mode":
        path.chmod(0o555)
    if how == "writable":
        path.parent.chmod(0o777)
    elif how == "link":
        path.parent.rename(run.cache / "moved")
        path.parent.symlink_to("moved")
    elif how == "hole":
        path.parent.chmod(0o770)
    assert run("cat", README, options=options).ok().stdout == right
