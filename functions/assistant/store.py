"""Preferences, daily usage, reservations, jobs: one table, by owner.

A day's counters include the reservations of running calls. Each reservation also has a record, which is deleted when it
is settled, so that settling is idempotent.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pynamodb.attributes import JSONAttribute, UnicodeAttribute
from pynamodb.exceptions import PutError
from pynamodb.expressions.condition import Condition

from assistant.model import AiPreferences, ModelUsage, day_of
from assistant.settings import Budget
from kernel import clock
from kernel.dynamo import Key, Record
from kernel.records import IntegerAttribute
from kernel.resilience import retried
from kernel.transactions import Cancelled, Transaction

DEPLOYMENT = "deployment"
PREFERENCES = "preferences"
DAY_KEPT_S = 40 * 24 * 3600  # counters of a day, for monthly reports
CALL_KEPT_S = 2 * 24 * 3600
REQUEST_KEPT_S = 24 * 3600
JOB_KEPT_S = 7 * 24 * 3600


class AssistantRecord(Record, table="assistant"):
    """`owner` is a person or `deployment`; `entry` is `preferences`, `day#…`, `call#…`, `request#…` or `job#…`."""

    owner = UnicodeAttribute(hash_key=True)
    entry = UnicodeAttribute(range_key=True)
    expires_at = IntegerAttribute(null=True)
    tokens = IntegerAttribute(null=True)
    micro_usd = IntegerAttribute(null=True)
    day = UnicodeAttribute(null=True)
    state = UnicodeAttribute(null=True)
    kept = JSONAttribute(null=True)


@dataclass(frozen=True, slots=True)
class Consumed:
    """The usage of a person or the deployment on a day, reservations included."""

    tokens: int = 0
    micro_usd: int = 0

    def leaves_room_in(self, budget: Budget) -> bool:
        return self.tokens < budget.tokens and (self.micro_usd < budget.micro_usd or budget.micro_usd == 0)


@dataclass(frozen=True, slots=True)
class Reservation:
    """The usage reserved for one call."""

    call_id: str
    user_id: str
    day: str
    held: ModelUsage


class OverBudget(Exception):
    """A day's budget is exhausted; `whose` is `person` or `deployment`."""

    def __init__(self, whose: str) -> None:
        self.whose = whose
        super().__init__(whose)


# --- reading --------------------------------------------------------------------------------------------------


def account_keys(user_id: str, now: int) -> list[tuple[type[Record], Key]]:
    """The keys of a person's preferences and of today's usage, for a caller who reads other records with them."""
    day = f"day#{day_of(now)}"
    return [
        (AssistantRecord, (user_id, PREFERENCES)),
        (AssistantRecord, (user_id, day)),
        (AssistantRecord, (DEPLOYMENT, day)),
    ]


def account_in(rows: list[Any]) -> tuple[AiPreferences, Consumed, Consumed]:
    """The preferences, the person's and the deployment's usage, from the records of `account_keys`."""
    kept, person, deployment = rows
    return _preferences(kept), _consumed(person), _consumed(deployment)


def _preferences(record: AssistantRecord | None) -> AiPreferences:
    kept = (record.kept or {}) if record is not None else {}
    return AiPreferences(dict(kept.get("features", {})), kept.get("language"))


def _consumed(record: AssistantRecord | None) -> Consumed:
    return Consumed() if record is None else Consumed(record.tokens or 0, record.micro_usd or 0)


# --- preferences ----------------------------------------------------------------------------------------------


def change_preferences(user_id: str, changes: Mapping[str, Any]) -> AiPreferences:
    """Change the given preferences; concurrent changes of different fields both take effect."""

    def attempt() -> AiPreferences:
        record = AssistantRecord.find(user_id, PREFERENCES)
        after = _preferences(record).changed(changes)
        kept = {"features": dict(after.features), "language": after.language}
        unchanged: Condition = (
            AssistantRecord.owner.does_not_exist() if record is None else AssistantRecord.kept == record.kept
        )
        AssistantRecord(user_id, PREFERENCES, kept=kept).save(condition=unchanged)
        return after

    return retried(attempt, on=PutError)


# --- budgets --------------------------------------------------------------------------------------------------


