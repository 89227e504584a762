# SPDX-License-Identifier: GPL-2.0-or-later
# EUPS: `setup PRODUCT [VERSION]` evaluates what a program prints.
EUPS_DIR="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
export EUPS_DIR
export EUPS_SHELL=sh
setup() { eval "$("$EUPS_DIR/bin/eups_setup" "$@" || echo false)"; }
unsetup() { eval "$("$EUPS_DIR/bin/eups_setup" --unsetup "$@" || echo false)"; }
