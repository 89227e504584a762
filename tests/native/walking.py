# SPDX-License-Identifier: GPL-2.0-or-later
"""The path walk in a small program, and a tree for it.

The program is compiled twice: with the sanitizers, and with the flags of what runs in a
tracee.
"""

from __future__ import annotations

import platform
import shutil
import stat
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.native import test_stub
from tests.native.drivers import HERE, NATIVE, compiled
from tests.native.index_model import Model, directory, row

WALK = ("path/walk.c", "path/text.c", "path/prefix.c", "index/lookup.c")
OTHERS = ("path/variant.c", "index/check.c", "index/checksum.c")
LINKS = 40
TOP = "row\tt\t\tcvmfs\t\t"
Entries = dict[str, object]

needs_x86_64 = pytest.mark.skipif(
    platform.machine() != "x86_64", reason="the stub is x86_64's"
)


def compile_as_stub(folder: Path, *sources: str) -> list[Path]:
    """Object files with the flags of the stub, and .su files beside them."""
    made = []
    for name in sources:
        target = folder / f"{Path(name).stem}.o"
        command = [shutil.which("cc") or "gcc", *test_stub.recipe().STUB_FLAGS]
        command += ["-Werror", "-fstack-usage", f"-I{NATIVE}", "-c", NATIVE / name]
        subprocess.run([*command, "-o", target], check=True)
        made.append(target)
    return made


def walk_driver(folder: Path, as_stub: bool) -> Path:
    """The program."""
    if not as_stub:
        return compiled(folder, "walk_driver", *WALK, *OTHERS)
    objects = compile_as_stub(folder, *WALK)
    others = [HERE / "walk_driver.c", *(NATIVE / name for name in OTHERS)]
    command = [shutil.which("cc") or "gcc", "-std=gnu11", "-D_GNU_SOURCE"]
    command += [f"-I{NATIVE}", *map(str, (*objects, *others))]
    subprocess.run([*command, "-o", folder / "driver"], check=True)
    return folder / "driver"


@dataclass(frozen=True)
class Walker:
    """The program over a tree's indexes."""

    program: Path
    place: Path

    def say(self, *lines: str) -> list[str]:
        """Where the walks of these lines end; /cvmfs is a name of the host."""
        words = [self.program, self.place / "root.index", self.place / "nested.index"]
        text = "".join(f"{line}\n" for line in (TOP, *lines))
        done = subprocess.run(
            words, input=text, capture_output=True, text=True, check=False
        )
        assert (done.returncode, done.stderr) == (0, "")
        return done.stdout.splitlines()


def asked(path: str, flags: str = "f", segments: int = 121, text: int = 8192) -> str:
    """A line for one walk."""
    return f"walk\t{segments}\t{text}\t{flags}\t{path}"


def entries() -> Entries:
    """Directories (modes), files (None) and links (targets) by their names."""
    found: Entries = {
        "dir": 0o755,
        "dir/sub": 0o755,
        "dir/sub/file": None,
        "dir/file": None,
        "file": None,
        "some": 0o744,
        "some/file": None,
        "sticky": 0o1777,
        "sticky/link": "../file",
        "to_dir": "dir",
        "to_dir_slash": "dir/",
        "to_file_slash": "file/",
        "to_sub": "dir//sub",
        "dir/up": "../to_dir/./sub/",
        "dir/sub/round": "../../dir/up",
        "dot": ".",
        "up": "..",
        "loop": "loop",
        "none": "missing",
        "none_slash": "missing/",
        "below_file": "file/x",
        "in_link": "dir/in/./sub",
        "in_links": "to_dir/in/",
        "long": "./" * 2045 + "dir",
        "long_slashes": "dir" + "/" * 4092,
        "longest_name": "n" * 255,
        "too_long_name": "n" * 256,
        "n" * 255: None,
    }
    for number in range(LINKS + 2):
        before = f"chain_{number - 1}" if number else "dir"
        found[f"chain_{number}"] = before
        deep = f"deep_{number - 1}" if number else "dir"
        # What is left of each is walked after all those that it leads to.
        found[f"deep_{number}"] = f"{deep}/././sub/.."
        end = "/" + "./" * ((4090 - len(f"huge_{number}")) // 2)
        found[f"huge_{number}"] = (f"huge_{number - 1}" if number else "dir") + end
    return found


def add_links(model: Model, targets: dict[str, str]) -> None:
    for name, target in targets.items():
        path = b"/" + name.encode()
        model.rows[path] = row(path, stat.S_IFLNK | 0o777, symlink=target.encode())


def variants() -> dict[str, str]:
    """Links that no kernel has."""
    found = {
        "variant": "$(V)/sub",
        "variants": "$(V)/" + "./" * 2040,
        "too_long": "$(V)" + "x" * 4096,
        "to_host": "/back",
        "to_host_dir": "/back_dir/./sub",
        "away": "/elsewhere/x/",
        "far": "/far_39",
    }
    for number in range(LINKS):
        before = f"variant_{number - 1}" if number else "$(V)"
        tail = "/././$(NONE)" + "./" * 20 + "/sub/.."
        found[f"variant_{number}"] = "../repo/" + before + tail
    return found


def make_tree(folder: Path) -> None:
    """The tree as a kernel has it, at cvmfs/repo, and its two indexes."""
    tree = folder / "cvmfs/repo"
    tree.mkdir(parents=True)
    model = Model(rows={b"": directory(b"")})
    for name, what in entries().items():
        path = b"/" + name.encode()
        if isinstance(what, str):
            (tree / name).symlink_to(what)
            add_links(model, {name: what})
        elif isinstance(what, int):
            (tree / name).mkdir()
            (tree / name).chmod(what)
            model.rows[path] = row(path, stat.S_IFDIR | what)
        else:
            (tree / name).touch()
            model.rows[path] = row(path)
    add_links(model, variants())
    model.rows[b"/nested"] = directory(b"/nested")
    model.nested[b"/nested"] = (b"\1" * 20, 0, False)
    model.build(folder / "root.index")
    inner = Model(root=b"/nested", rows={b"/nested": directory(b"/nested")})
    add_links(inner, {"nested/back": "../dir/sub"})
    add_links(inner, {"nested/here": "./back/../../nested"})
    inner.build(folder / "nested.index")
