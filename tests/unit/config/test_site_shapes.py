# SPDX-License-Identifier: GPL-2.0-or-later
"""Files of the shapes that sites use: each value is what the shells make of it."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from interpose.config import shell as shell_module
from interpose.config.evaluate import Source, defined_names, evaluate
from interpose.config.shell import ask_shell
from interpose.config.streams import Files
from tests.support.site_shapes import BASH_SHAPES, BESIDE, SHAPES

SHELLS = [shutil.which(name) for name in ("dash", "bash", "sh")]
ENVIRONMENT = {
    "CVMFS_FQRN": "data.example.org",
    "CVMFS_MOUNT_DIR": "/cvmfs",
    "CVMFS_CONFIG_REPOSITORY": "config.example.org",
    "CVMFS_CLIENT_PROFILE": "single",
    "HOME": "/home/site",
    "PATH": os.defpath,
}


@pytest.fixture
def site(tmp_path: Path) -> Path:
    for name, text in BESIDE.items():
        (tmp_path / name).write_text(text)
    return tmp_path / "default.local"


def ours(path: Path, text: str) -> tuple[dict[str, str], tuple[str, ...]]:
    found = evaluate(Source(path, text, Files(str(path.parent))), ENVIRONMENT)
    return {d.name: d.value for d in found.definitions}, found.notices


def says(path: Path, text: str, shell: str, monkeypatch: pytest.MonkeyPatch) -> object:
    monkeypatch.setattr(shell_module, "SHELL", shell)
    names = list(defined_names(text))
    return dict(zip(names, ask_shell(path, text, names, ENVIRONMENT)))


@pytest.mark.parametrize("shell", [found for found in SHELLS if found])
@pytest.mark.parametrize("shape", SHAPES)
def test_each_value_is_what_the_shell_makes_of_it(
    site: Path, shape: str, shell: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    values, notices = ours(site, SHAPES[shape])
    assert values == says(site, SHAPES[shape], shell, monkeypatch)
    assert not [notice for notice in notices if "is not understood" in notice]
    assert values


@pytest.mark.parametrize("shape", BASH_SHAPES)
def test_what_only_bash_knows_is_as_bash_has_it(
    site: Path, shape: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    bash = shutil.which("bash")
    if bash is None:
        pytest.skip("no bash")
    values, notices = ours(site, BASH_SHAPES[shape])
    assert values == says(site, BASH_SHAPES[shape], bash, monkeypatch)
    assert not notices


def test_one_of_two_is_chosen_by_chance() -> None:
    text = 'if [ "$((RANDOM % 2))" -eq 1 ]; then\n  X=a\nelse\n  X=b\nfi\n'
    seen = {ours(Path("/nonexistent/x.conf"), text)[0]["X"] for _ in range(200)}
    assert seen == {"a", "b"}
