# SPDX-License-Identifier: GPL-2.0-or-later
"""Files of the scratch that stand for others are taken for them.

covers: readlink readlinkat openat fstat newfstatat statx fstatfs
"""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.differential.test_compatibility import Configured
from tests.support.places import need_tool
from tests.support.run import Runner

FQRN = "programs.example.org"
ROOT = f"/cvmfs/{FQRN}"
PYTHON = ("/usr/bin/python3", "-I", "-c")
UNTOUCHED = """
import os, select
for name in ("mounts", "mountinfo", "mountstats"):
    file = open("/proc/self/" + name)
    text = file.read()
    assert "/cvmfs" not in text
    link = os.readlink(f"/proc/self/fd/{file.fileno()}")
    assert link == f"/proc/{os.getpid()}/{name}"
    file.seek(0)
    assert file.read() == text
    if name != "mountstats":
        select.epoll().register(file, select.EPOLLPRI)
"""
TEXTS = f"""
import os, stat, sys
os.stat("{ROOT}")
me = os.getpid()
for name in ("mounts", "mountinfo", "mountstats"):
    path = f"/proc/self/{{name}}"
    file = open(path)
    fd = file.fileno()
    assert "{ROOT}" in file.read()
    for where in ("self", "thread-self", f"{{me}}/task/{{me}}"):
        link = os.readlink(f"/proc/{{where}}/fd/{{fd}}")
        assert link == f"/proc/{{me}}/{{name}}", where
    wanted = os.stat(path)
    for found in (os.fstat(fd), os.stat(f"/proc/self/fd/{{fd}}"), os.stat(fd)):
        assert found[:7] == wanted[:7], (name, found, wanted)
        assert stat.S_IMODE(found.st_mode) in (0o444, 0o400)
    assert os.fstatvfs(fd)[:4] == os.statvfs("/proc")[:4]
    file.seek(0)
    assert "{ROOT}" in file.read()
    with open(f"/dev/fd/{{fd}}") as again:
        assert "{ROOT}" in again.read()
        assert os.readlink(f"/proc/self/fd/{{again.fileno()}}").endswith(name)
    if os.fork() == 0:
        assert os.readlink(f"/proc/self/fd/{{fd}}") == f"/proc/{{me}}/{{name}}"
        os._exit(0)
    assert os.wait()[1] == 0
"""
# A host program with an interpreter in /cvmfs; its arguments are the other names of it.
SHOW = r"""
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
static struct stat own;
static void show(int dir, const char *name)
{
	char text[4096] = "";
	struct stat st;
	int fd;

	if (readlinkat(dir, name, text, sizeof(text) - 1) < 0)
		perror(name);
	puts(text);
	fd = openat(dir, name, O_RDONLY);
	if (fd < 0 || fstat(fd, &st) < 0 || st.st_ino != own.st_ino)
		printf("%s opens another file\n", name);
	if (fstatat(dir, name, &st, 0) < 0 || st.st_ino != own.st_ino)
		printf("%s is another file\n", name);
	snprintf(text, sizeof(text), "/proc/self/fd/%d", fd);
	memset(text + 100, 0, 100);
	if (readlink(text, text + 100, 1000) < 0 || strcmp(text + 100, "") == 0)
		perror(text);
	puts(text + 100);
	close(fd);
}
static void *thread(void *path)
{
	char text[100];

	show(AT_FDCWD, "/proc/thread-self/exe");
	snprintf(text, sizeof(text), "/proc/self/task/%d/exe", gettid());
	show(AT_FDCWD, text);
	return path;
}
int main(int argc, char **argv)
{
	char line[5000];
	FILE *maps = fopen("/proc/self/maps", "r");
	pthread_t other;

	stat(argv[1], &own);
	for (int i = 2; i < argc; i++)
		show(AT_FDCWD, argv[i]);
	show(open("/proc/self", O_PATH), "exe");
	pthread_create(&other, NULL, thread, NULL);
	pthread_join(other, NULL);
	while (maps && fgets(line, sizeof(line), maps))
		if (strstr(line, "r-xp") && strstr(line, argv[1]))
			puts("mapped");
	printf("ready\n");
	fflush(stdout);
	pause();
}
"""
OTHERS = """
import os, subprocess, sys
program = sys.argv[1]
root = "/proc/self/root"
names = ["/proc/self/exe", root + "/proc/self/exe"]
child = subprocess.Popen([program, program, *names], stdout=subprocess.PIPE, text=True)
lines = []
while lines[-1:] != ["ready\\n"]:
    lines.append(child.stdout.readline())
print(set(lines) == {program + "\\n", "mapped\\n", "ready\\n"} or lines)
pid = child.pid
where = os.open(f"/proc/{pid}", os.O_PATH)
print({os.readlink(f"/proc/{pid}/exe"), os.readlink(f"/proc/{pid}/task/{pid}/exe"),
       os.readlink("exe", dir_fd=where),
       os.readlink(f"{root}/proc/{pid}/exe")} == {program})
print(open(f"/proc/{pid}/exe", "rb").read() == open(program, "rb").read())
folder = f"/proc/{pid}/map_files"
links = {os.readlink(f"{folder}/{name}") for name in os.listdir(folder)}
print(program in links, [one for one in links if ".interpose-" in one])
print(os.path.samefile(f"/proc/{pid}/exe", program))
os.kill(pid, 9)
"""


def test_without_a_repository_the_files_of_mounts_are_the_kernels(
    run: Runner, configured: Configured
) -> None:
    run(*PYTHON, UNTOUCHED, options=configured(FQRN)).ok()


def test_a_text_with_lines_of_ours_is_taken_for_the_kernels_file(
    run: Runner, configured: Configured
) -> None:
    run(*PYTHON, TEXTS, options=configured(FQRN)).ok()


def test_a_program_that_runs_from_a_copy_has_its_own_name_everywhere(
    run: Runner, configured: Configured, place: Path
) -> None:
    program = place / "shown"
    library = f"{ROOT}/ownloader/lib"
    words = [need_tool("gcc"), "-x", "c", "-", "-o", program, "-lpthread"]
    words += [f"-Wl,--dynamic-linker={library}/ld-linux-x86-64.so.2"]
    subprocess.run(words, check=True, input=SHOW.encode())
    result = run(*PYTHON, OTHERS, program, options=configured(FQRN)).ok()
    assert result.text.split("\n") == ["True"] * 3 + ["True []", "True", ""]
