# SPDX-License-Identifier: GPL-2.0-or-later
"""An opened repository: who vouches for it, its catalogs, its objects."""
