# SPDX-License-Identifier: GPL-2.0-or-later
"""Prints, as JSON, which modules our programs import: names and files.

A process of its own, so that what the collector itself imports is not taken for ours.
"""

from __future__ import annotations

import ast
import hashlib
import importlib
import importlib.util
import json
import pkgutil
import sys
import sysconfig
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import interpose

# What is imported by a name that stands in no import statement, or deep in pypac.
BY_NAME = (
    "concurrent.futures.thread dukpy encodings.ascii encodings.idna encodings.latin_1"
    " encodings.utf_8 encodings.unicode_escape _strptime runpy"
).split()
# What others import in a function, on ways that ours takes: a time-out, a broken
# certificate, a message with colours, a traceback.
ON_NEED = (
    "bisect ctypes.util gettext getpass glob heapq linecache locale netrc shutil signal"
    " tempfile textwrap tokenize unicodedata weakref"
).split()
# Marks of an installation, and what only this program imports.
LEFT_OUT = (
    "__main__ __mp_main__ _distutils_hack site sitecustomize usercustomize sysconfig"
    " _sitebuiltins"
).split()
STANDARD = sysconfig.get_paths()["stdlib"]


def main() -> int:
    """Import all; then print what is there."""
    sources = {}
    for name in _ours():
        sources[name] = _origin(name)
        if not name.endswith(".__main__"):
            importlib.import_module(name)
    for name in (*BY_NAME, *ON_NEED):
        importlib.import_module(name)
    for name in list(sources):
        for wanted in _nested_imports(sources[name]):
            _try(wanted)
    for module in list(sys.modules.values()):
        origin = getattr(module, "__file__", None) or ""
        if not origin.startswith(STANDARD + "/"):
            for wanted in _nested_imports(origin):
                if _is_standard(wanted):
                    _try(wanted)
    for name, module in list(sys.modules.items()):
        spec = getattr(module, "__spec__", None)
        is_alias = spec is not None and spec.name != name  # as requests has them
        is_mark = name in LEFT_OUT or name.startswith(("__editable__", "_sysconfig"))
        if not is_alias and not is_mark:
            sources[name] = _file_of(module)
    found = {name: origin for name, origin in sources.items() if origin}
    json.dump(found, sys.stdout, indent=0, sort_keys=True)
    return 0


def _ours() -> list[str]:
    walked = pkgutil.walk_packages(interpose.__path__, "interpose.")
    return ["interpose", *(found.name for found in walked)]


def _origin(name: str) -> str:
    spec = importlib.util.find_spec(name)
    return spec.origin if spec and spec.origin else ""


def _file_of(module: ModuleType) -> str:
    # The package's own word for it, where it has put another object into sys.modules.
    spec: Any = getattr(module, "__spec__", None)
    return getattr(module, "__file__", None) or (spec and spec.origin) or ""


def _nested_imports(path: str) -> Iterator[str]:
    """Modules that are imported inside functions: absolute names alone."""
    if not path.endswith(".py"):
        return
    with open(path, encoding="utf-8") as stream:
        tree = ast.parse(stream.read())
    for function in ast.walk(tree):
        if not isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef)):
            continue
        for node in ast.walk(function):
            if isinstance(node, ast.Import):
                yield from (alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
                yield node.module
                yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _is_standard(name: str) -> bool:
    top = name.partition(".")[0]
    if top in sys.builtin_module_names:
        return True
    try:
        origin = _origin(top)
    except (ImportError, ValueError):
        return False
    return origin.startswith(STANDARD + "/") and "-packages/" not in origin


def _try(name: str) -> None:
    """Import what is there; what cannot be imported here cannot be used there."""
    if name.startswith("Crypto") and "ripemd160" in hashlib.algorithms_available:
        return
    try:
        importlib.import_module(name)
    except ImportError:
        pass


if __name__ == "__main__":
    sys.exit(main())
