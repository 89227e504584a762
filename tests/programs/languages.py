# SPDX-License-Identifier: GPL-2.0-or-later
"""What the further shells, languages and formats find in app/ of their trees."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from tests.support.places import need_tool

TEXT = "".join(f"line {number}\n" for number in range(1, 30))
TABLE = """
module table
  implicit none
contains
  integer function twice(number)
    integer, intent(in) :: number
    twice = 2 * number
  end function
end module
"""
FAULTY = """
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
int main(int count, char **words) {
    char line[80] = "", *lost = malloc(10);
    FILE *file = fopen(words[1], "r");
    if (!file) { perror(words[1]); execv(words[2], words + 2); return 1; }
    printf("%s", fgets(line, sizeof(line), file));
    fflush(stdout);
    if (lost[count]) puts("never set");
    return lost[10];
}
"""
DATA = """
import sys, h5py, numpy
with h5py.File(sys.argv[1] + "/data.h5", "w") as file:
    file.create_dataset("table", data=numpy.arange(40).reshape(10, 4), chunks=(5, 2))
    file.attrs["name"] = "a name"
with h5py.File(sys.argv[1] + "/outer.h5", "w") as file:
    file["linked"] = h5py.ExternalLink("data.h5", "/table")
"""


def _app(tree: Path, **texts: str) -> Path:
    """The directory with what all programs look at, and `texts` by name."""
    app = tree / "app"
    (app / "below").mkdir(parents=True)
    (app / "text.txt").write_text(TEXT)
    (app / "below/other.txt").write_text("other\n")
    (app / "link").symlink_to("below/../text.txt")
    for name, text in texts.items():
        (app / name.replace("_", ".")).write_text(text.lstrip())
    return app


def shells(tree: Path, shown: str) -> None:
    setup = "set up"
    _app(tree, setup_csh=f"set SET_UP='{setup}'\n", setup_sh=f"SET_UP='{setup}'\n")


def fortran(tree: Path, shown: str) -> None:
    part = '#include <stdio.h>\nint main(void) { return puts("a part") < 0; }\n'
    _app(tree, table_f90=TABLE, part_c=part)


def ruby(tree: Path, shown: str) -> None:
    _app(tree, part_rb="PART = 'a part'\n")


def r(tree: Path, shown: str) -> None:
    """What Debian keeps in /etc is in its place here."""
    _app(tree, part_r="print('a part')\n")
    for link in (tree / "usr/lib/R/etc").iterdir():
        if link.is_symlink():
            target = link.readlink()
            link.unlink()
            shutil.copy2(target, link)


def php(tree: Path, shown: str) -> None:
    _app(tree, part_php='<?php echo "a part\\n";\n')


def valgrind(tree: Path, shown: str) -> None:
    app = _app(tree, faulty_c=FAULTY)
    words = [need_tool("gcc"), "-g", "-O0", "-o", app / "faulty", app / "faulty.c"]
    subprocess.run(words, check=True)


def hdf5(tree: Path, shown: str) -> None:
    words = ["/usr/bin/python3", "-c", DATA, str(_app(tree))]
    subprocess.run(words, check=True)


def octave(tree: Path, shown: str) -> None:
    _app(tree, part_m="disp('a part')\n")


def terminals(tree: Path, shown: str) -> None:
    _app(tree)
