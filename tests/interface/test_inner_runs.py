# SPDX-License-Identifier: GPL-2.0-or-later
"""What an interpose_run adds to the one around it, and what it may not change."""

from __future__ import annotations

import json
import os
import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.places import Repositories, program
from tests.support.run import Result, Runner
from tests.support.web import Server

ONE = "sha1.example.org"
OTHER = "tagged.example.org"
THIRD = "rmd160.example.org"
DIRECT = ("-o", "CVMFS_HTTP_PROXY=DIRECT")
Naming = Callable[..., str]
Words = tuple[Any, ...]


@pytest.fixture
def naming(repositories: Repositories, server: Server) -> Naming:
    """`naming(fqrn)`: the repository as an `-r` that needs no configuration."""

    def text(fqrn: str, pin: str = "", key: Path | None = None) -> str:
        repositories.need(fqrn)
        key = key or repositories.key(fqrn)
        return f"{fqrn}{pin}={server.url}/cvmfs/{fqrn},pubkey={key}"

    return text


def inner(*options: str | Path, command: Words) -> Words:
    return (program("interpose_run"), *options, "--", *command)


def listing(fqrn: str) -> Words:
    return ("/bin/ls", "-A", f"/cvmfs/{fqrn}")


def shell(*commands: Words) -> Words:
    """One after the other; the status of the last one."""
    lines = [shlex.join(map(str, command)) for command in commands]
    return ("/bin/sh", "-c", "; ".join(lines))


def test_a_repository_is_added(run: Runner, naming: Naming) -> None:
    alone = run(*listing(OTHER), options=["-r", naming(OTHER), *DIRECT]).ok()
    outer = ["-r", naming(ONE), *DIRECT]
    words = inner("-r", naming(OTHER), command=listing(OTHER))
    found = run(*words, options=outer).ok()
    assert found.stdout == alone.stdout != b""
    assert not found.messages


def test_what_was_not_there_before_is_there_for_all(
    run: Runner, naming: Naming
) -> None:
    """Processes beside the inner run see it, too, and `ls /cvmfs` shows it."""
    look = shell(
        ("/bin/ls", f"/cvmfs/{OTHER}"),
        inner("-r", naming(OTHER), command=("/bin/true",)),
        listing(OTHER),
        ("/bin/ls", "/cvmfs"),
    )
    found = run(*look, options=["-r", naming(ONE), *DIRECT]).ok()
    assert any("No such file" in line for line in found.errors)
    assert found.text.split()[-2:] == [ONE, OTHER]


def test_an_addition_of_an_addition(run: Runner, naming: Naming) -> None:
    """Three levels; the innermost names what the two around it have, and more."""
    names = [naming(ONE), naming(OTHER), naming(THIRD)]
    look = shell(listing(ONE), listing(OTHER), listing(THIRD))
    third = inner("-r", names[1], "-r", names[2], command=look)
    second = inner("-r", names[1], command=third)
    found = run(*second, options=["-r", names[0], *DIRECT]).ok()
    alone = run(*look, options=[w for n in names for w in ("-r", n)] + [*DIRECT]).ok()
    assert found.stdout == alone.stdout
    assert not found.messages


def test_configuration_of_other_repositories_is_added(
    run: Runner, repositories: Repositories, server: Server, naming: Naming, place: Path
) -> None:
    repositories.need(OTHER)
    (place / "add.conf").write_text(
        f"CVMFS_SERVER_URL={server.url}/cvmfs/@fqrn@\nCVMFS_PUBLIC_KEY=other.pub\n"
    )
    (place / "inside").mkdir()
    key = place / "inside/other.pub"
    key.write_bytes(repositories.key(OTHER).read_bytes())
    words = inner(
        *("--config", "../add.conf", "-o", "CVMFS_PUBLIC_KEY=other.pub"),
        command=listing(OTHER),
    )
    chdir = ("/usr/bin/env", "-C", str(place / "inside"), *words)
    # What is not open yet gets the parameter, what nobody has opened cannot differ.
    found = run(*chdir, options=DIRECT, cwd=place)
    assert (
        found.ok().stdout
        == run(*listing(OTHER), options=["-r", naming(OTHER), *DIRECT]).ok().stdout
    )


def refused(found: Result, *parts: str) -> None:
    assert found.status == 125, found.explain()
    assert found.stdout == b""
    for part in parts:
        assert part in found.messages[-1]


