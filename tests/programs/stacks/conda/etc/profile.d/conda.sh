# SPDX-License-Identifier: GPL-2.0-or-later
# The shell's half of conda: functions that run the scripts of an environment.
CONDA_ROOT="@ROOT@/conda"
export CONDA_EXE="$CONDA_ROOT/bin/conda"
export CONDA_SHLVL=0
__conda_scripts() {
	local each
	for each in "$CONDA_PREFIX/etc/conda/$1.d"/*.sh; do
		# shellcheck disable=SC1090
		[ ! -e "$each" ] || . "$each"
	done
}
__conda_activate() {
	[ "$CONDA_SHLVL" = 0 ] || __conda_deactivate
	export CONDA_PREFIX="$CONDA_ROOT/envs/$1"
	if [ ! -d "$CONDA_PREFIX/conda-meta" ]; then
		echo "EnvironmentNameNotFound: Could not find conda environment: $1" >&2
		return 1
	fi
	export CONDA_DEFAULT_ENV="$1" CONDA_SHLVL=1 CONDA_PATH_BACKUP="$PATH"
	export PATH="$CONDA_PREFIX/bin:$CONDA_ROOT/condabin:$PATH"
	__conda_scripts activate
	hash -r
}
__conda_deactivate() {
	__conda_scripts deactivate
	export PATH="$CONDA_PATH_BACKUP" CONDA_SHLVL=0
	unset CONDA_PREFIX CONDA_DEFAULT_ENV CONDA_PATH_BACKUP
	hash -r
}
conda() {
	case "$1" in
	activate) __conda_activate "$2" ;;
	deactivate) __conda_deactivate ;;
	*) "$CONDA_EXE" "$@" ;;
	esac
}
