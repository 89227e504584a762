# SPDX-License-Identifier: GPL-2.0-or-later
"""The official way to evaluate a file: /bin/sh runs it and says what came out.

Only for files that root alone can change; see evaluate.py.
Source: docs/parameters.md.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from interpose.errors import ConfigurationError

SHELL = "/bin/sh"
LIMIT_S = 30


def ask_shell(
    path: Path, text: str, names: list[str], environment: Mapping[str, str]
) -> list[str]:
    """The values of `names` after the shell has read `text`, in their order.

    Names for which the shell says nothing (it gave up before) are empty.
    Errors: ConfigurationError if there is no shell or it does not come to an end.
    """
    import subprocess  # noqa: PLC0415 - costs each start 5 ms and is hardly ever needed

    lines = [f'cd "{path.parent}"', text, *(f"echo ${name}" for name in names), ""]
    try:
        done = subprocess.run(
            [SHELL],
            input=os.fsencode("\n".join(lines)),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=dict(environment),
            timeout=LIMIT_S,
            check=False,
        )
    except subprocess.TimeoutExpired as problem:
        raise ConfigurationError(
            f"a configuration file runs for more than {LIMIT_S} s", str(path)
        ) from problem
    except OSError as problem:
        raise ConfigurationError(f"{SHELL} cannot be run", str(path)) from problem
    said = os.fsdecode(done.stdout).split("\n")[: len(names)]
    return said + [""] * (len(names) - len(said))
