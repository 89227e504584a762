# SPDX-License-Identifier: GPL-2.0-or-later
"""What the engines are given to run."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.engines.subject import subject
from tests.support.keeper import own_directory


@pytest.fixture(scope="session")
def interpose_run() -> Iterator[Path]:
    """The program where every user may execute it, and `interpose` beside it."""
    with own_directory("interpose-engines-") as place:
        program = place / "interpose_run"
        shutil.copy2(subject(), program)
        program.chmod(0o755)
        program.with_name("interpose").symlink_to(program.name)
        yield program


@pytest.fixture(autouse=True)
def _is_what_is_run(interpose_run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Runner and Publisher start the same program as the engines do."""
    monkeypatch.setenv("INTERPOSE_RUN", str(interpose_run))
