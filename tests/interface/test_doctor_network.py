# SPDX-License-Identifier: GPL-2.0-or-later
"""The doctor asks servers: what each of them does to a node, and never for long."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from email.utils import formatdate
from pathlib import Path
from typing import Any

import pytest

from tests.support.diagnosis import Patient
from tests.support.faulty_server import GOOD, STALL, Answer, FaultyServer
from tests.support.places import ROOT
from tests.support.published import Publisher
from tests.support.run import Runner

FQRN = "my.example.org"
MANIFEST = f"/cvmfs/{FQRN}/.cvmfspublished"
DAY_S = 86400
OURS = 125
HINT = "interpose_run --doctor says more)"
NOBODY = "http://127.0.0.1:9"


@dataclass
class Site:
    """A publisher, his storage behind a server of the test's, and a node."""

    publisher: Publisher
    server: FaultyServer
    patient: Patient

    def options(self, *urls: str, fqrn: str = FQRN) -> list[str | Path]:
        """Options with these servers, and no other configuration."""
        words = self.publisher.options(fqrn, self.server.url)
        if urls:
            servers = ";".join(f"{url}/cvmfs/@fqrn@" for url in urls)
            words += ["-o", f"CVMFS_SERVER_URL={servers}"]
        return [*words, "--scratch", self.patient.place]


@pytest.fixture(scope="module")
def publisher(tmp_path_factory: pytest.TempPathFactory) -> Publisher:
    place = tmp_path_factory.mktemp("doctor")
    (place / "tree").mkdir()
    (place / "tree/file").write_text("content")
    publisher = Publisher(place)
    publisher.publish(place / "tree", FQRN)
    return publisher


@pytest.fixture
def site(publisher: Publisher, place: Path) -> Iterator[Site]:
    with FaultyServer(publisher.storage) as server:
        yield Site(publisher, server, Patient(place))


def test_an_opened_repository_has_revision_and_expiry(site: Site) -> None:
    said = site.patient.examined(*site.options(), FQRN)
    assert (said.status, said.bad) == (0, [])
    facts = said.one("repository", FQRN)["facts"]
    assert facts["revision"] == 1
    assert re.fullmatch("[0-9a-f]{40}", facts["root_hash"])
    assert facts["published"] <= time.time() < facts["expires"]
    server = said.one("server", FQRN)
    assert server["facts"]["url"] == f"{site.server.url}/cvmfs/{FQRN}"
    assert server["facts"]["revision"] == 1
    assert server["facts"]["first_byte_s"] > 0
    assert said.one("proxy", FQRN)["text"].startswith("none, servers are asked")
    cache = Path(said.one("cache")["facts"]["path"])
    assert cache.is_relative_to(site.patient.place)


def test_what_is_configured_is_examined_without_a_name(site: Site) -> None:
    assert site.patient.examined(*site.options()).level("repository", FQRN) == "ok"


def test_attributes_for_a_startd(site: Site, publisher: Publisher) -> None:
    more = ["a-b.example.org", "a.b.example.org", "sw-x.example.org"]
    tree = publisher.storage.parent / "tree"
    options = [*site.options()]
    for fqrn in more:
        publisher.publish(tree, fqrn)
        url, key = f"{site.server.url}/cvmfs/{fqrn}", publisher.keys / f"{fqrn}.pub"
        options += ["-r", f"{fqrn}={url},pubkey={key}"]
    words = ["--doctor", "--classad", *options, FQRN, *more, "none.example.net"]
    done = site.patient.start(*words)
    *lines, last = done.stdout.splitlines()
    assert last == "-"
    shape = re.compile(r'([A-Za-z_]\w*) = (true|false|\d+|"[^"\\]*")')
    pairs = [shape.fullmatch(line) for line in lines]
    assert all(pairs), lines
    ad = {pair[1]: pair[2] for pair in pairs if pair}
    assert ad.pop("InterposeVersion")
    names = ad.pop("InterposeRepositories").strip('"').split(",")
    assert sorted(names) == sorted([FQRN, *more])
    # Two names that become one attribute have none.
    assert ad == {
        "HasInterposeCVMFS": "true",
        "InterposeProblems": '"server,repository"',
        "InterposeRevision_my_example_org": "1",
        "InterposeRevision_sw_x_example_org": "1",
    }
    assert done.returncode == 1


