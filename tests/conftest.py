# SPDX-License-Identifier: GPL-2.0-or-later
"""Fixtures of all rooms. A failed test keeps its directory and the command."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from tests.support.keeper import KEEPER, watched
from tests.support.places import Repositories, need_shared
from tests.support.run import Runner, adopt_orphans, die_with_parent
from tests.support.truth import truth_options
from tests.support.web import Server

FAILED = pytest.StashKey[bool]()
DOCROOT = "INTERPOSE_TEST_DOCROOT"
# `make test` removes everything; pytest itself keeps the directory of a failed test.
LEAVES_NOTHING = "INTERPOSE_TESTS_LEAVE_NOTHING" in os.environ
# No test asserts a time: machines are shared.
settings.register_profile("interpose", deadline=None)
settings.load_profile("interpose")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """Remember a failure, and print where its files are and how to repeat it."""
    report = yield
    if report.failed:
        item.stash[FAILED] = True
        place = getattr(item, "funcargs", {}).get("place")
        runner = getattr(item, "funcargs", {}).get("run")
        lines = [f"kept: {place}"] if place and not LEAVES_NOTHING else []
        if runner is not None:
            lines += runner.repeats[-3:]
        if lines:
            report.sections.append(("repeat", "\n".join(lines)))
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Show what tests have recorded to be read: record_property("summary", TEXT)."""
    for report in terminalreporter.getreports("passed"):
        for name, text in report.user_properties:
            if name == "summary":
                terminalreporter.section(report.nodeid)
                terminalreporter.write_line(str(text))


@pytest.fixture(scope="session")
def shared() -> Path:
    return need_shared()


def pytest_configure(config: pytest.Config) -> None:
    """One document root for all workers of the session, named by the environment.

    Not below pytest's own directories: another session of the user may clear them.
    """
    _take_signals_back()
    if not hasattr(config, "workerinput"):
        os.environ[DOCROOT] = tempfile.mkdtemp(prefix="interpose-docroot-")
        KEEPER.tell("watch", Path(os.environ[DOCROOT]))
    else:
        die_with_parent()


def _take_signals_back() -> None:
    """Undo what nohup, or a shell for what it starts with `&`, has us ignore.

    Jobs would inherit that.
    """
    defaults = {
        signal.SIGHUP: signal.SIG_DFL,
        signal.SIGQUIT: signal.SIG_DFL,
        signal.SIGINT: signal.default_int_handler,
    }
    for number, action in defaults.items():
        if signal.getsignal(number) == signal.SIG_IGN:
            signal.signal(number, action)


def pytest_unconfigure(config: pytest.Config) -> None:
    """Remove the document root, once all workers are done."""
    if not hasattr(config, "workerinput"):
        docroot = Path(os.environ.pop(DOCROOT))
        shutil.rmtree(docroot, ignore_errors=True)
        KEEPER.tell("leave", docroot)
    KEEPER.close()


@pytest.fixture(scope="session")
def repositories() -> Repositories:
    """The shared repositories, unpacked once for all workers of the session."""
    return Repositories(Path(os.environ[DOCROOT]))


@pytest.fixture(scope="session")
def server(
    repositories: Repositories, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    """One web server for a worker's tests; never stopped: `serve` is for that."""
    state = tmp_path_factory.mktemp("server")
    running = Server(repositories.docroot, state)
    with watched(state):
        running.start()
        yield running
        running.stop()


@pytest.fixture
def place(request: pytest.FixtureRequest) -> Iterator[Path]:
    """A directory of the test that every user may enter; kept if the test fails."""
    path = Path(tempfile.mkdtemp(prefix="interpose-test-"))
    path.chmod(0o755)
    with watched(path):
        yield path
    if not request.node.stash.get(FAILED, False):
        shutil.rmtree(path, ignore_errors=True)


@pytest.fixture
def serve(place: Path) -> Iterator[Callable[[Path], Server]]:
    """`serve(DOCROOT)`: a server of the test's own, which it may stop and start."""
    running: list[Server] = []

    def start(docroot: Path) -> Server:
        one = Server(docroot, place / f"server-{len(running)}")
        running.append(one)
        one.start()
        return one

    yield start
    for one in running:
        one.stop()


@pytest.fixture
def cache_dir(place: Path) -> Path:
    """Where the private cache of the test goes: not there yet."""
    return place / "cache"


@pytest.fixture
def run(place: Path, cache_dir: Path) -> Iterator[Runner]:
    """Run a job under interpose_run; see Runner."""
    adopt_orphans()
    runner = Runner(place, cache_dir)
    yield runner
    runner.nothing_left()


@pytest.fixture
def configured(
    repositories: Repositories, server: Server
) -> Callable[..., list[str | Path]]:
    """`configured(fqrn, NAME=VALUE...)`: options with the settings of the truth."""

    def options(fqrn: str, at: Server | None = None, **more: str) -> list[str | Path]:
        repositories.need(fqrn)
        url = (at or server).url
        return truth_options(fqrn, url, repositories.key(fqrn), more)

    return options
