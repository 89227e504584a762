# SPDX-License-Identifier: GPL-2.0-or-later
"""`interpose cp`: hostile publishers, hostile neighbours in the target, odd targets."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.support.places import ROOT, program
from tests.support.published import Publisher

FQRN = "evil.example.org"
TOP = f"/cvmfs/{FQRN}"
TIMEOUT_S = 60.0
Done = "subprocess.CompletedProcess[str]"
# The command, with a neighbour who exchanges each fresh directory for a link.
SWAPPING = """
import os, pathlib, sys  # pathlib of Python 3.9 makes methods of what os has
from interpose.commands import main
make = os.mkdir
def mkdir(path, mode=0o777, *, dir_fd=None):
    make(path, mode, dir_fd=dir_fd)
    if path == b"d":
        os.rename(path, b"moved", src_dir_fd=dir_fd, dst_dir_fd=dir_fd)
        os.symlink(sys.argv[1], path, dir_fd=dir_fd)
os.mkdir = mkdir
sys.exit(main(sys.argv[2:]))
"""


class Shop:
    """A publisher's tree, what was made of it, and a victim who copies."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self.publisher = Publisher(place)
        self.tree, self.copy, self.outside = (
            place / name for name in ("tree", "copy", "outside")
        )
        for path in (self.tree, self.copy, self.outside):
            path.mkdir()
        self.url = f"file://{self.publisher.storage}"

    def publish(self) -> None:
        self.publisher.publish(self.tree, FQRN)

    def words(self, *words: str | Path) -> list[str]:
        """Each time another cache, so that the newest revision is looked for."""
        number = len(list(self.place.glob("cache-*")))
        key = self.publisher.keys / f"{FQRN}.pub"
        repository = f"{FQRN}={self.url}/cvmfs/{FQRN},pubkey={key}"
        settings = ["-o", "CVMFS_HTTP_PROXY=DIRECT", "--repository", repository]
        settings += ["--cache", str(self.place / f"cache-{number}")]
        return ["cp", *settings, "--scratch", str(self.place), *map(str, words)]

    def cp(self, *words: str | Path, before: tuple[str, ...] = ()) -> Done:
        command = before or (str(program("interpose")),)
        return subprocess.run(
            [*command, *self.words(*words)],
            capture_output=True,
            text=True,
            check=False,
            timeout=TIMEOUT_S,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )


@pytest.fixture
def shop(place: Path) -> Shop:
    return Shop(place)


def line(done: Done, status: int = 1) -> str:
    """The only line that was said."""
    assert done.returncode == status, done.stderr
    (only,) = done.stderr.splitlines()
    assert only.startswith("interpose: ")
    return only


def test_a_link_that_was_copied_leads_nothing_outside(shop: Shop) -> None:
    (shop.tree / "d").symlink_to(shop.outside)
    shop.publish()
    assert shop.cp("-r", f"{TOP}/.", shop.copy).returncode == 0
    assert (shop.copy / FQRN / "d").is_symlink()
    (shop.tree / "d").unlink()
    (shop.tree / "d").mkdir()
    (shop.tree / "d/key").write_text("evil")
    (shop.tree / "good").write_text("good")
    shop.publish()
    assert "no directory is in the way" in line(shop.cp("-r", f"{TOP}/.", shop.copy))
    assert (shop.copy / FQRN / "good").read_text() == "good"
    assert list(shop.outside.iterdir()) == []


def test_two_sources_of_one_command_do_not_meet_through_a_link(shop: Shop) -> None:
    for name in ("one", "two/e"):
        (shop.tree / name).mkdir(parents=True)
    (shop.tree / "one/e").symlink_to(shop.outside)
    (shop.tree / "two/e/file").write_text("evil")
    shop.publish()
    line(shop.cp("-r", f"{TOP}/one/e", f"{TOP}/two/e", shop.copy))
    assert list(shop.outside.iterdir()) == []


def test_what_is_in_the_way_of_a_file_is_replaced_and_never_written(
    shop: Shop,
) -> None:
    precious = shop.outside / "precious"
    precious.write_text("precious")
    names = ("fifo", "link", "dangling", "hard", "plain")
    for name in names:
        (shop.tree / name).write_text(f"new {name}")
    shop.publish()
    top = shop.copy / FQRN
    top.mkdir()
    os.mkfifo(top / "fifo")
    (top / "link").symlink_to(precious)
    (top / "dangling").symlink_to(shop.outside / "made")
    os.link(precious, top / "hard")
    (top / "plain").write_text("old")
    done = shop.cp("-r", TOP, shop.copy)
    assert (done.returncode, done.stderr) == (0, "")
    for name in names:
        assert stat.S_ISREG((top / name).lstat().st_mode), name
        assert (top / name).read_text() == f"new {name}"
    assert precious.read_text() == "precious"
    assert [path.name for path in shop.outside.iterdir()] == ["precious"]


