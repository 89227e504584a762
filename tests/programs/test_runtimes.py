# SPDX-License-Identifier: GPL-2.0-or-later
"""Large runtimes that live in /cvmfs: Java, Node.js, Go, Rust, MPI, SciPy."""

from __future__ import annotations

import pytest

from tests.support.workflow import Row, Workflow

# mpirun asks before it runs as root.
MPI = r"""
export OPAL_PREFIX=$R/usr PMIX_INSTALL_PREFIX=$R/usr OMPI_MCA_btl=self,vader,tcp
export OMPI_MCA_plm=isolated OMPI_MCA_rmaps_base_oversubscribe=1 OMPI_MCA_btl_vader_single_copy_mechanism=cma
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 PRTE_ALLOW_RUN_AS_ROOT=1
"""
ROWS = [
    Row(
        "node",
        "node",
        r"""
        cat > main.mjs <<'END'
import fs from 'fs'; import { Worker } from 'worker_threads'; import child from 'child_process'; import zlib from 'zlib'
const root = process.env.R; const require = (await import('module')).createRequire(`${root}/app/index.js`)
console.log(process.execPath, require('./lib').name, fs.realpathSync(`${root}/app/link`))
console.log(fs.readdirSync(`${root}/app`), (await fs.promises.readFile(`${root}/app/index.js`)).length)
for (const name of ['new', 'index.js']) try { fs.writeFileSync(`${root}/app/${name}`, '') } catch (e) { console.log(e.message) }
const worker = new Worker(`${root}/app/worker.js`); worker.on('message', m => { console.log(m)
  console.log(child.execFileSync(process.execPath, ['-p', '6 * 7']).toString(), zlib.gzipSync('x').length)
  fs.createReadStream(`${root}/app/index.js`).pipe(fs.createWriteStream('copied')).on('close', () => process.exit(3)) })
END
        node --version; exec node main.mjs
        """,
        shows="(?s)/cvmfs/node.example.org/usr/bin/node a library.*EROFS.*from a worker",
        status=3,
    ),
    Row(
        "java",
        "java",
        r"""
        export JAVA_HOME=$R/usr/lib/jvm/default-java
        export JAVA_TOOL_OPTIONS="-Xshare:auto -Xmx200m -XX:+UseSerialGC -XX:-UsePerfData"
        $JAVA_HOME/bin/javac -d . $R/app/Main.java; $JAVA_HOME/bin/java -cp . Main
        $JAVA_HOME/bin/jar cf made.jar Main.class; $JAVA_HOME/bin/java -cp made.jar Main | wc -l
        $JAVA_HOME/bin/java -version; exec $JAVA_HOME/bin/java $R/app/Main.java
        """,
        shows="(?s)home /cvmfs/java.example.org/usr/lib/jvm.*Read-only.*threads 4",
        scratch=r"\.jar$",  # holds the time of the run
        timeout_s=240,
    ),
    Row(
        "go",
        "go",
        r"""
        export GOROOT=$R/usr/lib/go GOFLAGS=-mod=mod GOPROXY=off GO111MODULE=on GOCACHE=$TMPDIR/go CGO_ENABLED=0
        go version; go env GOROOT; cp $R/app/* .; go vet ./...; go build -trimpath -o program .; ./program
        go run . | wc -l
        """,
        shows="(?s)/cvmfs/go.example.org/usr/lib/go.*read-only.*goroutines true",
        unlike=((r"(?m)^/tmp/go-build\S+", "/tmp/BUILD"),),
        timeout_s=400,
    ),
    Row(
        "rust",
        "rust",
        r"""
        rustc --version; rustc --print sysroot
        rustc -O --sysroot $R/usr -C linker=gcc -o program $R/app/main.rs; ./program
        """,
        shows="(?s)rustc.*read .* threads",
        needs="gcc",
        timeout_s=240,
    ),
    Row(
        "openmpi-outer",
        "mpi",
        MPI + "mpirun -n 4 $R/app/ring | sort; mpirun -n 2 ls $R/app | sort",
        shows="(?s)rank 3 of 4.*sum 6",
        timeout_s=120,
    ),
    Row(
        "openmpi-inner",
        "mpi",
        MPI + "unset OPAL_PREFIX; mpirun -n 4 $RUN $R/app/ring | sort",
        shows="(?s)rank 3 of 4.*sum 6",
        needs="mpirun:openmpi-bin",
        inside=True,
        timeout_s=120,
    ),
    Row(
        "science",
        "science",
        r"""
        export MPLBACKEND=Agg MPLCONFIGDIR=$TMPDIR LD_LIBRARY_PATH=$L:$L/blas:$L/lapack
        exec $PYTHON -c '
import matplotlib, numpy, scipy.integrate, scipy.linalg, scipy.optimize, scipy.special
import matplotlib.pyplot as plot
print(scipy.__file__, matplotlib.__file__, scipy.integrate.quad(numpy.sin, 0, numpy.pi)[0])
print(scipy.optimize.brentq(lambda x: x * x - 2, 0, 2), scipy.linalg.det(numpy.eye(4) * 3))
plot.plot(scipy.special.jv(1, numpy.linspace(0, 9, 99))); plot.title("a title"); plot.savefig("plot.png")
plot.savefig("plot.svg", metadata={"Date": None}); print(matplotlib.get_data_path())
        '
        """,
        shows="(?s)/cvmfs/science.*2.0",
        scratch=r"\.svg$",  # random names inside
        timeout_s=240,
    ),
]


@pytest.mark.long
@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_it_runs_from_cvmfs_as_from_a_directory(workflow: Workflow, row: Row) -> None:
    workflow.same(row)
