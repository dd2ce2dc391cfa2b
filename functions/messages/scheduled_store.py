"""Scheduled messages in DynamoDB.

A person's rows: one per scheduled message, sorted by conversation and time; one per client_id that has ever been used
for one; and how many are pending, which moves with them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

from pynamodb.attributes import JSONAttribute, NumberAttribute, UnicodeAttribute
from pynamodb.exceptions import UpdateError
from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action
from pynamodb.indexes import GlobalSecondaryIndex, KeysOnlyProjection

from kernel import clock, ids
from kernel.dynamo import Cancelled, Record, TableName, Transaction, condition_failed
from kernel.errors import Conflict
from messages.scheduled_model import FAILED_KEPT_MS, MAX_PENDING, Scheduled, State

COUNT = "count"
DUE_SHARDS = range(4)
_WAITING = ("pending", "sending")


class _ByDue(GlobalSecondaryIndex[Any]):
    """What waits, by time: a row leaves it when it is sent, cancelled or has failed."""

    class Meta:
        index_name = "by_due"
        projection = KeysOnlyProjection()

    due_shard = NumberAttribute(hash_key=True)
    send_at = NumberAttribute(range_key=True)


class ScheduledRecord(Record):
    class Meta:
        table_name = TableName("scheduled")

    user_id = UnicodeAttribute(hash_key=True)
    entry = UnicodeAttribute(range_key=True)
    send_at = NumberAttribute(null=True)
    created_at = NumberAttribute(null=True)
    draft = JSONAttribute(null=True)
    type = UnicodeAttribute(null=True)
    fingerprint = UnicodeAttribute(null=True)
    state = UnicodeAttribute(null=True)
    reason = UnicodeAttribute(null=True)
    due_shard = NumberAttribute(null=True)
    expires_at = NumberAttribute(null=True)  # of failed ones
    by_due = _ByDue()
    # of a client_id that was used
    scheduled_id = UnicodeAttribute(null=True)
    # of the count
    pending = NumberAttribute(null=True)


class Used(Exception):
    """This client_id was used before, for `scheduled_id` with `fingerprint`."""

    def __init__(self, scheduled_id: str, fingerprint: str) -> None:
        super().__init__(scheduled_id)
        self.scheduled_id = scheduled_id
        self.fingerprint = fingerprint


def _entry(conversation_id: str, scheduled_id: str) -> str:
    return f"{conversation_id}#{ids.position(scheduled_id) or 0:013d}#{scheduled_id}"


def _record(scheduled: Scheduled) -> ScheduledRecord:
    return ScheduledRecord(scheduled.user_id, _entry(scheduled.conversation_id, scheduled.id))


def _scheduled(record: ScheduledRecord) -> Scheduled:
    conversation_id, _, scheduled_id = record.entry.split("#")
    return Scheduled(
        id=scheduled_id,
        user_id=record.user_id,
        conversation_id=conversation_id,
        send_at=int(record.send_at),
        created_at=int(record.created_at),
        draft=record.draft,
        type=record.type,
        fingerprint=record.fingerprint,
        state=cast(State, record.state),
        reason=record.reason,
    )


def keep(new: Scheduled) -> None:
    """Keep a new one. Raises Used for a client_id that was used in this conversation, Conflict for one too many."""
    transaction = Transaction()
    row = _record(new)
    row.send_at, row.created_at, row.state = new.send_at, new.created_at, new.state
    row.draft, row.type, row.fingerprint = dict(new.draft), new.type, new.fingerprint
    row.due_shard = new.created_at % len(DUE_SHARDS)
    transaction.put("scheduled", row)
    used = ScheduledRecord(new.user_id, _used_entry(new.conversation_id, new.draft["client_id"]))
    used.scheduled_id, used.fingerprint = new.id, new.fingerprint
    transaction.put("used", used, ScheduledRecord.entry.does_not_exist())
    room = ScheduledRecord.pending.does_not_exist() | (ScheduledRecord.pending < MAX_PENDING)
    transaction.update("count", _count(new.user_id), [ScheduledRecord.pending.add(1)], room)
    try:
        transaction.commit()
    except Cancelled as refused:
        if (earlier := refused.failed.get("used")) is not None:
            raise Used(earlier.scheduled_id, earlier.fingerprint) from refused
        if "count" in refused.failed:
            raise Conflict(f"At most {MAX_PENDING} messages can wait.", code="too_many_scheduled") from refused
        raise Conflict("Somebody changed this at the same time; try again.", retry_after_s=1) from refused


def used(user_id: str, conversation_id: str, client_id: str) -> Used | None:
    """What a client_id was used for in this conversation."""
    record = ScheduledRecord.find(user_id, _used_entry(conversation_id, client_id))
    return None if record is None else Used(record.scheduled_id, record.fingerprint)


def _used_entry(conversation_id: str, client_id: str) -> str:
    return f"client#{conversation_id}#{client_id}"


def _count(user_id: str) -> ScheduledRecord:
    return ScheduledRecord(user_id, COUNT)


def find(user_id: str, conversation_id: str, scheduled_id: str) -> Scheduled | None:
    record = ScheduledRecord.find(user_id, _entry(conversation_id, scheduled_id))
    return None if record is None or _is_over(record) else _scheduled(record)


def _is_over(record: ScheduledRecord) -> bool:
    return record.expires_at is not None and record.expires_at * clock.SECOND <= clock.now()


def listed(user_id: str, conversation_id: str, *, after: str | None, limit: int) -> list[Scheduled]:
    """A person's scheduled messages in a conversation, the next first, from after an id."""
    start = f"{conversation_id}#" if after is None else _entry(conversation_id, after)
    between = ScheduledRecord.entry.between(start, f"{conversation_id}$")  # $ follows #
    rows = ScheduledRecord.query(user_id, between, consistent_read=True, page_size=limit + 1)
    found = (_scheduled(row) for row in rows if row.entry != start and not _is_over(row))
    return [each for _, each in zip(range(limit), found, strict=False)]


