#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# install-packages.sh [long]: installs the Debian packages that tests and checks need, and
# with `long` those of `make test-long`; without root it prints the apt line and goes on:
# tests then skip and say what is missing.
set -eu
# Debian's own interpreter, whatever stands first in PATH.
debian=$(basename "$(realpath /usr/bin/python3)")

# i386 programs: this part of gcc-multilib, which no cross compiler excludes.
major=$(gcc -dumpversion 2>/dev/null || echo 12)
i386=
[ "$(uname -m)" != x86_64 ] || i386="
/usr/lib/gcc/x86_64-linux-gnu/$major/32/libgcc.a lib32gcc-$major-dev
/usr/lib32/crt1.o libc6-dev-i386"
# command (or file) that shows the package is there, and the package
wanted="
make make
git git
gcc gcc
/usr/include/stdio.h libc6-dev
nginx nginx
/bin/busybox busybox-static
setfattr attr
setfacl acl
strace strace
gdb gdb
groff groff-base
bwrap bubblewrap
musl-gcc musl-tools
proot proot
clang clang
clang-format clang-format
aarch64-linux-gnu-gcc gcc-aarch64-linux-gnu
/usr/aarch64-linux-gnu/include/stdio.h libc6-dev-arm64-cross
/usr/include/zlib.h zlib1g-dev
/usr/include/sha2.h libmd-dev
strip binutils
tar tar
bindfs bindfs
fuse-overlayfs fuse-overlayfs
squashfuse squashfuse
mksquashfs squashfs-tools
fuse2fs fuse2fs
mke2fs e2fsprogs
xz xz-utils
find findutils
rsync rsync
setcap libcap2-bin
setpriv util-linux
unshare util-linux
perl perl
sqlite3 sqlite3
ssh openssh-client
tclsh tcl
tmux tmux
/usr/share/lmod lmod
/usr/lib/python3/dist-packages/numpy python3-numpy
/usr/lib/$debian/ensurepip $debian-venv
/usr/lib/$debian/test/test_os.py lib$debian-testsuite
"
[ "${1:-}" != long ] || wanted=$wanted'
/usr/lib/jvm/default-java/bin/javac default-jdk-headless
/usr/lib/python3/dist-packages/matplotlib python3-matplotlib
/usr/lib/python3/dist-packages/scipy python3-scipy
cmake cmake
debootstrap debootstrap
ip iproute2
qemu-system-x86_64 qemu-system-x86
g++ g++
/usr/bin/go golang-go
mpicc libopenmpi-dev
mpirun openmpi-bin
makeflow coop-computing-tools
/usr/bin/node nodejs
/usr/bin/rustc rustc
sshd openssh-server
/usr/bin/tcsh tcsh
zsh zsh
gfortran gfortran
ninja ninja-build
ccache ccache
ruby ruby
/usr/bin/R r-base-core
/usr/bin/php php-cli
valgrind valgrind
h5dump hdf5-tools
octave-cli octave
expect expect
fakeroot fakeroot
parallel parallel
screen screen
squid squid
/usr/lib/python3/dist-packages/h5py python3-h5py
'
# nginx and others live where an ordinary user's PATH does not look.
PATH=$PATH:/usr/sbin:/sbin
missing=$(echo "$wanted$i386" | while read -r proof package; do
	case $proof in
	'') ;;
	/*) [ -e "$proof" ] || echo "$package" ;;
	*) command -v "$proof" >/dev/null 2>&1 || echo "$package" ;;
	esac
done | sort -u | tr '\n' ' ')
# ensurepip and Python.h belong to the interpreter: another one than Debian's has both.
python=${PYTHON:-python3}
header='import os, sysconfig, sys
sys.exit(not os.path.exists(sysconfig.get_paths()["include"] + "/Python.h"))'
"$python" -c 'import ensurepip, venv' 2>/dev/null || missing="$missing python3-venv"
"$python" -c "$header" 2>/dev/null || missing="$missing python3-dev"
# For libFuzzer; Debian 11 has no package of this name.
fuzzer=$(clang -print-file-name="libclang_rt.fuzzer-$(uname -m).a" 2>/dev/null || :)
if [ "${1:-}" = long ] && [ ! -e "$fuzzer" ] && apt-cache show libclang-rt-dev >/dev/null 2>&1; then
	missing="$missing libclang-rt-dev"
fi

[ -n "$missing" ] || exit 0
if [ "$(id -u)" != 0 ]; then
	echo "missing packages, as root: apt-get install -y $missing" >&2
	exit 0
fi
export DEBIAN_FRONTEND=noninteractive
echo "installing: $missing" >&2
# shellcheck disable=SC2086  # a list of words
apt-get install -y -q --no-install-recommends $missing >&2 || {
	apt-get update -q >&2
	apt-get install -y -q --no-install-recommends $missing >&2
}
