# SPDX-License-Identifier: GPL-2.0-or-later
"""dist/interpose_run: one file that is every command and brings its own Python."""

from __future__ import annotations

import os
import shutil
import signal
import struct
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from interpose import __version__
from tests.support.bundle import BareRoot, made_bundle, unpacked
from tests.support.places import Repositories, need_tool
from tests.support.run import Runner, forced
from tests.support.web import Server

FQRN = "sha1.example.org"
README = f"/cvmfs/{FQRN}/README"
SAYS = f"interpose {__version__}\n"
DAY_S = 24 * 3600
PT_INTERP = 3
Configured = Callable[..., list[Any]]
Tool = Callable[..., "subprocess.CompletedProcess[str]"]
# What a job may set, and what would change another C library or Python.
HOSTILE = {
    "LD_PRELOAD": "/nowhere.so",
    "LD_LIBRARY_PATH": "/nowhere",
    "PYTHONHOME": "/nowhere",
    "PYTHONPATH": "/nowhere",
    "LC_ALL": "xx_XX.ISO-8859-1",
    "LANG": "xx_XX",
    "GCONV_PATH": "/nowhere",
    "OPENSSL_CONF": "/etc/passwd",
}


@pytest.fixture(scope="session")
def bundle() -> Path:
    return made_bundle()


