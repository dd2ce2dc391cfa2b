"""What the measurements are made of: trips in sequence, percentiles, and figures as they are shown."""

from __future__ import annotations

from pathlib import Path

from perf import budgets, cold, packages
from perf.budgets import Budget
from perf.cold import ColdStart
from perf.imports import NEEDED, unneeded
from perf.packages import Build, Size
from perf.report import Table, number, percentile, spread
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


def _start(function_id: str, import_ms: float, first_call_ms: float) -> ColdStart:
    return ColdStart(
        function_id=function_id,
        import_ms=import_ms,
        first_call_ms=first_call_ms,
        start_ms=import_ms + first_call_ms,
        second_call_ms=5,
        cpu_ms=300,
        imported=(),
        used=(),
        unneeded=(),
        answered="200",
        load=0.5,
    )


def test_import_and_first_call_of_what_answers_over_http_have_600_ms_together() -> None:
    starts = [_start("MessagesFunction", 400, 200), _start("CallsFunction", 400, 201), _start("FanoutFunction", 900, 9)]
    shown = cold.table(starts)
    columns = [shown.head.index(name) for name in ("both ms", "budget", "verdict")]
    assert [tuple(row[column] for column in columns) for row in shown.rows] == [
        ("600", "≤ 600", "pass"),
        ("601", "≤ 600", "fall short"),
        ("909", "-", "-"),
    ]
    kept = cold.as_json(starts)
    assert [each["start_ms"] for each in kept["functions"]] == [600, 601, 909]
    assert [(each["of"], each["met"]) for each in kept["budgets"]] == [
        ("MessagesFunction", True),
        ("CallsFunction", False),
    ]


def test_sizes_of_packages_are_kept_with_their_sum(tmp_path: Path) -> None:
    for part in (packages.FUNCTIONS, *packages.LAYERS):
        (tmp_path / part).mkdir(parents=True)
        (tmp_path / part / "a.py").write_bytes(b"x" * packages.MB)
    *parts, whole = packages.measure(Build(tmp_path))
    assert [part.mb for part in parts] == [1, 1, 1, 1]
    assert packages.as_json([whole])[0]["mb"] == 4
    assert packages.table([Size("a part", 1.5, 0.25)]).rows == [("a part", "1.50", "0.250")]
