# SPDX-License-Identifier: GPL-2.0-or-later
"""Files for logs, as a configuration names them."""

from __future__ import annotations

from pathlib import Path

import pytest

from interpose.config.configuration import Configuration
from interpose.config.files import Origin, Tree, Value
from interpose.config.logfiles import LogSettings
from interpose.config.streams import Files
from interpose.formats.fqrn import Fqrn

TREE = Tree(Path("/copy"), alias="/cvmfs/config.example.org/etc/cvmfs", foreign=True)


def of(file: str, **values: str) -> LogSettings:
    found = {f"CVMFS_{n}": Value(text, Origin(file, 1)) for n, text in values.items()}
    return LogSettings.of(
        Configuration(Fqrn("a.b"), found, (), {}, TREE, (), Files(""))
    )


def test_a_configuration_names_files() -> None:
    found = of("-o", USYSLOG="/l", DEBUGLOG="/d")
    assert found.lines is not None
    assert found.debug is not None
    assert (found.lines.path, found.debug.path) == (Path("/l"), Path("/d"))
    assert (found.lines.parameter, found.prefix) == ("CVMFS_USYSLOG from -o:1", "a.b")
    assert not found.lines.is_sites
    assert of("-o", SYSLOG_PREFIX="x").prefix == "x"


@pytest.mark.parametrize("where", ["/copy", TREE.alias])
def test_a_configuration_repository_names_none(where: str) -> None:
    found = of(f"{where}/default.conf", USYSLOG="/l", DEBUGLOG="/d")
    assert (found.lines, found.debug) == (None, None)