def test_the_example_for_a_startd_is_a_command_line_of_ours(site: Site) -> None:
    text = (ROOT / "examples/htcondor-doctor.conf").read_text()
    (arguments,) = re.findall(
        r"^STARTD_CRON_INTERPOSE_ARGS = (.*)$", text, re.MULTILINE
    )
    words = shlex.split(arguments.replace("/var/tmp", str(site.patient.place)))
    assert site.patient.start(*words).stdout.endswith("\n-\n")


# Servers that misbehave


@pytest.mark.parametrize(("off_s", "word"), [(-DAY_S, "ahead of"), (DAY_S, "behind")])
def test_a_servers_date_a_day_off_is_a_warning(
    site: Site, off_s: int, word: str
) -> None:
    date = ("Date", formatdate(time.time() + off_s, usegmt=True))
    site.server.script("*", Answer(headers=(date,)))
    said = site.patient.examined(*site.options(), FQRN)
    row = said.one("clock")
    assert (said.status, row["level"]) == (0, "warning")
    assert word in row["text"]
    assert abs(row["facts"]["ahead_s"] + off_s) < DAY_S / 2


def test_the_age_of_a_cached_answer_is_no_wrong_clock(site: Site) -> None:
    date = ("Date", formatdate(time.time() - DAY_S, usegmt=True))
    site.server.script("*", Answer(headers=(date, ("Age", str(DAY_S)))))
    assert site.patient.examined(*site.options(), FQRN).level("clock") == "ok"


SILENT = {
    "nothing": STALL,
    "a drop": Answer(drip_s=1.0, drip_headers=True),
    "half": Answer(stall_after=20),
    "no end": Answer(endless=True, body=b"x" * 1000),
}


@pytest.mark.parametrize("kind", SILENT)
def test_a_server_that_never_finishes_is_left(site: Site, kind: str) -> None:
    site.server.script("*", SILENT[kind])
    said = site.patient.examined(*site.options(), FQRN)
    assert said.status == 1
    assert said.bad == ["server", "repository"]
    assert said.found["node"] is True
    assert said.level("ptrace") == "ok"


def test_a_silent_server_beside_a_good_one_is_a_warning(site: Site) -> None:
    with FaultyServer() as silent:
        silent.script("*", STALL)
        options = site.options(silent.url, site.server.url)
        said = site.patient.examined(*options, FQRN)
    assert (said.status, said.level("repository", FQRN)) == (0, "ok")
    assert [row["level"] for row in said.all("server")] == ["warning", "ok"]
    assert "too slow" in said.all("server")[0]["text"]


def test_a_page_is_no_manifest(site: Site) -> None:
    site.server.script("*", Answer(body=b"<html>Please log in</html>"))
    said = site.patient.examined(*site.options(), FQRN)
    assert said.bad == ["server", "repository"]
    assert "login page" in said.one("server")["advice"]


def test_a_manifest_that_lies_opens_nothing(site: Site, publisher: Publisher) -> None:
    """A revision that nobody has signed is seen, and not believed."""
    good = (publisher.storage / MANIFEST[1:]).read_bytes()
    site.server.put(MANIFEST, good.replace(b"\nS1\n", b"\nS9\n"))
    said = site.patient.examined(*site.options(), FQRN)
    assert said.bad == ["repository"]
    assert said.one("server")["facts"]["revision"] == 9
    assert "facts" in said.one("repository")
    assert "revision" not in said.one("repository")["facts"]


def test_a_server_that_is_behind_is_a_warning(site: Site, place: Path) -> None:
    mine = Publisher(place / "own")
    (place / "own").mkdir()
    (place / "tree").mkdir()
    mine.publish(place / "tree", FQRN)
    shutil.copytree(mine.storage, place / "old")
    (place / "tree/file").write_text("newer")
    mine.publish(place / "tree", FQRN)
    with FaultyServer(place / "old") as old, FaultyServer(mine.storage) as new:
        here = Site(mine, new, site.patient)
        said = site.patient.examined(*here.options(old.url, new.url), FQRN)
    assert [row["level"] for row in said.all("server")] == ["warning", "ok"]
    assert "behind, another has 2" in said.all("server")[0]["advice"]


def test_where_nobody_answers_any_more_the_cache_is_named(site: Site) -> None:
    assert site.patient.examined(*site.options(), FQRN).status == 0
    said = site.patient.examined(*site.options(NOBODY), FQRN)
    assert (said.status, said.bad) == (1, ["server"])
    row = said.one("repository", FQRN)
    assert row["level"] == "warning"
    assert "from the cache" in row["text"]
    assert row["facts"]["revision"] == 1


