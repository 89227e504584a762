# SPDX-License-Identifier: GPL-2.0-or-later
"""What it costs: one file per question, ratios to native within one interleaved run."""