def test_what_is_open_keeps_its_configuration(run: Runner, naming: Naming) -> None:
    outer = ["-r", naming(ONE), *DIRECT]
    for words, parts in (
        (("-r", naming(ONE, "@v1")), (f"--repository {ONE}@v1", "TAG is v1", "none")),
        (("-o", "CVMFS_TIMEOUT=77"), ("--option CVMFS_TIMEOUT", "is 77", "has 5")),
        (("-r", f"{ONE}=http://127.0.0.1:1/x"), (f"--repository {ONE}", ":1/x")),
    ):
        refused(run(*inner(*words, command=listing(ONE)), options=outer), *parts)


def test_a_value_that_the_outer_run_gave_is_not_changed(
    run: Runner, place: Path
) -> None:
    """Though nothing is open. The values of both are said."""
    (place / "other.conf").write_text("\nCVMFS_HTTP_PROXY=http://other:1\n")
    conf = str(place / "other.conf")
    for options in (("-o", "CVMFS_HTTP_PROXY=http://other:1"), ("--config", conf)):
        found = run(*inner(*options, command=("/bin/echo",)), options=DIRECT)
        named = "--option" if options[0] == "-o" else f"--config {conf}:2"
        refused(found, named, "http://other:1", "has DIRECT")
    assert "CVMFS_HTTP_PROXY" in found.messages[-1]


def test_both_values_of_other_options_are_said(run: Runner, place: Path) -> None:
    found = run(*inner("--cache", place / "elsewhere", command=("/bin/echo",)))
    refused(found, f"--cache {place}/elsewhere", f"has {run.cache}")


def test_trust_of_what_the_outer_run_covers_stays(
    run: Runner, repositories: Repositories, server: Server, place: Path, naming: Naming
) -> None:
    """A repository is named by the outer run and not open: keys and hashes stay."""
    site = place / "site/config.d"
    site.mkdir(parents=True)
    (site / f"{OTHER}.conf").write_text(
        f"CVMFS_SERVER_URL={server.url}/cvmfs/@fqrn@\n"
        f"CVMFS_PUBLIC_KEY={repositories.key(OTHER)}\n"
    )
    outer = ["--config", place / "site", *DIRECT]
    wrong = repositories.key("wrongkey.example.org")
    for option, name in (
        (naming(OTHER, key=wrong), "CVMFS_PUBLIC_KEY"),
        (f"{OTHER}@{'a' * 40}", "CVMFS_ROOT_HASH"),
        (f"{OTHER}=http://127.0.0.1:1/x", "CVMFS_SERVER_URL"),
    ):
        found = run(*inner("-r", option, command=listing(OTHER)), options=outer)
        refused(found, f"--repository {option}", name)
    general = inner("-o", f"CVMFS_PUBLIC_KEY={wrong}", command=listing(OTHER))
    found = run(*general, options=outer).ok()
    assert found.stdout
    assert "CVMFS_PUBLIC_KEY" in found.messages[-1]
    tag = inner("-r", f"{OTHER}@v1.0", command=listing(OTHER))
    assert run(*tag, options=outer).ok().stdout


def test_what_cannot_be_opened_is_not_added(run: Runner, naming: Naming) -> None:
    outer = ["-r", naming(ONE), *DIRECT]
    wrong = f"{OTHER}=http://127.0.0.1:1/x,pubkey=/nowhere.pub"
    look = shell(
        inner("-r", wrong, command=("/bin/echo",)),
        inner("-r", naming(OTHER), command=listing(OTHER)),
    )
    found = run(*look, options=outer).ok()
    assert f"--repository {OTHER}" in found.messages[-1]
    assert found.stdout


def test_what_an_earlier_job_kept_is_not_used_for_what_is_added(
    run: Runner, naming: Naming
) -> None:
    """The outer run starts warm: its tracer opens without a resolver."""
    outer = ["-r", naming(ONE), *DIRECT]
    run(*listing(ONE), options=outer).ok()
    words = inner("-r", naming(ONE, "@v1"), command=listing(ONE))
    refused(run(*words, options=outer), f"--repository {ONE}@v1")
    words = inner("-r", naming(OTHER), command=listing(OTHER))
    assert run(*words, options=outer).ok().stdout
    found = run(*listing(OTHER), options=outer)
    assert found.status == 2
    assert "No such file" in found.errors[-1]


