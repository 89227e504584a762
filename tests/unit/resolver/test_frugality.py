# SPDX-License-Identifier: GPL-2.0-or-later
"""A warm start is cheap, and the numbers of the stats file are there."""

from __future__ import annotations

import json
import subprocess
import sys
import time

from interpose import native
from tests.unit.resolver.conftest import Start, contents, opened
from tests.unit.resolver.driver import ROOT, Resolver

SHA1 = "sha1.example.org"
# Not cryptography: stored signatures are verified again.
HEAVY = ["requests", "urllib3", "sqlite3", "concurrent", "logging"]
TELLING = f"""
import sys
sys.path.insert(0, {str(ROOT)!r})
from interpose.resolver.program import main
status = main(sys.argv[1:])
sys.stderr.write("\\n".join(sys.modules))
sys.exit(status)
"""


def test_a_warm_start_imports_nothing_heavy(start: Start) -> None:
    cold = start(SHA1)
    contents(cold, SHA1)
    settings = cold.settings[1:]  # All but the scratch.
    warm = Resolver(cold.scratch.parent / "warm", {}, settings, TELLING)
    with warm:
        contents(warm, SHA1)
        assert warm.end() == 0
    loaded = set(warm.lines())
    assert "interpose.resolver.loop" in loaded
    assert sorted(loaded & set(HEAVY)) == []


def test_no_methods_are_compiled_at_a_start() -> None:
    """A dataclass does that, for 0.5 to 1 ms each; a NamedTuple hardly."""
    code = (
        f"import sys; sys.path.insert(0, {str(ROOT)!r})\n"
        "import interpose.resolver.program, interpose.config.evaluate\n"
        "sys.exit('dataclasses' in sys.modules)\n"
    )
    subprocess.run([sys.executable, "-I", "-c", code], check=True)


def test_statistics_have_the_promised_keys(start: Start) -> None:
    resolver = start(SHA1)
    contents(resolver, SHA1)
    numbers = json.loads(resolver.ask(native.STATISTICS).body)
    assert set(numbers) == {"repositories", "network", "resolver"}
    (repository,) = numbers["repositories"]
    assert set(repository) == set(
        "fqrn revision root_hash tag opens files_read catalogs_loaded index_reused "
        "objects_from objects_trusted objects_copied objects_ahead bytes_fetched "
        "seconds errors".split()
    )
    assert set(repository["objects_from"]) == {"private", "alien", "network"}
    assert set(repository["seconds"]) == {"network", "verify", "cache"}
    assert set(numbers["network"]) >= set(
        "requests bytes by_host proxy retries failovers".split()
    )
    assert numbers["resolver"]["max_rss_bytes"] > 0
    assert repository["catalogs_loaded"] == 3
    assert repository["bytes_fetched"] > 0


def test_the_record_says_until_when_it_counts(start: Start) -> None:
    record = opened(start(SHA1), SHA1)
    left_s = record.valid_until - time.time()
    assert 0 < left_s <= 240
    capped = opened(
        start("tagged.example.org", CVMFS_MAX_TTL="1"), "tagged.example.org"
    )
    assert capped.valid_until - time.time() <= 60


def test_names_are_those_of_the_configuration_and_what_is_open(start: Start) -> None:
    resolver = start(SHA1, CVMFS_REPOSITORIES="b.example.org,a.example.org")
    assert resolver.ask(native.LIST).body == b"a.example.org\nb.example.org\n"
    opened(resolver, SHA1)
    listed = resolver.ask(native.LIST).body.split()
    assert SHA1.encode() in listed
