# SPDX-License-Identifier: GPL-2.0-or-later
"""`interpose publish`, `interpose serve`, and what all subcommands have in common."""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.places import ROOT

INTERPOSE = [
    sys.executable,
    "-c",
    "from interpose.commands import main; raise SystemExit(main())",
]
FQRN = "test.example.org"
TIMEOUT_S = 60.0


def interpose(*words: str | Path, **how: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*INTERPOSE, *map(str, words)],
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        **how,
    )


def publish(place: Path, *more: str) -> subprocess.CompletedProcess[str]:
    words = [place / "source", "--repository", FQRN]
    words += ["--storage", place / "out", "--keys", place / "keys"]
    return interpose("publish", *words, *more)


@pytest.fixture
def source(place: Path) -> Path:
    top = place / "source"
    (top / "bin").mkdir(parents=True)
    (top / "bin" / "hello").write_text("#!/bin/sh\necho hello\n")
    (top / "data").write_bytes(bytes(range(256)) * 40)
    return top


@contextmanager
def serving(
    storage: Path, *more: str
) -> Iterator[tuple[subprocess.Popen[str], dict[str, object]]]:
    """A running `interpose serve --json` and what it said."""
    words = ["serve", str(storage), "--port", "0", "--json", *more]
    process = subprocess.Popen(
        [*INTERPOSE, *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line, process.stderr and process.stderr.read()
        yield process, json.loads(line)
    finally:
        process.kill()
        process.communicate()


def one_line(text: str) -> str:
    """The only line of `text`, which is one of ours."""
    assert text.startswith("interpose: ")
    assert text.count("\n") == 1
    assert "Traceback" not in text
    return text


def test_publish_tells_what_it_made(place: Path, source: Path) -> None:
    result = publish(place, "--tag", "v1", "--description", "first")
    assert (result.returncode, result.stderr) == (0, "")
    assert f"{FQRN} is at revision 1" in result.stdout
    assert (place / "out" / "cvmfs" / FQRN / ".cvmfspublished").exists()
    assert (place / "keys" / f"{FQRN}.masterkey").stat().st_mode & 0o777 == 0o600
    again = publish(place, "--json")
    answer = json.loads(again.stdout)
    assert answer["revision"] == 2
    assert answer["entries"] == 4
    assert answer["new_objects"] == 2
    assert answer["public_key"] == str(place / "keys" / f"{FQRN}.pub")


@pytest.mark.parametrize("hash_name", ["sha1", "rmd160", "shake128"])
def test_hash_and_compression_can_be_chosen(
    place: Path, source: Path, hash_name: str
) -> None:
    result = publish(place, "--hash", hash_name, "--uncompressed", "--json")
    assert result.returncode == 0, result.stderr
    suffix = "" if hash_name == "sha1" else f"-{hash_name}"
    assert json.loads(result.stdout)["root_hash"][40:] == suffix


def test_published_repository_is_served(place: Path, source: Path) -> None:
    publish(place)
    with serving(place / "out", "--keys", str(place / "keys")) as (process, said):
        assert said["repositories"] == [FQRN]
        settings = said["configuration"]
        assert settings == {
            "CVMFS_SERVER_URL": f"{said['url']}/cvmfs/@fqrn@",
            "CVMFS_PUBLIC_KEY": str(place / "keys" / f"{FQRN}.pub"),
            "CVMFS_HTTP_PROXY": "DIRECT",
        }
        manifest = (place / "out" / "cvmfs" / FQRN / ".cvmfspublished").read_bytes()
        connection = http.client.HTTPConnection("127.0.0.1", int(str(said["port"])))
        path = f"/cvmfs/{FQRN}/.cvmfspublished"
        for _ in range(2):  # The second request goes over the same connection.
            connection.request("GET", path)
            answer = connection.getresponse()
            assert (answer.status, answer.read()) == (200, manifest)
            assert not answer.will_close
        connection.request("GET", path, headers={"Range": "bytes=5-9"})
        answer = connection.getresponse()
        assert (answer.status, answer.read()) == (206, manifest[5:10])
        assert answer.headers["Content-Range"] == f"bytes 5-9/{len(manifest)}"
        connection.request("GET", path, headers={"Range": "bytes=99999-"})
        answer = connection.getresponse()
        answer.read()
        assert answer.status == 416
        connection.request("HEAD", path)
        answer = connection.getresponse()
        assert answer.read() == b""
        assert answer.headers["Content-Length"] == str(len(manifest))
        # The connection is still open: the end must not wait for it.
        process.send_signal(signal.SIGTERM)
        assert process.wait(TIMEOUT_S) == 0
        connection.close()


@pytest.mark.parametrize(
    "path", ["/", "/cvmfs", "/nowhere", "/../secret", "/%2e%2e/secret", "/cvmfs%00"]
)
def test_only_files_below_the_storage_are_served(place: Path, path: str) -> None:
    (place / "out" / "cvmfs").mkdir(parents=True)
    (place / "secret").write_text("secret")
    with serving(place / "out") as (_, said):
        connection = http.client.HTTPConnection("127.0.0.1", int(str(said["port"])))
        connection.request("GET", path)
        assert connection.getresponse().status == 404
        connection.close()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_serve_ends_cleanly_when_interrupted(
    place: Path, number: signal.Signals
) -> None:
    (place / "out").mkdir()
    with serving(place / "out") as (process, _):
        process.send_signal(number)
        output, errors = process.communicate(timeout=TIMEOUT_S)
        assert (process.returncode, output, errors) == (0, "", "")


def test_port_in_use_is_one_line(place: Path) -> None:
    (place / "out").mkdir()
    with serving(place / "out") as (_, said):
        result = interpose("serve", place / "out", "--port", str(said["port"]))
    assert result.returncode == 125
    assert "--port" in one_line(result.stderr)


def test_missing_storage_is_one_line(place: Path) -> None:
    result = interpose("serve", place / "nowhere", "--port", "0")
    assert result.returncode == 125
    assert "nowhere" in one_line(result.stderr)


def test_missing_source_is_one_line(place: Path) -> None:
    result = publish(place)
    assert result.returncode == 125
    assert "not a directory" in one_line(result.stderr)


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["nonsense"],
        ["--nonsense"],
        ["publish"],
        ["publish", "DIR", "--nonsense"],
        ["serve", "OUT", "--port", "70000"],
        ["publish", ".", "--repository", "nodot", "--storage", "o", "--keys", "k"],
    ],
)
def test_wrong_usage_is_one_line_and_status_two(words: list[str], place: Path) -> None:
    result = interpose(*words, cwd=place)
    assert result.returncode == 2
    one_line(result.stderr)
    assert result.stdout == ""


