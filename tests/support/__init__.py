# SPDX-License-Identifier: GPL-2.0-or-later
"""What the rooms of tests share: servers, runs, truth, a walker."""
