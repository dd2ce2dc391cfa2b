"""The verdict on sign-ins that must look alike."""

from __future__ import annotations

import pytest

from perf.running.timing_parity import Pair, as_json, table


@pytest.mark.parametrize(("unknown_ms", "alike"), [(95, True), (105, True), (94.9, False), (105.1, False)])
def test_up_to_five_percent_of_the_median_is_alike(unknown_ms: float, alike: bool) -> None:
    assert Pair("wrong password", 401, 100, unknown_ms).alike is alike


def test_the_verdict_is_printed_and_kept() -> None:
    pairs = [Pair("wrong password", 401, 250, 255), Pair("locked", 423, 20, 25)]
    assert [row[-2:] for row in table(pairs).rows] == [("1.020", "yes"), ("1.250", "NO")]
    assert [(kept["ratio"], kept["alike"]) for kept in as_json(pairs)] == [(1.02, True), (1.25, False)]
