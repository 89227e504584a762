#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Compiles all of native/ with warnings as errors: gcc and clang for this machine, and a
# cross compiler for aarch64, whose program is linked too.
set -eu
cd "$(dirname "$0")/../.."
flags='-std=gnu11 -O2 -D_GNU_SOURCE -Wall -Wextra -Werror -Wshadow -Wconversion
 -Wno-sign-conversion -Wstrict-prototypes -Wmissing-prototypes -Wvla
 -fvisibility=hidden -fstack-protector-strong -pthread -Inative'
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT

# compile COMPILER MACHINE EXTRA ROOM: objects of all sources but ROOM's into $out/COMPILER
compile() {
	mkdir "$out/$1"
	find native -name '*.c' ! -path 'native/stub/*' ! -path "native/$4/*" \
		\( ! -path 'native/arch/*' -o -name "$2.c" -o ! \
		\( -name x86_64.c -o -name aarch64.c \) \) -print | sort >"$out/$1/list"
	# shellcheck disable=SC2086  # a list of flags
	if ! xargs -P 2 -I{} sh -c 'o=$(echo "$1" | tr / -); compiler=$2; dir=$3; shift 3
		exec "$compiler" "$@" -c "$0" -o "$dir/${0##*/}.${o%.c}.o"' \
		{} {} "$1" "$out/$1" $flags $3 <"$out/$1/list"; then
		echo "$1: see above"
		failed=1
		return
	fi
	echo "$1: $(wc -l <"$out/$1/list") files without a warning"
}

failed=0
machine=$(uname -m)
compile gcc "$machine" '' none
compile clang "$machine" '' none
# zlib and libmd are there for this machine alone.
compile aarch64-linux-gnu-gcc aarch64 '' bundle
[ $failed = 0 ] || exit 1
rm -f "$out"/aarch64-linux-gnu-gcc/api.c.*.o
if [ -e native/launch/main.c ]; then
	aarch64-linux-gnu-gcc -static -pthread -o "$out/interpose_run" \
		"$out"/aarch64-linux-gnu-gcc/*.o
	echo 'aarch64-linux-gnu-gcc: interpose_run links'
fi
