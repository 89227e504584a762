# SPDX-License-Identifier: GPL-2.0-or-later
"""Random calls by several threads and processes give what they give on a mount."""

from __future__ import annotations

import random
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.differential import shapes
from tests.differential.conftest import (
    FLAGS,
    FQRN,
    I386_FLAGS,
    NO_I386,
    PROGRAMS,
    ROOT,
    World,
    compiles_i386,
)
from tests.differential.fastscripts import FastWriter
from tests.differential.namespaces import IS_ROOT, forbidden, guard, owning
from tests.differential.namespaces import mounted as mount
from tests.differential.scripts import Writer, load
from tests.differential.sides import Sides, ThreeWays, table
from tests.support.fast import NEEDS_STUB
from tests.support.keeper import own_directory
from tests.support.places import need_tool
from tests.support.published import Publisher
from tests.support.run import Runner
from tests.support.web import Server

STEPS_OF_A_SCRIPT = 1000
# A run's own stops, of its beginning, do not count for much then.
STEPS_WITH_STUBS = 3000
LEAST_ERRNOS = 20
TREES, SCRIPTS_OF_A_TREE = 10, 11  # of the long run
LEAST_RATE, LEAST_FAST_ERRNOS = 0.9, 10
OTHER = shapes.OWNERS[2][0]


@pytest.fixture
def grown(run: Runner, world: World) -> Iterator[Callable[..., Sides]]:
    """`grown(SEED, *FLAGS)`: a random tree, published, served and mounted.

    FLAGS: more of the compiler's, for the program that makes the calls.
    """
    if forbidden():
        pytest.skip(f"a copy has other paths and errors, and {forbidden()}")
    with ExitStack() as stack:
        yield lambda seed, *flags: _grow(stack, run, world, seed, flags)


def _grow(
    stack: ExitStack, run: Runner, world: World, seed: int, flags: tuple[str, ...]
) -> Sides:
    place = stack.enter_context(own_directory("interpose-random-"))
    programs = place / "programs"
    programs.mkdir()
    sources = sorted((PROGRAMS / "random").glob("*.c"))
    # A stub reaches a program's own places where there is no C library far from it.
    words = [need_tool("gcc"), *FLAGS, *(flags or ("-static",)), *sources]
    words += ["-o", programs / "steps", "-lpthread"]
    subprocess.run(words, check=True)
    changing = place / "work"
    changing.mkdir()
    shape = shapes.grow(place / "tree", ROOT, changing / "of" / "steps", seed)
    stack.callback(subprocess.run, ["chmod", "-R", "u+rwx", place], check=False)
    publisher = Publisher(place, before=owning())
    publisher.publish(place / "tree", FQRN)
    server = Server(publisher.storage, place / "server")
    server.start()
    stack.callback(server.stop)
    enter = world.programs / "enter"
    words = stack.enter_context(mount(place / "tree", FQRN, enter, changing))
    runner = _runner(run.place / str(seed))
    runner.before = stack.enter_context(guard(enter, changing, runner.place))
    here = World(place, programs, publisher, server.url, words)
    return Sides(here, shape, runner)


def _runner(place: Path) -> Runner:
    place.mkdir()
    return Runner(place, place / "cache")


def _same(sides: Sides, seed: int, kept: Path) -> None:
    kind = FastWriter if isinstance(sides, ThreeWays) else Writer
    writer = kind(
        random.Random(seed),
        sides.shape,
        ROOT,
        str(sides.work),
        owns_objects=IS_ROOT and sides.uid is None,
    )
    count = STEPS_OF_A_SCRIPT
    if isinstance(writer, FastWriter):
        writer.take(sides.world.place / "tree")
        count = STEPS_WITH_STUBS
    steps = writer.script(count)
    found = sides.compare(steps)
    if found:
        shortest = sides.shrink(steps, found)
        # What differs only now and then is the same again when it is explained.
        text = f"first {found} at {steps[found.number]}\n"
        text += sides.explain(shortest, kept)
        pytest.fail(f"seed {seed}: {text}", pytrace=False)


