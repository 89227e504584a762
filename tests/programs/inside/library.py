# SPDX-License-Identifier: GPL-2.0-or-later
"""What CPython's library does with files, for an interpreter that lives in /cvmfs."""

from __future__ import annotations

import ctypes
import glob
import importlib
import importlib.resources
import json
import mmap
import os
import pathlib
import shutil
import sqlite3
import ssl
import subprocess
import sys
import tempfile
import zipimport

ROOT, PYTHON = os.environ["R"], os.environ["PYTHON"]
HOME = f"{ROOT}/usr/lib/{PYTHON}"


def interpreter() -> None:
    print(sys.executable, sys.prefix, sys.version)
    print([path for path in sys.path if "cvmfs" in path])
    print(
        os.__file__,
        os.__spec__.cached,
        json.__cached__,
        os.path.exists(json.__cached__),
    )
    print(os.readlink("/proc/self/exe"), sorted(os.listdir("/proc/self/fd")))
    print(sqlite3.connect(":memory:").execute("select 6 * 7").fetchone())
    print(ssl.OPENSSL_VERSION, ctypes.CDLL("libz.so.1").zlibVersion)
    with open("/proc/self/maps", encoding="ascii") as maps:
        names = {line.split()[-1] for line in maps if ".so" in line}
    print(sorted(name for name in names if "/libz." in name or "/libssl." in name))
    other = subprocess.run(
        [sys.executable, "-E", "-c", "import sys; print(sys.prefix)"], check=False
    )
    print(other.returncode, subprocess.getoutput(f"command -v {PYTHON}"))


def files() -> None:
    print(sorted(glob.glob(f"{HOME}/**/__init__.py", recursive=True))[:20])
    place = pathlib.Path(HOME)
    print(sorted(str(p.relative_to(place)) for p in place.glob("e*/[a-c]*.py")))
    print(place.resolve(), (place / f"../{PYTHON}/os.py").samefile(os.__file__))
    with os.scandir(HOME) as found:
        rows = sorted(
            (e.name, e.is_dir(), e.is_symlink(), e.stat().st_size) for e in found
        )
    print(rows)
    with open(os.__file__, "rb") as file:
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
            print(len(mapped), mapped.find(b"def makedirs"))
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        with open("copied", "wb") as copy:
            print(os.sendfile(copy.fileno(), file.fileno(), 0, 1000))
            print(os.copy_file_range(file.fileno(), copy.fileno(), 1000, 1000))
    shutil.copytree(
        f"{HOME}/json", "json", ignore=shutil.ignore_patterns("__pycache__")
    )
    print(shutil.which(PYTHON), shutil.disk_usage("json").total > 0)
    for change in (os.unlink, os.rmdir, os.mkdir, os.open):
        for name in (os.__file__, f"{HOME}/json", f"{HOME}/none"):
            try:
                change(name, *([os.O_WRONLY | os.O_CREAT] if change is os.open else []))
            except OSError as error:
                print(error)
    print(sorted(map(str, importlib.resources.files("email").iterdir()))[:3])
    print(os.access(HOME, os.W_OK), os.access(sys.executable, os.X_OK))


def archive() -> None:
    importer = zipimport.zipimporter(f"{ROOT}/archive.zip")
    print(importer.is_package("packed"), importer.get_filename("packed"))
    sys.path.insert(0, f"{ROOT}/archive.zip")
    module = importlib.import_module("packed.part")
    print(module.__file__, module.VALUE, importer.get_data("packed/data.txt"))
    with tempfile.TemporaryDirectory() as here:
        shutil.unpack_archive(f"{ROOT}/archive.zip", here)
        print(sorted(os.listdir(f"{here}/packed")))


interpreter()
files()
archive()
