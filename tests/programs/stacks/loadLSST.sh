# SPDX-License-Identifier: GPL-2.0-or-later
# As loadLSST.bash of the Rubin pipelines is built: conda first, then EUPS.
LSST_HOME="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)"
export LSST_HOME
export LSST_CONDA_ENV_NAME=${LSST_CONDA_ENV_NAME:-lsst}
export EUPS_PATH="$LSST_HOME/stack"
export EUPS_PKGROOT="file://$LSST_HOME/packages"
if [[ -z $CONDA_EXE ]]; then
	# shellcheck disable=SC1091
	source "$LSST_HOME/conda/etc/profile.d/conda.sh"
fi
[[ $CONDA_DEFAULT_ENV == "$LSST_CONDA_ENV_NAME" ]] || conda activate "$LSST_CONDA_ENV_NAME"
# shellcheck disable=SC1091
source "$LSST_HOME/eups/bin/setups.sh"
