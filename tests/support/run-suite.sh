#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# run-suite.sh [PYTEST ARGUMENT...]: the suite as oneself and, for root, once more as an
# unprivileged user in a copy of the tree with a home and a scratch of its own.
set -u
cd "$(dirname "$0")/../.."
PYTHON=${PYTHON:-python3}
INTERPOSE_SHARED=$(realpath -m "${INTERPOSE_SHARED:-../shared}")
export INTERPOSE_SHARED

make -s build tools PYTHON="$PYTHON" || exit 1
echo "=== tests as $(id -un) ==="
.venv/bin/python -m pytest "$@"
first=$?
# 5: nothing was selected, as with a room that has no long test.
[ $first = 5 ] && first=0
if [ "$(id -u)" != 0 ]; then
	echo "=== not root: run as $(id -un) only; root would run both ==="
	exit $first
fi

home=$(mktemp -d "${TMPDIR:-/tmp}/interpose-suite.XXXXXX") || exit 1
uid=$(id -u nobody)
gid=$(id -g nobody)
as_user() {
	setpriv --reuid "$uid" --regid "$gid" --clear-groups \
		env -i PATH="$PATH" LC_ALL=C.UTF-8 HOME="$home/home" TMPDIR="$home/tmp" \
		INTERPOSE_SHARED="$INTERPOSE_SHARED" "$@"
}
# The interpreter of root's .venv may lie where nobody else may look.
usable=
for candidate in "$PYTHON" /usr/bin/python3 /usr/local/bin/python3; do
	path=$(command -v "$candidate") || continue
	check='import ensurepip, sys; sys.exit(sys.version_info < (3, 9))'
	chmod 755 "$home"
	as_user "$path" -c "$check" 2>/dev/null || continue
	usable=$path
	break
done
if [ -z "$usable" ]; then
	echo "no Python 3.9 with venv that uid $uid may run" >&2
	rm -rf "$home"
	exit 1
fi
mkdir "$home/tree" "$home/home" "$home/tmp"
tar --exclude=./.git --exclude=./.venv --exclude=./build --exclude=__pycache__ \
	--exclude='./interpose/_native*.so' --exclude='./*.egg-info' --exclude='./.*_cache' \
	--exclude=./.hypothesis -cf - . | tar -C "$home/tree" -xf -
make -s -C "$home/tree" build tools PYTHON="$usable" || exit 1
chown -R "$uid:$gid" "$home"
echo "=== tests as $(id -un "$uid") ==="
cd "$home/tree" || exit 1
# Where it matters who one is: what parses and computes does the same for everybody, what
# i386 programs need of a user the other programs need too.
same='tests/differential/test_i386.py tests/faults/test_hostile_publisher.py
	tests/faults/test_hostile_bytes.py'
# Hostile tracees are a user's when root runs them, too; whole trees are walked as a user.
case " $* " in
*" long "*) ;;
*) same="$same tests/faults/test_hostile_tracees.py tests/programs/test_truth_tools.py
	tests/programs/test_truth_xattrs.py" ;;
esac
for path in $same; do
	set -- "$@" --ignore "$path"
done
as_user .venv/bin/python -m pytest "$@" tests/unit/cache tests/interface \
	tests/differential tests/faults tests/programs
second=$?
[ $second = 5 ] && second=0
cd /
if [ $second = 0 ]; then
	rm -rf "$home"
else
	echo "kept for a look: $home" >&2
fi
[ $first = 0 ] && [ $second = 0 ]
