# SPDX-License-Identifier: GPL-2.0-or-later
"""Tools that trace, in a job: the refusal that they expect, and one line of ours."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.places import need_tool, py_spy
from tests.support.run import Runner

LINE = "interpose: a process has one tracer, which is interpose_run here: "
# Ends well, has no leak, and overflows a buffer if it is told to.
SANITIZED = """
#include <stdlib.h>
#include <string.h>
int main(int argc, char **argv)
{
	char *bytes = malloc(8), *volatile end = bytes + 8;
	int number = 2147483646 + argc;
	memset(bytes, argc, 8);
	if (argc > 1)
		*end = *argv[1];
	free(bytes);
	return number == 0 ? 1 : 0;
}
"""


@pytest.fixture(scope="session")
def sanitized(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Directory with one program for each sanitizer; a missing one is not there."""
    place = tmp_path_factory.mktemp("sanitized")
    place.chmod(0o755)
    source = place / "program.c"
    source.write_text(SANITIZED)
    for name in ("address", "thread", "undefined", "leak"):
        words = [need_tool("gcc"), "-g", f"-fsanitize={name}", source]
        words += ["-o", place / name]
        subprocess.run(list(map(str, words)), check=False, capture_output=True)
    return place


def need(sanitized: Path, name: str) -> Path:
    if not (sanitized / name).exists():
        pytest.skip(f"this compiler has no -fsanitize={name}")
    return sanitized / name


@pytest.mark.parametrize(
    "words",
    [
        ("gdb", "-nx", "-batch", "-ex", "run", "--args", "/bin/true"),
        # Some versions wait for a child of their own that they could not trace.
        ("timeout", "-s", "KILL", "30", "gdb", "-nx", "-batch", "-p", "1"),
        ("strace", "-f", "/bin/true"),
        ("strace", "-p", "$$"),
    ],
    ids=["gdb runs", "gdb attaches", "strace runs", "strace attaches"],
)
def test_a_debugger_is_refused_and_one_line_says_why(
    run: Runner, words: tuple[str, ...]
) -> None:
    need_tool("gdb" if "gdb" in words else "strace")
    result = run("bash", "-c", " ".join(words) + "; echo $?; exit")
    has_ended = result.text.split()[-1] != str(128 + signal.SIGKILL)
    assert ("Operation not permitted" in result.stderr.decode()) or not has_ended
    assert "Function not implemented" not in result.stderr.decode()
    # gdb writes its own line in pieces: ours may stand within it.
    assert result.stderr.decode().count(LINE) == 1


def test_reading_the_memory_of_another_process_works(run: Runner) -> None:
    """py-spy without stops, and shared memory of MPI, read with process_vm_readv."""
    code = """
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
text = ctypes.create_string_buffer(b'in the child')
class Part(ctypes.Structure):
    _fields_ = [('base', ctypes.c_void_p), ('len', ctypes.c_size_t)]
read, write = os.pipe()
child = os.fork()
if child == 0:
    text.value = b'of the child'
    os.write(write, b'.')
    os.read(os.pipe()[0], 1)
os.read(read, 1)
here = ctypes.create_string_buffer(12)
mine = Part(ctypes.cast(here, ctypes.c_void_p), 12)
theirs = Part(ctypes.cast(text, ctypes.c_void_p), 12)
got = libc.process_vm_readv(child, ctypes.byref(mine), 1, ctypes.byref(theirs), 1, 0)
print(got, here.raw.decode())
os.kill(child, 9)
os.wait()
"""
    result = run(sys.executable, "-I", "-c", code).ok()
    assert (result.text, result.errors) == ("12 of the child\n", [])


@pytest.mark.parametrize("name", ["thread", "undefined"])
def test_a_sanitized_program_ends_well(run: Runner, sanitized: Path, name: str) -> None:
    result = run(need(sanitized, name))
    native = subprocess.run([sanitized / name], check=False, capture_output=True)
    assert (result.status, result.errors) == (
        native.returncode,
        native.stderr.decode().splitlines(),
    )


def test_an_undefined_addition_is_reported(run: Runner, sanitized: Path) -> None:
    program = need(sanitized, "undefined")
    result = run(program, "x")
    native = subprocess.run([program, "x"], check=False, capture_output=True)
    assert "signed integer overflow" in native.stderr.decode()
    assert (result.status, result.stderr) == (native.returncode, native.stderr)


def test_an_address_error_is_reported_as_natively(run: Runner, sanitized: Path) -> None:
    program = need(sanitized, "address")
    result = run(program, "x")
    native = subprocess.run([program, "x"], check=False, capture_output=True)
    assert "heap-buffer-overflow" in native.stderr.decode()
    assert "heap-buffer-overflow" in result.stderr.decode()
    assert (result.status, result.messages) == (native.returncode, [])


def test_an_address_program_without_leak_check_ends_well(
    run: Runner, sanitized: Path
) -> None:
    env = {**run.environment(), "ASAN_OPTIONS": "detect_leaks=0"}
    result = run(need(sanitized, "address"), env=env)
    assert (result.status, result.errors) == (0, [])


@pytest.mark.parametrize("name", ["address", "leak"])
def test_a_leak_check_is_refused_and_one_line_says_why(
    run: Runner, sanitized: Path, name: str
) -> None:
    """Decisions 29: LeakSanitizer attaches to the program that ends, and cannot."""
    result = run(need(sanitized, name))
    assert "LeakSanitizer does not work under ptrace" in result.stderr.decode()
    assert [line[: len(LINE)] for line in result.messages] == [LINE]


# A child that allows everybody to look at it, where that has to be said (Yama).
SPIED = """
import subprocess, sys
code = '''
import ctypes
def waits():
    print(1, flush=True)
    input()
ctypes.CDLL(None).prctl(0x59616d61, ctypes.c_ulong(-1), 0, 0, 0)
waits()
'''
child = subprocess.Popen([sys.executable, "-I", "-c", code], stdin=-1, stdout=-1)
child.stdout.readline()
words = [*sys.argv[1:], "--pid", str(child.pid)]
status = subprocess.call(words)
child.communicate(b"now")
sys.exit(status or child.wait())
"""


def test_py_spy_that_stops_nothing_shows_the_stack(run: Runner) -> None:
    words = (sys.executable, "-I", "-c", SPIED, py_spy(), "dump", "--nonblocking")
    result = run(*words).ok()
    assert "waits (<string>:5)" in result.text, result.explain()
    assert result.errors == []


def test_py_spy_that_stops_is_refused_and_one_line_names_the_cure(run: Runner) -> None:
    words = (sys.executable, "-I", "-c", SPIED, py_spy(), "dump")
    result = run(*words)
    assert result.status == 1, result.explain()
    said = result.stderr.decode()
    assert "EPERM: Operation not permitted" in said
    assert (said.count(LINE), said.count("py-spy: --nonblocking")) == (1, 1)
