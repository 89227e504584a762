# SPDX-License-Identifier: GPL-2.0-or-later
"""`python -m interpose.commands`: as the script `interpose`, for interpose_run."""

from __future__ import annotations

import sys

from interpose.commands import main

sys.exit(main())
