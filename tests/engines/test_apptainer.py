# SPDX-License-Identifier: GPL-2.0-or-later
"""The definition of examples/, built and run by apptainer itself, as no root's."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from tests.engines import images
from tests.engines.box import USER, eventually
from tests.engines.site import BIN, FQRN, Site
from tests.support.places import ROOT

pytestmark = pytest.mark.long
ALONE = ["--no-home", "--containall"]
# The recipe's base needs a registry; the rest of it stands as it is.
HEADER = re.compile(r"(?m)^Bootstrap: docker\nFrom: .*$")
Done = subprocess.CompletedProcess[str]


class Apptainer:
    """The image, and a user who runs it."""

    def __init__(self, site: Site, base: Path) -> None:
        self.site = site
        dist = images.dist(site)
        text = (ROOT / "examples/apptainer.def").read_text()
        recipe, count = HEADER.subn(f"Bootstrap: localimage\nFrom: {base}", text)
        assert count == 1
        (site.box.place / "apptainer.def").write_text(recipe)
        self.image = site.home / "with-cvmfs.sif"
        site.box.run(["apptainer", "build", self.image, "../apptainer.def"], cwd=dist)

    def __call__(self, *words: str, check: bool = True) -> Done:
        """`apptainer WORDS` as the user, IMAGE standing for the file."""
        named = [str(self.image) if word == "IMAGE" else word for word in words]
        return self.site.box.run(["apptainer", *named], uid=USER, check=check)


@pytest.fixture(scope="module")
def apptainer(sid: Site, slim: Path) -> Apptainer:
    base = sid.box.place / "base"
    subprocess.run(["cp", "-a", slim, base], check=True)
    return Apptainer(sid, base)


@pytest.mark.parametrize("words", [["run", "IMAGE"], ["exec", "IMAGE", "/init"]])
def test_the_commands_of_the_definition_show_the_repository(
    apptainer: Apptainer, words: list[str]
) -> None:
    done = apptainer(*words, "ls", "-lad", f"/cvmfs/{FQRN}")
    assert re.fullmatch(rf"dr.xr-xr-x .* /cvmfs/{FQRN}\n", done.stdout), done.stdout


@pytest.mark.parametrize("more", [[], ALONE, ["--cleanenv"], ["--writable-tmpfs"]])
def test_programs_run_as_outside(apptainer: Apptainer, more: list[str]) -> None:
    script = f"{BIN}/hello; cat /cvmfs/{FQRN}/data/* | wc -c; exit 7"
    words = ["exec", *more, "IMAGE", "/init", "--", "sh", "-c", script]
    done = apptainer(*words, check=False)
    assert done.returncode == 7, done.stderr
    size = sum(
        one.stat().st_size for one in (apptainer.site.software / "data").iterdir()
    )
    assert done.stdout.splitlines()[-1] == str(size), done.stderr
    assert "interpose: " not in done.stderr


def test_the_cache_in_the_home_is_kept_where_there_is_one(apptainer: Apptainer) -> None:
    script = f"cat /cvmfs/{FQRN}/data/* | wc -c"
    apptainer("run", "IMAGE", "sh", "-c", script)
    apptainer.site.server.forget()
    apptainer("run", "IMAGE", "sh", "-c", script)
    assert apptainer.site.server.requests() == []
    for _ in range(2):
        apptainer("run", *ALONE, "IMAGE", "sh", "-c", script)
        assert apptainer.site.server.requests() != []
        apptainer.site.server.forget()


def test_nothing_is_left_when_the_container_ends(apptainer: Apptainer) -> None:
    box = apptainer.site.box
    apptainer("run", "IMAGE", "sh", "-c", f"{BIN}/hello")
    eventually(lambda: box.ours() == [], lambda: str(box.ours()))
    box.nothing_left()
