"""The log of a conversation: append, read, and what it stores of messages and sends.

An append is one transaction: the head moves from n to n+1 if it still stands at n, the event is put at n+1, and
whatever belongs to it is written with it. So seq is dense, and what is acknowledged is neither lost nor doubled.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from pynamodb.attributes import (
    BooleanAttribute,
    JSONAttribute,
    MapAttribute,
    NumberAttribute,
    UnicodeAttribute,
    UnicodeSetAttribute,
)
from pynamodb.expressions.condition import Condition
from pynamodb.indexes import GlobalSecondaryIndex, KeysOnlyProjection

from conversations import record_store, store
from conversations.entries import MESSAGE_CREATED, Draft, Entry, lifetime_ms
from conversations.model import Head, Place, Profile
from conversations.turns import Turn
from kernel import clock, telemetry
from kernel.dynamo import Cancelled, Record, TableName, Transaction, read_together
from kernel.errors import DependencyUnavailable

MAX_TRIES = 24
LARGEST_PAGE = 5_000  # events; of short ones about the megabyte that a query reads
PATIENCE_S = 6.0

# Events that change who may do what: an append that meets one on its way reads its caller's place again.
_ACCESS_EVENTS = frozenset(
    {"conversation.created", "conversation.updated", "conversation.deleted", "member.added", "member.removed"}
    | {"member.updated"}
)


# Messages that will disappear are listed in so many parts, by time, so that no part is too hot.
EXPIRY_SHARDS = 8
# The parts of a place that may be newer than what a plan was made of: then it is asked again.
_MOVED_ON = frozenset({"head", "profile"})


class _ByExpiry(GlobalSecondaryIndex[Any]):
    """The messages that disappear and are still stored: `expiry_shard` leaves a row with its content."""

    class Meta:
        index_name = "by_expiry"
        projection = KeysOnlyProjection()

    expiry_shard = NumberAttribute(hash_key=True)
    disappears_at = NumberAttribute(range_key=True)


class EventRecord(Record):
    """An event. One of a message holds its present state: `changed_seq` is the event that changed it last, `edits`
    how often its text was, `mentioned` (who, or `EVERYONE`) is what unread mentions are counted by."""

    class Meta:
        table_name = TableName("events")

    conversation_id = UnicodeAttribute(hash_key=True)
    seq = NumberAttribute(range_key=True)
    type = UnicodeAttribute()
    actor_id = UnicodeAttribute()
    at = NumberAttribute()
    data = JSONAttribute()
    text = UnicodeAttribute(null=True)
    edited_at = NumberAttribute(null=True)
    deleted_at = NumberAttribute(null=True)
    reactions: MapAttribute[str, Any] = MapAttribute(null=True)
    disappears_at = NumberAttribute(null=True)
    expiry_shard = NumberAttribute(null=True)
    by_expiry = _ByExpiry()
    mentioned = UnicodeSetAttribute(null=True)
    thread_count = NumberAttribute(null=True)
    pinned = BooleanAttribute(null=True)
    edits = NumberAttribute(null=True)
    changed_seq = NumberAttribute(null=True)


class SendRecord(Record):
    """Which message a (sender, client_id) made; kept as long as the message."""

    class Meta:
        table_name = TableName("sends")

    key = UnicodeAttribute(hash_key=True)
    conversation_id = UnicodeAttribute()
    seq = NumberAttribute()
    fingerprint = UnicodeAttribute()


@dataclass(frozen=True, slots=True)
class Earlier:
    """The message that the same sender and client_id made before."""

    conversation_id: str
    seq: int
    fingerprint: str


class Sent(Exception):
    """This (sender, client_id) has made a message already; `earlier` finds it."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What a member wants to append: events, what is written with them, and the profile as it is after them.

    `at` is when it happens, for a plan that has judged by the time (see `moment`).
    `live_call` is the call that goes on from now; an empty text for none, None for no change.
    """

    events: Sequence[Draft]
    stage: Callable[[Transaction], None] | None = None
    profile: Profile | None = None
    at: int | None = None
    live_call: str | None = None


def moment(head: Head) -> int:
    """The instant of an event appended now: the log's time never runs back, whatever the clocks of its writers say."""
    return max(clock.now(), head.last_at)


