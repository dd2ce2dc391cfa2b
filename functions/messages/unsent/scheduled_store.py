"""Scheduled messages in DynamoDB.

A person's rows: one per scheduled message, sorted by conversation and time; one per client_id ever used; and one with
the number of pending messages.
"""

from __future__ import annotations

from collections.abc import Iterator

from pynamodb.attributes import UnicodeAttribute
from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action

from kernel import clock, ids
from kernel.dynamo import Record
from kernel.errors import Conflict
from kernel.records import IntegerAttribute, Mapper, ValueAttribute, index
from kernel.transactions import Cancelled, Transaction
from messages.unsent.scheduled_model import FAILED_KEPT_MS, MAX_PENDING, ScheduledMessage

COUNT = "count"
DUE_SHARDS = range(4)
_WAITING = ("pending", "sending")


class ScheduledRecord(Record, table="scheduled"):
    user_id = UnicodeAttribute(hash_key=True)
    entry = UnicodeAttribute(range_key=True)
    send_at = IntegerAttribute(null=True)
    created_at = IntegerAttribute(null=True)
    draft = ValueAttribute(dict, dict, null=True)
    type = UnicodeAttribute(null=True)
    fingerprint = UnicodeAttribute(null=True)
    state = UnicodeAttribute(null=True)
    reason = UnicodeAttribute(null=True)
    due_shard = IntegerAttribute(null=True)
    expires_at = IntegerAttribute(null=True)  # of failed ones
    by_due = index(due_shard=IntegerAttribute(hash_key=True), send_at=IntegerAttribute(range_key=True))
    # of a client_id that was used
    scheduled_id = UnicodeAttribute(null=True)
    # of the count
    pending = IntegerAttribute(null=True)


class Used(Exception):
    """This client_id was used before, for `scheduled_id` with `fingerprint`."""

    def __init__(self, scheduled_id: str, fingerprint: str) -> None:
        super().__init__(scheduled_id)
        self.scheduled_id = scheduled_id
        self.fingerprint = fingerprint


def _entry(conversation_id: str, scheduled_id: str) -> str:
    return f"{conversation_id}#{ids.position(scheduled_id) or 0:013d}#{scheduled_id}"


def _record(scheduled: ScheduledMessage) -> ScheduledRecord:
    return ScheduledRecord(scheduled.user_id, _entry(scheduled.conversation_id, scheduled.id))


def _ids(record: ScheduledRecord) -> tuple[str, str]:
    conversation_id, _, scheduled_id = record.entry.split("#")
    return conversation_id, scheduled_id


_SCHEDULED = Mapper(
    ScheduledRecord,
    ScheduledMessage,
    id=lambda record: _ids(record)[1],
    conversation_id=lambda record: _ids(record)[0],
)


def keep(new: ScheduledMessage) -> None:
    """Store a new message. Raises Used for a client_id used before in this conversation, Conflict above the limit."""
    transaction = Transaction()
    entry = _entry(new.conversation_id, new.id)
    row = _SCHEDULED.record(new, entry=entry, due_shard=new.created_at % len(DUE_SHARDS))
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
    """The earlier use of a client_id in this conversation, None if there is none."""
    record = ScheduledRecord.find(user_id, _used_entry(conversation_id, client_id))
    return None if record is None else Used(record.scheduled_id, record.fingerprint)


def _used_entry(conversation_id: str, client_id: str) -> str:
    return f"client#{conversation_id}#{client_id}"


def _count(user_id: str) -> ScheduledRecord:
    return ScheduledRecord(user_id, COUNT)


def find(user_id: str, conversation_id: str, scheduled_id: str) -> ScheduledMessage | None:
    record = ScheduledRecord.find(user_id, _entry(conversation_id, scheduled_id))
    return None if record is None or _is_over(record) else _SCHEDULED.value(record)


def _is_over(record: ScheduledRecord) -> bool:
    return record.expires_at is not None and record.expires_at * clock.SECOND <= clock.now()


def listed(user_id: str, conversation_id: str, *, after: str | None, limit: int) -> list[ScheduledMessage]:
    """A person's scheduled messages in a conversation, the next first, from after the id `after`."""
    start = f"{conversation_id}#" if after is None else _entry(conversation_id, after)
    between = ScheduledRecord.entry.between(start, f"{conversation_id}$")  # $ follows #
    rows = ScheduledRecord.query(user_id, between, consistent_read=True, page_size=limit + 1)
    found = (_SCHEDULED.value(row) for row in rows if row.entry != start and not _is_over(row))
    return [each for _, each in zip(range(limit), found, strict=False)]


