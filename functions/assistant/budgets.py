"""Budgets of money and tokens: reserved before a call, settled after it, refused when exhausted (R19, R39).

The counters are updated in DynamoDB under conditions; while DynamoDB is unavailable, no provider is called.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from assistant import store
from assistant.model import BudgetExceeded, ModelUsage, day_ends, day_of
from assistant.settings import settings
from assistant.store import Consumed, OverBudget, Reservation
from kernel import clock, ids, telemetry


@dataclass(slots=True)
class Meter:
    """The usage of a running call; its last value is charged."""

    usage: ModelUsage = field(default_factory=ModelUsage)


def require_room(person: Consumed, deployment: Consumed) -> None:
    """Raises BudgetExceeded if a budget is exhausted; called before messages are read."""
    if not person.leaves_room_in(settings().person_budget):
        raise _exceeded("person")
    if not deployment.leaves_room_in(settings().deployment_budget):
        raise _exceeded("deployment")


@contextmanager
def reserved(user_id: str, most: ModelUsage) -> Iterator[Meter]:
    """Reserve a call's maximum while it runs, then charge the meter's usage; raises BudgetExceeded.

    A failed call is charged its meter's usage. If the process dies, the whole reservation stays charged.
    """
    reservation = hold(user_id, most)
    meter = Meter()
    try:
        yield meter
    finally:
        settle(reservation, meter.usage)


def hold(user_id: str, most: ModelUsage) -> Reservation:
    """Reserve a call's maximum until `settle`, which another process may call; raises BudgetExceeded.

    A reservation that is never settled stays charged.
    """
    return _reserve(user_id, most, keep=True)


def settle(reservation: Reservation, consumed: ModelUsage) -> None:
    """Replace a reservation by the call's actual usage. Idempotent."""
    if store.settle(reservation, consumed):
        _count(consumed)


def charge(user_id: str, consumed: ModelUsage) -> None:
    """Charge a finished call that costs no money, in one round trip; raises BudgetExceeded."""
    _reserve(user_id, consumed, keep=False)
    _count(consumed)


def _reserve(user_id: str, most: ModelUsage, *, keep: bool) -> Reservation:
    reservation = Reservation(ids.new("aic"), user_id, day_of(clock.now()), most)
    chosen = settings()
    try:
        store.reserve(reservation, person=chosen.person_budget, deployment=chosen.deployment_budget, keep=keep)
    except OverBudget as over:
        raise _exceeded(over.whose) from over
    return reservation


def _exceeded(whose: str) -> BudgetExceeded:
    telemetry.count("AiBudgetExceeded")
    now = clock.now()
    text = None if whose == "person" else "The budget of this deployment for AI help of today is used up."
    return BudgetExceeded(text, retry_after_s=max(1, -(-(day_ends(now) - now) // clock.SECOND)))


def _count(usage: ModelUsage) -> None:
    telemetry.count("AiTokens", usage.tokens)
    telemetry.count("AiMicroUsd", usage.cost_micro_usd)