def append(
    conversation_id: str,
    user_id: str,
    plan: Callable[[Place], Plan],
    *,
    find: Callable[[str, str], Place] = store.place,
) -> tuple[Place, list[Entry]]:
    """Append what `plan` wants for a member's place; returns the place after it and the entries.

    `plan` checks what the member may do and is asked again whenever the log has moved on meanwhile, so it speaks
    of the very state that its events are committed to. Raises what `plan` raises, `Sent`, Cancelled when another
    condition of its writes fails on the state it was planned for, and DependencyUnavailable when no try came
    through in 6 s. `find` finds the place; another one than `store.place` is for who is about to be a member, for the
    platform itself, and for who reads more with it (`seen`).
    """
    deadline = time.monotonic() + PATIENCE_S
    with Turn(conversation_id, until=deadline) as turn:
        place = find(conversation_id, user_id)
        for _ in range(MAX_TRIES):
            wanted = plan(place)
            if not wanted.events:
                return place, []
            transaction = Transaction()
            at = moment(place.head) if wanted.at is None else wanted.at
            entries, after = _stage_events(transaction, place, wanted, at)
            if wanted.profile is not None:
                store.stage_profile(transaction, wanted.profile)
            if wanted.stage is not None:
                wanted.stage(transaction)
            try:
                transaction.commit()
            except Cancelled as refused:
                head = _head_in_the_way(refused, conversation_id)
                stale = bool(refused.failed.keys() - {"head"})  # what was read with the head has moved on as well
            else:
                telemetry.count("AppendRetries", turn.collisions)
                return Place(after, wanted.profile or place.profile, place.member), entries
            if time.monotonic() > deadline:
                break
            if turn.collided():
                head = store.head(conversation_id)
            unchanged = head.acl_seq == place.head.acl_seq and not stale
            place = place.moved_to(head) if unchanged else find(conversation_id, user_id)
    raise DependencyUnavailable("This conversation is very busy; try again.", retry_after_s=1)


def _head_in_the_way(refused: Cancelled, conversation_id: str) -> Head:
    """The head that somebody else has moved; raises what else was in the way.

    Where the head or the profile has moved, other conditions may have failed for that reason alone: the next plan
    will tell.
    """
    if "sent" in refused.failed:
        raise Sent from refused
    if refused.failed and refused.failed.keys().isdisjoint(_MOVED_ON):
        raise refused
    record = refused.failed.get("head")
    return record_store.head_of(record) if record is not None else store.head(conversation_id)


def _stage_events(transaction: Transaction, place: Place, wanted: Plan, now: int) -> tuple[list[Entry], Head]:
    head = place.head
    entries = []
    after = replace(head, last_at=now)
    if wanted.live_call is not None:
        after = replace(after, live_call=wanted.live_call or None)
    for draft in wanted.events:
        seq = after.last_seq + 1
        entry = Entry(head.conversation_id, seq, draft.type, draft.actor_id, now, draft.data, text=draft.text)
        if entry.is_message and (lasts_ms := lifetime_ms(place.profile.settings, draft.data)) is not None:
            entry = replace(entry, expires_at=now + lasts_ms)
        after = replace(
            after,
            last_seq=seq,
            last_message_seq=seq if entry.is_message else after.last_message_seq,
            acl_seq=seq if draft.type in _ACCESS_EVENTS else after.acl_seq,
        )
        entries.append(entry)
        transaction.put("event", _record(entry))
    store.stage_head(transaction, head, after)
    return entries, after