def test_a_neighbour_who_swaps_directories_gets_nothing_outside(shop: Shop) -> None:
    (shop.tree / "d").mkdir()
    (shop.tree / "d/file").write_text("secret")
    shop.publish()
    before = (sys.executable, "-c", SWAPPING, str(shop.outside))
    line(shop.cp("-r", TOP, shop.copy, before=before))
    assert list(shop.outside.iterdir()) == []


def test_fifos_are_copied_as_such_and_rights_are_not_gained(shop: Shop) -> None:
    os.mkfifo(shop.tree / "fifo", 0o640)
    (shop.tree / "program").write_text("x")
    (shop.tree / "program").chmod(0o6755)
    shop.publish()
    done = shop.cp("-r", "-p", TOP, shop.copy)
    assert (done.returncode, done.stderr) == (0, "")
    assert stat.S_ISFIFO((shop.copy / FQRN / "fifo").lstat().st_mode)
    assert (shop.copy / FQRN / "program").stat().st_mode & 0o7777 == 0o755


def test_a_device_is_a_line_and_all_else_is_copied(shop: Shop) -> None:
    try:
        os.mknod(shop.tree / "null", stat.S_IFCHR | 0o666, os.makedev(1, 3))
    except PermissionError:
        pytest.skip("devices are made by root")
    (shop.tree / "z").write_text("z")
    shop.publish()
    assert "null" in line(shop.cp("-r", TOP, shop.copy))
    assert [path.name for path in (shop.copy / FQRN).iterdir()] == ["z"]


def test_a_target_that_is_named_is_written_as_by_cp(shop: Shop) -> None:
    (shop.tree / "file").write_text("content")
    shop.publish()
    done = shop.cp(f"{TOP}/file", "/dev/stdout")
    assert (done.returncode, done.stdout) == (0, "content")
    os.mkfifo(shop.place / "fifo")
    assert "nobody reads" in line(shop.cp(f"{TOP}/file", shop.place / "fifo"), 125)
    assert stat.S_ISFIFO((shop.place / "fifo").lstat().st_mode)


def test_a_directory_that_was_there_keeps_its_mode(shop: Shop) -> None:
    (shop.tree / "d").mkdir(mode=0o700)
    (shop.tree / "d/f").touch()
    shop.publish()
    (shop.copy / "d").mkdir()
    (shop.copy / "d").chmod(0o2775)
    assert shop.cp("-r", f"{TOP}/d", shop.copy).returncode == 0
    assert (shop.copy / "d").stat().st_mode & 0o7777 == 0o2775
    assert (shop.copy / "d/f").exists()


def test_r_that_was_meant_as_a_repository_is_explained(shop: Shop) -> None:
    words = [f"{FQRN}=http://127.0.0.1:1/cvmfs/{FQRN},pubkey=k", f"{TOP}/f", "x"]
    assert "--repository" in line(shop.cp("-r", *words), 2)


@pytest.fixture
def meeting(shop: Shop) -> Iterator[Callable[[int], str]]:
    """`meeting(N)`: a server whose objects arrive when N of them are asked for."""
    servers = []

    def start(count: int) -> str:
        barrier = threading.Barrier(count, timeout=TIMEOUT_S / 2)

        class Handler(SimpleHTTPRequestHandler):
            def do_GET(self) -> None:
                # Catalogs and certificates are asked for one by one.
                if "/data/" in self.path and self.path[-1] not in "CXH":
                    barrier.wait()
                super().do_GET()

            def log_message(self, *_: object) -> None:
                pass

        def handler(*words: object) -> Handler:
            return Handler(*words, directory=str(shop.publisher.storage))

        server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        servers.append(server)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{server.server_port}"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def test_files_are_fetched_side_by_side(
    shop: Shop, meeting: Callable[[int], str]
) -> None:
    for number in range(16):
        (shop.tree / f"d{number % 4}").mkdir(exist_ok=True)
        (shop.tree / f"d{number % 4}/{number}").write_text(str(number))
    shop.publish()
    shop.url = meeting(8)
    done = shop.cp("-r", TOP, shop.copy)
    assert (done.returncode, done.stderr) == (0, "")
    for number in range(16):
        copied = shop.copy / FQRN / f"d{number % 4}/{number}"
        assert copied.read_text() == str(number)
