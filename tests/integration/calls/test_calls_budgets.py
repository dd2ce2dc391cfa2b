"""The costs of calls: round trips to the store and write units (docs/decisions.md has the reasons)."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from perf.counts import Counted, count
from perf.in_process_stack import in_process_stack
from perf.operations import OPERATIONS

MAX_TRIPS = {
    "start a call": 5,
    "join a call": 6,
    "signal in a call": 4,
    "heartbeat of a call": 3,
    "end a call": 6,
}
MAX_WRITE_UNITS = {"heartbeat of a call": 2, "signal in a call": 4}


@pytest.fixture(scope="module")
def counted() -> Mapping[str, Counted]:
    """Counted once, on a stack that is stopped before the first test's own cloud starts."""
    with in_process_stack() as of:
        return {name: count(of, name, OPERATIONS[name](of), repeats=1) for name in MAX_TRIPS}


@pytest.mark.parametrize("name", MAX_TRIPS)
def test_an_operation_of_calls_takes_so_many_round_trips(counted: Mapping[str, Counted], name: str) -> None:
    assert counted[name].store_trips <= MAX_TRIPS[name]
    assert counted[name].write_units <= MAX_WRITE_UNITS.get(name, counted[name].write_units)