def test_offline_nobody_is_asked(site: Site) -> None:
    assert site.patient.examined(*site.options(), FQRN).status == 0
    site.server.forget()
    said = site.patient.examined("--offline", *site.options(), FQRN)
    assert (said.status, site.server.count()) == (0, 0)
    assert said.level("repository", FQRN) == "ok"


# Proxies


def test_each_proxy_is_tried(site: Site) -> None:
    with FaultyServer(proxy=True) as proxy:
        chain = f"CVMFS_HTTP_PROXY={NOBODY};{proxy.url}"
        said = site.patient.examined(*site.options(), "-o", chain, FQRN)
    dead, good = said.all("proxy")
    assert (said.status, dead["level"], good["level"]) == (0, "warning", "ok")
    assert dead["text"].startswith(f"{NOBODY}: ")
    assert good["facts"]["url"] == proxy.url
    assert said.level("repository", FQRN) == "ok"


def test_without_any_proxy_no_server_is_blamed(site: Site) -> None:
    words = [*site.options(), "-o", f"CVMFS_HTTP_PROXY={NOBODY}", FQRN]
    said = site.patient.examined(*words)
    assert said.bad == ["proxy", "server", "repository"]
    assert "no proxy reaches it" in said.one("server")["text"]


def test_that_no_proxy_is_configured_is_a_warning(site: Site) -> None:
    said = site.patient.examined(*site.options(), "-o", "CVMFS_HTTP_PROXY=", FQRN)
    assert (said.status, said.level("proxy")) == (0, "warning")
    assert said.one("proxy")["advice"] == "set CVMFS_HTTP_PROXY"


def test_no_password_is_shown(site: Site) -> None:
    url = site.server.url.replace("//", "//user:secret@")
    proxy = "CVMFS_HTTP_PROXY=http://user:secret@127.0.0.1:9;DIRECT"
    done = site.patient.start("--doctor", *site.options(url), "-o", proxy, FQRN)
    assert f"server {FQRN}: ok" in done.stdout
    assert "secret" not in done.stdout + done.stderr


# Names


def test_an_unknown_name_is_told(site: Site) -> None:
    one = ["-r", f"{FQRN}={NOBODY},pubkey=/none"]
    for name in ("my.exmaple.org", "x", "none.example.net/.."):
        said = site.patient.examined(*one, name)
        assert said.bad == ["repository"]
        assert said.one("repository")["about"] == name
    near = site.patient.examined(*one, "my.exmaple.org")
    assert near.one("repository")["advice"] == f"is {FQRN} meant?"


def test_without_a_configuration_nothing_is_wrong(site: Site) -> None:
    said = site.patient.examined()
    assert said.status == 0


def test_a_repository_that_a_run_cannot_open_is_told_as_the_run_tells_it(
    site: Site, publisher: Publisher
) -> None:
    wrong = publisher.storage.parent / "wrong"
    if not wrong.exists():
        wrong.mkdir()
        other = Publisher(wrong)
        (wrong / "tree").mkdir()
        other.publish(wrong / "tree", FQRN)
    key = wrong / f"keys/{FQRN}.pub"
    words = [
        *site.options(),
        "-r",
        f"{FQRN}={site.server.url}/cvmfs/{FQRN},pubkey={key}",
    ]
    failed = site.patient.start(*words, "--", "true")
    assert failed.returncode == OURS
    (line,) = failed.stderr.splitlines()
    assert line.endswith(HINT)
    row = site.patient.examined(*words, FQRN).one("repository", FQRN)
    assert row["level"] == "no"
    assert row["text"] in line


# The end


def test_who_is_told_to_end_leaves_nothing(site: Site, run: Runner) -> None:
    site.server.script("*", STALL)
    run.before = ()
    asked: Callable[[], Any] = lambda: site.server.count(MANIFEST)  # noqa: E731
    process = run.start("true", options=["--doctor", *site.options(), FQRN])
    while not asked() and process.poll() is None:
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGTERM)
    process.communicate()
    assert process.returncode == -signal.SIGTERM
    run.nothing_left()
    assert not list(site.patient.place.glob(".interpose-*"))
    site.server.script("*", GOOD)
