"""What the measurements are made of: trips in sequence, percentiles, and figures as they are shown."""

from __future__ import annotations

import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pytest

from perf import budgets, packages
from perf.__main__ import PARTS
from perf.budgets import Budget
from perf.packages import Build, Size
from perf.report import Table, number, percentile, spread
from perf.starts import cold, held
from perf.starts.cold import ColdStart, ColdStarts
from perf.starts.imports import NEEDED, unneeded
from perf.template import functions
from perf.transport_recorder import Call, in_sequence


def _call(began: float, ended: float) -> Call:
    return Call("dynamodb", "GetItem", began, ended)


def test_calls_in_parallel_are_one_trip() -> None:
    assert in_sequence([_call(0, 2), _call(1, 3)]) == 1


def test_calls_one_after_another_are_as_many_trips() -> None:
    assert in_sequence([_call(2, 3), _call(0, 1), _call(1, 2)]) == 3


def test_the_longest_chain_counts_beside_a_long_call() -> None:
    assert in_sequence([_call(0, 10), _call(0, 1), _call(2, 3), _call(4, 5)]) == 3


def test_percentiles_are_values_that_occurred() -> None:
    values = [float(value) for value in range(1, 101)]
    assert [percentile(values, share) for share in (50, 95, 99)] == [50, 95, 99]
    assert percentile([7.0], 99) == 7


def test_figures_show_three_digits() -> None:
    assert [number(value) for value in (0.1234, 1.234, 12.34, 123.4, 12345.6, 3.0)] == [
        *("0.123", "1.23", "12.3", "123", "12,346", "3")
    ]
    assert spread([3.0, 1.0, 2.0]) == "1 / 2 / 3"


def test_a_table_is_markdown_with_numbers_to_the_right() -> None:
    text = Table("T", ("what", "ms"), [("a", "1"), ("bc", "10")]).markdown()
    assert text.splitlines()[2:] == ["| what | ms |", "| ---- | -: |", "| a    |  1 |", "| bc   | 10 |"]


def test_every_function_of_the_templates_declares_what_it_needs() -> None:
    assert set(NEEDED) == set(functions())


def test_a_heavy_package_that_is_not_needed_is_named() -> None:
    assert unneeded("AuthorizeFunction", ["json", "pynamodb", "bcrypt"]) == {"bcrypt"}


def test_what_a_call_loads_when_it_comes_to_need_it_must_not_be_imported_before() -> None:
    assert unneeded("ReactFunction", ["emoji"]) == {"emoji"}
    assert unneeded("ReactFunction", ["emoji"], called=True) == set()


def test_a_budget_is_met_up_to_its_very_figure() -> None:
    most, least = Budget("a cell", "ms", at_most=20), Budget("a cell", "messages/s", at_least=90)
    assert [most.judge(value).met for value in (20, 20.1)] == [True, False]
    assert [least.judge(value).met for value in (90, 89.9)] == [True, False]
    assert (most.text(), least.text()) == ("≤ 20", "≥ 90")


def test_verdicts_are_shown_and_kept() -> None:
    verdicts = [Budget("a cell", "ms", at_most=20).judge(25)]
    shown = budgets.table("T", verdicts, of="cell", value="median")
    assert list(shown.rows) == [("a cell", "ms", "25", "≤ 20", "fall short")]
    kept = {"of": "a cell", "figure": "ms", "at_most": 20, "at_least": None, "value": 25, "met": False}
    assert budgets.as_json(verdicts) == [kept]


def _start(function_id: str, of_bare: float) -> ColdStart:
    return ColdStart(
        function_id=function_id,
        import_ms=200,
        first_call_ms=100,
        start_ms=300,
        second_call_ms=5,
        cpu_ms=300,
        of_bare=of_bare,
        time_of_bare=1.5,
        held_of_bare=1.6,
        modules=500,
        imported=(),
        used=(),
        unneeded=(),
        answered="200",
        load=0.5,
    )


