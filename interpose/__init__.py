# SPDX-License-Identifier: GPL-2.0-or-later
"""interpose: a job sees /cvmfs without root, mount, kernel module or daemon."""

__version__ = "0.1.0"
