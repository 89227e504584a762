# SPDX-License-Identifier: GPL-2.0-or-later
"""docs/serving.md: its nginx does what the page says."""

from __future__ import annotations

import os
import re
import shutil
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from tests.support import web
from tests.support.places import ROOT, need_tool
from tests.support.web import Server


def test_nginx_of_the_page_gives_each_file_its_expiry(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    need_tool("nginx")
    page = (ROOT / "docs/serving.md").read_text(encoding="utf-8")
    match = re.search(r"<!-- test: nginx -->\n```\n(.*?)```", page, re.DOTALL)
    assert match is not None
    block = match[1].replace("{", "{{").replace("}", "}}")
    block = block.replace("127.0.0.1:8000", "127.0.0.1:{port}")
    block = block.replace("/srv/out", "{docroot}")
    given = re.sub(r"  server \{\{.*?\}\}\n", lambda _: block, web.CONFIGURATION)
    assert "disable_symlinks" in given
    monkeypatch.setattr(web, "CONFIGURATION", given)
    top = place / "out/cvmfs/a.example.org"
    (top / "data/ab").mkdir(parents=True)
    for name in (".cvmfspublished", ".cvmfswhitelist", "data/ab/cdef"):
        (top / name).write_text("x")
    (top / "data/ab/link").symlink_to("/etc/hostname")
    server = Server(place / "out", place / "state")
    server.start()
    try:
        ages = {name: _age(server, name) for name in _names(top)}
    finally:
        server.stop()
    assert ages == {
        ".cvmfspublished": "max-age=61",
        ".cvmfswhitelist": "max-age=61",
        "data/ab/cdef": "max-age=259200",
        "data/ab/link": "status 403",
    }
    shutil.rmtree(place / "state")


def _names(top: Path) -> list[str]:
    files = [Path(where) / name for where, _, names in os.walk(top) for name in names]
    return [str(path.relative_to(top)) for path in files]


def _age(server: Server, name: str) -> str:
    url = f"{server.url}/cvmfs/a.example.org/{name}"
    try:
        with urllib.request.urlopen(url, timeout=30) as answer:
            return str(answer.headers["Cache-Control"])
    except urllib.error.HTTPError as error:
        with error:
            return f"status {error.code}"
