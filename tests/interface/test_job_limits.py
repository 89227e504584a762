# SPDX-License-Identifier: GPL-2.0-or-later
"""Limits, filters and name spaces that a job gives itself: /cvmfs is still there."""

from __future__ import annotations

import errno
import os
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.limits import without
from tests.support.places import need_tool, root_is_a_mount
from tests.support.run import Job, Runner
from tests.support.web import RUNNING

Configured = Callable[..., list[Any]]
FQRN = "tricky.example.org"
ROOT = f"/cvmfs/{FQRN}"
README = f"{ROOT}/README"
# With the stub a process may have its region before the program looks.
TRACED = "--no-fastpath"


@pytest.fixture
def readme(run: Runner, configured: Configured) -> bytes:
    """What the file has, read without anything special."""
    return run("cat", README, options=configured(FQRN)).ok().stdout


LIMITS = {
    "address space": "ulimit -v 400000",
    "no processes": "ulimit -u 0",
    "no bytes in a file": "ulimit -f 0",
    "few descriptors": "ulimit -n 10",
    "little of all": "ulimit -l 0; ulimit -s 128; ulimit -c 0; ulimit -i 0",
}


@pytest.mark.parametrize("limit", LIMITS.values(), ids=LIMITS)
@pytest.mark.parametrize("where", ["inside", "outside"])
def test_a_limit_of_the_job_is_the_jobs_alone(
    run: Runner, configured: Configured, limit: str, where: str
) -> None:
    """Also one that was set before: what of ours would meet it has to do without."""
    options = configured(FQRN)
    wanted = run("cat", README, options=options).ok().stdout
    run.cache = run.place / "another"
    run.base[1] = run.cache
    if where == "inside":
        result = run("bash", "-c", f"{limit}; exec cat {README}", options=options)
    else:
        soft = limit.replace("ulimit", "ulimit -S")  # the hard one is the user's
        run.before = ("bash", "-c", f'{soft}; exec "$@"', "bash")
        result = run("cat", README, options=options)
    assert (result.status, result.stdout) == (0, wanted), result.explain()
    assert result.messages == []


def test_a_small_stack_is_the_jobs_alone(
    run: Runner, configured: Configured, readme: bytes
) -> None:
    """Also where nobody may raise it."""
    run.before = without("-sys_resource", "ulimit -s 64; ")
    result = run("cat", README, options=configured(FQRN)).ok()
    assert (result.stdout, result.messages) == (readme, [])


def test_who_may_write_to_no_file_reads_what_the_node_has(
    run: Runner, configured: Configured, readme: bytes
) -> None:
    """All else is an error, and the line names the limit."""
    run.before = without("-sys_resource", "ulimit -f 0; ")
    result = run("cat", README, options=configured(FQRN)).ok()
    assert (result.stdout, result.messages) == (readme, [])
    result = run("cat", f"{ROOT}/sizes/size_4097", options=configured(FQRN))
    assert (result.status, result.stdout) == (1, b""), result.explain()
    limit = [line for line in result.messages if "raise the limit: ulimit -f" in line]
    assert limit, result.explain()
    assert not [line for line in result.messages if "full" in line], result.explain()


@pytest.mark.parametrize(("limit", "named"), [("-n 10", "ulimit -n")])
def test_a_limit_that_ends_a_run_is_named(
    run: Runner, configured: Configured, limit: str, named: str
) -> None:
    run.before = without("-sys_resource", f"ulimit {limit}; ")
    result = run("cat", README, options=configured(FQRN))
    assert result.status == 125, result.explain()
    assert [named in line for line in result.messages] == [True], result.explain()


@pytest.mark.parametrize("most", range(5, 18))
def test_with_few_descriptors_it_works_or_the_limit_is_named(
    run: Runner, configured: Configured, most: int
) -> None:
    run.before = without("-sys_resource", f"ulimit -n {most}; ")
    result = run("cat", README, options=configured(FQRN))
    # The job's own line may come in the midst of ours, or ours in the midst of it.
    assert (result.status == 0) == (b"ulimit -n" not in result.stderr), result.explain()
    assert result.status in (0, 1, 125)


