# SPDX-License-Identifier: GPL-2.0-or-later
"""A program that restricts itself by Landlock (landlock(7))."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.run import Runner

Configured = Callable[..., list[Any]]
FQRN = "tricky.example.org"
README = f"/cvmfs/{FQRN}/README"
CREATE_RULESET, VERSION = 444, 1
# argv: a file or directory, then all that may be read from then on.
RULES = """
import ctypes, errno, os, struct, sys
kernel = ctypes.CDLL(None, use_errno=True)
READ = 1 | 4 | 8  # LANDLOCK_ACCESS_FS_ EXECUTE, READ_FILE, READ_DIR
def packed(*words):
    return ctypes.create_string_buffer(struct.pack(*words))
rules = kernel.syscall(444, packed('<QQQ', READ, 0, 0), 8, 0)
for path in sys.argv[2:]:
    rule = packed('<Qi', READ, os.open(path, os.O_PATH))
    assert kernel.syscall(445, rules, 1, rule, 0) == 0, path
def restrict():
    kernel.prctl(38, 1, 0, 0, 0)
    assert kernel.syscall(446, rules, 0) == 0
"""
RESTRICTED = (
    RULES
    + """
before = open(sys.argv[1], 'rb')
restrict()
assert before.read()
try:
    print(len(open(sys.argv[1], 'rb').read()) > 0, os.stat(sys.argv[1]).st_size > 0)
except OSError as error:
    print(errno.errorcode[error.errno], os.stat(sys.argv[1]).st_size > 0)
"""
)


LISTING = (
    RULES
    + """
os.listdir(os.path.dirname(sys.argv[1]))
restrict()
print(os.listdir(sys.argv[1]) != [], os.chdir(sys.argv[1]), os.getcwd() == sys.argv[1])
"""
)


def outcome(run: Runner, options: list[Any], *may_be_read: str | Path) -> str:
    command = ("/usr/bin/python3", "-I", "-c", RESTRICTED, README, *may_be_read)
    return run(*command, options=options).ok().text.strip()


def test_landlock_rules_are_about_the_objects(
    run: Runner, configured: Configured
) -> None:
    kernel = ctypes.CDLL(None)
    if kernel.syscall(CREATE_RULESET, None, 0, VERSION) < 1:
        pytest.skip("this kernel has no Landlock")
    options = configured(FQRN)
    assert outcome(run, options, "/") == "True True"
    assert outcome(run, options, "/usr", run.cache) == "True True"
    assert outcome(run, options, "/usr", Path(README).parent) == "EACCES True"


def test_directories_are_found_where_landlock_lets_somebody_look(
    run: Runner, configured: Configured
) -> None:
    """Those in memory are hidden; the scratch is not."""
    if ctypes.CDLL(None).syscall(CREATE_RULESET, None, 0, VERSION) < 1:
        pytest.skip("this kernel has no Landlock")
    folder = str(Path(README).parent)
    words = ("/usr/bin/python3", "-I", "-c", LISTING, folder, "/usr", run.scratch)
    assert run(*words, options=configured(FQRN)).ok().text == "True None True\n"
