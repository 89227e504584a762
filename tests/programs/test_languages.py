# SPDX-License-Identifier: GPL-2.0-or-later
"""Further shells, languages and formats of physics, each compared with its native run."""

from __future__ import annotations

import pytest

from tests.support.workflow import Row, Workflow

ROWS = [
    Row(
        "tcsh",
        "shells",
        r"""
        cat > script.csh <<'END'
set here = $R/app; cd $here; pwd; echo $cwd *.txt
if (-r text.txt && -e ../app && -d $R && -l link) echo tests
if (-w text.txt) echo writable
foreach file (*.txt)
    echo $file:r `wc -l < $file`
end
setenv FROM tcsh; env | grep ^FROM; which ls; source $R/app/setup.csh; echo $SET_UP
rehash; where tcsh; ls -l . | tail -n +2 | sort | md5sum; @ sum = 1 + 2; echo $sum
(echo inside; exit 4); echo $status; onintr done; pushd / > /dev/null; dirs; popd
done:
echo new > new || echo refused
END
        exec tcsh -f script.csh
        """,
        shows="(?s)/cvmfs/shells.example.org/app.*tests.*set up",
        status=1,
    ),
    Row(
        "zsh",
        "shells",
        r"""
        cat > script.zsh <<'END'
module_path=($L/zsh/5.9); fpath=($R/usr/share/zsh/functions/Misc); zmodload zsh/stat zsh/datetime
cd $R/app; print -l **/*(.on) *(/) *(@:t); print ${PWD:A} ${:-text.txt}(:A)
zstat -H st text.txt; print $st[size] $st[mode]; autoload -Uz zargs; zargs -- *.txt -- wc -l
for f (*.txt) { read line < $f; print $line }; print =ls; coproc cat; print -p through; read -p x; print $x
diff <(print one) =(print two); [[ -w text.txt ]] || print no; source setup.sh; print $SET_UP
print new > new || print refused; exit 3
END
        exec zsh -f script.zsh
        """,
        shows="(?s)text.txt.*through.*no\nset up",
        status=3,
    ),
    Row(
        "fortran",
        "fortran",
        r"""
        cat > main.f90 <<'END'
program main
  use table
  implicit none
  character(len=200) :: root, line
  integer :: state
  call get_environment_variable("R", root)
  open(unit=9, file=trim(root)//"/app/text.txt", status="old", action="read")
  read(9, "(A)") line; print *, trim(line), twice(21)
  rewind(9); read(9, "(A)") line; inquire(unit=9, name=line); print *, trim(line); close(9)
  open(unit=8, file=trim(root)//"/app/new", iostat=state, iomsg=line); print *, state, trim(line)
  open(unit=8, file=trim(root)//"/app/text.txt", iostat=state, iomsg=line)
  write(8, *, iostat=state, iomsg=line) 1; print *, state, trim(line)
end program
END
        gfortran -B$L/gcc -c $R/app/table.f90; gfortran -O2 -o program table.o main.f90; exec ./program
        """,
        shows="(?s)line 1 +42.*/cvmfs/fortran.example.org/app/text.txt.*Read-only",
        needs="gcc",
        timeout_s=240,
    ),
    Row(
        "ruby",
        "ruby",
        r"""
        export RUBYLIB=$(echo $R/usr/lib/ruby/3* $R/usr/lib/ruby/vendor_ruby $L/ruby/3* | tr ' ' :)
        cat > main.rb <<'END'
require 'json'; require 'digest'; require 'open3'; require 'find'; require 'etc'; require 'tmpdir'
root = ENV['R'] + '/app'; puts RbConfig.ruby, $LOADED_FEATURES.grep(/json.rb$/)
Find.find(root).sort.each { |f| s = File.lstat(f); puts [f, s.size, s.mode, s.nlink].join(' ') }
puts Dir.glob("#{root}/**/*.txt").sort, File.realpath("#{root}/link"), Digest::MD5.file("#{root}/text.txt")
begin File.write("#{root}/new", '') rescue puts $!.message end
puts Open3.capture2e('ls', root)[0], fork { exit 3 }.then { |p| Process.wait2(p)[1].exitstatus }
puts 8.times.map { |i| Thread.new { File.read("#{root}/text.txt").size } }.map(&:value).sum
r, w = IO.pipe; spawn('cat', "#{root}/text.txt", out: w, chdir: root); Process.wait; w.close; puts r.read
Dir.chdir(root) { puts Dir.pwd, Dir.children('.').sort.inspect }; require "#{root}/part"; puts PART
END
        exec ruby main.rb
        """,
        shows="(?s)/cvmfs/ruby.example.org/usr/lib/ruby.*Read-only.*a part",
    ),
    Row(
        "r",
        "r",
        r"""
        export R_HOME=$R/usr/lib/R R_SHARE_DIR=$R/usr/share/R/share R_INCLUDE_DIR=$R/usr/share/R/include
        export LD_LIBRARY_PATH=$R_HOME/lib:$L:$L/blas:$L/lapack TREE=$R
        cat > main.r <<'END'
root <- file.path(Sys.getenv("TREE"), "app"); print(R.home()); print(.libPaths())
print(summary(lm(mpg ~ wt, mtcars))$r.squared); print(list.files(root, recursive = TRUE))
print(file.info(file.path(root, "text.txt"))[c("size", "isdir", "mode")]); print(normalizePath(root))
print(tryCatch(writeLines("x", file.path(root, "new")), error = conditionMessage, warning = conditionMessage))
library(parallel); print(unlist(mclapply(1:4, function(i) file.size(file.path(root, "text.txt")), mc.cores = 2)))
source(file.path(root, "part.r")); pdf("plot.pdf"); plot(1:9); invisible(dev.off()); print(system2("ls", root, stdout = TRUE))
END
        exec $R_HOME/bin/exec/R --no-echo --no-restore --vanilla --file=main.r
        """,
        shows="(?s)/cvmfs/r.example.org/usr/lib/R.*0.75.*a part",
        scratch=r"\.pdf$",  # holds the time of the run
        timeout_s=240,
    ),
    Row(
        "php",
        "php",
        r"""
        cat > main.php <<'END'
<?php $root = getenv('R') . '/app'; echo PHP_BINARY, "\n"; include "$root/part.php";
foreach (new RecursiveIteratorIterator(new RecursiveDirectoryIterator($root, FilesystemIterator::SKIP_DOTS)) as $f)
    $all[] = "$f " . $f->getSize() . ' ' . decoct($f->getPerms());
sort($all); print_r($all); var_dump(realpath("$root/link"), @file_put_contents("$root/new", ''), is_writable($root));
print_r(error_get_last()['message']); echo shell_exec("ls $root"), strlen(gzencode('x')), "\n";
END
        exec $R/usr/bin/php8* -n main.php
        """,
        shows="(?s)/cvmfs/php.example.org/usr/bin/php.*a part.*Read-only",
    ),
    Row(
        "valgrind",
        "valgrind",
        r"""
        export VALGRIND_LIB=$R/usr/libexec/valgrind
        valgrind -q --error-exitcode=9 $R/app/faulty $R/app/text.txt || echo $?
        exec valgrind -q --trace-children=yes $R/app/faulty $R/app/nothere $R/usr/bin/true
        """,
        shows="(?s)line 1.*9",
        # Numbers of processes, and addresses.
        unlike=((r"==\d+==", "==PID=="), (r"0x[0-9A-F]+", "0xN")),
        needs="gcc",
        timeout_s=240,
    ),
    Row(
        "hdf5",
        "hdf5",
        r"""
        cat > main.py <<'END'
import os, sys, h5py, numpy
root = os.environ["R"]; print(h5py.__file__, sys.executable)
with h5py.File(f"{root}/app/data.h5") as file: print(list(file), file["table"][3:5], file.attrs["name"])
with h5py.File(f"{root}/app/data.h5", "r", locking=True) as one, h5py.File(f"{root}/app/outer.h5") as two:
    print(two["linked"][:3], one["table"].chunks)
for mode in ("a", "r+", "w"):
    try: h5py.File(f"{root}/app/data.h5", mode)
    except OSError as error: print(type(error).__name__, error.errno, str(error)[:60])
END
        $PYTHON main.py; h5dump -H $R/app/data.h5; h5ls -r $R/app/outer.h5; exec h5copy -i $R/app/data.h5 -o out.h5 -s table -d copied
        """,
        shows="(?s)/cvmfs/hdf5.example.org.*a name.*30",
        scratch=r"\.h5$",  # holds the time of the run
    ),
    Row(
        "ninja-ccache",
        "fortran",
        r"""
        export CCACHE_DIR=$TMPDIR/ccache CCACHE_COMPILERCHECK=content
        cat > build.ninja <<'END'
rule cc
  command = ccache gcc -MMD -MF $out.d -c $in -o $out
  depfile = $out.d
  deps = gcc
rule link
  command = gcc $in -o $out
END
        for i in 1 2 3 4; do echo "build $i.o: cc $R/app/part.c" >> build.ninja; done
        echo "build program: link 1.o" >> build.ninja
        ninja -j 1; ./program; ninja -n; rm ./*.o; ninja -j 4; ccache --print-stats | grep -E '^direct_cache_hit|^cache_miss'
        ninja -t deps | grep cvmfs
        """,
        shows="(?s)a part.*no work.*cvmfs",
        needs="gcc",
        # In the order in which they ended.
        unlike=((r"(?m)^\[\d/\d\] .*\n", ""), (r"mtime \d+", "mtime N")),
        scratch=r"\.ninja_",  # times
    ),
    Row(
        "octave",
        "octave",
        r"""
        export OCTAVE_HOME=$R/usr LD_LIBRARY_PATH=$L:$L/blas:$L/lapack:$(echo $L/octave/*)
        cat > main.m <<'END'
root = [getenv("R") "/app"]; disp(OCTAVE_HOME); disp(ls(root)); disp(inv([1 2; 3 4]));
file = fopen([root "/text.txt"]); disp(fgetl(file)); [file, message] = fopen([root "/new"], "w")
exist([root "/link"]), addpath(root); part, glob([root "/*.txt"]), [status, output] = system("ls $R/app")
END
        exec octave-cli --norc main.m
        """,
        shows="(?s)/cvmfs/octave.example.org/usr.*line 1.*Read-only.*a part",
        timeout_s=240,
    ),
    Row(
        "terminals",
        "terminals",
        r"""
        export SCREENDIR=$TMPDIR/screen; mkdir -m 700 $SCREENDIR
        cat > script <<'END'
spawn bash --norc --noprofile
expect "$ "; send "cd \$R/app; ls; exit 3\r"
expect eof; puts [lindex [wait] 3]
END
        TERM=dumb expect script
        cat > owners <<'END'
id -u; touch file; chown 7:8 file; stat -c "%u %g" file; tar cf a.tar file; tar tf a.tar
stat -c "%u %g %n" $R/app/*
END
        fakeroot -l $L/libfakeroot/libfakeroot-sysv.so -f $R/usr/bin/faked-sysv -- sh owners
        ls $R/app/*.txt $R/app/below/*.txt | parallel -k -j 4 'wc -l < {}; echo {/.}'
        screen -dmS one sh -c 'ls $R/app > out; mv out listed'
        until [ -e listed ]; do sleep 0.1; done; cat listed
        """,
        shows="(?s)text.txt.*7 8.*29\ntext.*text.txt",
        mapped=True,
        scratch=r"^a\.tar$",  # times
    ),
]


@pytest.mark.long
@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_it_runs_from_cvmfs_as_from_a_directory(workflow: Workflow, row: Row) -> None:
    workflow.same(row)