def test_whatever_answers_people_is_held_against_the_bare_start() -> None:
    starts = [
        _start("MessagesFunction", 1.0), _start("CallsFunction", 1.01), _start("PingFunction", 0.9),
        _start("SyncFunction", 0.91), _start("FanoutFunction", 9),
    ]  # fmt: skip
    measured = ColdStarts(starts, bare_ms=300, bare_cpu_ms=200, held_by="a control group")
    shown = cold.table(measured)
    columns = [shown.head.index(name) for name in ("of bare, CPU", "budget", "verdict")]
    assert [tuple(row[column] for column in columns) for row in shown.rows] == [
        ("1", "≤ 1", "pass"),
        ("1.01", "≤ 1", "fall short"),
        ("0.900", "≤ 0.900", "pass"),
        ("0.910", "≤ 0.900", "fall short"),
        ("9", "-", "-"),
    ]
    kept = cold.as_json(measured)
    assert kept["bare_cpu_ms"] == 200
    assert [(each["of"], each["met"]) for each in kept["budgets"]] == [
        ("MessagesFunction", True),
        ("CallsFunction", False),
        ("PingFunction", True),
        ("SyncFunction", False),
    ]


SPIN = "import time\nend = time.process_time() + 0.2\nwhile time.process_time() < end: pass"


def _seconds(tmp_path: Path, *, share: float, by: held.Group | None) -> float:
    started = time.monotonic()
    held.run([sys.executable, "-S", "-c", SPIN], environment={}, folder=tmp_path, share=share, by=by, timeout_s=20)
    return time.monotonic() - started


def test_a_process_held_to_a_quarter_of_a_core_takes_four_times_as_long(tmp_path: Path) -> None:
    assert _seconds(tmp_path, share=0.25, by=None) > 0.6
    with held.group() as group:
        if group is not None:
            assert _seconds(tmp_path, share=0.25, by=group) > 0.6


def test_a_held_process_that_fails_or_takes_too_long_is_told_of(tmp_path: Path) -> None:
    failing, endless = ["-c", "raise SystemExit(3)"], ["-c", "while True: pass"]
    run = partial(held.run, environment={}, folder=tmp_path, share=0.5, by=None)
    with pytest.raises(subprocess.CalledProcessError):
        run([sys.executable, *failing], timeout_s=20)
    with pytest.raises(held.OverTime):
        run([sys.executable, *endless], timeout_s=0.2)


def test_sizes_of_packages_are_kept_with_their_sum(tmp_path: Path) -> None:
    for part in (packages.FUNCTIONS, *packages.LAYERS):
        (tmp_path / part).mkdir(parents=True)
        (tmp_path / part / "a.py").write_bytes(b"x" * packages.MB)
    *parts, whole = packages.measure(Build(tmp_path))
    assert [part.mb for part in parts] == [1] * (1 + len(packages.LAYERS))
    assert packages.as_json([whole])[0]["mb"] == len(parts)
    assert packages.table([Size("a part", 1.5, 0.25)]).rows == [("a part", "1.50", "0.250")]


def test_a_command_held_by_hand_ends_with_its_own_code_or_says_what_is_missing() -> None:
    own = "import sys; sys.exit(3)"
    ended = subprocess.run(
        [sys.executable, "-m", "perf.starts.held", "0.5", sys.executable, "-c", own], capture_output=True
    )
    assert ended.returncode == 3 or b"control group" in ended.stderr
    for arguments in ([], ["0.5"], ["2", "true"], ["half", "true"]):
        refused = subprocess.run([sys.executable, "-m", "perf.starts.held", *arguments], capture_output=True)
        assert (refused.returncode, refused.stderr.startswith(b"use:")) == (2, True)


@pytest.mark.parametrize("name", PARTS)
def test_every_part_of_a_measurement_has_an_estimate_of_its_duration(name: str) -> None:
    _, (quick, usual, slow) = PARTS[name]
    assert 0 < quick <= usual <= slow


def test_the_usual_measurement_is_planned_for_less_than_six_minutes() -> None:
    assert sum(usual for name, (_, (_, usual, _)) in PARTS.items() if name != "load") <= 330
