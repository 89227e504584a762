# SPDX-License-Identifier: GPL-2.0-or-later
"""ssh with a real server: the client in /cvmfs, and the server in /cvmfs too."""

from __future__ import annotations

import os
import pwd
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.places import need_tool
from tests.support.web import RUNNING, free_port
from tests.support.workflow import IS_ROOT, Row, Workflow

NAME = pwd.getpwuid(os.geteuid()).pw_name if os.geteuid() else "root"
# A session is another namespace's: this user with a shell and a home, and the directory
# that a server of root asks for. `own.sh HOME COMMAND...`.
OWN = f"""
set -eu
mount -t tmpfs -o mode=755 none /run; mkdir /run/sshd
mount -t tmpfs -o mode=755 none /var/log  # who has logged in
awk -F: -v OFS=: -v home="$1" '$1 == "{NAME}" {{ $6 = home; $7 = "/bin/sh" }} 1' \\
    /etc/passwd > "$1/passwd"
mount --bind "$1/passwd" /etc/passwd
# systemd's module says that everybody without an entry is locked.
printf "%s: files\\n" passwd shadow hosts > "$1/nsswitch"
mount --bind "$1/nsswitch" /etc/nsswitch.conf
# Without the group tty, which is not mapped, it does not want to change a terminal's.
: > "$1/group"; mount --bind "$1/group" /etc/group; shift
exec {"" if IS_ROOT else f"unshare -U --map-user={os.geteuid()} --map-group={os.getegid()}"} "$@"
"""
UNSHARE = "unshare -m --propagation private" + ("" if IS_ROOT else " -U -r")
SERVER = """
ListenAddress 127.0.0.1
Port {port}
HostKey {place}/ssh/host
AuthorizedKeysFile {place}/ssh/key.pub
PidFile {place}/ssh/pid
StrictModes no
UsePAM no
PasswordAuthentication no
PermitRootLogin yes
Subsystem sftp {sftp}
"""
CLIENT = """
Host there jump
  HostName 127.0.0.1
  Port {port}
  User {name}
  IdentityFile {place}/ssh/key
  IdentitiesOnly yes
  UserKnownHostsFile {place}/ssh/known
  GlobalKnownHostsFile none
  StrictHostKeyChecking yes
  LogLevel ERROR
"""
USE = r"""
alias ssh="ssh -F {place}/ssh/client"; copy="-q -F {place}/ssh/client -S $R/usr/bin/ssh"
echo typed | ssh there 'id -un; pwd; read line; echo "read $line"; echo to stderr >&2; exit 3' || echo $?
ssh -n there 'kill -9 $$' || echo $?; ssh -F none there || echo $?; ssh -n there 'seq 200000' | md5sum
ssh < $R/data.tar.gz there cat | cmp - $R/data.tar.gz; ssh -n there nothing || echo $?
ssh -tt there 'test -t 0 && echo terminal; stty size | wc -w' < /dev/null
ssh -n there "echo $PWD \$HOME; ls -d /cvmfs/*/data 2> /dev/null || echo none there"
mkdir far; scp $copy -rp $R/data/part_1 "there:$PWD/far"; scp $copy -O $R/data/run.sh there:far.sh
scp $copy -r "there:$PWD/far" near; scp $copy ~/none there: || echo $?; scp $copy $R/sums there:$R/new || echo $?
printf 'lcd %s/data\ncd %s/far\nput -p run.sh\nmkdir d\nrename run.sh d/run.sh\nls -1\nls -ln d\nget d/run.sh %s/got\n' \
    $R $PWD $PWD > batch; sftp $copy -b batch there; sftp $copy there < /dev/null; sftp $copy "there:$PWD/far/d/run.sh" again
ssh -n -J jump there 'echo through a jump'; ssh -W 127.0.0.1:{port} there < /dev/null | cut -c1-8
ssh -M -S ctl -f -N there; ssh -S ctl -O check there 2>&1 | sed 's/pid=[0-9]*/pid/'
ssh -n -S ctl -o ProxyCommand=false there 'echo by the master'; ssh -S ctl -O forward -L $PWD/local:127.0.0.1:{port} there
ls -l local | cut -c1-4; ssh -S ctl -O exit there 2>&1
eval "$(ssh-agent -s)" > /dev/null; ssh-add -q {place}/ssh/key; ssh -n -A there 'ssh-add -L | cut -c1-11'; ssh-agent -k > /dev/null
rsync -a -e "ssh -F {place}/ssh/client" $R/data/ "there:$PWD/sync"; rsync -aci -e "ssh -F {place}/ssh/client" $R/data/ "there:$PWD/sync"
export GIT_SSH_COMMAND="ssh -F {place}/ssh/client" GIT_EXEC_PATH=$R/usr/lib/git-core GIT_CONFIG_GLOBAL=/dev/null
git -c init.defaultBranch=main init -q --bare remote.git; git -c safe.directory='*' -C $R/repository.git push -q "there:$PWD/remote.git" main side
git -c advice.detachedHead=false clone -q "ssh://there$PWD/remote.git" clone; git -C clone log --format=%h origin/side
"""
SHOWS = (
    "(?s)read typed.*\n3\n.*terminal.*through a jump.*SSH-2.0-.*Master running"
    ".*by the master.*ssh-ed25519"
)
WRITTEN = r"clone/\.git/(index|logs)"  # with times
# The server's listener and sessions in the job; its shells are the host's.
SERVE = r"""
mkdir far; {unshare} sh {place}/ssh/own.sh $PWD/far $R/usr/sbin/sshd -t -f {place}/ssh/server && echo good
{unshare} sh {place}/ssh/own.sh $PWD/far $R/usr/sbin/sshd -D -e -f {place}/ssh/server 2> log & server=$!
trap 'kill $server' EXIT
alias ssh="ssh -F {place}/ssh/client"; copy="-q -F {place}/ssh/client -S $R/usr/bin/ssh"
i=0; until ssh -n there true 2> said; do i=$((i + 1)); [ $i -lt 300 ] || {{ cat said log; exit 9; }}; sleep 0.1; done
echo typed | ssh there 'id -un; pwd; read line; echo "read $line"; echo to stderr >&2; exit 3' || echo $?
ssh -n there 'kill -9 $$' || echo $?; ssh < $R/usr/bin/bash there cat | cmp - $R/usr/bin/bash
ssh -tt there 'test -t 0 && echo terminal' < /dev/null; ssh -n there "ls -d $R/usr/bin; cd $R; pwd; cd; echo > $R/new" || echo $?
scp $copy $R/usr/bin/dash there:dash; cmp far/dash $R/usr/bin/dash; scp $copy "there:$R/usr/bin/env" env
scp $copy env "there:$R/usr/new" || echo $?; ssh -n -J jump there 'echo through a jump'
ssh -n -l nobody-else there true || echo $?
trap - EXIT; kill $server; wait $server || echo $?; grep -c Accepted log; sed 's/.*from.*//; s/.*user.*//; /^$/d' log | sort -u; rm log said
"""


