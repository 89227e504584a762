# SPDX-License-Identifier: GPL-2.0-or-later
"""Descriptors, listings and working directories are those of a mount."""

from __future__ import annotations

from tests.differential.conftest import Pair


def test_descriptors_show_what_was_opened(pair: Pair) -> None:
    pair.same("descriptors")


def test_listings_and_working_directories_are_those_of_a_mount(mounted: Pair) -> None:
    mounted.same("directories")


def test_descriptors_of_several_processes_show_the_same(pair: Pair) -> None:
    pair.same("sharing")