@pytest.mark.parametrize("words", ["overmap", "lock 200", "lock 16", "lock 0"])
def test_a_region_that_the_program_covers_or_has_no_room_for(
    run: Runner, configured: Configured, compiled: Path, readme: bytes, words: str
) -> None:
    assert readme
    run.before = without("-ipc_lock", "")
    program = compiled / "region"
    options = [*configured(FQRN), TRACED]
    result = run(program, README, *words.split(), options=options).ok()
    wanted = "covered, 0 bytes changed" if words == "overmap" else "opened"
    assert (result.text, result.errors) == (wanted + "\n", [])


def test_a_home_that_is_another_users_holds_nothing(
    run: Runner, configured: Configured
) -> None:
    """As with sudo and su: the variable stays."""
    home = run.place / "home"
    (home / ".config/interpose").mkdir(parents=True)
    (home / ".config/interpose/default.local").write_text("CVMFS_SERVER_URL=none\n")
    home.chmod(0)
    if os.geteuid() == 0:
        os.chown(home, 1, 1)
    run.before = without("-dac_override,-dac_read_search", "")
    try:
        result = run("cat", README, options=configured(FQRN)).ok()
    finally:
        home.chmod(0o700)
    assert result.stdout.startswith(b"Repository")
    assert [str(home) in line for line in result.messages] == [True], result.explain()


def test_a_huge_number_of_descriptors_costs_nothing(
    run: Runner, configured: Configured, readme: bytes
) -> None:
    """What counts up to the limit would take minutes."""
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    code = f"""
import resource, os, sys
resource.setrlimit(resource.RLIMIT_NOFILE, ({most}, {most}))
os.execv(sys.argv[1], sys.argv[1:])
"""
    run.before = (sys.executable, "-I", "-c", code)
    result = run("cat", README, options=configured(FQRN), timeout_s=20).ok()
    assert result.stdout == readme


@pytest.mark.parametrize("action", ["errno", "kill"])
def test_a_job_may_install_a_filter_of_its_own(
    run: Runner, configured: Configured, compiled: Path, action: str
) -> None:
    program = compiled / "own_filter"
    native = subprocess.run(
        [program, "/etc/passwd", action], check=False, capture_output=True
    )
    assert b"open 1\nunlink 25\n" in native.stdout
    result = run(program, README, action, options=configured(FQRN))
    assert (result.status, result.stdout) == (native.returncode, native.stdout)


@pytest.mark.parametrize(
    ("words", "status"),
    [("mmap", -31), ("mmap first", 0), ("openat first", -31)],
)
def test_a_filter_that_kills_mmap_or_openat_may_end_a_job(
    run: Runner, configured: Configured, compiled: Path, words: str, status: int
) -> None:
    """A redirected call needs one mmap for each address space, openat2 an openat."""
    program = compiled / "kills_call"
    assert subprocess.call([program, "/etc/passwd", *words.split()]) == 0
    options = [*configured(FQRN), TRACED]
    result = run(program, README, *words.split(), options=options)
    assert result.status == status, result.explain()


def test_a_call_that_a_supervisor_lets_go_on_sees_no_cvmfs(
    run: Runner, configured: Configured, compiled: Path
) -> None:
    """SECCOMP_RET_USER_NOTIF comes before what stops a call for us (seccomp(2))."""
    program = compiled / "supervised"
    native = subprocess.run([program, "/etc/passwd"], check=False, capture_output=True)
    if native.stdout == b"no\n":
        pytest.skip("this kernel has no supervisors of calls")
    assert native.stdout == b"0 0\n"
    options = configured(FQRN)
    assert run(program, "/etc/passwd", options=options).ok().text == "0 0\n"
    missing = errno.ENOENT
    assert run(program, README, options=options).ok().text == f"{missing} {missing}\n"


# A filter of the program's own that leaves getppid to a tracer, and what that gives.
LEFT_TO_A_TRACER = """
import ctypes, errno, os, struct
def step(code, jump, value):
    return struct.pack('<HBBI', code, jump, 0, value)
number = {'x86_64': 110, 'aarch64': 173}[os.uname().machine]
steps = step(0x20, 0, 0) + step(0x15, 1, number) + step(6, 0, 0x7fff0000)
steps = ctypes.create_string_buffer(steps + step(6, 0, 0x7ff00007))
kernel = ctypes.CDLL(None, use_errno=True)
kernel.prctl(38, 1, 0, 0, 0)
program = struct.pack('<HxxxxxxQ', 4, ctypes.addressof(steps))
assert kernel.prctl(22, 2, ctypes.create_string_buffer(program), 0, 0) == 0
done = kernel.syscall(number)
print(errno.errorcode[ctypes.get_errno()] if done < 0 else 'done', flush=True)
"""


