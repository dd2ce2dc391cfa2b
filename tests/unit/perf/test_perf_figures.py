"""What the measurements are made of: trips in sequence, percentiles, and figures as they are shown."""

from __future__ import annotations

from perf.imports import NEEDED, unneeded
from perf.report import Table, number, percentile, spread
from perf.template import functions
from perf.wire import Call, in_sequence


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
