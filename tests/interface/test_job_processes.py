# SPDX-License-Identifier: GPL-2.0-or-later
"""Processes of a job: shells with job control inside, daemons, stops, other calls."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.interface.test_launch_terminal import PROMPT, Terminal
from tests.support.run import Job, Runner

Configured = Callable[..., list[Any]]
FQRN = "tricky.example.org"
ROOT = f"/cvmfs/{FQRN}"
STOPPED = ("stopped", "tracing-stop")
PYTHON = ("/usr/bin/python3", "-I", "-c")
ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"}


@pytest.fixture
def terminal() -> Iterator[Terminal]:
    one = Terminal()
    yield one
    one.close()


def same(run: Runner, *command: str | Path, **how: Any) -> str:
    """What the command prints, which is what it prints natively."""
    words = [str(word) for word in command]
    native = subprocess.run(
        words, check=False, capture_output=True, cwd="/", env=ENVIRONMENT
    )
    result = run(*words, env=ENVIRONMENT, **how)
    assert result.status == native.returncode, result.explain()
    assert result.text == native.stdout.decode()
    assert result.stderr == native.stderr
    return result.text


def until_stopped(terminal: Terminal) -> None:
    seen = b""
    while b"Stopped" not in seen:
        terminal.command("jobs -s; echo looked.")
        seen = terminal.wait(r"(?s)(.*)looked\.")[1]
        terminal.wait(PROMPT)


def until_in_front(terminal: Terminal, words: list[str]) -> None:
    """Until this program has the terminal: a Ctrl-C before that is the shell's."""
    while True:
        group = os.tcgetpgrp(terminal.fd)
        with contextlib.suppress(psutil.Error):
            process = psutil.Process(group)
            if process.cmdline() == words and process.status() not in STOPPED:
                return
        os.sched_yield()


def test_a_shell_inside_controls_its_jobs(
    run: Runner, configured: Configured, terminal: Terminal
) -> None:
    """Ctrl-Z, bg, fg and Ctrl-C of bash in a job, on a terminal."""
    shell = ("bash", "--norc", "--noprofile", "--noediting", "-i")
    words = run.arguments(Job(shell, options=configured(FQRN)))
    terminal.command(" ".join(os.fsdecode(word) for word in words))
    terminal.wait(PROMPT)
    terminal.command("echo depth-$SHLVL.; echo in-$(cat " + ROOT + "/README | wc -l).")
    terminal.wait(r"depth-\d+\.")
    terminal.wait(r"in-[1-9]\d*\.")
    terminal.wait(PROMPT)
    for number in range(3):
        terminal.command(f"sh -c 'echo begun; exec cat {ROOT}/README - >/dev/null'")
        terminal.wait(r"begun\r\n")
        terminal.type("\x1a")
        terminal.stopped()
        until_stopped(terminal)
        if number == 1:
            terminal.command("bg")
            terminal.wait(r"begun[^\n]*&")
            terminal.wait(PROMPT)
            until_stopped(terminal)  # it reads the terminal
        terminal.command("fg")
        terminal.wait(r"begun[^\n]*null")
        until_in_front(terminal, ["cat", f"{ROOT}/README", "-"])
        terminal.type("\x03")
        terminal.wait(PROMPT)
        terminal.command("echo status-$?.")
        terminal.wait(r"status-130\.")
        terminal.wait(PROMPT)
    terminal.command("exit 7")
    terminal.wait(PROMPT)
    terminal.command("echo status-$?.")
    terminal.wait(r"status-7\.")


def test_a_stopped_job_goes_on_in_the_background(
    run: Runner, terminal: Terminal, place: Path
) -> None:
    os.mkfifo(place / "fifo")
    script = f"'cat {place}/fifo; echo over'"
    words = [os.fsdecode(word) for word in run.arguments(Job(["sh", "-c"]))]
    terminal.command(" ".join([*words, script]))
    with (place / "fifo").open("w") as writer:  # opens when the job reads
        terminal.type("\x1a")
        terminal.stopped()
        terminal.command("bg")
        terminal.wait(PROMPT)
        writer.write("word\n")
    terminal.wait("word\r\nover")
    terminal.command("wait; echo status-$?.")
    terminal.wait(r"status-0\.")


def test_the_terminal_belongs_to_the_job_as_natively(
    run: Runner, terminal: Terminal
) -> None:
    code = (
        "import os; print('same', os.tcgetpgrp(0) == os.getpgrp(),"
        " os.getsid(0) == os.tcgetsid(0) if hasattr(os, 'tcgetsid') else 0)"
    )
    for prefix in ([], run.arguments(Job([]))):
        words = [os.fsdecode(word) for word in prefix]
        terminal.command(" ".join([*words, *PYTHON, f'"{code}"']))
        terminal.wait(r"same True")
        terminal.wait(PROMPT)


