# SPDX-License-Identifier: GPL-2.0-or-later
"""Paths of a process with mounts of its own are looked up in its mounts.

covers: unshare clone setns pivot_root chroot umount2
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.differential.namespaces import IS_ROOT, forbidden
from tests.support.published import Publisher
from tests.support.run import Result, Runner
from tests.support.web import Server

FQRN = "mounts.example.org"
ROOT = f"/cvmfs/{FQRN}"
NEEDS_ROOT = pytest.mark.skipif(not IS_ROOT, reason="only root has that right")
# In a namespace of its own; an ordinary user is root in one of users, too.
OWN = "unshare -m" if IS_ROOT else "unshare -Urm"
PREPARE = f"""
cd "$1"; mkdir aa bb cc deep new old
ln -s {ROOT}/d aa/link; ln -s {ROOT}/d/f cc/covered; ln -s "$1/bb/link" aa/again
ln -s {ROOT}/d/f deep.link; echo "of the host" > old/f
"""
# What is done below a mount of the process's own, and what a mounted /cvmfs gives.
SCRIPTS = {
    "a link below a mount of its own": (
        'mount --bind aa bb; cat "$1/bb/link/f"; cd bb && cat link/f',
        "of cvmfs\nof cvmfs\n",
    ),
    "an absolute link, from one mount to the next": (
        'mount --bind aa bb; mount --bind aa cc; cat "$1/cc/again/f" cc/again/f',
        "of cvmfs\nof cvmfs\n",
    ),
    "a link that is covered": (
        """mount -t tmpfs none cc; echo "of the tmpfs" > cc/covered; cat cc/covered
        cat "$1/cc/covered"; cd "$1/cc"; cat covered; stat -c %s "$1/cc/covered"
        """,
        "of the tmpfs\nof the tmpfs\nof the tmpfs\n13\n",
    ),
    "dot dot above a mount": (
        """mount -t tmpfs none deep; mkdir deep/er; cat "$1/deep/er/../../deep.link"
        cd "$1/deep/er"; cat ../../deep.link
        """,
        "of cvmfs\nof cvmfs\n",
    ),
    "a script and its interpreter": (
        f"""mount -t tmpfs none cc; cp {ROOT}/d/sh cc/own; ln -s own cc/to
        printf '#!%s/cc/to\\necho %s\\n' "$1" host > cc/one; chmod +x cc/one
        printf '#!{ROOT}/d/sh\\necho cvmfs\\n' > cc/two; chmod +x cc/two
        "$1/cc/one"; "$1/cc/two"; cd cc; ./one; ./two
        """,
        "host\ncvmfs\nhost\ncvmfs\n",
    ),
    "from /cvmfs to a place of the host that is covered": (
        f"""mount -t tmpfs none old; echo "of the tmpfs" > old/f; cat {ROOT}/d/host
        cat {ROOT}/../..$1/old/f; cd {ROOT}; cat ../..$1/old/f
        """,
        "of the tmpfs\nof the tmpfs\nof the tmpfs\n",
    ),
    "by the root of another process": (
        f"""mount --bind aa bb; cat /proc/$$/root"$1"/bb/link/f
        {OWN} sh -c 'umount "$2/bb"; test ! -e "$2/bb/link"
          cat /proc/$1/root"$2"/bb/link/f /proc/$1/task/$1/root{ROOT}/d/f
          cd /proc/$1/root; cat ".$2/bb/link/f"; ls -d cvmfs' sh $$ "$1"
        """,
        "of cvmfs\nof cvmfs\nof cvmfs\nof cvmfs\ncvmfs\n",
    ),
    "the root's directory in another mount": (
        """mount --rbind / new; cat "$1/new/../aa/link/f"; cd new; cat ../aa/link/f""",
        "of cvmfs\nof cvmfs\n",
    ),
    "chroot to it": (
        """mount --rbind / new; mount --bind aa "new$1/bb"
        chroot new sh -c 'cat "$1/bb/link/f"; cd "$1/bb"; cat link/f' sh "$1"
        test -e bb/link || echo "not here"
        """,
        "of cvmfs\nof cvmfs\nnot here\n",
    ),
    "pivot_root to it, by a child": (
        """mount --rbind / new; mount --bind aa "new$1/bb"; cd new
        pivot_root . ".$1/old"; cat "$1/bb/link/f"; cd "$1/bb"; cat link/f
        """,
        "of cvmfs\nof cvmfs\n",
    ),
    "a new root for all by a child": (
        """mount -t tmpfs none new; cp -a /bin /lib* new 2> /dev/null
        for each in usr old; do mkdir new/$each; done; mount --rbind /usr new/usr
        cd new; pivot_root . old; cat /cvmfs/any; echo /*
        """,
        "",
    ),
}
PROCESSES = f"""
echo "$(readlink /proc/self/exe)" $$; cat /proc/1/root{ROOT}/d/f
cat /proc/$$/root{ROOT}/d/f; grep -c '^cvmfs2 {ROOT} ' /proc/self/mounts
exec 5< {ROOT}/d/f; readlink /proc/self/fd/5 /proc/1/fd/5 /proc/thread-self/fd/5
cat /proc/self/fd/5 /proc/1/task/1/fd/5; cd /proc/1; readlink fd/5; readlink task/1/fd/5
"""
WANTED = f"""
/usr/bin/readlink 1
of cvmfs
of cvmfs
1
{f"{ROOT}/d/f" + chr(10)}{f"{ROOT}/d/f" + chr(10)}{ROOT}/d/f
of cvmfs
of cvmfs
{ROOT}/d/f
{ROOT}/d/f
"""


@dataclass
class Setting:
    """A small repository, and a directory to mount in."""

    run: Runner
    work: Path
    options: list[str | Path]

    def __call__(self, script: str) -> Result:
        words = ("sh", "-c", script, "sh", str(self.work))
        return self.run(*words, options=self.options)


@pytest.fixture
def setting(run: Runner, place: Path) -> Iterator[Setting]:
    if not IS_ROOT and forbidden():
        pytest.skip(forbidden())
    tree, work = place / "tree", place / "work"
    work.mkdir()
    (tree / "d").mkdir(parents=True)
    (tree / "d" / "f").write_text("of cvmfs\n")
    (tree / "d" / "host").symlink_to(work / "old" / "f")
    shutil.copy("/bin/sh", tree / "d" / "sh")
    publisher = Publisher(place)
    publisher.publish(tree, FQRN)
    server = Server(publisher.storage, place / "server")
    server.start()
    yield Setting(run, work, publisher.options(FQRN, server.url))
    server.stop()
    subprocess.run(["chmod", "-R", "u+rwx", work], check=False)


@pytest.mark.parametrize("name", SCRIPTS)
def test_paths_lead_through_the_mounts_of_who_names_them(
    setting: Setting, name: str
) -> None:
    script, wanted = SCRIPTS[name]
    if not IS_ROOT and "root of another" in name:
        pytest.skip("an inner user namespace may not undo mounts of the outer one")
    job = f"set -e; {PREPARE} exec {OWN} --propagation private sh -c '{script}' sh $1"
    result = setting(job.replace(script, script.replace("'", "'\\''")))
    if wanted:
        assert result.ok().text == wanted, result.explain()
        assert result.messages == []
    else:
        assert "/old" in result.text, result.explain()
        assert len(result.messages) == 1, result.explain()


def test_a_proc_of_other_numbers_shows_the_same_processes(setting: Setting) -> None:
    words = f"{OWN} -pf --mount-proc sh -c '{PROCESSES}'"
    script = words.replace(PROCESSES, PROCESSES.replace("'", "'\\''"))
    assert setting(script).ok().text == WANTED.lstrip()


@NEEDS_ROOT
def test_who_joins_a_mount_namespace_has_its_mounts(setting: Setting) -> None:
    script = f"""{PREPARE}
    unshare -m sh -c 'mount --bind aa bb; echo > ready; exec sleep 1000' & pid=$!
    while [ ! -e ready ]; do sleep 0.05; done
    nsenter -m -t $pid cat "$1/bb/link/f"; test -e bb/link || echo "not here"
    kill $pid
    """
    result = setting(script).ok()
    assert result.text == "of cvmfs\nnot here\n", result.explain()


# EAGAIN marks the mount; the second call unmounts it if nobody has looked at it since.
EXPIRE = """
import ctypes, errno, os, sys
call = ctypes.CDLL(None, use_errno=True).umount2
def expire(name):
    done = call(os.fsencode(name), 4)
    print(name if os.path.isabs(name) else "relative",
          errno.errorcode[ctypes.get_errno()] if done else "unmounted")
os.chdir(sys.argv[1])
os.symlink("cc", "link")
os.symlink(f"{sys.argv[1]}/link", "to the link")
for name in ("cc", "./cc/", "cc/.", "link", "to the link/", f"{sys.argv[1]}/a b"):
    expire(name)
    expire(name)
expire("cc")
"""
ONE_EXPIRED = "relative EAGAIN\nrelative unmounted\n"
EXPIRED = f"""{5 * ONE_EXPIRED}{{work}}/a b EAGAIN
{{work}}/a b unmounted
relative EINVAL
"""


def test_a_mount_that_nobody_uses_expires(setting: Setting) -> None:
    script = f"""{PREPARE} mkdir "a b"
    cat > job << 'END'
{EXPIRE}
END
    exec {OWN} sh -c 'for each in cc cc cc cc cc "a b"; do
    mount -t tmpfs none "$each"; done
    exec /usr/bin/python3 -I job "$1"' sh "$1"
    """
    result = setting(script).ok()
    assert result.text == EXPIRED.replace("{work}", str(setting.work)), result.explain()