def _explore(sides: Sides, scripts: int, kept: Path, *, again: bool) -> None:
    """As many scripts as `scripts`, chosen by hypothesis; again: the same each time."""

    @settings(
        max_examples=scripts,
        deadline=None,
        database=None,
        derandomize=again,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(seed=st.integers(0, 2**64 - 1))
    def one(seed: int) -> None:
        _same(sides, seed, kept)

    one()


def _all_errnos_met(
    sides: Sides, record: Callable[[str, object], None], least: int = LEAST_ERRNOS
) -> None:
    text = f"{sides.steps} steps without a difference\n{table(sides.coverage)}"
    print(text)
    record("summary", text)
    errnos = {error for _, error in sides.coverage} - {"ok"}
    assert len(errnos) >= least, text


@pytest.mark.parametrize(
    ("uid", "flags"), [(None, ()), (OTHER, ()), (None, I386_FLAGS)]
)
def test_what_random_calls_found_once_is_right_now(
    grown: Callable[..., Sides], place: Path, uid: int | None, flags: tuple[str, ...]
) -> None:
    if uid and not IS_ROOT:
        pytest.skip("only root can become another user")
    if flags and not compiles_i386():
        pytest.skip(NO_I386)
    sides = grown(1, *flags)
    sides.uid = uid
    steps = load(PROGRAMS / "random" / "found.steps", str(sides.work))
    assert len(steps) > 40
    found = sides.compare(steps)
    assert not found, sides.explain(steps, place / "found.steps")


def test_random_calls_give_what_a_mount_gives(
    grown: Callable[..., Sides],
    place: Path,
    record_property: Callable[[str, object], None],
) -> None:
    sides = grown(1)
    _explore(sides, 5, place / "shortest.steps", again=True)
    assert sides.steps >= 5000
    _all_errnos_met(sides, record_property)


def test_random_calls_of_i386_give_what_a_mount_gives(
    grown: Callable[..., Sides],
    place: Path,
    record_property: Callable[[str, object], None],
) -> None:
    if not compiles_i386():
        pytest.skip(NO_I386)
    sides = grown(2, *I386_FLAGS)
    _explore(sides, 5, place / "shortest.steps", again=True)
    assert sides.steps >= 5000
    _all_errnos_met(sides, record_property)


def test_random_calls_of_another_user_give_what_a_mount_gives(
    grown: Callable[..., Sides],
    place: Path,
    record_property: Callable[[str, object], None],
) -> None:
    if not IS_ROOT:
        pytest.skip("only root can become another user")
    sides = grown(3)
    sides.uid = OTHER
    _explore(sides, 5, place / "shortest.steps", again=True)
    assert sides.steps >= 5000
    _all_errnos_met(sides, record_property)


@pytest.mark.long
def test_a_hundred_thousand_random_calls_give_what_a_mount_gives(
    grown: Callable[..., Sides],
    place: Path,
    record_property: Callable[[str, object], None],
) -> None:
    whole = grown(100)
    i386 = I386_FLAGS if compiles_i386() else ()
    for seed in range(TREES):
        flags = i386 if seed in (4, 7) else ()
        sides = whole if seed == 0 else grown(100 + seed, *flags)
        if IS_ROOT and seed % 2:
            sides.uid = OTHER
        _explore(sides, SCRIPTS_OF_A_TREE, place / "shortest.steps", again=False)
        if sides is not whole:
            whole.steps += sides.steps
            whole.coverage += sides.coverage
    assert whole.steps >= 100_000
    _all_errnos_met(whole, record_property)


def _three_ways(sides: Sides) -> ThreeWays:
    return ThreeWays(sides.world, sides.shape, sides.run)


def _hardly_any_stopped(
    sides: ThreeWays, record: Callable[[str, object], None]
) -> None:
    text = f"{sides.answered} calls answered, {sides.stops} stops: {sides.rate:.1%}"
    record("summary", text)
    assert sides.rate > LEAST_RATE, text
    _all_errnos_met(sides, record, LEAST_FAST_ERRNOS)


@NEEDS_STUB
def test_random_calls_that_a_stub_answers_give_what_a_mount_gives(
    grown: Callable[..., Sides],
    place: Path,
    record_property: Callable[[str, object], None],
) -> None:
    """Traced, with stubs, and natively; hardly any of them stops."""
    sides = _three_ways(grown(4))
    _explore(sides, 3, place / "shortest.steps", again=True)
    assert sides.steps >= 3 * STEPS_WITH_STUBS
    _hardly_any_stopped(sides, record_property)


@pytest.mark.long
@NEEDS_STUB
def test_a_hundred_thousand_calls_that_a_stub_answers_give_what_a_mount_gives(
    grown: Callable[..., Sides],
    place: Path,
    record_property: Callable[[str, object], None],
) -> None:
    whole = _three_ways(grown(200))
    for seed in range(TREES):
        sides = whole if seed == 0 else _three_ways(grown(200 + seed))
        _explore(sides, 4, place / "shortest.steps", again=False)
        if sides is not whole:
            whole.add(sides)
    assert whole.steps >= 100_000
    _hardly_any_stopped(whole, record_property)