def test_a_whole_tree_stops_and_goes_on(run: Runner) -> None:
    script = "for i in 1 2 3; do (cat; :) <&0 & done; echo $$; wait; echo over"
    front = run.start("bash", "-c", f"exec 9<&0; {script.replace('<&0', '<&9')}")
    assert front.stdout is not None
    main = psutil.Process(int(front.stdout.readline()))
    for _ in range(5):
        os.killpg(front.pid, signal.SIGSTOP)
        tree = [main, *main.children(recursive=True)]
        while not all(process.status() in STOPPED for process in tree):
            os.sched_yield()
        os.killpg(front.pid, signal.SIGCONT)
        while any(process.status() in STOPPED for process in tree):
            os.sched_yield()
    out, _ = front.communicate(timeout=60)
    assert (front.returncode, out) == (0, b"over\n")


DAEMON = """
import os, sys
root, out, go = sys.argv[1:]
if os.fork():
    os._exit(0)
os.setsid()
if os.fork():
    os._exit(0)
os.chdir('/')
for fd in range(3):
    os.close(fd)
with open(go) as fifo:
    fifo.read()
with open(f'{root}/README') as file, open(out, 'w') as copy:
    copy.write(file.read())
os.rename(out, out + '.whole')
"""


def test_a_daemon_outlives_the_command_and_sees_cvmfs(
    run: Runner, configured: Configured, place: Path
) -> None:
    os.mkfifo(place / "go", 0o666)
    out = place / "out"
    options = configured(FQRN)
    wanted = run("cat", f"{ROOT}/README", options=options).ok().text
    front = run.start(*PYTHON, DAEMON, ROOT, out, place / "go", options=options)
    front.communicate(timeout=60)
    assert front.returncode == 0
    (place / "go").write_text("go")
    run.nothing_left()
    assert Path(f"{out}.whole").read_text() == wanted


def test_ended_children_leave_no_zombie_while_the_job_runs(run: Runner) -> None:
    script = "for i in $(seq 60); do (:) & (true); done; wait; echo $$; cat"
    front = run.start("bash", "-c", script)
    assert front.stdout is not None
    front.stdout.readline()
    tree = psutil.Process(front.pid).children(recursive=True)
    assert [one for one in tree if one.status() == psutil.STATUS_ZOMBIE] == []
    front.communicate(timeout=60)
    assert front.returncode == 0


def test_an_orphan_has_the_parent_that_it_would_have(run: Runner) -> None:
    code = """
import os
read, write = os.pipe()
if os.fork() == 0:
    if os.fork() == 0:
        first = os.getppid()
        os.write(write, b'.')
        while os.getppid() == first:
            os.sched_yield()
        os.write(write, str(os.getppid()).encode())
        os._exit(0)
    os.read(read, 1)
    os._exit(0)
os.wait()
print(os.read(read, 20).decode())
"""
    same(run, *PYTHON, code)


@pytest.mark.long
def test_1000_processes_at_once(run: Runner, configured: Configured) -> None:
    script = f"""
for i in $(seq 1000); do (read x <&9; head -c 1 {ROOT}/README >/dev/null || echo no) &
done 9<&0
wait; echo over"""
    result = run("bash", "-c", script, options=configured(FQRN), timeout_s=300)
    assert (result.status, result.text) == (0, "over\n"), result.explain()


def test_calls_about_other_things_give_what_they_give_natively(
    run: Runner, compiled: Path, place: Path
) -> None:
    outputs = []
    for name, start in (("native", subprocess.check_output), ("ours", None)):
        there = place / name
        there.mkdir()
        words = [str(compiled / "plain_calls"), str(there)]
        outputs.append(start(words) if start else run(*words).ok().stdout)
    assert outputs[0] == outputs[1]
    assert outputs[0].count(b"\n") > 70


