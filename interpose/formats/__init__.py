# SPDX-License-Identifier: GPL-2.0-or-later
"""What the bytes of a repository mean: bytes in, values out, no I/O and no clock.

Hostile bytes end in FormatError or TrustError and in nothing else. Only catalog.py,
catalog_writer.py and history*.py open a file, an SQLite database, by its path.
"""
