#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# Publishes a small repository, serves it on loopback, runs a job from it under
# interpose_run, shows what happened, and removes everything again.
set -eu
cd "$(dirname "$0")/.."
here=$PWD
bin=$here/bin
python=$here/.venv/bin/python
[ -x "$bin/interpose_run" ] || { echo 'first: make build' >&2; exit 1; }
fqrn=demo.example.org
place=$(mktemp -d "${TMPDIR:-/tmp}/interpose-demo.XXXXXX")
server=
clean_up() {
	status=$?
	trap - EXIT INT TERM HUP
	[ -z "$server" ] || { kill "$server" && wait "$server"; } 2>/dev/null || :
	rm -rf "$place"
	[ "$status" != 0 ] || echo "Removed: the repository, its keys, its server, its cache."
	exit "$status"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
step() { printf '\n\033[1m%s\033[0m\n' "$*"; }
[ -t 1 ] || step() { printf '\n== %s\n' "$*"; }

step '1. Some software: a C program with a shared library, a Python script, data'
tree=$place/software
mkdir -p "$tree/bin" "$tree/lib" "$tree/data/run1" "$tree/data/run2"
"${CC:-cc}" -O2 -shared -fPIC -o "$tree/lib/libgreet.so" examples/demo/greet.c
# shellcheck disable=SC2016  # $ORIGIN is for the dynamic loader
"${CC:-cc}" -O2 -o "$tree/bin/hello" examples/demo/hello.c -L"$tree/lib" -lgreet \
	-Wl,-rpath,'$ORIGIN/../lib'
cp examples/demo/analyse.py "$tree/bin/analyse"
chmod +x "$tree/bin/analyse"
for run in run1 run2; do
	for event in $(seq 1 50); do
		seq "$event" 7 400 >"$tree/data/$run/event-$event.txt"
	done
	: >"$tree/data/$run/.cvmfscatalog"
done
echo "$(find "$tree" -type f | wc -l) files, $(du -sh "$tree" | cut -f1)"

step "2. Publish it as /cvmfs/$fqrn and serve it on loopback"
out=$place/storage
"$bin/interpose" publish "$tree" --repository $fqrn --storage "$out" --keys "$place/keys"
"$bin/interpose" serve "$out" --port 0 --keys "$place/keys" --json >"$place/serve.json" &
server=$!
until [ -s "$place/serve.json" ]; do
	kill -0 "$server" 2>/dev/null || { echo 'the server did not start' >&2; exit 1; }
	sleep 0.05
done
url=$("$python" -c 'import json, sys; print(json.load(sys.stdin)["url"])' \
	<"$place/serve.json")
cat >"$place/demo.conf" <<END
CVMFS_SERVER_URL=$url/cvmfs/@fqrn@
CVMFS_PUBLIC_KEY=$place/keys/$fqrn.pub
CVMFS_HTTP_PROXY=DIRECT
CVMFS_REPOSITORIES=$fqrn
END
echo 'Three lines of configuration, and a name for `ls /cvmfs`:'
sed 's/^/    /' "$place/demo.conf"

# What /usr/bin/env finds must not depend on whose shell this is.
PATH=/usr/local/bin:/usr/bin:/bin
interpose() {
	"$bin/interpose_run" --config "$place/demo.conf" --cache "$place/cache" "$@"
}
cat >"$place/job" <<'END'
root=$1
echo "find: $(find "$root" -type f | wc -l) files below $root"
"$root/bin/hello"
"$root/bin/analyse"
END

step '3. The job, under interpose_run: no mount, no root, an empty cache'
interpose --stats "$place/cold.json" -- /bin/sh "$place/job" "/cvmfs/$fqrn"
echo "ls /cvmfs:  $(interpose -- ls /cvmfs)"

step '4. The same job again: everything is in the cache now'
interpose --stats "$place/warm.json" -- /bin/sh "$place/job" "/cvmfs/$fqrn" >/dev/null
echo 'And nobody changes a repository through it:'
interpose -- sh -c "touch /cvmfs/$fqrn/x 2>&1 || :"

step '5. What happened'
"$python" examples/demo/report.py "$place/cold.json" "$place/warm.json" \
	"$bin/interpose_run --config $place/demo.conf --cache $place/cache -- " \
	"/bin/sh $place/job" "/cvmfs/$fqrn" "$tree"
echo
