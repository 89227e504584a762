# SPDX-License-Identifier: GPL-2.0-or-later
"""`python -I -m interpose.resolver --fd N`, started by interpose_run."""

from __future__ import annotations

import gc

if __name__ == "__main__":
    # What imports make lives for ever: to look for garbage in it is a tenth of a start.
    gc.disable()
    from interpose.resolver.program import run

    gc.freeze()
    gc.enable()
    run()
