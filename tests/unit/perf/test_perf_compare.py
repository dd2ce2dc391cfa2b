"""A comparison in turn: whose turn it is, what the ratios say, and when they say nothing."""

from __future__ import annotations

import asyncio
from math import inf
from typing import Any

import pytest

from perf.compare.cells import Contest, RunScale
from perf.compare.turns import Measured, Turns, take
from perf.progress import Progress
from perf.ratios import Compared, Goal, in_turn
from perf.running.benchmarks import Result
from perf.running.machine import Usage


class Named:
    """A side of which only the name matters here."""

    def __init__(self, name: str) -> None:
        self.name = name


async def _never(*_: Any) -> Result:
    raise AssertionError("a test measures by itself")


CELL = Contest("sends", "messages/s", _never, goal=Goal(at_least=2.0))
OURS: Any = Named("ours")
THEIRS: Any = Named("theirs")


def _measured(value: float, *, others: float = 0.0, refused: float = 0.0) -> Measured:
    """`others` in percent of one processor."""
    usage = Usage(wall_s=10.0, server_s=5.0, client_s=1.0, other_s=others / 10, load=1.0)
    return Measured(Result({"messages/s": value, "refused": refused}, 100), usage)


def _turns(*pairs: tuple[Measured, Measured]) -> Turns:
    return Turns(CELL, list(pairs))


def test_who_is_first_changes_from_turn_to_turn() -> None:
    assert [in_turn(("a", "b"), turn) for turn in range(3)] == [("a", "b"), ("b", "a"), ("a", "b")]


def test_the_ratio_is_the_median_of_the_ratios_of_each_turn_not_of_the_medians() -> None:
    found = Compared([10, 30, 100], [10, 10, 50])
    assert found.ratios() == [1, 3, 2]
    assert found.ratio == 2
    assert found.cells() == ("10 / 30 / 100", "10 / 10 / 50", "1.00 / 2.00 / 3.00")


def test_what_is_nothing_on_the_other_side_has_no_bound() -> None:
    assert Compared([1, 0], [0, 0]).ratios() == [inf, 1]


@pytest.mark.parametrize(
    ("goal", "ratio", "met"),
    [
        (Goal(at_most=0.45), 0.45, True),
        (Goal(at_most=0.45), 0.46, False),
        (Goal(at_least=2.2), 2.2, True),
        (Goal(at_least=2.2), 2.1, False),
    ],
)
def test_a_goal_is_met_at_its_bound(goal: Goal, ratio: float, met: bool) -> None:
    assert goal.met(ratio) is met


def test_three_clean_turns_give_a_verdict() -> None:
    turns = _turns(*[(_measured(100), _measured(40))] * 3)
    assert turns.verdict(anyway=False) == "met"


def test_a_verdict_is_refused_while_others_work() -> None:
    turns = _turns(*[(_measured(100), _measured(40))] * 2, *[(_measured(100), _measured(40, others=21))] * 3)
    assert turns.verdict(anyway=False) == "none: disturbed"


def test_a_verdict_that_is_wanted_nevertheless_is_marked() -> None:
    turns = _turns(*[(_measured(100), _measured(90, others=50))] * 5)
    assert turns.verdict(anyway=True) == "missed (disturbed)"


def test_disturbed_turns_are_left_out_where_there_are_enough_without_them() -> None:
    turns = _turns((_measured(5, others=90), _measured(40)), *[(_measured(100), _measured(40))] * 3)
    assert turns.compared().ratio == 2.5
    assert turns.verdict(anyway=False) == "met"


def test_a_turn_in_which_anybody_was_refused_does_not_count() -> None:
    turns = _turns(*[(_measured(100), _measured(40))] * 2, (_measured(100, refused=1), _measured(40)))
    assert turns.disturbed


@pytest.mark.parametrize(("others", "expected"), [(0.0, 3), (80.0, 5)])
def test_more_turns_are_tried_while_it_is_disturbed_but_not_for_ever(others: float, expected: int) -> None:
    calls: list[tuple[str, int]] = []

    async def measure(cell: Contest, side: Any, scale: RunScale, number: int) -> Measured:
        calls.append((side.name, number))
        return _measured(100 if side is OURS else 40, others=others)

    turns = asyncio.run(take(CELL, (OURS, THEIRS), RunScale(), lambda _: None, measure=measure))
    assert len(turns.pairs) == expected
    assert calls[:2] == [("ours", 0), ("theirs", 0)]  # to warm up
    assert [name for name, number in calls if number in (1, 2)] == ["theirs", "ours", "ours", "theirs"]
    assert turns.compared().ours == [100] * expected


def test_the_time_left_follows_the_pace_of_what_is_done() -> None:
    now = 0.0
    said: list[str] = []
    progress = Progress({"a": 10, "b": 20, "c": 30}, said.append, lambda: now)
    progress.begin("a")
    assert progress.left_s() == 60
    now = 20.0  # twice as long as expected
    progress.begin("b")
    assert progress.left_s() == 100
    now = 120.0  # longer than that, too: it may end at any moment
    assert progress.left_s() == 60
    assert said == ["a (1:00 left)", "b (1:40 left)"]
