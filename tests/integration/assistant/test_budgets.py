"""Budgets: reserved, settled, counted once, refused when they are used up."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from assistant import budgets, store
from assistant import settings as ai_settings
from assistant.model import BudgetExceeded, ModelUsage, day_of
from assistant.store import DEPLOYMENT, Reservation
from kernel import clock
from kernel.reads import read_together
from tests.integration import rooms
from tests.integration.assistant import desk


@pytest.fixture
def small(settings: pytest.MonkeyPatch) -> None:
    settings.setenv("AI_TOKENS_PER_DAY", "100")
    settings.setenv("AI_USD_PER_DAY", "0.001")
    settings.setenv("AI_ALL_TOKENS_PER_DAY", "250")
    ai_settings.settings.cache_clear()


def _consumed(owner: str) -> store.Consumed:
    _, person, _ = store.account_in(read_together(store.account_keys(owner, clock.now())))
    return person


def test_a_call_that_is_over_is_counted_for_its_person_and_for_the_deployment(small: None) -> None:
    budgets.charge("usr_a", ModelUsage(30, 10))
    assert _consumed("usr_a").tokens == 40
    assert _consumed(DEPLOYMENT).tokens == 40


def test_a_used_up_budget_is_refused_with_the_time_until_midnight(small: None) -> None:
    with clock.held(clock.parse("2026-11-28T23:00:00Z")):
        budgets.charge("usr_a", ModelUsage(90))
        with pytest.raises(BudgetExceeded) as refused:
            budgets.charge("usr_a", ModelUsage(11))
        assert refused.value.retry_after_s == 3600
        assert _consumed("usr_a").tokens == 90
    with clock.held(clock.parse("2026-11-29T00:00:01Z")):
        budgets.charge("usr_a", ModelUsage(11))


def test_the_deployment_s_budget_holds_for_all_together(small: None) -> None:
    for name in "abc"[:2]:
        budgets.charge(f"usr_{name}", ModelUsage(100))
    with pytest.raises(BudgetExceeded, match="deployment"):
        budgets.charge("usr_c", ModelUsage(60))


def test_money_is_a_budget_of_its_own(small: None) -> None:
    budgets.charge("usr_a", ModelUsage(1, 1, 900))
    with pytest.raises(BudgetExceeded):
        budgets.charge("usr_a", ModelUsage(1, 1, 101))


def test_what_was_reserved_is_replaced_by_what_was_consumed(small: None) -> None:
    with budgets.reserved("usr_a", ModelUsage(50, 40, 500)) as meter:
        assert _consumed("usr_a").tokens == 90
        meter.usage = ModelUsage(20, 5, 100)
    assert _consumed("usr_a") == store.Consumed(25, 100)


def test_a_call_that_breaks_off_is_counted_as_far_as_it_came(small: None) -> None:
    def broken() -> None:
        with budgets.reserved("usr_a", ModelUsage(50, 40)) as meter:
            meter.usage = ModelUsage(50, 3)
            raise RuntimeError("the stream broke")

    with pytest.raises(RuntimeError):
        broken()
    assert _consumed("usr_a").tokens == 53


def test_a_call_is_settled_once_however_often_its_end_is_told(small: None) -> None:
    held = Reservation("aic_1", "usr_a", day_of(clock.now()), ModelUsage(60))
    budget = ai_settings.settings().person_budget
    store.reserve(held, person=budget, deployment=budget, keep=True)
    assert store.settle(held, ModelUsage(10)) is True
    assert store.settle(held, ModelUsage(10)) is False
    assert _consumed("usr_a").tokens == 10


def test_calls_at_once_never_exceed_a_budget_together(small: None) -> None:
    def attempt(_: int) -> bool:
        try:
            budgets.charge("usr_a", ModelUsage(30))
        except BudgetExceeded:
            return False
        return True

    with ThreadPoolExecutor(8) as threads:
        done = list(threads.map(attempt, range(8)))
    assert sum(done) == 3
    assert _consumed("usr_a").tokens == 90


def test_without_room_nothing_is_read_or_asked(small: None) -> None:
    ada, bob = rooms.people("ada", "bob")
    tea = desk.group(ada, bob)
    desk.say(tea, (bob, "Decided: we take the bus."))
    budgets.charge(ada.user_id, ModelUsage(100))
    with pytest.raises(BudgetExceeded):
        desk.ask(ada, "summaries", conversation_id=tea)
    assert desk.used_tokens(ada) == 100
