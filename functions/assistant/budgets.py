"""Money and tokens: reserved before a call, settled after it, refused when a day's budget has no room (R19, R39).

The counters are DynamoDB's, changed under conditions: when it does not answer, nothing is asked of a provider.
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
    """What a call has consumed so far; whatever it says at the end is counted."""

    usage: ModelUsage = field(default_factory=ModelUsage)


def require_room(person: Consumed, deployment: Consumed) -> None:
    """Raises BudgetExceeded when nothing is left, before anything is read."""
    if not person.leaves_room_in(settings().person_budget):
        raise _exceeded("person")
    if not deployment.leaves_room_in(settings().deployment_budget):
        raise _exceeded("deployment")


@contextmanager
def reserved(user_id: str, most: ModelUsage) -> Iterator[Meter]:
    """Hold the most that a call may consume while it runs, then count what it did; raises BudgetExceeded.

    A call that fails counts what its meter says by then. Should this process die, all that was held stays counted.
    """
    reservation = hold(user_id, most)
    meter = Meter()
    try:
        yield meter
    finally:
        settle(reservation, meter.usage)


def hold(user_id: str, most: ModelUsage) -> Reservation:
    """Hold the most that a call may consume until it is settled, which may be by another process; raises
    BudgetExceeded. What is never settled stays counted."""
    return _reserve(user_id, most, keep=True)


def settle(reservation: Reservation, consumed: ModelUsage) -> None:
    """Count what a call has consumed instead of what was held for it; once, however often it is told."""
    if store.settle(reservation, consumed):
        _count(consumed)


def charge(user_id: str, consumed: ModelUsage) -> None:
    """Count a call that is over and costs no money, in one round trip; raises BudgetExceeded."""
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
