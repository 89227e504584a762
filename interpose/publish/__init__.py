# SPDX-License-Identifier: GPL-2.0-or-later
"""Makes repositories from directories, and shows them to the loopback."""
