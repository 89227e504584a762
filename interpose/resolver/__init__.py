# SPDX-License-Identifier: GPL-2.0-or-later
"""The brain of one run: answers the tracer's questions."""
