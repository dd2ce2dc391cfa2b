"""People's choices, what was consumed each day, calls under way, jobs: one table, by owner.

A day's counters hold what was consumed and what is reserved for calls under way. A reservation is a record of its own:
whoever deletes it settles it, so a call is counted once however often its end is told.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pynamodb.attributes import JSONAttribute, UnicodeAttribute
from pynamodb.exceptions import PutError, UpdateError
from pynamodb.expressions.condition import Condition

from assistant.model import AiPreferences, ModelUsage, day_of
from assistant.settings import Budget
from kernel import clock
from kernel.dynamo import Cancelled, Key, Record, TableName, Transaction, condition_failed, read_together
from kernel.records import IntegerAttribute
from kernel.resilience import retried

DEPLOYMENT = "deployment"
PREFERENCES = "preferences"
DAY_KEPT_S = 40 * 24 * 3600  # counters of a day, for the reports of a month
CALL_KEPT_S = 2 * 24 * 3600
REQUEST_KEPT_S = 24 * 3600
JOB_KEPT_S = 7 * 24 * 3600


class AssistantRecord(Record):
    """`owner` is a person or `deployment`; `entry` is `preferences`, `day#…`, `call#…`, `request#…` or `job#…`."""

    class Meta:
        table_name = TableName("assistant")

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
    """What a person or the deployment has consumed of a day's budget, reservations included."""

    tokens: int = 0
    micro_usd: int = 0

    def leaves_room_in(self, budget: Budget) -> bool:
        return self.tokens < budget.tokens and (self.micro_usd < budget.micro_usd or budget.micro_usd == 0)


@dataclass(frozen=True, slots=True)
class Reservation:
    """What is held of today's budgets for one call."""

    call_id: str
    user_id: str
    day: str
    held: ModelUsage


class OverBudget(Exception):
    """A day's budget has no room; `whose` is `person` or `deployment`."""

    def __init__(self, whose: str) -> None:
        self.whose = whose
        super().__init__(whose)


# --- reading --------------------------------------------------------------------------------------------------


def account_keys(user_id: str, now: int) -> list[tuple[type[Record], Key]]:
    """The keys of a person's choices and of what was consumed today, for who reads more with them."""
    day = f"day#{day_of(now)}"
    return [
        (AssistantRecord, (user_id, PREFERENCES)),
        (AssistantRecord, (user_id, day)),
        (AssistantRecord, (DEPLOYMENT, day)),
    ]


def account_in(rows: list[Any]) -> tuple[AiPreferences, Consumed, Consumed]:
    """Choices, the person's and the deployment's consumption, from the records of `account_keys`."""
    kept, person, deployment = rows
    return _preferences(kept), _consumed(person), _consumed(deployment)


def account(user_id: str, now: int) -> tuple[AiPreferences, Consumed, Consumed]:
    """As `account_in`, read in one round trip."""
    return account_in(read_together(account_keys(user_id, now)))


def _preferences(record: AssistantRecord | None) -> AiPreferences:
    kept = (record.kept or {}) if record is not None else {}
    return AiPreferences(dict(kept.get("features", {})), kept.get("language"))


def _consumed(record: AssistantRecord | None) -> Consumed:
    return Consumed() if record is None else Consumed(record.tokens or 0, record.micro_usd or 0)


# --- choices --------------------------------------------------------------------------------------------------


def change_preferences(user_id: str, changes: Mapping[str, Any]) -> AiPreferences:
    """Change a person's choices; two changes at once both take effect, each in its own fields."""

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
    """Hold a call's most of both budgets, in one transaction; raises OverBudget where one has no room for it.

    With `keep` a record tells that it is to be settled; without it, what is held is what the call consumes.
    """

    def attempt() -> None:
        transaction = Transaction()
        for label, owner, budget in (("person", reservation.user_id, person), ("deployment", DEPLOYMENT, deployment)):
            record = AssistantRecord(owner, f"day#{reservation.day}")
            transaction.update(label, record, _added(reservation.held), _has_room(budget, reservation.held))
        if keep:
            call = AssistantRecord(
                reservation.user_id, f"call#{reservation.call_id}", expires_at=clock.now_s() + CALL_KEPT_S,
                tokens=reservation.held.tokens, micro_usd=reservation.held.cost_micro_usd, day=reservation.day,
            )  # fmt: skip
            transaction.put("call", call, AssistantRecord.owner.does_not_exist())
        transaction.commit()

    _committed(attempt, ("person", "deployment"))


