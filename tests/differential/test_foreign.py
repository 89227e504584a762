# SPDX-License-Identifier: GPL-2.0-or-later
"""Programs of /cvmfs that an interpreter of binfmt_misc runs, as from a directory.

A user namespace has handlers of its own (Linux 6.7).
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.support.places import need_tool
from tests.support.published import Publisher
from tests.support.run import Runner
from tests.support.web import Server

FQRN = "foreign.example.org"
SOURCE = Path(__file__).parent / "programs/foreign.c"
LONG = "a-directory-with-a-name/that-is-as-long-as-those-of-real-software/which-is-long"
REGISTER = r"""
mount -t binfmt_misc none /proc/sys/fs/binfmt_misc 2>/dev/null || exit 77
register=/proc/sys/fs/binfmt_misc/register interpreter=$1 flags=$2 tree=$3
echo ":first:M::FOREIGN::$interpreter:$flags" > $register
echo ":last:E::foreign::$interpreter:$flags" > $register
"""
RUNS = rf"""
cd "$tree/{LONG}"; here=$PWD; $here/program one "two three" ""
$here/named.foreign one; $here/link.foreign two; $here/script three
$here/other.ending; echo $?; $here/other; echo $?
"""
SHORT = rf"""
cd "$tree/{LONG}"; ./program one two; ./named.foreign; ./link.foreign; cd ..; */program
"""


@dataclass(frozen=True)
class Foreign:
    """One tree, published; `run` has the options for it."""

    tree: Path
    interpreter: Path
    run: Callable[..., str]

    def both(self, flags: str, script: str) -> tuple[str, str]:
        """What a script prints natively, with the names of ours, and under us."""
        words = [need_tool("unshare", "util-linux"), "-Urm", "sh", "-c"]
        words += [REGISTER + script, "sh", str(self.interpreter), flags]
        native = subprocess.run(
            [*words, str(self.tree)], check=False, capture_output=True, text=True
        )
        if native.returncode == 77 or "unshare" in native.stderr:
            pytest.skip("no handlers of binfmt_misc in a user namespace here")
        wanted = native.stdout.replace(str(self.tree), f"/cvmfs/{FQRN}")
        return wanted, self.run(*words, f"/cvmfs/{FQRN}")


@pytest.fixture
def foreign(run: Runner, place: Path, serve: Callable[[Path], Server]) -> Foreign:
    tree, interpreter = place / "tree", place / "interpreter"
    words = [need_tool("gcc"), "-O1", "-Wall", "-Werror", "-o", interpreter, SOURCE]
    subprocess.run(words, check=True)
    (tree / LONG).mkdir(parents=True)
    texts = {
        "program": "FOREIGN\n",
        "named.foreign": "content\n",
        "script": f"#!/cvmfs/{FQRN}/{LONG}/program an argument\n",
        "other.ending": "echo by a shell\n",
        "other": "\x7fELF of no machine, and no handler",
    }
    for name, text in texts.items():
        (tree / LONG / name).write_text(text)
        (tree / LONG / name).chmod(0o755)
    (tree / LONG / "link.foreign").symlink_to("program")
    publisher = Publisher(place)
    publisher.publish(tree, FQRN)
    options: list[Any] = publisher.options(FQRN, serve(publisher.storage).url)
    # Natively the tree is no directory of /cvmfs.
    script = tree / LONG / "script"
    script.write_text(script.read_text().replace(f"/cvmfs/{FQRN}", str(tree)))

    def job(*words: str) -> str:
        return run(*words, options=options).ok().text

    return Foreign(tree, interpreter, job)


@pytest.mark.parametrize("flags", ["", "P", "O", "OC", "POCF"])
def test_an_interpreter_is_told_what_it_is_told_of_a_directory(
    foreign: Foreign, flags: str
) -> None:
    wanted, found = foreign.both(flags, RUNS)
    assert wanted.count("content") == 4
    assert found == wanted


def test_of_a_short_name_the_command_line_has_empty_words(foreign: Foreign) -> None:
    """The name takes the place of that of an object, which is longer."""
    wanted, found = foreign.both("P", SHORT)
    assert wanted.count("content") == 4
    assert found != wanted
    assert re.sub(r"\|{2,}", "|", found) == re.sub(r"\|{2,}", "|", wanted)
