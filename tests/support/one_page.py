# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs pytest and prints a page of what it says; the whole goes into a file.

python -m tests.support.one_page LOG [PYTEST ARGUMENT...]

Progress and the closing line are printed as they come. Of failures: the first one, cut
to a screen, then the names of some, then the number of all and the path of the file.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

FIRST_LINES, NAMES, WIDTH = 40, 20, 200
SECTION = re.compile(r"=+ ([A-Za-z ]+) =+$")
OUTCOME = re.compile(r"(FAILED|ERROR) ")


def page(lines: Iterable[str]) -> Iterator[str]:
    """The lines of pytest's output that are shown, each when it has come."""
    section, first, names, left_out = "", 0, 0, 0
    for raw in lines:
        line = raw.rstrip("\n")[:WIDTH]
        found = SECTION.match(line)
        if found:
            section = found.group(1)
        if section in {"FAILURES", "ERRORS"}:
            first += 1
            if first <= FIRST_LINES:
                yield line
        elif OUTCOME.match(line):
            names += 1
            if names <= NAMES:
                yield line
            else:
                left_out += 1
        elif section == "short test summary info" and line.startswith("SKIPPED"):
            yield line
        elif section != "short test summary info" or re.search(r" in [\d.]+s", line):
            if left_out and re.search(r"\d+ failed|\d+ error", line):
                yield f"... and {left_out} more"
            yield line
        elif found:
            yield line


def main(arguments: list[str]) -> int:
    """Pytest's own exit status."""
    log = Path(arguments[0])
    log.parent.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "pytest", *arguments[1:]]
    with (
        log.open("w", encoding="utf-8", errors="replace") as file,
        subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        ) as pytest,
    ):
        assert pytest.stdout is not None

        def kept() -> Iterator[str]:
            assert pytest.stdout is not None
            for line in pytest.stdout:
                file.write(line)
                yield line

        for line in page(kept()):
            print(line, flush=True)
        status = pytest.wait()
    if status not in {0, 5}:
        print(f"all of it: {log}", flush=True)
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
