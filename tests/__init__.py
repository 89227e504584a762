# SPDX-License-Identifier: GPL-2.0-or-later
"""Rooms of tests; `tests/support` holds what they share."""