@pytest.fixture
def alone(bundle: Path, place: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy with nothing beside it, as `interpose_run` of Runner."""
    folder = place / "alone"
    folder.mkdir()
    shutil.copy2(bundle, folder / "interpose_run")
    monkeypatch.setenv("INTERPOSE_RUN", str(folder / "interpose_run"))
    return folder / "interpose_run"


@pytest.fixture
def tool(alone: Path, cache_dir: Path) -> Tool:
    """`tool(WORD...)`: the command `interpose` by its link; `env` is all it gets."""
    link = alone.with_name("interpose")
    link.symlink_to("interpose_run")

    def run(*words: str, **env: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [link, *words],
            env={"INTERPOSE_CACHE": str(cache_dir), **env},
            cwd="/",
            capture_output=True,
            text=True,
            check=False,
        )

    return run


def said(done: subprocess.CompletedProcess[str]) -> str:
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_it_is_small_and_static(bundle: Path) -> None:
    data = bundle.read_bytes()
    assert len(data) <= 25 << 20
    offset, size, count = (
        struct.unpack_from(form, data, place)[0]
        for form, place in (("<Q", 32), ("<H", 54), ("<H", 56))
    )
    kinds = [struct.unpack_from("<I", data, offset + n * size)[0] for n in range(count)]
    assert kinds
    assert PT_INTERP not in kinds


def test_the_file_is_every_command(tool: Tool, alone: Path, cache_dir: Path) -> None:
    assert said(tool("--version")) == SAYS
    words = [alone, "--tool", "--version"]
    env = {"INTERPOSE_CACHE": str(cache_dir)}
    assert subprocess.check_output(words, env=env, text=True) == SAYS
    assert subprocess.check_output([alone, "--version"]).startswith(b"interpose_run ")
    for name in ("publish", "serve", "cp", "showconfig"):
        assert f"usage: interpose {name}" in said(tool(name, "--help"))
    assert len(unpacked(cache_dir)) == 1
    parrot = alone.with_name("interpose_parrot_run")
    parrot.symlink_to("interpose_run")
    assert (
        subprocess.check_output([parrot, "/bin/echo", "--tool"], env={}) == b"--tool\n"
    )


def test_the_doctor_has_its_python_in_the_file(tool: Tool, run: Runner) -> None:
    """Also where no cache is there: then it leaves nothing."""
    where = {"INTERPOSE_CACHE": "", "TMPDIR": str(run.scratch)}
    done = tool("doctor", "--offline", **where)
    assert "that of this file" in done.stdout
    assert "does not run" not in done.stdout
    assert done.stderr == ""
    assert list(run.scratch.iterdir()) == []


def test_only_who_needs_a_python_unpacks_one(
    alone: Path, run: Runner, cache_dir: Path, configured: Configured
) -> None:
    assert alone.exists()
    run("true").ok()
    assert unpacked(cache_dir) == []
    first = run("cat", README, options=configured(FQRN)).ok()
    (version,) = unpacked(cache_dir)
    # A warm job needs none: it does not even look whether one is there.
    version.rename(cache_dir / "elsewhere")
    second = run("cat", README, options=configured(FQRN)).ok()
    assert second.stdout == first.stdout
    assert unpacked(cache_dir) == []


def test_the_jobs_settings_decide_nothing(
    alone: Path, run: Runner, configured: Configured, tool: Tool
) -> None:
    assert alone.exists()
    env = {**run.environment(), **HOSTILE}
    del env["LD_PRELOAD"]  # `cat` is no program of ours
    run.before = ("bash", "-c", 'ulimit -Sf 0 -Sn 20; exec "$@"', "bash")
    result = run("cat", README, options=configured(FQRN), env=env).ok()
    assert result.messages == []
    assert said(tool("--version", **HOSTILE)) == SAYS


def test_the_job_sees_nothing_of_ours(alone: Path, run: Runner) -> None:
    assert alone.exists()
    env = {"A": "b", "LD_LIBRARY_PATH": "/x", "PYTHONHOME": "/y", "LC_ALL": "C"}
    assert run("/usr/bin/env", env=env).ok().text.splitlines() == [
        f"{name}={value}" for name, value in {**forced(), **env}.items()
    ]


def cut(path: Path) -> None:
    os.chmod(path, 0o600)
    os.truncate(path, path.stat().st_size - 1)


def overwrite(path: Path) -> None:
    os.chmod(path, 0o600)
    with path.open("r+b") as stream:
        stream.write(b"#")


@pytest.mark.parametrize("harm", [cut, overwrite, Path.unlink])
@pytest.mark.parametrize("name", ["lib/libc.so.6", "manifest"])
def test_what_is_damaged_is_made_anew(
    tool: Tool, cache_dir: Path, harm: Callable[[Path], None], name: str
) -> None:
    said(tool("--version"))
    (version,) = unpacked(cache_dir)
    whole = (version / name).read_bytes()
    harm(version / name)
    assert said(tool("--version")) == SAYS
    assert unpacked(cache_dir) == [version]
    assert (version / name).read_bytes() == whole


def test_many_at_once_make_one(alone: Path, cache_dir: Path) -> None:
    words = [alone, "--tool", "--version"]
    env = {"INTERPOSE_CACHE": str(cache_dir)}
    started = [
        subprocess.Popen(words, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        for _ in range(6)
    ]
    ends = [one.communicate() for one in started]
    assert ends == [(SAYS.encode(), b"")] * 6
    assert len(unpacked(cache_dir)) == 1


def test_a_killed_one_leaves_nothing_that_is_taken_for_whole(
    tool: Tool, cache_dir: Path
) -> None:
    said(tool("--version"))
    (version,) = unpacked(cache_dir)
    version.rename(version.with_name("new-abcdef"))
    assert said(tool("--version")) == SAYS
    old = version.with_name("new-abcdef")
    assert old.exists()
    os.utime(old, (0, 0))
    said(tool("--version"))
    assert unpacked(cache_dir) == [version]


def test_versions_that_nobody_uses_are_removed(tool: Tool, cache_dir: Path) -> None:
    said(tool("--version"))
    (version,) = unpacked(cache_dir)
    now = version.stat().st_mtime
    for name, days in (("0" * 32, 31), ("f" * 32, 29)):
        other = version.with_name(name)
        shutil.copytree(version / "bin", other / "bin")
        os.utime(other, (0, now - days * DAY_S))
    os.utime(version, (0, now - 29 * DAY_S))
    said(tool("--version"))
    assert unpacked(cache_dir) == [version, version.with_name("f" * 32)]
    assert version.stat().st_mtime >= now - DAY_S


@pytest.mark.parametrize("place_of_harm", [-100_000, -10, None])
def test_a_copy_that_is_not_whole_says_so(
    tool: Tool, alone: Path, cache_dir: Path, place_of_harm: int | None
) -> None:
    with alone.open("r+b") as stream:
        if place_of_harm is None:
            stream.truncate(alone.stat().st_size - 1000)
        else:
            stream.seek(place_of_harm, os.SEEK_END)
            stream.write(bytes(8))
    done = tool("--version")
    assert done.returncode == 125
    assert done.stderr.count("\n") == 1
    assert "not whole (copy it again)" in done.stderr
    assert unpacked(cache_dir) == []


def test_where_others_may_write_nothing_is_unpacked(
    tool: Tool, cache_dir: Path, run: Runner
) -> None:
    cache_dir.mkdir()
    cache_dir.chmod(0o777)
    assert said(tool("--version", TMPDIR=str(run.scratch))) == SAYS
    assert unpacked(cache_dir) == []


def test_without_a_cache_a_command_leaves_nothing(
    tool: Tool, run: Runner, place: Path
) -> None:
    scratch = {"INTERPOSE_CACHE": "", "TMPDIR": str(run.scratch)}
    assert said(tool("--version", **scratch)) == SAYS
    assert tool("nonsense", **scratch).returncode == 2
    assert list((place / "scratch").iterdir()) == []


def test_without_a_cache_a_signal_reaches_a_command(
    alone: Path, run: Runner, place: Path
) -> None:
    (place / "empty").mkdir()
    words = [alone, "--tool", "serve", place / "empty", "--port", "0"]
    env = {"TMPDIR": str(run.scratch)}
    with subprocess.Popen(words, env=env, stdout=subprocess.PIPE) as serving:
        assert serving.stdout is not None
        assert serving.stdout.readline()
        serving.send_signal(signal.SIGTERM)
    assert serving.returncode in (0, -signal.SIGTERM, 143)
    assert list(run.scratch.iterdir()) == []


NOWHERE = """
set -e
for each in $1; do mount -t tmpfs -o mode=1777,noexec none "$each"; done
shift
exec "$@"
"""


@pytest.mark.parametrize("which", ["cache", "both"])
def test_where_nothing_can_be_executed(
    alone: Path, run: Runner, configured: Configured, place: Path, which: str
) -> None:
    namespaces = "-m" if os.geteuid() == 0 else "-Urm"
    cache, scratch = place / "noexec", run.scratch
    cache.mkdir()
    mounted = f"{cache} {scratch}" if which == "both" else str(cache)
    words = [need_tool("unshare"), namespaces, "sh", "-c", NOWHERE, "sh", mounted]
    if subprocess.run([*words, "true"], capture_output=True, check=False).returncode:
        pytest.skip("no file system can be mounted, not even in a user namespace")
    run.before = tuple(words)
    run.base[1] = cache / "private"
    options = [*configured(FQRN), "-r", FQRN]
    result = run("cat", README, options=options)
    if which == "cache":
        assert result.ok().stdout
    else:
        assert result.status == 125, result.explain()
        assert len(result.messages) == 1
        assert "choose one: --cache or" in result.messages[0]
        assert "no place to unpack Python" in result.messages[0]
    assert alone.exists()


def test_a_root_with_a_busybox_and_nothing_else(
    bundle: Path, place: Path, configured: Configured, server: Server
) -> None:
    """No libc, no Python, no home, no /dev, no /etc; only a scratch can be written."""
    root = place / "root"
    (root / "bin").mkdir(parents=True)
    shutil.copy2(need_tool("busybox", "busybox-static"), root / "bin/busybox")
    bare = BareRoot(root, place / "inside", bundle)
    cold = bare.reads(configured(FQRN), "/bin/busybox", "cat", README)
    server.forget()
    warm = bare.reads(configured(FQRN), "/bin/busybox", "cat", README, is_warm=True)
    assert warm == cold
    assert server.requests() == []
    assert (
        bare.reads_without_a_cache(configured(FQRN), "/bin/busybox", "cat", README)
        == cold
    )


def test_a_script_of_proxies_is_asked_in_the_bundle(
    tool: Tool, place: Path, repositories: Repositories, serve: Callable[[Path], Server]
) -> None:
    """Its process is started by the packed loader, too."""
    (place / "web").mkdir()
    script = 'function FindProxyForURL(u, h) { return "PROXY 127.0.0.2:9"; }'
    (place / "web/proxy.pac").write_text(script)
    url = serve(place / "web").url
    where = f"{FQRN}={url}/cvmfs/{FQRN},pubkey={repositories.key(FQRN)}"
    words = ["-r", where, "-o", "CVMFS_HTTP_PROXY=auto"]
    done = tool("probe", *words, "-o", f"CVMFS_PAC_URLS={url}/proxy.pac")
    assert done.returncode == 1
    assert "127.0.0.2:9" in done.stderr
