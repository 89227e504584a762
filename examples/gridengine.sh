#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# qsub examples/gridengine.sh: an array of 20. With -notify SIGUSR1 and SIGUSR2 come before
# SIGSTOP and SIGKILL; they reach the job, because the shell is replaced (exec).
#$ -N hello
#$ -S /bin/sh
#$ -cwd
#$ -notify
#$ -t 1-20
exec "${INTERPOSE_RUN:-interpose_run}" --config my.conf \
	--cache "${INTERPOSE_CACHE:-/var/tmp/interpose-$(id -u)}" \
	--stats "stats.$SGE_TASK_ID.json" \
	-- /cvmfs/my.example.org/bin/hello