def reserve(reservation: Reservation, *, person: Budget, deployment: Budget, keep: bool) -> None:
    """Reserve a call's usage in both budgets, in one transaction; raises OverBudget.

    With `keep` a record is saved, to be settled later; without it the reservation is final.
    """

    def attempt() -> None:
        transaction = Transaction()
        for label, owner, budget in (("person", reservation.user_id, person), ("deployment", DEPLOYMENT, deployment)):
            record = AssistantRecord(owner, f"day#{reservation.day}")
            transaction.update(label, record, _additions(reservation.held), _fits(budget, reservation.held))
        if keep:
            call = AssistantRecord(
                reservation.user_id, f"call#{reservation.call_id}", expires_at=clock.now_s() + CALL_KEPT_S,
                tokens=reservation.held.tokens, micro_usd=reservation.held.cost_micro_usd, day=reservation.day,
            )  # fmt: skip
            transaction.put("call", call, AssistantRecord.owner.does_not_exist())
        transaction.commit()

    _commit(attempt, ("person", "deployment"))


def settle(reservation: Reservation, consumed: ModelUsage) -> bool:
    """Replace a reservation by the actual usage; False if it has been settled already."""

    def attempt() -> None:
        transaction = Transaction()
        difference = ModelUsage(
            consumed.input_tokens - reservation.held.input_tokens,
            consumed.output_tokens - reservation.held.output_tokens,
            consumed.cost_micro_usd - reservation.held.cost_micro_usd,
        )
        for label, owner in (("person", reservation.user_id), ("deployment", DEPLOYMENT)):
            transaction.update(label, AssistantRecord(owner, f"day#{reservation.day}"), _additions(difference))
        call = AssistantRecord(reservation.user_id, f"call#{reservation.call_id}")
        transaction.delete("call", call, AssistantRecord.owner.exists())
        transaction.commit()

    try:
        _commit(attempt, ())
    except Cancelled as refused:
        if "call" in refused.failed:
            return False
        raise
    return True


def _additions(usage: ModelUsage) -> list[Any]:
    return [
        AssistantRecord.tokens.add(usage.tokens),
        AssistantRecord.micro_usd.add(usage.cost_micro_usd),
        AssistantRecord.expires_at.set(clock.now_s() + DAY_KEPT_S),
    ]


def _fits(budget: Budget, wanted: ModelUsage) -> Condition:
    """The condition that the usage fits into a budget; never met by a call larger than the whole budget."""
    tokens, money = AssistantRecord.tokens, AssistantRecord.micro_usd
    fits: Condition = tokens <= budget.tokens - wanted.tokens
    if wanted.tokens <= budget.tokens:
        fits = fits | tokens.does_not_exist()
    if wanted.cost_micro_usd == 0:
        return fits
    paid: Condition = money <= budget.micro_usd - wanted.cost_micro_usd
    if wanted.cost_micro_usd <= budget.micro_usd:
        paid = paid | money.does_not_exist()
    both: Condition = fits & paid
    return both


def _commit(attempt: Any, budgets: tuple[str, ...]) -> None:
    """Run `attempt`, with retries upon contention; raises OverBudget for the failed condition of a budget."""

    def try_once() -> None:
        try:
            attempt()
        except Cancelled as refused:
            for label in budgets:
                if label in refused.failed:
                    raise OverBudget(label) from refused
            if refused.failed:
                raise
            raise _Contended from refused

    retried(try_once, on=_Contended, tries=8)


class _Contended(Exception):
    """A concurrent transaction on the same counters."""


# --- requests and jobs ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class StoredJob:
    """Asynchronous work: `state` is queued, running, done, failed, cancelled or ended; `kept` is its data."""

    owner: str
    job_id: str
    state: str
    kept: Mapping[str, Any]


def put_job(job: StoredJob, *, kind: str = "job") -> None:
    """Save a new job; jobs expire after 7 days, streamed requests after one."""
    kept_s = JOB_KEPT_S if kind == "job" else REQUEST_KEPT_S
    AssistantRecord(
        job.owner, f"{kind}#{job.job_id}", state=job.state, kept=dict(job.kept), expires_at=clock.now_s() + kept_s
    ).save(condition=AssistantRecord.owner.does_not_exist())


def job(owner: str, job_id: str, *, kind: str = "job") -> StoredJob | None:
    """A person's job; None if it does not exist or has expired."""
    record = AssistantRecord.find(owner, f"{kind}#{job_id}")
    if record is None or (record.expires_at or 0) <= clock.now_s():
        return None
    return StoredJob(owner, job_id, record.state or "", record.kept or {})


def move_job(owner: str, job_id: str, *, before: str, after: str, kept: Mapping[str, Any], kind: str = "job") -> bool:
    """Move a job from one state to another; False if it is not in state `before`."""
    of = AssistantRecord
    record = of(owner, f"{kind}#{job_id}")
    return record.update_if(of.state == before, of.state.set(after), of.kept.set(dict(kept)))