def _record(entry: Entry) -> EventRecord:
    return EventRecord(
        entry.conversation_id,
        entry.seq,
        type=entry.type,
        actor_id=entry.actor_id,
        at=entry.at,
        data=dict(entry.data),
        text=entry.text,
        reactions={} if entry.is_message else None,
        mentioned=set(entry.mentioned) or None,
        disappears_at=entry.expires_at,
        expiry_shard=None if entry.expires_at is None else entry.seq % EXPIRY_SHARDS,
    )


def entry_of(record: EventRecord) -> Entry:
    """The row as it stands now: here, and so on every way of reading, ends what has expired (R26)."""
    stored = Entry(
        conversation_id=record.conversation_id,
        seq=int(record.seq),
        type=record.type,
        actor_id=record.actor_id,
        at=int(record.at),
        data=record.data,
        text=record.text,
        edited_at=None if record.edited_at is None else int(record.edited_at),
        deleted_at=None if record.deleted_at is None else int(record.deleted_at),
        expires_at=None if record.disappears_at is None else int(record.disappears_at),
        reactions={} if record.reactions is None else {k: int(v) for k, v in record.reactions.as_dict().items()},
        thread_count=int(record.thread_count or 0),
        pinned=bool(record.pinned),
        edits=int(record.edits or 0),
        changed_seq=None if record.changed_seq is None else int(record.changed_seq),
    )
    return stored.as_of(clock.now())


def stage_first(transaction: Transaction, entry: Entry) -> None:
    """The first event of a new conversation, in the transaction that makes it."""
    transaction.put("event", _record(entry))


# --- reading --------------------------------------------------------------------------------------------------


def entries(conversation_id: str, first: int, last: int) -> list[Entry]:
    """The events first…last, ascending and dense."""
    if last < first:
        return []
    rows = EventRecord.query(conversation_id, EventRecord.seq.between(first, last), consistent_read=True)
    return [entry_of(record) for record in rows]


def messages(conversation_id: str, first: int, last: int, *, newest_first: bool, limit: int) -> list[Entry]:
    """Messages with first ≤ seq ≤ last. Reads a few events more a page, as edits and reactions lie between.

    Pages grow, so that messages behind very many other events are found in a few round trips too.
    """
    found: list[Entry] = []
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
        found += [entry_of(EventRecord.from_raw_data(item)) for item in page["Items"]]
        start = page.get("LastEvaluatedKey")
        if not start:
            break
        size = min(4 * size, LARGEST_PAGE)
    return found[:limit]


def at(places: Iterable[tuple[str, int]]) -> dict[tuple[str, int], Entry]:
    """The entries at these (conversation, seq), in one round trip per 100."""
    wanted = list(dict.fromkeys(places))
    rows = read_together([(EventRecord, place) for place in wanted])
    return {place: entry_of(record) for place, record in zip(wanted, rows, strict=True) if record is not None}


def stands(now: int) -> Condition:
    """The condition that a message is neither deleted nor expired."""
    lasts = EventRecord.disappears_at.does_not_exist() | (EventRecord.disappears_at > now)
    condition: Condition = EventRecord.deleted_at.does_not_exist() & lasts
    return condition


# --- what goes with messages ----------------------------------------------------------------------------------


def send_key(sender_id: str, client_id: str) -> str:
    return f"{sender_id}#{client_id}"


def stage_send(transaction: Transaction, *, key: str, conversation_id: str, seq: int, fingerprint: str) -> None:
    """Claim a (sender, client_id) (label `sent`)."""
    record = SendRecord(key, conversation_id=conversation_id, seq=seq, fingerprint=fingerprint)
    transaction.put("sent", record, SendRecord.key.does_not_exist())


def earlier(key: str) -> Earlier | None:
    """What this (sender, client_id) has made."""
    record = SendRecord.find(key)
    return None if record is None else Earlier(record.conversation_id, int(record.seq), record.fingerprint)