def test_a_call_that_a_filter_leaves_to_a_tracer_is_done(run: Runner) -> None:
    """Natively there is no tracer, and so no such call: SECCOMP_RET_TRACE."""
    words = ("/usr/bin/python3", "-I", "-c", LEFT_TO_A_TRACER)
    native = subprocess.run(words, check=True, capture_output=True, text=True)
    assert native.stdout == "ENOSYS\n"
    assert run(*words).ok().text == "done\n"


def test_strict_seccomp_ends_a_program_as_natively(run: Runner) -> None:
    """PR_SET_SECCOMP 1 after a filter is EINVAL: so it is natively with one."""
    code = "import ctypes; print(ctypes.CDLL(None).prctl(22, 1), flush=True)"
    assert run("/usr/bin/python3", "-I", "-c", code).text == "-1\n"


def test_a_user_name_space_inside_sees_cvmfs(
    run: Runner, configured: Configured, readme: bytes
) -> None:
    words = (need_tool("unshare", "util-linux"), "-Ur", "cat", README)
    if subprocess.run([*words[:2], "true"], check=False).returncode != 0:
        pytest.skip("this machine allows no user name spaces")
    result = run(*words, options=configured(FQRN))
    assert (result.status, result.stdout) == (0, readme), result.explain()


@pytest.mark.parametrize("kind", ["-Urm", "-Urpf", "-Uru", "-Urn", "-Uri"])
def test_other_name_spaces_inside_see_cvmfs(
    run: Runner, configured: Configured, readme: bytes, kind: str
) -> None:
    words = (need_tool("unshare", "util-linux"), kind, "cat", README)
    if subprocess.run([*words[:2], "true"], check=False).returncode != 0:
        pytest.skip("this machine allows no such name spaces")
    result = run(*words, options=configured(FQRN))
    assert (result.status, result.stdout) == (0, readme), result.explain()


# The host's root in other mounts shows /cvmfs; a root put together of parts does not.
@pytest.mark.parametrize("root", ["host", "parts"])
def test_bubblewrap_inside_sees_cvmfs_where_its_root_is_the_hosts(
    run: Runner, configured: Configured, readme: bytes, root: str
) -> None:
    places = ["/"] if root == "host" else ["/usr", "/bin", "/lib", "/lib64", "/etc"]
    words = [need_tool("bwrap", "bubblewrap")]
    for place in places:
        words += ["--ro-bind-try", place, place]
    words += ["--dev", "/dev", "--proc", "/proc", "--unshare-all", "--die-with-parent"]
    native = subprocess.run(
        [*words, "cat", "/etc/hostname"], check=False, capture_output=True
    )
    if native.returncode != 0:
        pytest.skip(f"bubblewrap does not work here: {native.stderr.decode()}")
    script = f"cat /etc/hostname; cat {README}"
    result = run(*words, "sh", "-c", script, options=configured(FQRN))
    if root == "host":
        assert (result.stdout, result.stderr) == (native.stdout + readme, b"")
        return
    assert result.stdout == native.stdout
    # cat writes its own line in pieces: ours may stand within it.
    assert result.stderr.count(b"interpose: ") == 1
    assert result.stderr.count(b"another root") == 1


def test_after_setns_to_its_own_place_nothing_changes(
    run: Runner, configured: Configured, readme: bytes
) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root may enter a mount name space")
    if not root_is_a_mount():
        pytest.skip("the root is no mount: setns leads to another one, natively too")
    words = (need_tool("nsenter", "util-linux"), "--mount=/proc/self/ns/mnt")
    result = run(*words, "cat", README, options=configured(FQRN))
    assert (result.status, result.stdout) == (0, readme), result.explain()


