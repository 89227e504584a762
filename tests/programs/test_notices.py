# SPDX-License-Identifier: GPL-2.0-or-later
"""What a job is refused is said in one line: rights of set-user-ID programs, tracing."""

from __future__ import annotations

import os
import stat
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.places import need_tool, need_user
from tests.support.run import Runner

Configured = Callable[..., list[Any]]
FQRN = "sha1.example.org"
USER = 65534
# What a process may do, and whether the loader distrusts its caller.
RIGHTS = """
#include <linux/capability.h>
#include <stdio.h>
#include <sys/auxv.h>
#include <sys/syscall.h>
#include <unistd.h>
int main(void)
{
    struct __user_cap_header_struct header = { _LINUX_CAPABILITY_VERSION_3, 0 };
    struct __user_cap_data_struct data[2];
    if (syscall(SYS_capget, &header, data) < 0)
        return 1;
    printf("%x %x ", data[0].permitted, data[0].effective);
    printf("%x %lu\\n", data[0].inheritable, getauxval(AT_SECURE));
    return 0;
}
"""
LEAK = "#include <stdlib.h>\nint main(void) { return malloc(9) == 0; }\n"


def set_user_id_program() -> str:
    """One of the host's that does nothing but tell its version, or a skip."""
    for name in ("su", "sudo", "newgrp", "umount", "passwd"):
        for place in ("/usr/bin", "/bin"):
            path = f"{place}/{name}"
            if os.access(path, os.X_OK) and os.stat(path).st_mode & stat.S_ISUID:
                return os.path.realpath(path)
    pytest.skip("no set-user-ID program of root on this machine (Debian: passwd)")


def test_a_set_user_id_program_runs_as_its_caller_and_that_is_said_once(
    run: Runner, configured: Configured, place: Path
) -> None:
    program = set_user_id_program()
    uid = os.geteuid() or 65534
    need_user(uid)
    place.chmod(0o777)
    script = f"{program} --help; {program} --help >/dev/null; id -u"
    result = run("sh", "-c", script, options=configured(FQRN), uid=uid).ok()
    assert result.text.splitlines()[-1] == str(uid)
    assert len(result.messages) == 1, result.errors
    assert program in result.messages[0]


def test_a_set_user_id_program_that_gains_nothing_is_not_spoken_of(
    run: Runner, configured: Configured, place: Path
) -> None:
    program = place / "program"
    program.write_bytes(Path("/bin/true").read_bytes())
    program.chmod(0o6755)
    result = run(program, options=configured(FQRN)).ok()
    assert result.errors == []


def test_a_set_user_id_program_that_gains_nothing_in_a_users_namespace_is_not_spoken_of(
    run: Runner, configured: Configured, place: Path
) -> None:
    """Its owner has no number there, so that it runs as its caller natively too."""
    program = set_user_id_program()
    uid = os.geteuid() or USER
    need_user(uid)
    place.chmod(0o777)
    words = ("unshare", "-U", "-r", program, "--help")
    who: dict[str, Any] = {"user": uid} if os.geteuid() == 0 else {}
    native = subprocess.run(words, check=False, capture_output=True, **who)
    if native.stderr.startswith(b"unshare"):
        pytest.skip(f"no namespace of users: {native.stderr.decode()}")
    result = run(*words, options=configured(FQRN), uid=uid)
    assert (result.status, result.stderr) == (native.returncode, native.stderr)


@pytest.fixture
def capable(place: Path) -> Path:
    """A program with capabilities, which a user who is not root may execute."""
    if os.geteuid() != 0:
        pytest.skip("only root can give a file capabilities")
    (place / "rights.c").write_text(RIGHTS)
    words = [need_tool("gcc"), "-o", place / "rights", place / "rights.c"]
    subprocess.run(words, check=True)
    words = [need_tool("setcap", "libcap2-bin"), "cap_net_raw,cap_chown=ep"]
    given = subprocess.run([*words, place / "rights"], check=False, capture_output=True)
    if given.returncode != 0:
        pytest.skip(f"no capabilities on this file system: {given.stderr.decode()}")
    return place / "rights"


def natively(*words: str | Path) -> str:
    """What a command prints as an ordinary user."""
    who: dict[str, Any] = {"user": USER, "group": USER, "extra_groups": []}
    return subprocess.run(
        words, check=True, capture_output=True, text=True, **who
    ).stdout


def test_file_capabilities_are_lost_as_with_no_new_privileges_and_that_is_said_once(
    run: Runner, configured: Configured, place: Path, capable: Path
) -> None:
    need_user(USER)
    place.chmod(0o777)
    gained = natively(capable)
    lost = natively(need_tool("setpriv", "util-linux"), "--no-new-privs", capable)
    assert (gained, lost) == ("2001 2001 0 1\n", "0 0 0 1\n")
    script = f"{capable}; {capable}"
    result = run("sh", "-c", script, options=configured(FQRN), uid=USER).ok()
    assert result.text == lost + lost
    assert len(result.messages) == 1, result.errors
    assert (
        f"a program with file capabilities has the rights of its caller here: "
        f"{capable} " in result.messages[0]
    )


def test_file_capabilities_of_a_program_of_root_are_not_spoken_of(
    run: Runner, configured: Configured, capable: Path
) -> None:
    native = subprocess.run([capable], check=True, capture_output=True).stdout
    result = run(capable, options=configured(FQRN)).ok()
    assert (result.stdout, result.errors) == (native, [])


def test_a_leak_check_fails_with_a_line_that_names_the_cure(
    run: Runner, configured: Configured, place: Path
) -> None:
    (place / "leak.c").write_text(LEAK)
    flags = ("-fsanitize=address", "-o", place / "leak", place / "leak.c")
    done = subprocess.run([need_tool("gcc"), *flags], check=False, capture_output=True)
    if done.returncode != 0:
        pytest.skip("this gcc has no AddressSanitizer (Debian: libasan8)")
    result = run(place / "leak", options=configured(FQRN))
    assert result.status == 1, result.explain()
    assert len(result.messages) == 1, result.errors
    assert "ASAN_OPTIONS=detect_leaks=0" in result.messages[0]
    env = {"PATH": "/usr/bin:/bin", "ASAN_OPTIONS": "detect_leaks=0"}
    result = run(place / "leak", options=configured(FQRN), env=env).ok()
    assert result.errors == []
