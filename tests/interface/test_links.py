# SPDX-License-Identifier: GPL-2.0-or-later
"""Links whose text lies nowhere: with variables, and of the host on a way to /cvmfs."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from tests.support.published import Publisher
from tests.support.run import Result, Runner

FQRN = "links.example.org"
TOP = f"/cvmfs/{FQRN}"
LINKS = 40
LONG = "./" * 2020


def publish(place: Path) -> list[str | Path]:
    """A tree with such links, and options for it."""
    links = {
        "variant": "$(WALK_DIR)/file",
        "unset": "$(WALK_NONE)dir/$(WALK_NONE:-file)",
        "variant_long": LONG + "$(WALK_DIR)/",
        "variant_host": "$(WALK_HOST)/in/file",
        "too_long": "$(WALK_DOTS)" + LONG + "dir",
        "long_0": "dir",
        "chain_0": "dir",
        "out": f"{place}/host_long_37",
        "out_too_often": f"{place}/host_long_39",
    }
    for number in range(1, LINKS + 1):
        # What is left of each is walked when all the others have been.
        links[f"long_{number}"] = f"long_{number - 1}/" + LONG + "."
        links[f"chain_{number}"] = f"$(WALK_EMPTY)chain_{number - 1}/./"
    tree = place / "tree"
    (tree / "dir").mkdir(parents=True)
    (tree / "dir/file").write_text("file\n")
    for name, target in links.items():
        (tree / name).symlink_to(target)
    publisher = Publisher(place)
    publisher.publish(tree, FQRN)
    return publisher.options(FQRN, f"file://{publisher.storage}")


def host_links(place: Path) -> None:
    (place / "in").symlink_to(f"{TOP}/dir")
    (place / "host_long_0").symlink_to(f"{LONG}in")
    for number in range(1, LINKS + 1):
        (place / f"host_long_{number}").symlink_to(f"{LONG}host_long_{number - 1}")


def outcomes(run: Runner, place: Path, paths: dict[str, str]) -> Result:
    """Prints what is in each file, or the error."""
    host_links(place)
    variables = {"WALK_DIR": "dir", "WALK_HOST": str(place), "WALK_EMPTY": ""}
    variables["WALK_DOTS"] = "./" * 30
    script = 'for path; do cat "$path" 2>&1; done | sed "s/^cat: .*: //"'
    return run(
        *("sh", "-c", script, "sh", *paths),
        options=publish(place),
        env={**run.environment(), **variables},
    ).ok()


def test_links_without_a_place_of_their_own_are_followed(
    run: Runner, place: Path
) -> None:
    found, loop = "file", os.strerror(errno.ELOOP)
    long = os.strerror(errno.ENAMETOOLONG)
    paths = {
        f"{TOP}/variant": found,
        f"{TOP}/unset": found,
        f"{TOP}/variant_long/file": found,
        f"{TOP}/variant_long/../variant_long/../variant_long/./file": found,
        f"{TOP}/variant_host": found,
        f"{TOP}/too_long/file": long,
        f"{TOP}/chain_39/file": found,
        f"{TOP}/chain_40/file": loop,
        f"{TOP}/long_39/file": found,
        f"{TOP}/long_40/file": loop,
        f"{TOP}/long_19/../long_19/file": found,
        f"{TOP}/long_19/../long_20/file": loop,
        f"{place}/in/file": found,
        f"{place}/in/../variant": found,
        f"{place}/in/../variant_host": found,
        f"{place}/host_long_38/file": found,
        f"{place}/host_long_39/file": loop,
        f"{TOP}/out/file": found,
        f"{TOP}/out/../variant_long/file": loop,
        f"{TOP}/out_too_often/file": loop,
    }
    said = outcomes(run, place, paths)
    assert dict(zip(paths, said.text.splitlines())) == paths, said.explain()


def test_a_link_of_the_host_to_a_text_of_proc_leads_to_ours(
    run: Runner, place: Path
) -> None:
    """As /etc/mtab does."""
    options = publish(place)
    (place / "mounts").symlink_to("/proc/self/mounts")
    (place / "again").symlink_to("mounts")
    (place / "folder").symlink_to("/proc/self")
    names = [str(place / name) for name in ("mounts", "again", "folder/mounts")]
    for name in ("/proc/self/mounts", *names):
        script = f'cd {TOP} && cat "$0" "$0"'
        result = run("sh", "-c", script, name, options=options).ok()
        assert result.text.count(f" {TOP} ") == 2, name
