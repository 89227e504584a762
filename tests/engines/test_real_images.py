# SPDX-License-Identifier: GPL-2.0-or-later
"""The Dockerfile of examples/, built and run by Docker and by podman themselves.

Their own rules for system calls and capabilities; no option gives a container more. It
has the machine's network, as a container of its own needs rules of a firewall.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.engines import images
from tests.engines.box import eventually
from tests.engines.images import Images
from tests.engines.site import BIN, FQRN, Site
from tests.support.places import ROOT

pytestmark = pytest.mark.long
IMAGE = "with-cvmfs"
NOT_KEPT = "interpose: no cache directory can be written"


@pytest.fixture(scope="module", params=[images.docker, images.podman])
def made(request: pytest.FixtureRequest, trixie: Site, slim: Path) -> Iterator[Images]:
    """The image, made with the command that the recipe names."""
    dist = images.dist(trixie)
    recipe = trixie.box.place / "Dockerfile"
    shutil.copy2(ROOT / "examples/Dockerfile", recipe)
    with request.param(trixie) as found:
        found.import_base(slim)
        # Docker without its plug-in for builds; podman knows no such variable.
        environment = {"DOCKER_BUILDKIT": "0"}
        found.run("build", "-t", IMAGE, "-f", recipe, dist, env=environment)
        yield found


# Docker's --tmpfs is noexec if not told otherwise.
READ_ONLY = ["--read-only", "--tmpfs", "/tmp:exec"]


def container(*more: str) -> list[str]:
    return ["run", "--rm", "--network=host", *more, IMAGE]


def test_the_command_of_the_recipe_shows_the_repository(made: Images) -> None:
    """With `-t`: what `-i` adds is for a reader at a keyboard."""
    done = made.run(*container("-t"), "/init", "ls", "-lad", f"/cvmfs/{FQRN}")
    shown = done.stdout.replace("\r\n", "\n")
    assert re.search(rf"(?m)^dr.xr-xr-x .* /cvmfs/{FQRN}$", shown), shown


@pytest.mark.parametrize(
    "more",
    [
        [],
        READ_ONLY,
        ["--user", "4711"],
        [
            "--read-only",
            "--tmpfs",
            "/tmp:exec",
            "--user",
            "4711:4711",
            "--cap-drop=ALL",
        ],
        ["--security-opt", "no-new-privileges", "--ipc=none"],
        ["--init"],
    ],
    ids=["plain", "read-only", "user", "least", "no privileges", "init"],
)
def test_programs_run_as_outside(made: Images, more: list[str]) -> None:
    script = f"{BIN}/hello; cat /cvmfs/{FQRN}/data/* | wc -c; exit 7"
    done = made.run(*container(*more), "/init", "--", "sh", "-c", script, check=False)
    assert done.returncode == 7, done.stderr
    size = sum(one.stat().st_size for one in (made.site.software / "data").iterdir())
    assert done.stdout.splitlines()[-1] == str(size), done.stderr
    said = [line for line in done.stderr.splitlines() if "interpose" in line]
    assert [line for line in said if not line.startswith(NOT_KEPT)] == []


def test_a_cache_in_a_volume_is_kept(made: Images) -> None:
    more = ["-v", "cvmfs:/cache", "-e", "INTERPOSE_CACHE=/cache"]
    script = f"cat /cvmfs/{FQRN}/data/* | wc -c"
    first = made.run(*container(*more), "/init", "--", "sh", "-c", script)
    asked = len(made.site.server.requests())
    assert asked > 0
    assert made.run(*container(*more), "/init", "--", "sh", "-c", script).stdout == (
        first.stdout
    )
    assert len(made.site.server.requests()) == asked
    assert first.stderr == ""


def test_as_the_first_process_it_passes_on_what_ends_the_container(
    made: Images,
) -> None:
    """`docker stop` is SIGTERM to process 1; a signal's death is 128 and its number."""
    script = "trap 'echo ended; exit 3' TERM; echo ready; while :; do sleep 0.1; done"
    words = ["--network=host", "--name", "stopped", IMAGE, "/init", "--", "sh", "-c"]
    going_on = made.start("run", *words, script)
    assert going_on.stdout is not None
    while "ready" not in (line := going_on.stdout.readline()):
        assert line.startswith(NOT_KEPT)
    made.run("stop", "-t", "30", "stopped")
    assert going_on.stdout.read() == "ended\n"
    assert going_on.wait(60) == 3
    made.run("rm", "stopped")
    done = made.run(*container(), "/init", "sh", "-c", "kill -SEGV $$", check=False)
    assert done.returncode == 128 + 11


def test_nothing_is_left_when_the_container_ends(made: Images) -> None:
    script = f"(trap '' TERM HUP; {BIN}/hello; sleep 600) & cat {BIN}/hello > /dev/null"
    made.run(*container(), "/init", "--", "sh", "-c", script)
    eventually(lambda: made.site.box.ours() == [], lambda: str(made.site.box.ours()))
