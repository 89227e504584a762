# SPDX-License-Identifier: GPL-2.0-or-later
"""CPython that lives in /cvmfs, with numpy, and its own test suite."""

from __future__ import annotations

import pytest

from tests.support.places import py_spy
from tests.support.workflow import Row, Workflow

COMPILED = r"__pycache__"  # with the times of their sources
ROWS = [
    Row(
        "library",
        "python",
        "$PYTHON $INSIDE/library.py; $PYTHON -S -I -c 'import sys; print(sys.path)'",
        shows=r"(?s)/cvmfs/python.example.org/usr/bin/python3[.]\d+ .*True /cvmfs.*packed",
        unlike=((r"<_FuncPtr object at \w+>", "<function>"),),
    ),
    Row(
        "venv",
        "python",
        r"""
        $PYTHON -m venv --without-pip env; . env/bin/activate; readlink -f env/bin/python
        python -c 'import sys; print(sys.prefix, sys.base_prefix)'; deactivate
        $PYTHON -m venv --without-pip --copies copies; $PYTHON -m venv $R/env || echo $?
        copies/bin/python -c 'import sys; print(sys.base_prefix)'
        """,
        shows="/here/env /cvmfs",
        scratch=COMPILED,
    ),
    *[
        Row(
            f"multiprocessing-{method}",
            "python",
            f"$PYTHON $INSIDE/multi.py {method}",
            shows="there",
        )
        for method in ("fork", "spawn", "forkserver")
    ],
    Row("asyncio", "python", "$PYTHON $INSIDE/waiting.py", shows="(?s)4 /cvmfs.*\n5"),
    Row(
        "numpy",
        "python",
        r"""
        exec $PYTHON -c '
import numpy, os
print(numpy.__file__, numpy.linalg.inv(numpy.eye(3) * 2).sum())
mapped = numpy.memmap(os.__file__, mode="r"); print(mapped.shape, int(mapped.sum()))
numpy.save("saved", numpy.arange(9.0).reshape(3, 3)); print(numpy.load("saved.npy", mmap_mode="r") @ numpy.ones(3))
print(numpy.fft.fft(numpy.ones(8)).real, numpy.random.default_rng(1).integers(0, 9, 5))
print(numpy.genfromtxt(os.environ["R"] + "/table.txt").mean(axis=0))
        '
        """,
        shows="cvmfs.*numpy",
    ),
]
NUMBERS = ((r"Thread \d+", "Thread N"),)
# Asked for by its path: it lives where the tests' own interpreter does.
SPIED = r"""
cat > spied.py <<'END'
import ctypes, json
class Slow:
    def __index__(self):
        ctypes.CDLL(None).prctl(0x59616d61, ctypes.c_ulong(-1), 0, 0, 0)
        print("there", flush=True)
        return len(input())
json.loads("[1]", parse_int=lambda text: range(Slow()))
END
mkfifo in out; $PYTHON -I spied.py < in > out & exec 3> in; read line < out; echo $line
{program} dump --nonblocking --pid $! | grep -v ^Process; echo >&3; wait; rm in out
"""
LONG = [
    Row(
        "venv-and-pip",
        "python",
        r"""
        $PYTHON -m venv env; . env/bin/activate; python -c 'import sys; print(sys.prefix, sys.base_prefix)'
        pip install -q --no-index --no-color $R/wheels/small-1.0-py3-none-any.whl; small one; pip list
        python -m pip show -f small; deactivate; env/bin/python -m small; readlink -f env/bin/python
        pip uninstall -q -y small 2>&1 || :
        """,
        shows="(?s)/here/env /cvmfs.*small says one.*small +1.0",
        scratch=COMPILED,
        timeout_s=200,
    ),
]
# Modules of CPython's own suite; what needs the Internet is not asked for.
SUITE = "test_posixpath test_glob test_zipimport test_fnmatch test_stat test_fcntl"
SUITE_LONG = (
    "test_os test_posix test_pathlib test_shutil test_subprocess test_signal"
    " test_threading test_multiprocessing_fork test_multiprocessing_forkserver"
    " test_import test_importlib test_mmap"
    " test_socket test_ssl test_tempfile test_io test_venv test_ctypes test_asyncio"
    " test_genericpath test_compileall test_site test_runpy test_pty test_select"
)
# Each of its children imports all anew: in parts, by the classes of tests.
SPAWN = "test_multiprocessing_spawn"
KINDS = ("WithProcesses", "WithManager", "WithThreads")
SPAWN_PARTS = {kind: f"-m '*.{kind}*' {SPAWN}" for kind in KINDS}
SPAWN_PARTS["others"] = " ".join(f"-i '*.{kind}*'" for kind in KINDS) + f" {SPAWN}"


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_it_runs_from_cvmfs_as_from_a_directory(workflow: Workflow, row: Row) -> None:
    workflow.same(row)


@pytest.mark.long
@pytest.mark.parametrize("row", LONG, ids=lambda row: row.name)
def test_it_runs_longer_from_cvmfs_as_from_a_directory(
    workflow: Workflow, row: Row
) -> None:
    workflow.same(row)


@pytest.mark.long
def test_py_spy_shows_the_stack_of_a_program_from_cvmfs(workflow: Workflow) -> None:
    script = SPIED.format(program=py_spy())
    shows = r"(?s)there.*__index__ .spied.py:6.*loads .json/__init__.py"
    workflow.same(Row("py-spy", "python", script, shows, unlike=NUMBERS))


def suite(chosen: str, timeout_s: float) -> Row:
    """CPython's tests give the same outcomes, whatever they are."""
    return Row(
        chosen,
        "python",
        f"exec $PYTHON $INSIDE/outcomes.py {chosen}",
        shows=r"\d+ passed of",
        timeout_s=timeout_s,
        scratch=".",
        mapped=True,
    )


def test_a_part_of_cpythons_own_suite_gives_the_same_outcomes(
    workflow: Workflow,
) -> None:
    workflow.same(suite(SUITE, 100))


@pytest.mark.long
@pytest.mark.parametrize("module", SUITE_LONG.split())
def test_cpythons_own_suite_gives_the_same_outcomes(
    workflow: Workflow, module: str
) -> None:
    workflow.same(suite(module, 1600))


@pytest.mark.long
@pytest.mark.parametrize("part", SPAWN_PARTS)
def test_cpythons_tests_of_spawned_processes_give_the_same_outcomes(
    workflow: Workflow, part: str
) -> None:
    workflow.same(suite(SPAWN_PARTS[part], 800))