def due(shard: int, *, before: int, limit: int) -> Iterator[tuple[str, str, str]]:
    """(person, conversation, id) of what was to be sent before a moment and still waits, the longest due first."""
    for row in ScheduledRecord.by_due.query(shard, ScheduledRecord.send_at < before, limit=limit):
        conversation_id, _, scheduled_id = row.entry.split("#")
        yield row.user_id, conversation_id, scheduled_id


# --- transitions, each decided by a condition -----------------------------------------------------------------


def begin(scheduled: Scheduled) -> bool:
    """From here on it can't be cancelled; False if it was cancelled, was sent or has failed before."""
    try:
        _record(scheduled).update([ScheduledRecord.state.set("sending")], ScheduledRecord.state.is_in(*_WAITING))
    except UpdateError as error:
        if condition_failed(error):
            return False
        raise
    return True


def put_back(scheduled: Scheduled) -> None:
    """It was not sent and has to wait: until the next try it can be cancelled."""
    try:
        _record(scheduled).update([ScheduledRecord.state.set("pending")], ScheduledRecord.state == "sending")
    except UpdateError as error:
        if not condition_failed(error):
            raise


def sent(scheduled: Scheduled) -> None:
    """It stands in the log: nothing of it is kept here."""
    _leave(scheduled, ScheduledRecord.state.is_in(*_WAITING))


def cancel(scheduled: Scheduled) -> bool:
    """Take it back; False if it is being sent, or gone."""
    if scheduled.state == "failed":
        _record(scheduled).delete(ScheduledRecord.state == "failed")
        return True
    return _leave(scheduled, ScheduledRecord.state == "pending")


def _leave(scheduled: Scheduled, condition: Condition) -> bool:
    transaction = Transaction()
    transaction.delete("scheduled", _record(scheduled), condition)
    transaction.update("count", _count(scheduled.user_id), [ScheduledRecord.pending.add(-1)])
    return _committed(transaction)


def fail(scheduled: Scheduled, reason: str) -> None:
    """Note why it was not sent; kept 30 days for its sender to see."""
    transaction = Transaction()
    actions: list[Action] = [
        ScheduledRecord.state.set("failed"),
        ScheduledRecord.reason.set(reason),
        ScheduledRecord.expires_at.set((clock.now() + FAILED_KEPT_MS) // clock.SECOND),
        ScheduledRecord.due_shard.remove(),
    ]
    transaction.update("scheduled", _record(scheduled), actions, ScheduledRecord.state == "sending")
    transaction.update("count", _count(scheduled.user_id), [ScheduledRecord.pending.add(-1)])
    _committed(transaction)


def _committed(transaction: Transaction) -> bool:
    """Whether it was carried out; False where its condition failed, Conflict where another write was in the way."""
    try:
        transaction.commit()
    except Cancelled as refused:
        if refused.failed:
            return False
        raise Conflict("Somebody changed this at the same time; try again.", retry_after_s=1) from refused
    return True
