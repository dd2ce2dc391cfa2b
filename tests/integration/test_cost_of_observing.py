"""What it costs to see what a message did is a small part of what the message costs, counted from its lines."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from perf.cost import Assumptions, Bill, measure
from perf.template import functions

OBSERVING_AT_MOST = 0.08
Bills = Mapping[tuple[str, int], Bill]


@pytest.fixture(scope="module")
def bills() -> Bills:
    """Of a group of 2, where least is paid beside and the share is greatest."""
    return measure(Assumptions(), repeats=3, sizes=[2], done=lambda _: None)


@pytest.mark.parametrize("way", ["HTTP", "socket"])
def test_observing_costs_at_most_8_percent_of_a_message(bills: Bills, way: str) -> None:
    """Of what it costs without compute, as that is greater on a slow machine and would hide what lines cost."""
    found = bills[way, 2]
    assert 0.3 < found.observing <= OBSERVING_AT_MOST * (found.total - found.compute)


def test_nothing_that_a_message_calls_is_traced_unless_that_is_asked_for() -> None:
    """Its traces would say what the call's line does."""
    traced = {name for name, each in functions().items() if each.traced}
    assert "EraseFunction" in traced
    called = {"Messages", "SendMessage", "Fanout", "Dispatch", "Index", "Follow", "Push"}
    assert not {f"{name}Function" for name in called} & traced
