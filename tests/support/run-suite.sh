#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# run-suite.sh [PYTEST ARGUMENT...]: the suite as oneself and, for root, once more as an
# unprivileged user in a copy of the tree with a home and a scratch of its own, and with
# the stub given to every process at once (docs/fast-path.md). All that
# tests write is in one directory, which is removed; logs stay in build/.
set -u
cd "$(dirname "$0")/../.."
ROOT=$PWD
PYTHON=${PYTHON:-python3}
INTERPOSE_SHARED=$(realpath -m "${INTERPOSE_SHARED:-../shared}")
export INTERPOSE_SHARED
export INTERPOSE_TESTS_LEAVE_NOTHING=1

suite=$(mktemp -d "${TMPDIR:-/tmp}/interpose-suite.XXXXXX") || exit 1
trap 'cd /; chmod -R u+rwX "$suite" 2>/dev/null; rm -rf "$suite"' EXIT
trap 'exit 1' HUP INT TERM
chmod 755 "$suite"
mkdir "$suite/tmp"
chmod 1777 "$suite/tmp"

# copy DIRECTORY: the tree as it was written, without what is built
copy() {
	mkdir -p "$1"
	tar --exclude=./.git --exclude=./.venv --exclude=./build --exclude=__pycache__ \
		--exclude='./interpose/_native*.so' --exclude='./*.egg-info' \
		--exclude='./.*_cache' --exclude=./.hypothesis -C "$ROOT" -cf - . |
		tar -C "$1" -xf -
}

uid=$(id -u nobody)
gid=$(id -g nobody)
as_user() {
	setpriv --reuid "$uid" --regid "$gid" --clear-groups \
		env -i PATH="$PATH" LC_ALL=C.UTF-8 HOME="$suite/home" TMPDIR="$suite/user" \
		INTERPOSE_SHARED="$INTERPOSE_SHARED" INTERPOSE_TESTS_LEAVE_NOTHING=1 \
		INTERPOSE_FASTPATH_AFTER=1 "$@"
}
# Tests of root start programs as other users, too: below /root those see nothing.
tree=$ROOT
if [ "$(id -u)" = 0 ]; then
	if [ -d "$INTERPOSE_SHARED" ] && ! as_user ls "$INTERPOSE_SHARED" >/dev/null 2>&1; then
		cp -rL "$INTERPOSE_SHARED" "$suite/shared"
		INTERPOSE_SHARED=$suite/shared
	fi
	if ! as_user ls "$ROOT/interpose" >/dev/null 2>&1; then
		echo "=== other users cannot read this directory: a copy is tested ==="
		tree=$suite/tree
		copy "$tree"
	fi
fi

make -s -C "$tree" build tools PYTHON="$PYTHON" || exit 1
echo "=== tests as $(id -un) ==="
cd "$tree" || exit 1
TMPDIR=$suite/tmp .venv/bin/python -m tests.support.one_page \
	"$ROOT/build/tests-$(id -un).log" "$@"
first=$?
# 5: nothing was selected, as with a room that has no long test.
[ $first = 5 ] && first=0
if [ "$(id -u)" != 0 ]; then
	echo "=== not root: run as $(id -un) only; root would run both ==="
	exit $first
fi

# The interpreter of root's .venv may lie where nobody else may look.
usable=
for candidate in "$PYTHON" /usr/bin/python3 /usr/local/bin/python3; do
	path=$(command -v "$candidate") || continue
	check='import ensurepip, sys; sys.exit(sys.version_info < (3, 9))'
	as_user "$path" -c "$check" 2>/dev/null || continue
	usable=$path
	break
done
if [ -z "$usable" ]; then
	echo "no Python 3.9 with venv that uid $uid may run" >&2
	exit 1
fi
mkdir "$suite/home" "$suite/user"
copy "$suite/of-user"
# The packages that root has just used are not asked for again.
"$usable" -m venv "$suite/of-user/.venv" || exit 1
abi_and_place='import sysconfig as s; print(s.get_config_var("SOABI"), s.get_path("purelib"))'
read -r abi packages <<-END
	$("$tree/.venv/bin/python" -c "$abi_and_place")
END
read -r users_abi users_packages <<-END
	$("$suite/of-user/.venv/bin/python" -c "$abi_and_place")
END
if [ "$abi" = "$users_abi" ]; then
	tar --exclude='*interpose*' -C "$packages" -cf - . | tar -C "$users_packages" -xf -
fi
make -s -C "$suite/of-user" build tools PYTHON="$usable" || exit 1
mkdir -p "$suite/of-user/build"
chown -R "$uid:$gid" "$suite/of-user" "$suite/home" "$suite/user"
echo "=== tests as $(id -un "$uid") ==="
cd "$suite/of-user" || exit 1
# Where it matters who one is: what parses and computes does the same for everybody, and
# what i386 programs need of a user the other programs need too.
same='tests/differential/test_i386.py tests/faults/test_hostile_publisher.py
	tests/faults/test_hostile_bytes.py'
rooms='tests/unit/cache tests/interface tests/differential tests/faults tests/engines'
# Root has run these, and nothing in them asks who it is: a user does in test-long.
later=tests/programs
for name in broken_indexes changed_beneath damaged_caches failures growth hostile_tracees \
	many_jobs objects_stay_whole random_kills resolver rows_under_way shared_locks; do
	later="$later tests/faults/test_$name.py"
done
for name in doctor_network manual messages offline parameters publish reading_ahead readme \
	serving_page site_configuration; do
	later="$later tests/interface/test_$name.py"
done
for name in compatibility loader random; do
	later="$later tests/differential/test_$name.py"
done
case " $* " in
*" long "*) long=yes ;;
*) long= same="$same $later" ;;
esac
for path in $same; do
	set -- "$@" --ignore "$path"
done
# run_as_user LOG PYTEST-ARGUMENT...: the log is kept in build/
run_as_user() {
	log=$1
	shift
	as_user .venv/bin/python -m tests.support.one_page "build/$log" "$@"
	status=$?
	[ $status = 5 ] && status=0
	cp "build/$log" "$ROOT/build/$log"
	[ $status = 0 ] || echo "all of it: $ROOT/build/$log"
	return $status
}
name=$(id -un "$uid")
# shellcheck disable=SC2086  # lists of rooms
{
	run_as_user "tests-$name.log" "$@" $rooms ${long:+tests/programs}
	second=$?
	if [ -n "$long" ]; then
		run_as_user "tests-$name-later.log" "$@" -m 'not long' $later || second=1
	fi
}
[ $first = 0 ] && [ $second = 0 ]
