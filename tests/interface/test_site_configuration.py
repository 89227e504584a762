# SPDX-License-Identifier: GPL-2.0-or-later
"""Whole trees of configuration as sites have them, with a configuration repository."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.places import program
from tests.support.published import Publisher
from tests.support.run import DEFAULT_PATH, Result, Runner
from tests.support.web import Server

DATA = "data.example.org"
CONFIG = "config.example.org"
Serve = Callable[[Path], Server]

# One half of what a configuration repository holds; the other is its domain.d.
REPOSITORY = {
    "etc/cvmfs/default.conf": """
if [ "$((RANDOM % 2))" -eq 1 ]; then
  CVMFS_PAC_URLS="http://wpad-a.example.org/wpad.dat"
else
  CVMFS_PAC_URLS="http://wpad-b.example.org/wpad.dat"
fi
""",
    "etc/cvmfs/common.conf": """
if [ -z "$CVMFS_USE_CDN" ]; then
  if [ "$CVMFS_HTTP_PROXY" = "DIRECT" ] || [ "$CVMFS_HTTP_PROXY" = "auto;DIRECT" ]; then
    CVMFS_USE_CDN=yes
  fi
fi
""",
    "libexec/servers.conf": "CVMFS_MAX_RETRIES=0\n",
}


class Site:
    """A server with a repository of data and one of configuration, and an etc tree."""

    def __init__(self, place: Path, serve: Serve, run: Runner) -> None:
        self.place = place
        self.run = run
        self.publisher = Publisher(place)
        self.publisher.storage.mkdir()
        self.server = serve(self.publisher.storage)
        tree = place / "tree"
        tree.mkdir()
        (tree / "file").write_text("data\n")
        self.publisher.publish(tree, DATA)
        self.etc = place / "etc"

    def configuration(self, more: str = "", before: str = "") -> None:
        """Publish the configuration repository."""
        top = self.place / "configuration"
        shutil.rmtree(top, ignore_errors=True)
        for name, text in REPOSITORY.items():
            self._write(top / name, text)
        keys = top / "etc/cvmfs/keys/example.org"
        keys.mkdir(parents=True)
        shutil.copy(self.publisher.keys / f"{DATA}.pub", keys)
        self._write(
            top / "etc/cvmfs/domain.d/example.org.conf",
            f"""{before}
CVMFS_USE_CDN="$CVMFS_USE_CDN"
CVMFS_MAX_RETRIES=
. ../common.conf
source $CVMFS_MOUNT_DIR/$CVMFS_CONFIG_REPOSITORY/libexec/servers.conf
if [ "$CVMFS_USE_CDN" = "yes" ]; then
  CVMFS_SERVER_URL="{self.server.url}/cvmfs/@fqrn@"
else
  CVMFS_SERVER_URL="http://127.0.0.1:9/cvmfs/@fqrn@"
fi
CVMFS_KEYS_DIR=$CVMFS_MOUNT_DIR/$CVMFS_CONFIG_REPOSITORY/etc/cvmfs/keys/example.org
{more}
""",
        )
        self.publisher.publish(top, CONFIG)

    def copied_etc(self, required: str = "yes") -> None:
        """A copy of an /etc/cvmfs of a node that uses the configuration repository."""
        self._write(
            self.etc / "default.d/50-site.conf",
            f"""
if [ -f /etc/os-release ] && grep -q "wheezy\\|jessie" /etc/os-release;
then
    :
else
    CVMFS_CONFIG_REPOSITORY={CONFIG}
