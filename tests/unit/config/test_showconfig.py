# SPDX-License-Identifier: GPL-2.0-or-later
"""`interpose showconfig`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from interpose.commands import main


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("XDG_CONFIG_HOME", "INTERPOSE_CONFIG", "CVMFS_HTTP_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))


def test_each_line_names_file_and_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "x.conf"
    file.write_text(
        "#\nCVMFS_X='a  b'\nCVMFS_LINK=http://@fqrn@\nCVMFS_DNS_TIMEOUT=9\n"
    )
    assert main(["showconfig", "--config", str(file), "sft.example.org"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert f"CVMFS_X='a b'    # from {file}:2" in lines
    assert f"CVMFS_LINK=http://sft.example.org    # from {file}:3" in lines
    assert f"CVMFS_DNS_TIMEOUT=9    # from {file}:4, no effect here" in lines


def test_programs_read_json(capsys: pytest.CaptureFixture[str]) -> None:
    option = "a.b@v1=http://h"
    arguments = ["showconfig", "--json", "-o", "CVMFS_X=1", "-r", option, "a.b"]
    assert main(arguments) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["fqrn"] == "a.b"
    by_name = {row["name"]: row for row in found["parameters"]}
    assert by_name["CVMFS_X"]["value"] == "1"
    assert by_name["CVMFS_X"]["file"] == "-o"
    assert by_name["CVMFS_REPOSITORY_TAG"]["value"] == "v1"


@pytest.mark.parametrize(
    ("name", "remark"),
    [
        ("CVMFS_HTTP_PROXIES", ", unknown: is CVMFS_HTTP_PROXY meant?"),
        ("CVMFS_PROXY", ", unknown: is CVMFS_HTTP_PROXY meant?"),
        ("CVMFS_QUOTA", ", unknown: is CVMFS_QUOTA_LIMIT meant?"),
        ("CVMFS_KEY_DIR", ", unknown: is CVMFS_KEYS_DIR meant?"),
        ("CVMFS_OUR_LOCAL_WORD", ""),
        ("EXAMPLE_PROXY", ""),
        ("CVMFS_AUTHZ_TOKEN", ", no effect here"),
        ("CVMFS_CACHE_mine_SIZE", ", no effect here"),
        ("CVMFS_CACHE_mine_ALIEN", ""),
        ("CVMFS_SUID", ", no effect here"),
        ("CVMFS_HTTP_PROXY", ""),
    ],
)
def test_what_was_set_in_vain_is_marked(
    name: str, remark: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["showconfig", "-o", f"{name}=7", "sft.example.org"]) == 0
    assert f"{name}=7    # from -o{remark}" in capsys.readouterr().out.splitlines()


def test_variables_of_the_environment_count(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CVMFS_HTTP_PROXY", "http://p:1")
    assert main(["showconfig"]) == 0
    line = "CVMFS_HTTP_PROXY=http://p:1    # from environment\n"
    assert line in capsys.readouterr().out


def test_help_has_an_example(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["showconfig", "--help"]) == 0
    assert "$ interpose showconfig" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "status"),
    [(["-o", "X"], 2), (["-r", "x"], 2), (["a b"], 2), (["--config", "/nowhere"], 125)],
)
def test_what_cannot_be_understood_is_one_line(
    arguments: list[str], status: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["showconfig", *arguments]) == status
    assert capsys.readouterr().err.count("\n") == 1
