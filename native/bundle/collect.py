# SPDX-License-Identifier: GPL-2.0-or-later
"""Makes dist/interpose_run: the program, and packed behind it a Python of its own.

    python native/bundle/collect.py OUTPUT

Run by the interpreter that is to be packed, in an environment where interpose is
installed. The same input gives the same bytes. native/bundle/README.md has the format.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import marshal
import os
import shutil
import struct
import subprocess
import sys
import tempfile
import zlib
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]

MAGIC = b"ipose-rt"
TRAILER = struct.Struct("<8sQQQ32s")  # struct trailer of native/bundle/packed.c
LIMIT_BYTES = 25 << 20
LIBRARY = f"lib/python{sys.version_info[0]}.{sys.version_info[1]}"
LOADER = "lib/loader"
# What packages read beside their modules: package, suffix, folder.
DATA = (
    ("certifi", ".pem", "."),
    ("dukpy", ".js", "jsruntime"),
    ("dukpy", ".js", "jscore"),
)
# Opened by the C library when a thread ends, and, before 2.34, for names of hosts.
BY_LIBC = ("libgcc_s.so.1",)
BY_OLD_LIBC = ("libnss_files.so.2", "libnss_dns.so.2", "libresolv.so.2")


@dataclass
class Runtime:
    """Files of the runtime: name in it, bytes; `programs` may be executed."""

    files: dict[str, bytes] = field(default_factory=dict)
    programs: set[str] = field(default_factory=set)

    def archive(self) -> tuple[bytes, int]:
        """Manifest and contents, one after the other; the size of the manifest."""
        names = sorted(self.files)
        lines = [
            f"{'x' if name in self.programs else 'r'} {len(self.files[name])} {name}\n"
            for name in names
        ]
        manifest = "".join([*lines, "end\n"]).encode()
        return b"".join([manifest, *(self.files[name] for name in names)]), len(
            manifest
        )


def main(output: Path) -> int:
    """Collect, pack, link and join."""
    with tempfile.TemporaryDirectory() as scratch:
        archive, manifest_size = collected(Path(scratch)).archive()
        program = Path(scratch) / "interpose_run"
        link(program)
        head = program.read_bytes()
    packed = compressed(archive)
    digest = hashlib.sha256(packed).digest()
    trailer = TRAILER.pack(MAGIC, len(head), len(packed), manifest_size, digest)
    whole = head + packed + trailer
    if len(whole) > LIMIT_BYTES:
        raise SystemExit(f"{output}: {len(whole)} bytes, more than {LIMIT_BYTES}")
    output.parent.mkdir(parents=True, exist_ok=True)
    fresh = output.with_name(output.name + ".new")
    fresh.write_bytes(whole)
    fresh.chmod(0o755)
    fresh.replace(output)
    print(f"{output}: {len(whole) >> 10} KiB, unpacked {len(archive) >> 10} KiB")
    return 0


def compressed(archive: bytes) -> bytes:
    """Not by xz: that is a third smaller, and unpacks in three times the time."""
    return zlib.compress(archive, 9)


def link(program: Path) -> None:
    """The launcher and tracer as always, with native/bundle behind them."""
    sys.path.insert(0, str(ROOT))
    import setup as ours  # noqa: PLC0415  (found by the line above)

    ours.compile_program(
        ROOT / "build" / f"program-{os.uname().machine}", program, bundle=True
    )


def collected(scratch: Path) -> Runtime:
    """Interpreter, modules, their libraries, loader."""
    runtime = Runtime()
    objects: list[tuple[str, Path]] = []  # ELF files: their name in it, where they are
    for name, origin in closure().items():
        target = place(name, Path(origin))
        if origin.endswith(".py"):
            runtime.files[target] = bytecode(Path(origin), target)
        else:
            objects.append((target, Path(origin)))
    for package, suffix, folder in DATA:
        add_data(runtime, package, suffix, folder)
    python = Path(sys.executable).resolve()
    objects.append(("bin/python3", python))
    names = scratch / "names.so"
    run(compiler(), "-shared", "-fPIC", "-O2", "-o", names, HERE / "names.c")
    objects.append(("lib/names.so", names))
    loader = interpreter_of(python)
    for target, path in objects:
        runtime.files[target] = stripped(path, scratch)
    for name, path in libraries(loader, [path for _, path in objects]).items():
        runtime.files[f"lib/{name}"] = stripped(path, scratch)
    runtime.files[LOADER] = loader.read_bytes()
    runtime.programs |= {LOADER, "bin/python3"}
    return runtime


def closure() -> dict[str, str]:
    """Modules and their files, as a process sees them that has imported all."""
    words = [sys.executable, "-I", "-B", str(HERE / "closure.py")]
    done = subprocess.run(words, check=True, stdout=subprocess.PIPE, cwd="/")
    found: dict[str, str] = json.loads(done.stdout)
    return {name: path for name, path in found.items() if os.path.isabs(path)}


def place(name: str, origin: Path) -> str:
    """Where a module is in the runtime; its package is a directory."""
    parts = name.split(".")
    if not origin.name.endswith(".py"):
        folder = "/".join(parts[:-1]) or "lib-dynload"
        return f"{LIBRARY}/{folder}/{origin.name}"
    if origin.name == "__init__.py":
        parts.append("__init__")
    return f"{LIBRARY}/{'/'.join(parts)}.pyc"


def bytecode(origin: Path, target: str) -> bytes:
    """A module without its source; no time and no path of this machine is in it."""
    shown = target.removeprefix(LIBRARY + "/").removesuffix("c")
    code = compile(origin.read_bytes(), shown, "exec", dont_inherit=True, optimize=0)
    return importlib.util.MAGIC_NUMBER + bytes(12) + marshal.dumps(code)


def add_data(runtime: Runtime, package: str, suffix: str, folder: str) -> None:
    """Files of a package that are no modules."""
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.origin:
        return
    for path in sorted((Path(spec.origin).parent / folder).glob(f"*{suffix}")):
        name = os.path.normpath(f"{LIBRARY}/{package}/{folder}/{path.name}")
        runtime.files[name] = path.read_bytes()


def interpreter_of(program: Path) -> Path:
    """The loader that an ELF file of 64 bits asks for (PT_INTERP)."""
    data = program.read_bytes()
    offset = struct.unpack_from("<Q", data, 32)[0]
    size, count = struct.unpack_from("<HH", data, 54)
    for number in range(count):
        kind, _, start = struct.unpack_from("<IIQ", data, offset + number * size)
        if kind == 3:
            end = data.index(b"\0", start)
            return Path(os.fsdecode(data[start:end])).resolve()
    raise SystemExit(f"{program}: linked statically, cannot load modules")


def libraries(loader: Path, paths: list[Path]) -> dict[str, Path]:
    """All shared libraries below these files, by the name they are asked for."""
    found: dict[str, Path] = {}
    for path in paths:
        listed = run(loader, "--list", path)
        for line in listed.splitlines():
            name, arrow, rest = line.strip().partition(" => ")
            if arrow and rest.startswith("/"):
                found[name] = Path(rest.rpartition(" (")[0]).resolve()
            elif arrow:
                raise SystemExit(f"{path}: {line.strip()}")
    libc = found["libc.so.6"].parent
    version = (os.confstr("CS_GNU_LIBC_VERSION") or "").rpartition(".")[2]
    is_old = version.isdigit() and int(version) < 34
    for name in (*BY_LIBC, *(BY_OLD_LIBC if is_old else ())):
        found.setdefault(name, (libc / name).resolve())
    return {name: path for name, path in found.items() if "/" not in name}


def stripped(path: Path, scratch: Path) -> bytes:
    """Without the symbols that only a debugger reads, where strip is installed."""
    if not shutil.which("strip"):
        return path.read_bytes()
    copy = scratch / "stripped"
    run("strip", "--strip-unneeded", "-o", copy, path)
    return copy.read_bytes()


def compiler() -> str:
    """The one that setup.py takes, nearly."""
    return os.environ.get("CC") or "cc"


def run(*words: object) -> str:
    """What a program prints. Errors: SystemExit with what it complains of."""
    done = subprocess.run(
        [str(word) for word in words], check=False, capture_output=True, text=True
    )
    if done.returncode != 0:
        raise SystemExit(f"{words[0]}: {done.stderr.strip()[-500:]}")
    return done.stdout


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise SystemExit("usage: collect.py OUTPUT")
    sys.exit(main(Path(sys.argv[1])))
