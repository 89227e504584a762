# SPDX-License-Identifier: GPL-2.0-or-later
from __future__ import annotations

from pathlib import Path

import pytest

from interpose.cache.guarded import Owners, opened


@pytest.fixture
def guarded(place: Path) -> None:
    """Nobody else can write where the test works."""
    with opened(place, Owners.with_us()) as directory:
        if not directory.is_guarded:
            pytest.skip(f"others can write above {place}")
