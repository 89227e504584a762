# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs modules of CPython's own test suite: `outcomes.py [OPTION...] MODULE...`.

Options are those of its runner: `-m` chooses tests by a pattern, `-i` leaves out. Prints
a line for each test and what came of it; what the tests say goes to a file.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ET

KINDS = ("failure", "error", "skipped")


def outcomes(result: str) -> list[str]:
    """A line for each test of a report in JUnit's form."""
    lines = []
    for case in ET.parse(result).iter("testcase"):
        kinds = [kind for kind in KINDS if case.find(kind) is not None]
        lines.append(f"{case.get('name')}: {' '.join(kinds) or 'ok'}")
    return sorted(lines)


def main(chosen: list[str]) -> int:
    place = tempfile.mkdtemp()
    result = os.path.join(place, "result.xml")
    words = [sys.executable, "-m", "test", "--junit-xml", result, "--timeout", "1500"]
    words += ["--tempdir", place, "-u", "none"]
    # In a virtual machine they wait for its host, for ever.
    words += ["-i", "*VSOCK*"]
    with open(os.path.join(os.environ["HOME"], "said"), "w+b") as said:
        status = subprocess.call([*words, *chosen], stdout=said, stderr=said)
        print("status", status)
        if not os.path.exists(result):
            said.seek(0)
            sys.stdout.buffer.write(said.read())
            return 1
    lines = outcomes(result)
    print("\n".join(lines))
    print(sum(line.endswith("ok") for line in lines), "passed of", len(lines))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
