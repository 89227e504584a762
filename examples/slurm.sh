#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# sbatch examples/slurm.sh: four tasks. Signals of scancel and of --signal reach the tasks
# through srun; without srun write `exec interpose_run ...`: a shell that waits keeps them.
#SBATCH --job-name=hello
#SBATCH --ntasks=4
#SBATCH --mem-per-cpu=1G
#SBATCH --signal=USR2@60
exec srun "${INTERPOSE_RUN:-interpose_run}" --config my.conf \
	--cache "${INTERPOSE_CACHE:-/var/tmp/interpose-$(id -u)}" \
	-- /cvmfs/my.example.org/bin/hello
