# SPDX-License-Identifier: GPL-2.0-or-later
"""Slurm and Grid Engine started by hand in a box, as systemd would."""

from __future__ import annotations

from tests.engines.box import eventually
from tests.engines.site import Site

PACKAGES = (
    "slurmctld slurmd slurm-client munge gridengine-master gridengine-exec"
    " gridengine-client openmpi-bin libopenmpi-dev gcc libc6-dev procps"
    " python3-minimal"
).split()
PATIENCE_S = 60.0
SLURM_CONF = """
ClusterName=box
SlurmctldHost=engine(127.0.0.1)
AuthType=auth/munge
CryptoType=crypto/munge
MpiDefault=none
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
ReturnToService=2
SlurmctldPidFile=/run/slurmctld.pid
SlurmdPidFile=/run/slurmd.pid
SlurmdSpoolDir=/var/spool/slurmd
StateSaveLocation=/var/spool/slurmctld
SlurmUser=slurm
SlurmctldLogFile=/var/log/slurm/slurmctld.log
SlurmdLogFile=/var/log/slurm/slurmd.log
SchedulerType=sched/backfill
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
KillWait=4
OverTimeLimit=0
SlurmdParameters=config_overrides
NodeName=engine NodeAddr=127.0.0.1 CPUs=24 CoresPerSocket=24 RealMemory=8000
PartitionName=all Nodes=ALL Default=YES MaxTime=INFINITE State=UP
"""
# slurmd wants a file system at /sys/fs/cgroup, whatever tracks its processes.
SLURM = """
set -e
grep -q ' /sys/fs/cgroup ' /proc/mounts || mount -t tmpfs none /sys/fs/cgroup
mkdir -p /run/munge /var/spool/slurmd /var/spool/slurmctld /var/log/slurm /etc/slurm
chown munge: /run/munge; chown slurm: /var/spool/slurmctld /var/log/slurm
printf '%s' "$1" > /etc/slurm/slurm.conf
printf 'CgroupPlugin=cgroup/v1\\nCgroupAutomount=no\\n' > /etc/slurm/cgroup.conf
head -c 1024 /dev/urandom > /etc/munge/munge.key
chown munge: /etc/munge/munge.key /etc/munge /var/log/munge /var/lib/munge
chmod 400 /etc/munge/munge.key
setpriv --reuid=munge --regid=munge --init-groups munged
slurmctld; slurmd
"""
GRID_ENV = {"SGE_ROOT": "/var/lib/gridengine", "SGE_CELL": "default"}
# What the packages' own scripts leave undone where no name service knows the machine.
GRID = """
set -e
root=/var/lib/gridengine; spool=/var/spool/gridengine
rm -rf $spool/spooldb
mkdir -p $spool/spooldb $spool/qmaster/job_scripts $spool/execd /run/gridengine
chown -R sgeadmin: $spool /run/gridengine
setup=/usr/share/gridengine/scripts/init_cluster
su -s /bin/sh -c "$setup $root default $spool/spooldb sgeadmin" sgeadmin
echo engine > $root/default/common/act_qmaster
sge_qmaster
"""
GRID_QUEUE = """
qconf -ah engine; qconf -as engine; sge_execd; qconf -au alice users
printf 'group_name @allhosts\\nhostlist engine\\n' > /tmp/group
qconf -Ahgrp /tmp/group
qconf -sq > /tmp/queue
sed -i 's/^qname.*/qname main.q/; s/^hostlist.*/hostlist @allhosts/
s/^slots.*/slots 8/; s/^shell  .*/shell \\/bin\\/sh/
s/^shell_start_mode.*/shell_start_mode unix_behavior/; s/^pe_list.*/pe_list NONE/
s/^load_thresholds.*/load_thresholds NONE/; s/^notify.*/notify 00:00:05/' /tmp/queue
qconf -Aq /tmp/queue; rm /tmp/group /tmp/queue
"""


def start_slurm(site: Site) -> None:
    site.box.run(["sh", "-c", SLURM, "sh", SLURM_CONF])
    eventually(
        lambda: "idle" in site.box.run(["sinfo", "-h", "-o", "%t"], check=False).stdout,
        lambda: site.box.run(["tail", "-n", "20", "/var/log/slurm/slurmd.log"]).stdout,
        PATIENCE_S,
    )


def start_grid_engine(site: Site) -> None:
    def told(*words: str) -> str:
        return site.box.run(words, check=False, env=GRID_ENV).stdout

    site.box.run(["sh", "-c", GRID], env=GRID_ENV)
    eventually(lambda: told("qconf", "-sh"), lambda: "no qmaster", PATIENCE_S)
    site.box.run(["sh", "-c", GRID_QUEUE], env=GRID_ENV, check=False)
    eventually(
        lambda: any(
            line.split()[-1].startswith("lx-") and "main.q" in line
            for line in told("qstat", "-f").splitlines()
        ),
        lambda: told("qstat", "-f"),
        PATIENCE_S,
    )
