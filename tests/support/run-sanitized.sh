#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# run-sanitized.sh [PYTEST ARGUMENT...]: what runs C code, with the compiler's checks:
# interpose_run with those for undefined behaviour, and with the stub given to every
# process at once (docs/fast-path.md); the C module with those for addresses
# too. SANITIZE_ROOMS chooses rooms for the first.
set -eu
cd "$(dirname "$0")/../.."
rooms=${SANITIZE_ROOMS:-tests/native tests/interface tests/differential tests/faults}
INTERPOSE_SHARED=$(realpath -m "${INTERPOSE_SHARED:-../shared}")
export INTERPOSE_SHARED

failed=0
place=$(mktemp -d "${TMPDIR:-/tmp}/interpose-sanitized.XXXXXX")
trap 'rm -rf "$place"' EXIT
chmod 755 "$place"
python=$PWD/.venv/bin/python

"$python" -m tests.support.sanitized undefined "$place/undefined"
echo "=== interpose_run with checks for undefined behaviour ==="
# shellcheck disable=SC2086  # a list of rooms
INTERPOSE_RUN="$place/undefined/interpose_run" INTERPOSE_FASTPATH_AFTER=1 "$python" -m pytest "$@" $rooms ||
	failed=1

mkdir "$place/tree"
tar --exclude=./.git --exclude=./.venv --exclude=./build --exclude=__pycache__ \
	--exclude='./interpose/_native*.so' --exclude='./.*_cache' -cf - . |
	tar -C "$place/tree" -xf -
cd "$place/tree"
checks='-fsanitize=address,undefined -fno-sanitize-recover=all -g'
export PYTHONPATH="$place/tree"
CFLAGS=$checks LDFLAGS=$checks "$python" native/build_ffi.py >/dev/null
echo "=== the C module with checks for addresses and undefined behaviour ==="
LD_PRELOAD="$(gcc -print-file-name=libasan.so) $(gcc -print-file-name=libubsan.so)" \
	ASAN_OPTIONS=detect_leaks=0:abort_on_error=1 PYTHONMALLOC=malloc \
	"$python" -m pytest "$@" -p no:cacheprovider tests/native/test_index.py \
	tests/native/test_native.py tests/native/test_index_repositories.py || failed=1
exit $failed
