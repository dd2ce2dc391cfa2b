"""Follow-up work: written with the change, done after it, swept when it was not."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from kernel import after_commit, clock
from kernel.after_commit import FollowUp
from kernel.transactions import Cancelled, Transaction
from log.sends_store import SendDedup
from operations.consumers import follow_ups
from tests.tools import ROOT, rows

T0 = 1_790_000_000_000
KIND = "pour_tea"


class Teapot:
    """Pours, or fails as often as it is told to."""

    def __init__(self) -> None:
        self.poured: list[int] = []
        self.failing = 0

    def pour(self, work: Mapping[str, Any]) -> None:
        if self.failing:
            self.failing -= 1
            raise ConnectionError
        self.poured.append(work["cups"])


@pytest.fixture
def teapot(monkeypatch: pytest.MonkeyPatch) -> Teapot:
    made = Teapot()
    monkeypatch.setattr(after_commit, "_kinds", {KIND: made.pour})
    return made


@pytest.fixture
def advance() -> Iterator[Any]:
    with clock.held(T0) as move:
        yield move


def _committed(cups: int = 1) -> FollowUp:
    follow_up, transaction = FollowUp.of(KIND, {"cups": cups}), Transaction()
    transaction.put("send", SendDedup(f"s{cups}", conversation_id="c", seq=1))
    follow_up.stage(transaction)
    transaction.commit()
    return follow_up


def test_work_is_done_at_once_and_forgotten(teapot: Teapot) -> None:
    _committed(2).complete()
    assert teapot.poured == [2]
    assert rows("follow_ups") == []


def test_what_is_not_committed_calls_for_no_work(teapot: Teapot) -> None:
    transaction = Transaction()
    transaction.check("send", SendDedup, ("none",), SendDedup.key.exists())
    FollowUp.of(KIND, {"cups": 1}).stage(transaction)
    with pytest.raises(Cancelled):
        transaction.commit()
    assert rows("follow_ups") == []


def test_work_that_fails_is_left_to_the_sweep_without_an_error(teapot: Teapot, advance: Any) -> None:
    teapot.failing = 1
    _committed().complete()
    assert teapot.poured == []
    advance(after_commit.GRACE_MS + 1)
    swept = after_commit.sweep(patience_s=5)
    assert (teapot.poured, swept.done, swept.failed) == ([1], 1, 0)
    assert swept.lag_ms == after_commit.GRACE_MS + 1
    assert rows("follow_ups") == []


def test_work_of_a_process_that_ended_is_swept_after_a_minute_and_not_before(teapot: Teapot, advance: Any) -> None:
    for cups in range(1, 9):
        _committed(cups)
    assert after_commit.sweep(patience_s=5).done == 0
    advance(after_commit.GRACE_MS + 1)
    assert after_commit.sweep(patience_s=5).done == 8
    assert sorted(teapot.poured) == list(range(1, 9))


def test_work_that_goes_on_failing_is_tried_less_and_less_often_and_holds_up_no_other(
    teapot: Teapot, advance: Any
) -> None:
    _committed(1)
    _committed(2)
    advance(after_commit.GRACE_MS + 1)
    teapot.failing = 1
    swept = after_commit.sweep(patience_s=5)
    assert (swept.done, swept.failed, len(teapot.poured)) == (1, 1, 1)
    for delay_ms in (clock.MINUTE, 2 * clock.MINUTE, 4 * clock.MINUTE):
        teapot.failing = 1
        advance(delay_ms - 1)
        assert after_commit.sweep(patience_s=5).failed == 0
        advance(2)
        assert after_commit.sweep(patience_s=5).failed == 1
    teapot.failing = 0
    advance(clock.HOUR + 1)
    swept = after_commit.sweep(patience_s=5)
    assert sorted(teapot.poured) == [1, 2]
    assert swept.lag_ms > clock.HOUR


def test_a_sweep_ends_when_its_time_is_over(teapot: Teapot, advance: Any) -> None:
    _committed()
    advance(after_commit.GRACE_MS + 1)
    assert after_commit.sweep(patience_s=-1).done == 0
    assert len(rows("follow_ups")) == 1


def test_work_of_a_kind_that_nobody_does_is_refused_before_it_is_written() -> None:
    with pytest.raises(LookupError, match="nobody_does_this"):
        FollowUp.of("nobody_does_this", {})


class Kettle:
    """Needs so many steps as its work says, and fails in one of them."""

    def __init__(self, failing_at: int = 0) -> None:
        self.steps: list[int] = []
        self.failing_at = failing_at

    def boil(self, work: Mapping[str, Any]) -> Mapping[str, Any] | None:
        if work["cups"] == self.failing_at:
            self.failing_at = 0
            raise ConnectionError
        self.steps.append(work["cups"])
        return None if work["cups"] == 1 else {"cups": work["cups"] - 1}


@pytest.fixture
def kettle(monkeypatch: pytest.MonkeyPatch) -> Kettle:
    made = Kettle()
    monkeypatch.setattr(after_commit, "_kinds", {KIND: made.boil})
    return made


def test_long_work_goes_on_step_by_step_until_nothing_is_left(kettle: Kettle, advance: Any) -> None:
    _committed(4)
    advance(after_commit.GRACE_MS + 1)
    assert after_commit.sweep(patience_s=5).done == 1
    assert kettle.steps == [4, 3, 2, 1]
    assert rows("follow_ups") == []


def test_long_work_goes_on_where_it_was_and_holds_up_no_other(kettle: Kettle, advance: Any) -> None:
    _committed(3)
    _committed(1)
    kettle.failing_at = 2
    advance(after_commit.GRACE_MS + 1)
    swept = after_commit.sweep(patience_s=5)
    assert (swept.done, swept.failed, sorted(kettle.steps)) == (1, 1, [1, 3])
    advance(clock.MINUTE + 1)
    assert after_commit.sweep(patience_s=5).done == 1
    assert kettle.steps[-2:] == [2, 1]


def test_long_work_that_moves_on_is_not_late(kettle: Kettle, advance: Any) -> None:
    follow_up = _committed(3)
    advance(clock.HOUR)
    assert not follow_up.carry_out()
    advance(clock.MINUTE)
    assert after_commit.sweep(patience_s=5).lag_ms == clock.MINUTE


def test_work_can_be_taken_back_with_the_change_that_makes_it_needless(kettle: Kettle, advance: Any) -> None:
    follow_up, transaction = _committed(2), Transaction()
    follow_up.stage_off(transaction)
    transaction.commit()
    advance(clock.HOUR)
    assert (after_commit.sweep(patience_s=5).done, kettle.steps) == (0, [])
    again = Transaction()
    follow_up.stage_off(again)
    with pytest.raises(Cancelled):
        again.commit()


def test_the_sweep_names_every_kind_that_a_domain_registers() -> None:
    functions = ROOT / "functions"
    for path in functions.rglob("*.py"):
        if "after_commit.register(" in path.read_text():
            importlib.import_module(".".join(path.relative_to(functions).with_suffix("").parts))
    assert sorted(follow_ups.KINDS) == sorted(after_commit._kinds)
