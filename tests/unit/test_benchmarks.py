# SPDX-License-Identifier: GPL-2.0-or-later
"""Benchmarks: the table of rows, what limits mean, and what is made of figures."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import chart, events, jobs, report, rows, run, software, stops
from benchmarks.limits import Limit, verdict
from benchmarks.ratios import BASE, OURS, Ratios
from benchmarks.report import Measured
from benchmarks.setting import ROOT, NotMeasuredError
from benchmarks.ways import Plan, Way
from tests.unit.test_png import decoded


@pytest.mark.parametrize(
    ("text", "value", "kind"),
    [
        ("1.2", 1.2, "ratio"),
        ("4", 4.0, "ratio"),
        ("4 ms", 4.0, "ms"),
        ("30 MiB", 30.0, "MiB"),
        ("bare filter", 1.05, "floor"),
    ],
)
def test_a_limit_is_read(text: str, value: float, kind: str) -> None:
    assert Limit.parse(text) == Limit(value, kind, text)


@pytest.mark.parametrize("text", ["1,2", "4 s", "-1", "fast", " 1"])
def test_what_is_no_limit_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a limit"):
        Limit.parse(text)


def test_no_limit_is_nothing() -> None:
    assert Limit.parse("") is None


@pytest.mark.parametrize(
    ("value", "word"),
    [(0.9, "aim"), (1.104, "aim"), (1.11, "must"), (1.2, "must"), (1.21, "missed")],
)
def test_a_figure_reaches_what_is_printed(value: float, word: str) -> None:
    assert verdict(value, Limit.parse("1.2"), Limit.parse("1.1")) == word


def test_without_a_limit_nothing_is_reached() -> None:
    assert verdict(3.0, None, None) == ""


def test_every_row_can_be_chosen_and_its_limits_are_read() -> None:
    names = [row.name for row in rows.ROWS]
    assert len(names) == len(set(names))
    assert rows.chosen(",".join(names)) == list(rows.ROWS)
    for row in rows.ROWS:
        must, aim = row.must_limit, row.aim_limit
        if aim is not None:
            assert must is not None
            assert (aim.kind, aim.value < must.value) == (must.kind, True)
        assert f"\n{row.name:16}" in rows.described()


def test_all_rows_are_those_that_need_not_be_asked_for() -> None:
    assert [row.name for row in rows.chosen("")] == [
        row.name for row in rows.ROWS if not row.asked
    ]


def test_an_unknown_row_is_named_with_those_there_are() -> None:
    with pytest.raises(ValueError, match="no row hots; rows: never-stopped, host,"):
        rows.chosen("host,hots")


def test_every_job_has_its_tree_and_every_event_its_code() -> None:
    assert {job.tree for job in jobs.JOBS.values()} <= set(software.TREES)
    text = (ROOT / "benchmarks/events.c").read_text()
    assert [name for name in events.EVENTS if f'{{"{name}", do_' not in text] == []


def figures(title: str, condition: str, ours: list[float]) -> Ratios:
    values = {BASE: [10.0, 20.0, 40.0], OURS: ours, "strace": [100.0]}
    return Ratios(title, "ns", condition, values)


def row(name: str) -> rows.Row:
    return rows.chosen(name)[0]


def test_each_round_is_compared_with_native_of_that_round() -> None:
    one = figures("stat", "2 CPUs", [11.0, 24.0, 40.0])
    assert one.figures(OURS) == [1.1, 1.2, 1.0]
    assert one.figures(OURS, "ms") == [1.0, 4.0, 0.0]
    assert one.figures("strace") == [10.0]
    assert one.figures("nobody") == []
    assert one.summary(OURS) == {
        "median": 24.0,
        "min": 11.0,
        "ratio": 1.1,
        "least_ratio": 1.0,
    }


def test_what_has_no_native_stands_for_itself() -> None:
    assert Ratios("PSS", "MiB", "", {OURS: [12.0]}).figures(OURS, "MiB") == [12.0]


def test_a_line_tells_of_the_worst_condition() -> None:
    results = [
        figures("stat", "2 CPUs", [11.0, 22.0, 44.0]),
        figures("stat", "1 CPU", [13.0, 26.0, 40.0]),
    ]
    (line,) = report.lines(Measured(row("host"), results))
    assert (line.value, line.least, line.best) == (1.3, 1.0, 1.1)
    assert (line.condition, line.reached) == ("1 CPU", "missed")
    assert line.contenders == {"strace": 10.0}


def measured() -> list[Measured]:
    return [
        Measured(row("host"), [figures("stat", "2 CPUs", [10.0, 20.0, 40.0])]),
        Measured(row("signal"), [figures("raise", "2 CPUs", [50.0, 100.0, 200.0])]),
        Measured(row("lmod"), reason="lmod is not installed"),
        Measured(row("memory"), [Ratios("all", "MiB", "", {OURS: [12.0]})]),
    ]


def test_the_table_says_what_is_reached_missed_and_not_measured() -> None:
    text = report.table(measured())
    assert "| **host paths** | 1.2 | 1.1 |" in text
    assert "| stat |  |  | 1.00 | 1.00 | aim | 2 CPUs | 10.0 |" in text
    assert "| raise |  |  | 5.00 | 5.00 | **missed** | 2 CPUs | 10.0 |" in text
    assert "not measured: lmod is not installed" in text
    assert report.missed(measured()) == (
        "Of 3 lines 2 reach the aim, 0 what they must, 1 miss it.\n\n"
        "- signal, must 4: raise 5.00"
    )


def test_kept_figures_give_the_same_table_and_picture(tmp_path: Path) -> None:
    facts = {"processor": "any", "cpus": 2, "time": "now", "commit": "c"}
    facts |= {"options": "--rounds 3", "load": "0.0"}
    file = tmp_path / "kept.json"
    kept = {"machine": facts, "rows": [one.to_json() for one in measured()]}
    file.write_text(json.dumps(kept))
    read_facts, again = run.read([file])
    assert read_facts == facts
    assert run.section(facts, again) == run.section(facts, measured())
    drawn = chart.picture(again, facts, scale=1)
    assert drawn == chart.picture(measured(), facts, scale=1)
    width, height, pixels = decoded(drawn)
    assert (width, height > 200) == (chart.WIDTH, True)
    seen = {pixels[at : at + 3] for at in range(0, len(pixels), 3)}
    for colour in (chart.RED, chart.GREEN, chart.FILL["missed"], chart.FILL["aim"]):
        assert bytes(colour) in seen


@pytest.mark.parametrize(
    ("facts", "says"),
    [
        ({"options": "--rounds 5", "load": "0.1"}, ""),
        ({"options": "--quick", "load": "0.1"}, "one round and one condition"),
        ({"options": "--rounds 5", "load": "2.6"}, "the machine had other work"),
    ],
)
def test_figures_that_are_none_to_quote_say_so(
    facts: dict[str, str], says: str
) -> None:
    assert says in run.warning(facts)
    assert bool(says) == bool(run.warning(facts))


def test_an_axis_is_logarithmic_and_keeps_what_is_beyond_it() -> None:
    axis = chart.Axis(0.1, 10.0)
    middle = (axis.x(0.1) + axis.x(10)) / 2
    assert axis.x(1) == pytest.approx(middle)
    assert axis.x(1000) == axis.x(10)
    assert axis.ticks() == pytest.approx([0.1, 0.2, 0.5, 1, 2, 5, 10])


def test_rounds_are_interleaved_and_a_contender_that_fails_is_left_out(
    capsys: pytest.CaptureFixture[str],
) -> None:
    turns = []

    def once(way: Way) -> dict[str, float]:
        turns.append(way.name)
        if way.name == "PRoot":
            raise OSError("it is broken")
        return {"stat": 1.0}

    who = [Way(BASE, (), Path()), Way(OURS, (), Path(), caches=True)]
    who += [Way("PRoot", (), Path()), Way("strace", (), Path())]
    (one,) = Plan(2, 1, "1 CPU", "ns").measure(who, once)
    assert turns == [OURS, BASE, OURS, "PRoot", "strace", BASE, OURS]
    assert one.values == {BASE: [1.0, 1.0], OURS: [1.0, 1.0], "strace": [1.0]}
    assert "left out: PRoot failed: it is broken" in capsys.readouterr().out


def test_a_row_says_why_there_is_no_figure() -> None:
    def once(way: Way) -> dict[str, float]:
        raise subprocess.CalledProcessError(1, ["job"], stderr=b"first\nno such job\n")

    with pytest.raises(NotMeasuredError, match="native failed: no such job"):
        Plan(1, 1, "1 CPU", "ns").measure([Way(BASE, (), Path())], once)
    with pytest.raises(NotMeasuredError, match="no-such-tool is not installed"):
        software.need("sh", "no-such-tool")


@pytest.mark.parametrize("name", ["calls", "events", "bare_filter", "stops"])
def test_the_programs_compile_without_a_warning(tmp_path: Path, name: str) -> None:
    flags = ["-O2", "-Wall", "-Wextra", "-Werror", "-pthread"]
    source = ROOT / f"benchmarks/{name}.c"
    words = [os.environ.get("CC", "cc"), *flags, "-o", tmp_path / name, source]
    subprocess.run(words, check=True)


@pytest.mark.parametrize("workers", ["1", "3", "2p"])
def test_calls_are_made_by_threads_and_by_processes(
    tmp_path: Path, workers: str
) -> None:
    program = tmp_path / "calls"
    source = ROOT / "benchmarks/calls.c"
    cc = os.environ.get("CC", "cc")
    subprocess.run([cc, "-pthread", "-o", program, source], check=True)
    tree = tmp_path / "tree"
    (tree / "a").mkdir(parents=True)
    (tree / "a/f").write_text("x")
    (tree / "a/l").symlink_to("f")
    names = {"files": "a/f", "links": "a/l", "missing": "a/n", "directories": "a"}
    for name, path in names.items():
        (tmp_path / name).write_text(f"{path}\n")
    asked = ["ENOENT", "readlink, dirfd", "opendir+readdir+closedir"]
    words = [program, tree, tmp_path, "many", workers, "2", *asked]
    done = subprocess.run(words, check=True, capture_output=True, text=True)
    found = [line.rpartition(" ") for line in done.stdout.splitlines()]
    assert [title for title, _, _ in found] == asked
    assert all(float(value) > 0 for _, _, value in found)


@pytest.mark.skipif(platform.machine() != "x86_64", reason="stops.c knows x86_64 alone")
def test_a_stopped_call_is_answered_in_every_way() -> None:
    """A caller that gets another answer, or none, fails the command."""
    command = [sys.executable, "-m", "benchmarks.stops", "--rounds", "1"]
    command += ["--milliseconds", "5", "--processes", "3"]
    done = subprocess.run(command, check=True, capture_output=True, text=True, cwd=ROOT)
    _, one, many, _ = done.stdout.split("\n\n")
    for way, title in stops.WAYS.items():
        if f"not measured: {title.strip()}:" not in done.stdout:
            assert f"\n{title}" in one, way
            assert f"\n{title}" in many, way


def test_the_command_teaches() -> None:
    command = [sys.executable, "-m", "benchmarks.run"]
    for option, says in (("--help", "INTERPOSE_BENCH_PARROT"), ("--list", "cvmfs")):
        done = subprocess.run(
            [*command, option], check=True, capture_output=True, text=True, cwd=ROOT
        )
        assert says in done.stdout
    done = subprocess.run(
        [*command, "--rows", "nothing"],
        check=False,
        capture_output=True,
        text=True,
        cwd=ROOT,
    )
    assert done.returncode == 2
    assert done.stderr.startswith("benchmarks.run: no row nothing; rows: ")
