"""The events of conversations in DynamoDB. A message's event holds its present state."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pynamodb.attributes import (
    BooleanAttribute,
    JSONAttribute,
    UnicodeAttribute,
)
from pynamodb.expressions.condition import Condition

from kernel import clock
from kernel.dynamo import Key, Record
from kernel.reads import read_together
from kernel.records import CountsAttribute, IntegerAttribute, Mapper, NamesAttribute, index
from kernel.transactions import Transaction
from log.model import MESSAGE_CREATED, Event

LARGEST_PAGE = 5_000  # events; about the megabyte that a query reads, when they are short
# The index of disappearing messages is sharded, so that no partition is too hot.
EXPIRY_SHARDS = 8


class EventRecord(Record, table="events", group="log"):
    """An event. `changed_seq` is the seq of the event that last changed a message, `edits` the number of its edits;
    unread mentions are counted by `mentioned` (user ids, or `EVERYONE`)."""

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
    # messages that are still stored: `expiry_shard` is removed together with the content
    by_expiry = index(expiry_shard=IntegerAttribute(hash_key=True), disappears_at=IntegerAttribute(range_key=True))
    mentioned = NamesAttribute()
    thread_count = IntegerAttribute(null=True)
    pinned = BooleanAttribute(null=True)
    edits = IntegerAttribute(null=True)
    changed_seq = IntegerAttribute(null=True)
    sent_as = UnicodeAttribute(null=True)
    fingerprint = UnicodeAttribute(null=True)


_EVENT = Mapper(EventRecord, Event, renamed={"expires_at": "disappears_at"})


def _record(event: Event) -> EventRecord:
    """The row of a new event, without the attributes that only later changes of a message set."""
    return _EVENT.record(
        event,
        data=dict(event.data),
        reactions={} if event.is_message else None,
        mentioned=event.mentioned,
        expiry_shard=None if event.expires_at is None else event.seq % EXPIRY_SHARDS,
        **dict.fromkeys(("thread_count", "pinned", "edits")),
    )


def event_of(record: EventRecord) -> Event:
    """The event in a row as of now: every read passes here, so that no read returns an expired message (R26)."""
    return _EVENT.value(record).as_of(clock.now())


def event_of_image(image: Mapping[str, Any]) -> Event:
    """The event in an image of the table's stream, as of now."""
    return event_of(EventRecord.from_raw_data(dict(image)))


def stage_event(transaction: Transaction, event: Event) -> None:
    """Put an event at its seq, which the head's condition in the same transaction keeps free."""
    transaction.put("event", _record(event))


def event_key(conversation_id: str, seq: int) -> tuple[type[Record], Key]:
    """The key of an event, for reading it together with other records; `event_of` maps the record."""
    return EventRecord, (conversation_id, seq)


def erase(events: Iterable[Event]) -> None:
    """Delete events of a deleted conversation: 25 a round trip."""
    EventRecord.delete_all(EventRecord(each.conversation_id, each.seq) for each in events)


# --- reading --------------------------------------------------------------------------------------------------


def stored(conversation_id: str, *, limit: int) -> list[Event]:
    """The first `limit` events of a conversation as stored, including the content of expired messages."""
    return _EVENT.values(EventRecord.query(conversation_id, consistent_read=True, limit=limit))


def events(conversation_id: str, first: int, last: int) -> list[Event]:
    """The events with first ≤ seq ≤ last, ascending and dense."""
    if last < first:
        return []
    rows = EventRecord.query(conversation_id, EventRecord.seq.between(first, last), consistent_read=True)
    return [event_of(record) for record in rows]


def messages(conversation_id: str, first: int, last: int, *, newest_first: bool, limit: int) -> list[Event]:
    """Up to `limit` messages with first ≤ seq ≤ last.

    Reads more events than `limit`, as edits and reactions lie between messages. Pages grow, so that messages behind
    many other events are found in a few round trips.
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


def events_at(places: Iterable[tuple[str, int]]) -> dict[tuple[str, int], Event]:
    """The events at these (conversation, seq), in one round trip per 100."""
    wanted = list(dict.fromkeys(places))
    rows = read_together([(EventRecord, place) for place in wanted])
    return {place: event_of(record) for place, record in zip(wanted, rows, strict=True) if record is not None}


def event_at(conversation_id: str, seq: int) -> Event | None:
    """The event at this place."""
    return events_at([(conversation_id, seq)]).get((conversation_id, seq))


def not_deleted(now: int) -> Condition:
    """The condition that a message is neither deleted nor expired."""
    lasts = EventRecord.disappears_at.does_not_exist() | (EventRecord.disappears_at > now)
    condition: Condition = EventRecord.deleted_at.does_not_exist() & lasts
    return condition
