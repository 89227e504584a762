# SPDX-License-Identifier: GPL-2.0-or-later
"""Environments that are set up from /cvmfs, each compared with its native run."""

from __future__ import annotations

import pytest

from tests.support.workflow import Row, Workflow

# Lmod finds its own libraries of Lua in the tree.
LMOD = r"""
export LUA_PATH="$R/usr/share/lua/5.3/?.lua;$R/usr/share/lua/5.3/?/init.lua;;"
export LUA_CPATH="$L/lua/5.3/?.so;;"
"""
ROWS = [
    Row(
        "lmod",
        "lmod",
        LMOD
        + r"""
        cat > script <<'END'
. $R/usr/share/lmod/lmod/init/bash
module use $R/modules; module -t avail 2>&1 | wc -l; module -t avail app07 2>&1 | sort
module load app007 app042/1.42; module -t list 2>&1; echo $APP7_VERSION $APP42_VERSION $PATH
module whatis app100 2>&1; module show app100 2>&1 | grep -c cvmfs; module unload app007; echo "<$APP7_VERSION>"
module load nothere 2>&1 | head -3; module spider app249 2>&1 | grep -c app249; module purge; echo $PATH
END
        bash script
        """,
        shows=r"(?s)12\d\d\n.*app079/.*3.7 1.42 /cvmfs/lmod.example.org/apps",
        timeout_s=100,
    ),
    Row(
        "easybuild",
        "lmod",
        LMOD
        + r"""
        cat > script <<'END'
. $R/usr/share/lmod/lmod/init/bash
module use $R/easybuild/modules/all; module -t avail 2>&1; module load Foo; foo; module -t list 2>&1
env | grep ^EB | sort; module unload Foo; command -v foo || echo gone; module help Foo 2>&1 | grep -c Easy
END
        bash script
        """,
        shows="foo of /cvmfs/.*/Foo/1.0-GCC-12 with /cvmfs",
    ),
    Row(
        "environment-modules",
        "envmodules",
        r"""
        cat > script <<'END'
. $R/usr/share/modules/init/bash
module use $R/modules; module -t avail 2>&1 | wc -l; module -t avail app07 2>&1
module load app007 app042/1.42; module -t list 2>&1; echo $APP7_VERSION $APP42_VERSION $PATH
module whatis app100 2>&1; module unload app007; echo "<$APP7_VERSION>"; module load nothere; echo $?
END
        export TCLLIBPATH=$R/usr/share/tcltk; bash script
        """,
        shows=r"(?s)1\d\d\d\n.*app079/.*3.7 1.42 .*/cvmfs/envmodules.example.org/apps",
    ),
    Row(
        "eups",
        "lsst",
        r"""
        cat > script <<'END'
source $R/loadLSST.sh; echo $EUPS_DIR $CONDA_PREFIX $LSST_DATA; setup afw; env | grep -E '_DIR|^SETUP' | sort
echo $PYTHONPATH; python -c 'import lsst_afw, lsst_utils, sys; print(sys.executable)'; setup none || echo $?
unsetup afw; echo "<$AFW_DIR>"; cd $R/stack/Linux64/afw; source ../../../loadLSST.sh && echo twice
END
        bash script
        """,
        shows="(?s)lsst_afw /cvmfs/lsst.example.org/stack.*twice",
    ),
    Row(
        "conda",
        "lsst",
        r"""
        cat > script <<'END'
. $R/conda/etc/profile.d/conda.sh; conda activate lsst; conda list; conda info
echo $CONDA_DEFAULT_ENV $CONDA_SHLVL $PYTHONNOUSERSITE $LSST_DATA; command -v python
python -c 'import sys, json; print(sys.prefix, sys.executable, json.__file__)'; conda activate other || echo $?
conda deactivate; echo "<$CONDA_PREFIX>" "<$LSST_DATA>" $PATH
END
        bash script; exec sh script
        """,
        shows="(?s)numpy 1.2.*lsst 1 1 /cvmfs.*/bin/python\n/cvmfs",
    ),
]


LONG = {"environment-modules", "eups", "lmod"}


@pytest.mark.parametrize(
    "row",
    [
        pytest.param(row, marks=[pytest.mark.long] if row.name in LONG else [])
        for row in ROWS
    ],
    ids=lambda row: row.name,
)
def test_it_is_set_up_from_cvmfs_as_from_a_directory(
    workflow: Workflow, row: Row
) -> None:
    workflow.same(row)
