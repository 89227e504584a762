# SPDX-License-Identifier: GPL-2.0-or-later
"""`python -I -m interpose.resolver --fd N`, started by interpose_run."""

from __future__ import annotations

import gc

if __name__ == "__main__":
    # What imports make lives for ever: to look for garbage in it is a tenth of a start.
    gc.disable()
    try:
        from interpose.resolver.program import run
    except Exception as error:  # noqa: BLE001 (without memory it can be any)
        import sys

        text = f"{type(error).__name__}: {error}".replace("\n", " ")
        sys.stderr.write(
            f"interpose: the resolver does not start: {text} (is interpose installed "
            "for this Python, or is a limit of memory too low: ulimit -v, -d?)\n"
        )
        sys.exit(125)
    gc.freeze()
    gc.enable()
    run()
