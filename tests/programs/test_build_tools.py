# SPDX-License-Identifier: GPL-2.0-or-later
"""Compilers and build systems that live in /cvmfs make the same binaries as natively."""

from __future__ import annotations

import pytest

from tests.support.workflow import Row, Workflow

# Headers, start files and libraries are those of the tree too.
TOOLS = "export CC=$R/usr/bin/gcc CXX=$R/usr/bin/g++; flags=--sysroot=$R\n"
ROWS = [
    Row(
        "make-gcc",
        "compilers",
        TOOLS
        + r"""
        cat > Makefile <<'END'
FLAGS = --sysroot=$(R) -O2 -g -Wall
parts = $(foreach n,1 2 3 4 5 6,part_$(n).o)
all: program shared.so library.a
program: main.o words.o $(parts) ; $(CXX) $(FLAGS) -o $@ $^
main.o: $(R)/project/main.c $(R)/project/part.h ; $(CC) $(FLAGS) -c -o $@ $<
words.o: $(R)/project/words.cc ; $(CXX) $(FLAGS) -c -o $@ $<
part_%.o: $(R)/project/part.c ; $(CC) $(FLAGS) -DNUMBER=$* -c -o $@ $<
shared.so: $(R)/project/part.c ; $(CC) $(FLAGS) -DNUMBER=9 -fPIC -shared -o $@ $<
library.a: $(parts) ; ar rcsD $@ $^
-include main.d
END
        make -s -j8; ./program; nm program | grep -c part_; objdump -h shared.so | wc -l
        $CC $flags -MM $R/project/main.c; $CC $flags -E $R/project/part.c | tail -3
        $CC -print-prog-name=cc1 -print-search-dirs; $CC $flags -v -fsyntax-only $R/project/main.c
        $CC $flags -flto -O2 -DNUMBER=1 -DALONE -o lto $R/project/part.c && ./lto
        $CC $flags -o none $R/project/none.c || echo $?; $CC $flags -o $R/out $R/project/part.c || echo $?
        cd $R/project; $CC $flags -c part.c -DNUMBER=3 || echo $?
        """,
        shows="(?s)all: 21\ncount 3.*libraries: =/cvmfs/",
        unlike=((r"/cc\w{6}\b", "/ccRANDOM"),),
        timeout_s=240,
    ),
    Row(
        "cmake",
        "compilers",
        TOOLS
        + r"""
        cmake -S $R/project -B build -DCMAKE_SYSROOT=$R -DCMAKE_BUILD_TYPE=Release
        cmake --build build -j8 | grep -v '%' || :; cd build; ctest 2>&1 | sed 's/ *[0-9.]* sec//'
        DESTDIR=$PWD/../staged cmake --install . ; ../staged/usr/local/bin/program
        cmake -S $R/project -B $R/project/build || echo $?
        cmake -P /dev/stdin < $R/project/script.cmake
        """,
        shows="(?s)100% tests passed.*all: 21",
        unlike=((r"\(\d+\.\d+s\)", "(time)"), (r"cmTC_\w{5}", "cmTC_X")),
        scratch=r"CMakeFiles|Testing|\.cmake$|CMakeCache|Makefile$",
        timeout_s=240,
    ),
    Row(
        "sanitizers",
        "compilers",
        TOOLS
        + r"""
        printf 'int main(int n, char **v) { int a[2] = {0}; return a[n * 9 - 9]; }' > a.c
        $CC $flags -g -fsanitize=address,undefined -o good a.c; export ASAN_OPTIONS=detect_leaks=0
        ./good && echo fine
        ./good too far 2> said || echo $?; grep -E -o 'runtime error|stack-buffer|a.c:1' said | sort | uniq -c
        printf '#include <stdlib.h>\nchar *p; int main(void) { p = malloc(9); free(p); return *p; }' > b.c
        $CC $flags -g -fsanitize=address -o freed b.c; ./freed 2> said || echo $?
        grep -E -o 'heap-use-after-free|b.c:2' said | sort -u; $CC $flags -fsanitize=thread -o t a.c; ./t
        """,
        shows="(?s)fine.*a.c:1.*heap-use",
        scratch="said",  # numbers of processes
        timeout_s=240,
    ),
]


@pytest.mark.long
@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_it_builds_the_same_project(workflow: Workflow, row: Row) -> None:
    workflow.same(row)