def up_to(user_id: str, conversation_id: str, scheduled_id: str, *, since: int) -> list[ScheduledMessage]:
    """A person's scheduled messages in a conversation in the order of their times, from `since` (ms) up to this one.

    This one is the last, whatever its time is, unless it was cancelled or sent.
    """
    last = _entry(conversation_id, scheduled_id)
    first = min(last, f"{conversation_id}#{since:013d}")
    rows = ScheduledRecord.query(user_id, ScheduledRecord.entry.between(first, last), consistent_read=True)
    return [_SCHEDULED.value(row) for row in rows if not _is_over(row)]


def all_of(user_id: str) -> list[ScheduledMessage]:
    """A person's scheduled messages in all conversations."""
    rows = ScheduledRecord.query(user_id, ScheduledRecord.entry.startswith("cnv_"), consistent_read=True)
    return [_SCHEDULED.value(row) for row in rows if not _is_over(row)]


def due(shard: int, *, before: int, limit: int) -> Iterator[tuple[str, str, str]]:
    """(user id, conversation id, id) of waiting messages due before a time (ms), the longest due first."""
    for row in ScheduledRecord.by_due.query(shard, ScheduledRecord.send_at < before, limit=limit):
        conversation_id, _, scheduled_id = row.entry.split("#")
        yield row.user_id, conversation_id, scheduled_id


# --- transitions, each decided by a condition -----------------------------------------------------------------


def begin(scheduled: ScheduledMessage) -> bool:
    """Begin to send, after which it cannot be cancelled; False if it was cancelled, sent, or has failed."""
    of = ScheduledRecord
    return _record(scheduled).update_if(of.state.is_in(*_WAITING), of.state.set("sending"))


def put_back(scheduled: ScheduledMessage) -> None:
    """Return to `pending` after a try, so that it can be cancelled until the next one."""
    of = ScheduledRecord
    _record(scheduled).update_if(of.state == "sending", of.state.set("pending"))


def sent(scheduled: ScheduledMessage) -> None:
    """Delete a message that is now in the log."""
    _leave(scheduled, ScheduledRecord.state.is_in(*_WAITING))


def cancel(scheduled: ScheduledMessage) -> bool:
    """Delete a pending or failed message; False if it is being sent, or was deleted."""
    if scheduled.state == "failed":
        _record(scheduled).delete(ScheduledRecord.state == "failed")
        return True
    return _leave(scheduled, ScheduledRecord.state == "pending")


def _leave(scheduled: ScheduledMessage, condition: Condition) -> bool:
    transaction = Transaction()
    transaction.delete("scheduled", _record(scheduled), condition)
    transaction.update("count", _count(scheduled.user_id), [ScheduledRecord.pending.add(-1)])
    return _committed(transaction)


def waiting(user_id: str, conversation_id: str | None) -> list[ScheduledMessage]:
    """A person's pending messages in one conversation, or (None) in all."""
    prefix = "cnv_" if conversation_id is None else f"{conversation_id}#"
    rows = ScheduledRecord.query(
        user_id,
        ScheduledRecord.entry.startswith(prefix),
        filter_condition=ScheduledRecord.state == "pending",
        consistent_read=True,
    )
    return _SCHEDULED.values(rows)


def fail(scheduled: ScheduledMessage, reason: str) -> bool:
    """Mark a message as failed, with the reason; it is kept for 30 days. False if it is no longer in
    `scheduled.state`."""
    transaction = Transaction()
    actions: list[Action] = [
        ScheduledRecord.state.set("failed"),
        ScheduledRecord.reason.set(reason),
        ScheduledRecord.expires_at.set((clock.now() + FAILED_KEPT_MS) // clock.SECOND),
        ScheduledRecord.due_shard.remove(),
    ]
    transaction.update("scheduled", _record(scheduled), actions, ScheduledRecord.state == scheduled.state)
    transaction.update("count", _count(scheduled.user_id), [ScheduledRecord.pending.add(-1)])
    return _committed(transaction)


def _committed(transaction: Transaction) -> bool:
    """Commit; False if a condition failed. Raises Conflict after a collision with another write."""
    try:
        transaction.commit()
    except Cancelled as refused:
        if refused.failed:
            return False
        raise Conflict("Somebody changed this at the same time; try again.", retry_after_s=1) from refused
    return True