def test_the_files_of_proc_and_sys_are_the_callers_own(run: Runner) -> None:
    code = """
import os, stat
me = str(os.getpid())
print(os.readlink('/proc/self') == me, os.path.realpath('/proc/self') == f'/proc/{me}')
fd = os.open('/proc/self', os.O_RDONLY)
print(open(f'/proc/{me}/stat').read().split()[0] == me)
print(os.open('comm', os.O_RDONLY, dir_fd=fd) > 0, os.path.basename(os.getcwd()))
for name in sorted(os.listdir('/proc/self/ns')):
    path = f'/proc/self/ns/{name}'
    print(name, os.readlink(path), stat.S_IFMT(os.stat(path).st_mode),
          os.fstat(os.open(path, os.O_RDONLY)).st_ino == os.stat(path).st_ino)
print(os.readlink('/proc/self/root'), os.readlink('/proc/self/cwd'))
cpus = os.scandir('/sys/devices/system/cpu')
print(os.cpu_count(), [(e.name, e.is_dir()) for e in cpus if e.name[:3] == 'cpu'])
print(sorted(os.listdir('/proc/self/task')) == [me], os.readlink('/proc/thread-self'
      ).startswith(me))
print([(e.name, e.is_symlink()) for e in os.scandir('/dev/fd')][:3])
"""
    shown = same(run, *PYTHON, code)
    assert shown.startswith("True True\n")


def test_names_that_only_look_like_ours_are_the_hosts(
    run: Runner, configured: Configured
) -> None:
    code = f"""
import os
readme = open('{ROOT}/README').read()
def at(path):
    try:
        return open(path).read() == readme
    except OSError as error:
        return error.strerror
for path in ('//cvmfs/{FQRN}/README', '/./cvmfs/{FQRN}//README',
             '/usr/../cvmfs/{FQRN}/./README', '/cvmfs/../cvmfs/{FQRN}/README',
             '/cvmfs/{FQRN}/../{FQRN}/README', '/proc/self/root' '/cvmfs/{FQRN}/README',
             '/cvmfs/../etc/hostname'):
    print(path, at(path))
for path in ('/cvmfsX', '/cvmfsX/{FQRN}', '/cvmf', '/cvmfs{FQRN}',
             '/cvmfs/{FQRN}/README/', '/cvmfs/{FQRN}/README/x',
             '', '/tmp/cvmfs/{FQRN}/README', 'cvmfs/none.none'):
    print(path, at(path))
"""
    result = run(*PYTHON, code, options=configured(FQRN)).ok()
    lines = [line.rpartition("README")[2] for line in result.text.splitlines()]
    assert lines[:6] == [" True"] * 6
    assert lines[6].endswith("False")
    assert [line.count("No such file") for line in lines[7:11]] == [1] * 4
    assert lines[11:13] == ["/ Not a directory", "/x Not a directory"]
    assert [line.count("No such file") for line in lines[13:]] == [1, 1, 1]


DEEP = """
import os, sys
top = sys.argv[1]
here = os.open(top, os.O_RDONLY)
name = 'd' * 200
if sys.argv[2] == 'make':
    for _ in range(30):
        os.mkdir(name, dir_fd=here)
        here = os.open(name, os.O_RDONLY, dir_fd=here)
    os.close(os.open('end', os.O_WRONLY | os.O_CREAT, dir_fd=here))
else:
    for _ in range(30):
        here = os.open(name, os.O_RDONLY, dir_fd=here)
print(os.listdir(here), os.stat('end', dir_fd=here).st_size)
os.fchdir(here)
print(os.path.exists('end'), os.path.exists('../../' + name + '/' + name + '/end'))
try:
    print(len(os.getcwd()))
except OSError as error:
    print(error.strerror)
try:
    os.stat(top + ('/' + name) * 30)
except OSError as error:
    print(error.strerror)
"""


def test_a_tree_deeper_than_a_path_may_be_long_works(run: Runner, place: Path) -> None:
    seen = []
    for name in ("native", "inside"):
        top = place / name
        top.mkdir()
        for turn in ("make", "look"):
            words = [*PYTHON, DEEP, str(top), turn]
            if name == "native":
                seen.append(subprocess.check_output(words))
            else:
                seen.append(run(*words).ok().stdout)
    assert seen[:2] == seen[2:]
    subprocess.run(["rm", "-rf", place / "native", place / "inside"], check=True)


def test_multiprocessing_in_each_way_gives_what_it_gives_natively(
    run: Runner, place: Path
) -> None:
    script = place / "pool.py"
    script.write_text(
        """
import multiprocessing as mp, sys
def square(number):
    return number * number
if __name__ == '__main__':
    for way in ('fork', 'spawn', 'forkserver'):
        context = mp.get_context(way)
        with context.Pool(2) as pool:
            print(way, pool.map(square, range(5)))
        lock, value = context.Lock(), context.Value('i', 7)
        with lock:
            print(value.value)
"""
    )
    same(run, "/usr/bin/python3", script)
