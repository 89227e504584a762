#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A script of the demonstration: reads all data files beside it."""

from __future__ import annotations

from pathlib import Path

folder = Path(__file__).resolve().parent.parent / "data"
files = sorted(folder.glob("*/event-*.txt"))
total = sum(float(line) for file in files for line in file.read_text().split())
print(f"analyse.py  {len(files)} files below {folder}, sum {total:.1f}")