fi
CVMFS_CONFIG_REPO_REQUIRED={required}
CVMFS_DEFAULT_DOMAIN=example.org
""",
        )
        self._write(self.etc / "default.local", "CVMFS_HTTP_PROXY=DIRECT\n")
        self._write(
            self.etc / f"config.d/{CONFIG}.conf",
            f"CVMFS_SERVER_URL={self.server.url}/cvmfs/@fqrn@\n"
            "CVMFS_KEYS_DIR=/etc/cvmfs/keys/config\n",
        )
        (self.etc / "keys/config").mkdir(parents=True)
        shutil.copy(self.publisher.keys / f"{CONFIG}.pub", self.etc / "keys/config")

    def _write(self, path: Path, text: str) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def cat(self) -> Result:
        """Run a job with the copied tree."""
        options = ["--config", self.etc]
        return self.run("/bin/cat", f"/cvmfs/{DATA}/file", options=options)

    def show(self) -> subprocess.CompletedProcess[str]:
        """Run `interpose showconfig` with the copied tree."""
        words = [program("interpose"), "showconfig", "--config", self.etc]
        words += ["--cache", self.run.cache, "--scratch", self.run.scratch, DATA]
        home = str(self.place / "home")
        environment = {"PATH": DEFAULT_PATH, "HOME": home, "LC_ALL": "C.UTF-8"}
        return subprocess.run(
            list(map(str, words)),
            capture_output=True,
            text=True,
            check=False,
            env=environment,
        )


@pytest.fixture
def site(place: Path, serve: Serve, run: Runner) -> Site:
    return Site(place, serve, run)


def test_a_copy_of_etc_works_as_the_original(site: Site) -> None:
    site.configuration()
    site.copied_etc()
    assert site.cat().ok().text == "data\n"


def test_showconfig_shows_what_the_job_uses(site: Site) -> None:
    site.configuration()
    site.copied_etc()
    shown = site.show()
    assert shown.returncode == 0, shown.stderr
    lines = dict(line.partition("=")[::2] for line in shown.stdout.splitlines())
    url = f"{site.server.url}/cvmfs/{DATA}"
    assert lines["CVMFS_SERVER_URL"].startswith(url)
    assert "domain.d/example.org.conf:" in lines["CVMFS_SERVER_URL"]
    assert lines["CVMFS_USE_CDN"].startswith("yes ")
    assert lines["CVMFS_MAX_RETRIES"].startswith("0 ")
    assert lines["CVMFS_PAC_URLS"].partition(".")[0] in (
        "http://wpad-a",
        "http://wpad-b",
    )
    assert not list(site.run.scratch.iterdir())


def test_a_required_configuration_repository_is_missed(site: Site) -> None:
    site.configuration()
    site.copied_etc(required="yes")
    shutil.rmtree(site.publisher.storage / "cvmfs" / CONFIG)
    result = site.cat()
    assert result.status == 1
    assert any(CONFIG in line for line in result.messages), result.explain()
    shown = site.show()
    assert shown.returncode == 125
    assert "CVMFS_HTTP_PROXY=DIRECT" in shown.stdout


def test_a_line_that_nobody_understands_costs_that_line(site: Site) -> None:
    site.configuration(more="CVMFS_TIMEOUT=(1 2)\n")
    site.copied_etc(required="no")
    result = site.cat().ok()
    assert result.text == "data\n"
    (line,) = result.messages
    assert "domain.d/example.org.conf line" in line
    assert "is not understood" in line


@pytest.mark.parametrize(
    ("required", "more"),
    [("yes", "CVMFS_TIMEOUT=(1 2)\n"), ("no", "CVMFS_KEYS_DIR=(a b)\n")],
)
def test_a_line_that_may_not_be_lost_costs_the_repository(
    site: Site, required: str, more: str
) -> None:
    site.configuration(more=more)
    site.copied_etc(required=required)
    result = site.cat()
    assert result.status == 1
    assert b"Input/output error" in result.stderr
    assert len(result.messages) == 1, result.explain()
    (line,) = result.messages
    assert "is not understood" in line


@pytest.mark.parametrize("directory", [True, False])
def test_keys_below_a_directory_of_configuration(
    site: Site, run: Runner, directory: bool
) -> None:
    keys = site.etc / "keys/example.org"
    keys.mkdir(parents=True)
    shutil.copy(site.publisher.keys / f"{DATA}.pub", keys)
    named = "CVMFS_KEYS_DIR=/etc/cvmfs/keys/example.org"
    if not directory:
        named = f"CVMFS_PUBLIC_KEY=/etc/cvmfs/keys/example.org/{DATA}.pub"
    (site.etc / "default.d").mkdir()
    (site.etc / "default.d/60-site.conf").write_text(
        f"{named}\nCVMFS_SERVER_URL={site.server.url}/cvmfs/@fqrn@\n"
        "CVMFS_HTTP_PROXY=DIRECT\n"
    )
    assert site.cat().ok().text == "data\n"
    relative = os.path.relpath(site.etc, run.place)
    words = ["/bin/cat", f"/cvmfs/{DATA}/file"]
    options = ["--config", relative]
    assert run(*words, options=options, cwd=run.place).ok().text == "data\n"


@pytest.mark.parametrize("variable", [True, False])
def test_configuration_that_is_missing_is_125_at_the_start(
    place: Path, run: Runner, variable: bool
) -> None:
    missing = place / "missing.conf"
    options = [] if variable else ["--config", str(missing)]
    more = {"INTERPOSE_CONFIG": str(missing)} if variable else {}
    environment = {**run.environment(), **more}
    result = run("/bin/echo", "started", options=options, env=environment)
    assert result.status == 125
    assert result.stdout == b""
    (line,) = result.messages
    assert "missing.conf" in line