def test_after_setns_to_another_root_one_line_says_so(
    run: Runner, configured: Configured
) -> None:
    """A container's: the same as chroot."""
    if os.geteuid() != 0:
        pytest.skip("only root may enter a mount name space")
    inner = "mount -t tmpfs none /mnt && mkdir -p /mnt/old && pivot_root /mnt /mnt/old"
    words = ["unshare", "-m", "bash", "-c", f"{inner}; echo ready; read x"]
    holder = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    RUNNING.add(holder.pid)
    assert holder.stdout
    try:
        if holder.stdout.readline() != b"ready\n":
            pytest.skip("no pivot_root in this machine's name spaces")
        code = f"""
import ctypes, os
fd = os.open('/proc/{holder.pid}/ns/mnt', os.O_RDONLY)
print(ctypes.CDLL(None).setns(fd, 0))
print(os.listdir('/'), os.path.exists('{README}'))
"""
        result = run("/usr/bin/python3", "-I", "-c", code, options=configured(FQRN))
        assert result.text == "0\n['old'] False\n", result.explain()
        assert len(result.messages) == 1
    finally:
        holder.communicate()
        RUNNING.discard(holder.pid)


@pytest.mark.parametrize("mode", [0o711, 0o111])
def test_a_program_that_nobody_may_read_runs(
    run: Runner, configured: Configured, place: Path, mode: int
) -> None:
    """The kernel hides its memory from a tracer without rights: one line says so."""
    program = place / "cat"
    program.write_bytes(Path("/bin/cat").read_bytes())
    program.chmod(mode)
    result = run(program, "/etc/passwd", README, options=configured(FQRN))
    known = Path("/etc/passwd").read_bytes()
    if os.access(program, os.R_OK):
        assert result.ok().stdout.startswith(known + b"Repository"), result.explain()
        assert result.messages == []
    else:
        assert (result.stdout, result.status) == (known, 1), result.explain()
        assert ["not shown to a program" in one for one in result.messages] == [True]


def test_a_core_dump_is_the_jobs_own(run: Runner, place: Path) -> None:
    script = "cd $0; ulimit -c unlimited; exec python3 -I -c 'import os; os.abort()'"
    words = ("bash", "-c", script)
    found = []
    for name in ("native", "ours"):
        there = place / name
        there.mkdir()
        native = name == "native"
        status = (
            subprocess.call([*words, str(there)])
            if native
            else run(*words, there).status
        )
        cores = [path.stat().st_size > 4096 for path in there.iterdir()]
        found.append((status, cores))
    assert found[0] == found[1]
    assert found[0][0] == -6


def test_in_cvmfs_no_core_is_dumped(run: Runner, configured: Configured) -> None:
    """As on every read-only file system; the status is the signal's."""
    script = f"cd {ROOT}; ulimit -c unlimited; kill -ABRT $$"
    front = run.start("bash", "-c", script, options=configured(FQRN))
    _, status = os.waitpid(front.pid, 0)
    front.returncode = os.waitstatus_to_exitcode(status)
    assert os.WTERMSIG(status) == 6
    front.communicate()


def test_calls_of_the_future_reach_the_kernel(run: Runner) -> None:
    """The same errors as without us, and no call of them stops."""
    code = """
import ctypes, errno
libc = ctypes.CDLL(None, use_errno=True)
for number in [*range(480, 530), 600, 1000, 9999, 65535]:
    print(number, libc.syscall(number, -1, -1, -1, -1, -1, -1), ctypes.get_errno())
"""
    words = ["/usr/bin/python3", "-I", "-S", "-c", code]
    native = subprocess.run(words, check=True, capture_output=True).stdout
    assert run(*words).ok().stdout == native


def test_inner_runs_may_be_nested_deeply(run: Runner) -> None:
    words = [str(word) for word in run.arguments(Job(["sh", "-c", "exit 9"]))]
    own = [word for word in words if word not in ("--cache", str(run.cache))]
    prefix = own[: own.index("--") + 1]
    assert run(*prefix, *prefix, *own).status == 9


def test_where_ptrace_is_refused_that_is_said_at_once(
    run: Runner, compiled: Path
) -> None:
    """A profile of a container, yama's scope: nothing is left, nothing spins."""
    run.before = (str(compiled / "without_ptrace"),)
    result = run("true", timeout_s=20)
    assert (result.status, len(result.messages)) == (125, 1), result.explain()
    assert "ptrace" in result.messages[0]
