# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs commands of a list and prints what came of each. `recorder.py LIST.json`.

Runs inside a job with nothing but the standard library; each command is executed
directly, without a shell that would try a failed exec again.
"""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any


def record(row: dict[str, Any]) -> dict[str, Any]:
    """Exit status and output, or the errno of exec."""
    try:
        done = subprocess.run(
            row["argv"],
            executable=row.get("exe", row["argv"][0]),
            cwd=row["cwd"],
            env=row["env"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            timeout=60,
        )
    except OSError as error:
        return {"exec_errno": errno.errorcode[error.errno]}
    except subprocess.TimeoutExpired:
        return {"exit": "no end"}
    return {
        "exit": done.returncode,
        "stdout": os.fsdecode(done.stdout),
        "stderr": os.fsdecode(done.stderr),
    }


if __name__ == "__main__":
    for wanted in json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")):
        print(json.dumps(record(wanted)), flush=True)
