#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Prints the interpreter for .venv: one that every user of the machine may execute where
# there is a choice, because a job of another user starts its resolver with it.
check='
import ensurepip, os, sys, sysconfig
from pathlib import Path
base = Path(sys.base_prefix).resolve()
shared = all(p.stat().st_mode & 0o001 for p in [base, *base.parents])
header = os.path.exists(sysconfig.get_paths()["include"] + "/Python.h")
sys.exit(not (sys.version_info >= (3, 9) and header and shared))'
for candidate in python3 /usr/bin/python3 /usr/local/bin/python3; do
	if "$candidate" -c "$check" 2>/dev/null; then
		echo "$candidate"
		exit 0
	fi
done
echo python3
