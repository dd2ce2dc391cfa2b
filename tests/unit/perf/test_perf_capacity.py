"""Capacity units follow from item sizes by the rules of the DynamoDB Developer Guide."""

from __future__ import annotations

import pytest

from perf.capacity import index_units, item_bytes, query_units, read_units, write_units


@pytest.mark.parametrize(
    ("value", "size"),
    [
        ({"S": "né"}, 3),
        ({"N": "27"}, 2),
        ({"N": "-1700000000123"}, 9),
        ({"N": "1000"}, 2),
        ({"BOOL": True}, 1),
        ({"NULL": True}, 1),
        ({"M": {}}, 3),
        ({"M": {"ab": {"S": "cd"}}}, 8),
        ({"L": [{"S": "a"}, {"BOOL": False}]}, 7),
        ({"SS": ["ab", "c"]}, 3),
        ({"B": "YWJj"}, 3),
    ],
)
def test_an_attribute_counts_its_name_and_its_value(value: dict[str, object], size: int) -> None:
    assert item_bytes({"n": value}) == 1 + size


def test_a_write_counts_the_larger_of_before_and_after_in_blocks_of_1_kb() -> None:
    assert write_units(0, 10, transactional=False) == 1
    assert write_units(1025, 10, transactional=False) == 2
    assert write_units(0, 3000, transactional=True) == 6


def test_reads_of_single_items_are_rounded_up_one_by_one() -> None:
    assert read_units([10, 5000, 0], consistent=True) == 4
    assert read_units([10, 5000, 0], consistent=False) == 2


def test_a_query_is_rounded_up_as_a_whole() -> None:
    assert query_units(50 * 300, consistent=True) == 4
    assert query_units(0, consistent=False) == 0.5


def test_an_index_is_written_when_its_entry_changes() -> None:
    here, there = {"a": {"S": "1"}, "b": {"S": "2"}}, {"a": {"S": "1"}, "b": {"S": "3"}}
    assert index_units(None, here, ("a", "b"), transactional=False) == 1
    assert index_units(here, there, ("a", "b"), transactional=False) == 2
    assert index_units(here, {**here, "c": {"S": "x"}}, ("a", "b"), transactional=True) == 0
    assert index_units(None, {"a": {"S": "1"}}, ("a", "b"), transactional=True) == 0
