"""What it costs to see what a message did is a small part of what the message costs, counted from its lines."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from perf.cost import Assumptions, Bill, measure
from perf.template import ROOT, functions, load

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


def test_what_a_socket_a_stream_or_a_queue_calls_is_traced_only_when_that_is_asked_for() -> None:
    """Its traces begin with itself, as those hand none on: they would say what the call's line does."""
    traced = {name for name, each in functions().items() if each.traced}
    assert "MessagesFunction" in traced
    assert not {"SendMessageFunction", "FanoutFunction", "DispatchFunction", "IndexFunction", "FollowFunction"} & traced


def test_the_assumed_share_of_traces_is_that_of_the_deployed_rule() -> None:
    rule = load(ROOT / "template.yaml")["Resources"]["RestTraces"]["Properties"]["SamplingRule"]
    assert (rule["ReservoirSize"], rule["FixedRate"]) == (0, Assumptions().traced_share)