def files(place: Path, port: int) -> dict[str, str]:
    """Keys and configuration of both ends, and what the scripts are formatted with."""
    own = place / "ssh"
    own.mkdir(mode=0o700)
    for name in ("host", "key"):
        words = [need_tool("ssh-keygen", "openssh-client"), "-q", "-t", "ed25519"]
        subprocess.run([*words, "-N", "", "-C", name, "-f", own / name], check=True)
    host = (own / "host.pub").read_text()
    (own / "known").write_text(f"[127.0.0.1]:{port} {host}")
    sftp = "/usr/lib/openssh/sftp-server"
    (own / "own.sh").write_text(OWN)
    values = {"place": str(place), "port": str(port), "name": NAME, "sftp": sftp}
    values["unshare"] = UNSHARE
    (own / "server").write_text(SERVER.format(**values))
    (own / "client").write_text(CLIENT.format(**values))
    return values


@pytest.fixture
def listening(place: Path) -> Iterator[dict[str, str]]:
    """A server of this user that runs on the host."""
    program = need_tool("sshd", "openssh-server")
    values = files(place, free_port())
    (place / "far").mkdir()
    words = [*UNSHARE.split(), "sh", place / "ssh/own.sh", place / "far"]
    words += [program, "-D", "-e", "-f", place / "ssh/server"]
    with (place / "ssh/log").open("w") as log:
        server = subprocess.Popen(
            list(map(str, words)), stderr=log, env={"HOME": str(place)}
        )
    RUNNING.add(server.pid)
    while True:
        assert server.poll() is None, (place / "ssh/log").read_text()
        try:
            socket.create_connection(("127.0.0.1", int(values["port"])), 1).close()
            break
        except OSError:
            continue
    yield values
    server.terminate()
    server.wait()
    RUNNING.discard(server.pid)


@pytest.mark.long
def test_the_client_does_all_with_a_server_as_from_a_directory(
    workflow: Workflow, listening: dict[str, str]
) -> None:
    row = Row(
        "client", "base", USE.format(**listening), SHOWS, scratch=WRITTEN, timeout_s=300
    )
    workflow.same(row)


@pytest.mark.long
def test_the_server_runs_in_a_job_as_from_a_directory(
    workflow: Workflow, place: Path
) -> None:
    values = files(place, free_port())
    shows = "(?s)good.*read typed.*\n3\n.*terminal.*through a jump"
    row = Row("server", "sshd", SERVE.format(**values), shows, timeout_s=300)
    workflow.same(row)