def test_an_addition_outlives_its_resolver(run: Runner, naming: Naming) -> None:
    """It is killed; the next one knows what was added."""
    kill = (
        "import os, signal, psutil\n"
        "tracer = int(next(line.split()[1] for line in open('/proc/self/status')\n"
        "                  if line.startswith('TracerPid')))\n"
        "for child in psutil.Process(tracer).children():\n"
        "    if 'interpose.resolver' in child.cmdline():\n"
        "        child.kill()\n"
        "        print('killed', flush=True)\n"
    )
    look = shell(
        inner("-r", naming(OTHER), command=("/bin/true",)),
        (sys.executable, "-c", kill),
        ("/bin/cp", "-r", f"/cvmfs/{OTHER}", run.place / "copy"),
    )
    assert run(*look, options=["-r", naming(ONE), *DIRECT]).ok().text == "killed\n"
    assert any((run.place / "copy").iterdir())


def test_another_user_adds_nothing(run: Runner, naming: Naming) -> None:
    """Files would be read by the run's user, and not by who asks."""
    if os.geteuid() != 0:
        pytest.skip("only root's jobs become another user")
    change = (
        "import os, sys\n"
        "os.setgroups([]); os.setgid(65534); os.setuid(65534)\n"
        "os.execv(sys.argv[1], sys.argv[1:])\n"
    )
    words = inner("-r", naming(OTHER), command=("/bin/echo",))
    found = run(sys.executable, "-c", change, *words, options=DIRECT)
    refused(found, "--repository", "another user")


# ---- statistics ----


def test_figures_are_those_of_the_inner_run(
    run: Runner, naming: Naming, place: Path
) -> None:
    outside = ("/bin/sh", "-c", f"for i in 1 2 3 4 5; do cat /cvmfs/{ONE}/README; done")
    count = ("/bin/sh", "-c", f"cat /cvmfs/{ONE}/README; cat /cvmfs/{OTHER}/README; :")
    words = inner("--stats", place / "inner.json", "-r", naming(OTHER), command=count)
    look = shell(words)
    first = run(
        *outside[:2],
        f"{outside[2]}; {look[2]}; {outside[2]}",
        options=["-r", naming(ONE), *DIRECT, "--no-fastpath"],
        stats=True,
    ).ok()
    found = json.loads((place / "inner.json").read_text())
    assert found["joined"] is True
    assert "joined" not in first.stats
    assert found["job"]["processes"] == 3
    for name in ("stops", "answered", "redirected"):
        assert 0 < found["tracer"][name] < first.stats["tracer"][name] / 2
    assert 0 < found["tracer"]["cpu_s"] < first.stats["tracer"]["cpu_s"]
    by_name = {one["fqrn"]: one for one in found["repositories"]}
    # Of its span: opened before it, read in it.
    assert by_name[ONE]["opens"] == 0
    assert by_name[OTHER]["catalogs_loaded"] + by_name[OTHER]["index_reused"] > 0
    assert found["network"]["requests"] < first.stats["network"]["requests"]


def test_an_inner_run_of_an_inner_run_counts_for_both(
    run: Runner, naming: Naming, place: Path
) -> None:
    innermost = inner("--stats", place / "3.json", command=listing(ONE))
    both = shell(listing(ONE), innermost)
    middle = inner("--stats", place / "2.json", command=both)
    run(*middle, options=["-r", naming(ONE), *DIRECT]).ok()
    two, three = (json.loads((place / f"{n}.json").read_text()) for n in (2, 3))
    assert three["job"]["processes"] == 1
    assert two["job"]["processes"] == 4
    assert 0 < three["tracer"]["stops"] < two["tracer"]["stops"]


def test_figures_where_no_resolver_was_needed(
    run: Runner, naming: Naming, place: Path
) -> None:
    outer = ["-r", naming(ONE), *DIRECT]
    run(*listing(ONE), options=outer).ok()
    words = inner("--stats", place / "inner.json", command=listing(ONE))
    run(*words, options=outer).ok()
    found = json.loads((place / "inner.json").read_text())
    assert found["tracer"]["answered"] + found["tracer"]["redirected"] > 0
    assert found["repositories"] == []
    assert found["resolver"] is None