def settle(reservation: Reservation, consumed: ModelUsage) -> bool:
    """Replace what was held by what was consumed; False if this call has been settled already."""

    def attempt() -> None:
        transaction = Transaction()
        difference = ModelUsage(
            consumed.input_tokens - reservation.held.input_tokens,
            consumed.output_tokens - reservation.held.output_tokens,
            consumed.cost_micro_usd - reservation.held.cost_micro_usd,
        )
        for label, owner in (("person", reservation.user_id), ("deployment", DEPLOYMENT)):
            transaction.update(label, AssistantRecord(owner, f"day#{reservation.day}"), _added(difference))
        call = AssistantRecord(reservation.user_id, f"call#{reservation.call_id}")
        transaction.delete("call", call, AssistantRecord.owner.exists())
        transaction.commit()

    try:
        _committed(attempt, ())
    except Cancelled as refused:
        if "call" in refused.failed:
            return False
        raise
    return True


def _added(usage: ModelUsage) -> list[Any]:
    return [
        AssistantRecord.tokens.add(usage.tokens),
        AssistantRecord.micro_usd.add(usage.cost_micro_usd),
        AssistantRecord.expires_at.set(clock.now_s() + DAY_KEPT_S),
    ]


def _has_room(budget: Budget, wanted: ModelUsage) -> Condition:
    """Whether so much more still fits: a call that alone is larger than the budget never does."""
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


def _committed(attempt: Any, budgets: tuple[str, ...]) -> None:
    """Carry out a transaction, again where it met another; raises OverBudget for a budget's failed condition."""

    def tried() -> None:
        try:
            attempt()
        except Cancelled as refused:
            for label in budgets:
                if label in refused.failed:
                    raise OverBudget(label) from refused
            if refused.failed:
                raise
            raise _Contended from refused

    retried(tried, on=_Contended, tries=8)


class _Contended(Exception):
    """Another call's transaction was on the same counters at the same moment."""


# --- requests and jobs ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class StoredJob:
    """Work that goes on after the answer: `state` is queued, running, done or failed; `kept` is its result."""

    owner: str
    job_id: str
    state: str
    kept: Mapping[str, Any]


def put_job(job: StoredJob, *, kind: str = "job") -> None:
    """Write a new job; it is gone after 7 days, a request for a stream after one."""
    kept_s = JOB_KEPT_S if kind == "job" else REQUEST_KEPT_S
    AssistantRecord(
        job.owner, f"{kind}#{job.job_id}", state=job.state, kept=dict(job.kept), expires_at=clock.now_s() + kept_s
    ).save(condition=AssistantRecord.owner.does_not_exist())


def job(owner: str, job_id: str, *, kind: str = "job") -> StoredJob | None:
    """A person's job; None where there is none, or its time is over."""
    record = AssistantRecord.find(owner, f"{kind}#{job_id}")
    if record is None or (record.expires_at or 0) <= clock.now_s():
        return None
    return StoredJob(owner, job_id, record.state or "", record.kept or {})


def move_job(owner: str, job_id: str, *, before: str, after: str, kept: Mapping[str, Any], kind: str = "job") -> bool:
    """Take a job from one state to the next; False if it is not in that state any more."""
    record = AssistantRecord(owner, f"{kind}#{job_id}")
    try:
        record.update(
            [AssistantRecord.state.set(after), AssistantRecord.kept.set(dict(kept))],
            condition=AssistantRecord.state == before,
        )
    except UpdateError as error:
        if condition_failed(error):
            return False
        raise
    return True
