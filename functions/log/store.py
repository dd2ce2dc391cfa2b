"""The events of conversations in DynamoDB. The present state of a message is its event."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pynamodb.attributes import (
    BooleanAttribute,
    JSONAttribute,
    UnicodeAttribute,
)
from pynamodb.expressions.condition import Condition
from pynamodb.indexes import GlobalSecondaryIndex, KeysOnlyProjection

from kernel import clock
from kernel.dynamo import Key, Record, TableName, Transaction, read_together
from kernel.records import CountsAttribute, IntegerAttribute, Mapper, NamesAttribute
from log.model import MESSAGE_CREATED, Event

LARGEST_PAGE = 5_000  # events; of short ones about the megabyte that a query reads
# Messages that will disappear are listed in so many parts, by time, so that no part is too hot.
EXPIRY_SHARDS = 8


class _ByExpiry(GlobalSecondaryIndex[Any]):
    """The messages that disappear and are still stored: `expiry_shard` leaves a row with its content."""

    class Meta:
        index_name = "by_expiry"
        projection = KeysOnlyProjection()

    expiry_shard = IntegerAttribute(hash_key=True)
    disappears_at = IntegerAttribute(range_key=True)


class EventRecord(Record):
    """An event. One of a message holds its present state: `changed_seq` is the event that changed it last, `edits`
    how often its text was, `mentioned` (who, or `EVERYONE`) is what unread mentions are counted by."""

    class Meta:
        table_name = TableName("events", "log")

    conversation_id = UnicodeAttribute(hash_key=True)
    seq = IntegerAttribute(range_key=True)
    type = UnicodeAttribute()
    actor_id = UnicodeAttribute()
    at = IntegerAttribute()
    data = JSONAttribute()
    text = UnicodeAttribute(null=True)
    edited_at = IntegerAttribute(null=True)
    deleted_at = IntegerAttribute(null=True)
    reactions = CountsAttribute(null=True)
    disappears_at = IntegerAttribute(null=True)
    expiry_shard = IntegerAttribute(null=True)
    by_expiry = _ByExpiry()
    mentioned = NamesAttribute()
    thread_count = IntegerAttribute(null=True)
    pinned = BooleanAttribute(null=True)
    edits = IntegerAttribute(null=True)
    changed_seq = IntegerAttribute(null=True)
    sent_as = UnicodeAttribute(null=True)
    fingerprint = UnicodeAttribute(null=True)


_EVENT = Mapper(EventRecord, Event, renamed={"expires_at": "disappears_at"})


def _record(event: Event) -> EventRecord:
    """The row of a new event; what only changes of a message bring is not there yet."""
    return _EVENT.record(
        event,
        data=dict(event.data),
        reactions={} if event.is_message else None,
        mentioned=event.mentioned,
        expiry_shard=None if event.expires_at is None else event.seq % EXPIRY_SHARDS,
        **dict.fromkeys(("thread_count", "pinned", "edits")),
    )


def event_of(record: EventRecord) -> Event:
    """The row as it stands now: here, and so on every way of reading, ends what has expired (R26)."""
    return _EVENT.value(record).as_of(clock.now())


def event_in(image: Mapping[str, Any]) -> Event:
    """The event in an image of the table's stream, as it stands now."""
    return event_of(EventRecord.from_raw_data(dict(image)))


def stage_event(transaction: Transaction, event: Event) -> None:
    """Put an event at its place. The head's condition, in the same transaction, keeps that place free for it."""
    transaction.put("event", _record(event))


def stage_first(transaction: Transaction, event: Event) -> None:
    """The first event of a new conversation, in the transaction that makes it."""
    stage_event(transaction, event)


def event_key(conversation_id: str, seq: int) -> tuple[type[Record], Key]:
    """The key of an event, for who reads it with other records; `event_of` reads the record."""
    return EventRecord, (conversation_id, seq)


def erase(events: Iterable[Event]) -> None:
    """Delete events of a conversation that has ended: 25 a round trip."""
    EventRecord.delete_all(EventRecord(each.conversation_id, each.seq) for each in events)


# --- reading --------------------------------------------------------------------------------------------------


def stored(conversation_id: str, *, limit: int) -> list[Event]:
    """The first events of a conversation with all that is stored of them, though their time may be over."""
    return _EVENT.values(EventRecord.query(conversation_id, consistent_read=True, limit=limit))


def events(conversation_id: str, first: int, last: int) -> list[Event]:
    """The events first…last, ascending and dense."""
    if last < first:
        return []
    rows = EventRecord.query(conversation_id, EventRecord.seq.between(first, last), consistent_read=True)
    return [event_of(record) for record in rows]


def messages(conversation_id: str, first: int, last: int, *, newest_first: bool, limit: int) -> list[Event]:
    """Messages with first ≤ seq ≤ last. Reads a few events more a page, as edits and reactions lie between.

    Pages grow, so that messages behind very many other events are found in a few round trips too.
    """
    found: list[Event] = []
    start: dict[str, Any] | None = None
    size = limit + 30
    while last >= first and len(found) < limit:
        page: dict[str, Any] = EventRecord._get_connection().query(
            conversation_id,
            range_key_condition=EventRecord.seq.between(first, last),
            filter_condition=EventRecord.type == MESSAGE_CREATED,
            consistent_read=True,
            scan_index_forward=not newest_first,
            limit=size,
            exclusive_start_key=start,
        )
        found += [event_of(EventRecord.from_raw_data(item)) for item in page["Items"]]
        start = page.get("LastEvaluatedKey")
        if not start:
            break
        size = min(4 * size, LARGEST_PAGE)
    return found[:limit]


def at(contexts: Iterable[tuple[str, int]]) -> dict[tuple[str, int], Event]:
    """The events at these (conversation, seq), in one round trip per 100."""
    wanted = list(dict.fromkeys(contexts))
    rows = read_together([(EventRecord, context) for context in wanted])
    return {context: event_of(record) for context, record in zip(wanted, rows, strict=True) if record is not None}


def not_deleted(now: int) -> Condition:
    """The condition that a message is neither deleted nor expired."""
    lasts = EventRecord.disappears_at.does_not_exist() | (EventRecord.disappears_at > now)
    condition: Condition = EventRecord.deleted_at.does_not_exist() & lasts
    return condition
