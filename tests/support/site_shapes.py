# SPDX-License-Identifier: GPL-2.0-or-later
"""Configuration files in the shapes that sites, packages and repositories use.

Each is a name and a text. All names of hosts are examples; relative names are those of
files that the test puts beside the text.
"""

from __future__ import annotations

BESIDE = {
    "site.txt": "north\nsouth # spare\n",
    "release": 'NAME="Example Linux"\nVERSION_ID="9.4"\n',
    "nodes": "wn001 10.0.0.1 squid-a\nwn002 10.0.0.2 squid-b\n",
    "more.conf": "CVMFS_MORE=from-more\nCVMFS_TIMEOUT=7\n",
}

SHAPES = {
    "plain": """
# comment
CVMFS_REPOSITORIES=a.example.org,b.example.org
CVMFS_HTTP_PROXY="http://a.example.org:3128|http://b.example.org:3128;DIRECT"
CVMFS_QUOTA_LIMIT=20000   # MB
export CVMFS_CACHE_BASE=/var/cache/cvmfs
readonly CVMFS_NFILES=65536
CVMFS_SERVER_URL='http://one.example.org/cvmfs/@fqrn@;http://two.example.org/cvmfs/@fqrn@'
""",
    "lists over several lines": """
CVMFS_SERVER_URL="http://one.example.org/cvmfs/@fqrn@"
CVMFS_SERVER_URL="$CVMFS_SERVER_URL;http://two.example.org/cvmfs/@fqrn@"
CVMFS_SERVER_URL="${CVMFS_SERVER_URL};http://three.example.org/cvmfs/@fqrn@"
CVMFS_REPOSITORIES=a.example.org,\\
b.example.org,\\
c.example.org
CVMFS_HTTP_PROXY="http://a:3128;
http://b:3128"
""",
    "quotes forgotten": """
CVMFS_REPOSITORIES=a.example.org, b.example.org, c.example.org
CVMFS_HTTP_PROXY=http://a.example.org:3128|http://b.example.org:3128
CVMFS_FALLBACK_PROXY=http://a.example.org:3128;http://b.example.org:3128
CVMFS_TIMEOUT = 5
CVMFS_TIMEOUT_DIRECT= 10
CVMFS_MAX_RETRIES=2
""",
    "choice by the process": """
CVMFS_PARITY=$(($$ % 2 < 2))
if [ "$(($$ % 2))" -lt 2 ]; then
  CVMFS_PAC_URLS="http://wpad-a.example.org/wpad.dat"
else
  CVMFS_PAC_URLS="http://wpad-b.example.org/wpad.dat"
fi
""",
    "conditions of a configuration repository": """
CVMFS_USE_CDN="$CVMFS_USE_CDN"
CVMFS_HTTP_PROXY="$CVMFS_HTTP_PROXY"
if [ "$CVMFS_CLIENT_PROFILE" = "single" ]; then
  if [ "$CVMFS_HTTP_PROXY" = "" ]; then
    CVMFS_HTTP_PROXY="auto;DIRECT"
  fi
fi
if [ -z "$CVMFS_USE_CDN" ]; then
  if [ "$CVMFS_HTTP_PROXY" = "DIRECT" ] || [ "$CVMFS_HTTP_PROXY" = "auto;DIRECT" ]; then
    CVMFS_USE_CDN=yes
  fi
fi
if [ "$CVMFS_USE_CDN" != "yes" ] && [ "$CVMFS_CLIENT_PROFILE" != "custom" ]; then
  CVMFS_FALLBACK_PROXY="http://backup.example.org:3126"
fi
if [ -z $CVMFS_NFILES ] || [ $CVMFS_NFILES -lt 524288 ]; then
  CVMFS_NFILES=524288
fi
CVMFS_KEYS_DIR=$CVMFS_MOUNT_DIR/$CVMFS_CONFIG_REPOSITORY/etc/cvmfs/keys/example.org
export EXAMPLE_VERSION=${EXAMPLE_VERSION:=default}
""",
    "another file": """
CVMFS_MORE=
CVMFS_TIMEOUT=5
[ -f ./more.conf ] && . ./more.conf
[ -f ./missing.conf ] && . ./missing.conf
CVMFS_AFTER=$CVMFS_MORE-$CVMFS_TIMEOUT
""",
    "an old system": """
if [ -f release ] && grep -q "wheezy\\|jessie" release;
then
    :
else
    CVMFS_CONFIG_REPOSITORY=config.example.org
fi
if grep -qi 'example linux' release 2>/dev/null; then CVMFS_OS=example; fi
CVMFS_OS=$CVMFS_OS
if grep -Eq '^VERSION_ID="?(8|9)\\.' release; then
  CVMFS_NEW=yes
fi
CVMFS_COUNT=$(grep -c '' nodes)
CVMFS_INVERTED=$(grep -v ^wn001 nodes)
CVMFS_ONLY=$(grep -o 'squid-[a-z]' nodes | tail -n 1)
""",
    "the name of the host": """
HOST=$(hostname)
CVMFS_SHORT=$(hostname -s)
CVMFS_SITE=${HOST%%.*}
CVMFS_GROUP=`hostname | sed 's/[0-9].*$//'`
CVMFS_DOMAIN=`echo wn17.cluster.example.org | cut -d. -f2-`
CVMFS_RACK=$(echo wn0342 | sed -e 's/^wn0*//' -e 's/..$//')
case "wn0342" in
  wn03*) CVMFS_HTTP_PROXY="http://squid-c.example.org:3128" ;;
  wn0[12]*|login*) CVMFS_HTTP_PROXY="http://squid-a.example.org:3128" ;;
  *) CVMFS_HTTP_PROXY=DIRECT ;;
esac
CVMFS_NODE=$(uname -n)
CVMFS_MACHINE=$(uname -m)-$(uname -s | tr 'A-Z' 'a-z')
""",
    "spreading over proxies": """
NUMBER=17
PICK=$((NUMBER % 3 + 1))
CVMFS_FIRST="http://squid$PICK.example.org:3128"
CVMFS_SECOND="http://squid$(( (NUMBER + 1) % 3 + 1 )).example.org:3128"
CVMFS_HTTP_PROXY="$CVMFS_FIRST;$CVMFS_SECOND"
CVMFS_HEX=$((0x1F & ~1))
CVMFS_OCTAL=$((010 + 1))
CVMFS_UNSET=$((NOBODY_SETS_ME + 2))
CVMFS_CHOICE=$((NUMBER > 10 ? 100 : 200))
CVMFS_LOGIC=$((NUMBER == 17 && (PICK != 0 || 1 / 1)))
CVMFS_SHIFT=$((1 << 12 | 1))
CVMFS_SET=$(((TOTAL = NUMBER * 4) / 3))
CVMFS_TOTAL=$TOTAL
CVMFS_MINUS=$((-7 / 2 * 2 - -7 % 3))
CVMFS_NOT=$((!0 + !5))
""",
    "values out of files": """
CVMFS_SITE=$(head -n 1 site.txt)
CVMFS_LAST=$(cat site.txt | tail -n 1 | cut -d'#' -f1)
CVMFS_VERSION=`sed -n 's/"//g;s/^VERSION_ID=//p' release`
CVMFS_MAJOR="`sed -n 's/"//g;s/^VERSION_ID=//p' release|cut -d. -f1`"
CVMFS_ADDRESS=$(awk '/^wn002/ {print $2}' nodes)
CVMFS_LINES=$(wc -l < nodes)
CVMFS_ALL=$(cat nodes | cut -d' ' -f3 | tr '\\n' ';')
CVMFS_LIST="$(cut -d' ' -f3 nodes | sed 's|.*|http://&:3128|' | tr '\\n' ';')"
CVMFS_SORTED=$(cut -d' ' -f1 nodes | sort -r | head -1)
CVMFS_NOTHING=$(cat missing 2>/dev/null)
CVMFS_DIR=$(dirname /etc/cvmfs/default.local)
CVMFS_BASE=$(basename /etc/cvmfs/default.local .local)
read CVMFS_A CVMFS_B < nodes
CVMFS_A=$CVMFS_A
CVMFS_B="$CVMFS_B"
""",
    "urls with a path added": """
CVMFS_EXTERNAL_URL="https://one.example.org:8443;https://two.example.org:8443"
CVMFS_EXTERNAL_URL="`echo "$CVMFS_EXTERNAL_URL;"|sed -e 's,;,/user/d;,g' -e 's,;$,,'`"
CVMFS_HOST=$(echo http://squid.example.org:3128 | sed -E 's#^https?://([^:/]+).*#\\1#')
CVMFS_PORT=$(echo http://squid.example.org:3128 | awk -F: '{print $3}')
""",
    "a function": """
distribution()
{
    # a comment
    if [ -f release ]; then
        sed -n 's/"//g;s/^VERSION_ID=//p' release
    else
        lsb_release -rs
    fi
}
CVMFS_DISTRIBUTION="el`distribution|cut -d. -f1`-`uname -m`"
join() { echo "$1$2$3"; }
CVMFS_JOINED=$(join a - b)
""",
    "loops": """
PROXIES=
for n in 1 2 3; do
  PROXIES="$PROXIES;http://squid$n.example.org:3128"
done
CVMFS_HTTP_PROXY=${PROXIES#;}
while read name address squid; do
  [ "$name" = wn002 ] && CVMFS_SQUID=$squid
done < nodes
CVMFS_SQUID=$CVMFS_SQUID
i=0
until [ $i -ge 4 ]; do i=$((i + 1)); done
CVMFS_I=$i
""",
    "pieces of values": """
URL=http://squid.example.org:3128/path/to/file.tar.gz
CVMFS_A=${URL#*://}
CVMFS_B=${URL##*/}
CVMFS_C=${URL%.*}
CVMFS_D=${URL%%.*}
CVMFS_E=${#URL}
CVMFS_F=${UNSET-none}${UNSET:-none}${URL:+some}
CVMFS_G="${UNSET:-a b   c}"
CVMFS_H=~/cache:~/more
CVMFS_I='$not $(expanded) `here`'
CVMFS_J="a\\$b \\"c\\" \\\\d"
""",
    "things that hold": """
[ -d /nonexistent ] && CVMFS_A=1 || CVMFS_A=2
CVMFS_A=$CVMFS_A
test -n "$HOME" && test ! -e /nonexistent && CVMFS_B=yes
CVMFS_B=$CVMFS_B
if [ "$CVMFS_FQRN" = data.example.org -a -f release ]; then
  CVMFS_C=both
elif [ "$CVMFS_FQRN" = data.example.org -o 1 -eq 2 ]; then
  CVMFS_C=one
fi
if ! [ -x /nonexistent/tool ]; then CVMFS_D=none; fi
CVMFS_D=$CVMFS_D
if /nonexistent/tool 2>/dev/null; then
  CVMFS_E=tool
else
  CVMFS_E=no-tool
fi
CVMFS_F=$(true && echo yes || echo no)
CVMFS_G=$( (exit 3) || echo $?)
{ CVMFS_H=grouped; }
( CVMFS_I=lost )
CVMFS_I=$CVMFS_I
: ${CVMFS_J:=assigned}
CVMFS_J=$CVMFS_J
unset CVMFS_H
if command -v sed >/dev/null 2>&1; then
  CVMFS_K=sed
fi
""",
    "dates and people": """
CVMFS_YEAR=$(date +%Y)
CVMFS_UTC=`date -u +%Y-%m-%dT%H`
CVMFS_USER_ID=$(id -u)
CVMFS_NAME=$(id -un)
CVMFS_TMP=${TMPDIR:-/tmp}/cvmfs-$(id -u)
CVMFS_SQUEEZED=$(echo "a   b    c" | tr -s ' ' ',')
CVMFS_DELETED=$(echo "a-b-c" | tr -d '-')
CVMFS_PADDED=$(printf 'wn%03d' 7)
CVMFS_PRINTED=$(printf '%s;' http://a http://b)
CVMFS_NUMBER=$(expr 3 + 4)
CVMFS_TRIMMED=$(echo "  a b " | xargs)
""",
}

# Only bash knows these, which is /bin/sh at most sites.
BASH_SHAPES = {
    "two brackets": """
if [[ "$CVMFS_FQRN" == *.example.org && -n "$HOME" ]]; then
  CVMFS_A=example
fi
if [[ $CVMFS_FQRN =~ ^data ]]; then CVMFS_B=data; fi
CVMFS_B=$CVMFS_B
[[ -f missing || ! -f release ]] || CVMFS_C=there
CVMFS_C=$CVMFS_C
""",
    "source and more": """
CVMFS_MORE=
source ./more.conf
CVMFS_PROXY=http://a
CVMFS_PROXY+=";http://b"
function pick { echo "${1:0:3}"; }
CVMFS_PICKED=$(pick abcdef)
CVMFS_REPLACED=${CVMFS_FQRN//./_}
CVMFS_LOWER=$(X=ABC; echo ${X,,})
if [ "$CVMFS_FQRN" == data.example.org ]; then
  CVMFS_EQUAL=yes
fi
CVMFS_POWER=$((2 ** 10))
""",
}