@pytest.mark.parametrize("name", ["preload", "gc", "replicate"])
def test_subcommands_of_later_versions_are_refused(name: str) -> None:
    result = interpose(name, "--whatever")
    assert result.returncode == 125
    assert "not in this version" in one_line(result.stderr)


@pytest.mark.parametrize("name", ["publish", "serve"])
def test_help_has_an_example(name: str) -> None:
    result = interpose(name, "--help")
    assert (result.returncode, result.stderr) == (0, "")
    assert "example:" in result.stdout


def test_help_lists_the_subcommands_that_users_need() -> None:
    result = interpose("--help")
    assert result.returncode == 0
    assert "publish" in result.stdout
    assert "resolver" not in result.stdout


def test_version_is_told() -> None:
    from interpose import __version__

    assert interpose("--version").stdout == f"interpose {__version__}\n"


def test_traceback_only_for_those_who_ask(place: Path) -> None:
    words = ["serve", str(place / "nowhere")]
    assert "Traceback" not in interpose("-v", *words).stderr
    assert "Traceback" in interpose("-vv", *words).stderr
    assert "Traceback" in interpose(words[0], "-v", "-v", words[1]).stderr


def test_reader_that_went_away_is_no_error() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    result = subprocess.run(
        [*INTERPOSE, "publish", "--help"],
        stdout=writing,
        stderr=subprocess.PIPE,
        check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    os.close(writing)
    assert (result.returncode, result.stderr) == (141, b"")


def test_full_disk_of_standard_output_is_one_line() -> None:
    with Path("/dev/full").open("w") as full:
        result = subprocess.run(
            [*INTERPOSE, "--version"],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
    assert result.returncode == 125
    one_line(result.stderr)
