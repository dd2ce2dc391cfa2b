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
from conversations.append_queue import AppendTicket
from conversations.events import MESSAGE_CREATED, Event, NewEvent, lifetime_ms, voids_keys
from conversations.model import ConversationInfo, LogHead, MemberContext, MlsGroup
from kernel import clock, telemetry
from kernel.dynamo import Cancelled, Record, TableName, Transaction, read_together
from kernel.errors import DependencyUnavailable

MAX_TRIES = 24
LARGEST_PAGE = 5_000  # events; of short ones about the megabyte that a query reads
PATIENCE_S = 6.0

# Events that change who may do what: an append that meets one on its way reads its caller's context again.
_ACCESS_EVENTS = frozenset(
    {"conversation.created", "conversation.updated", "conversation.deleted", "member.added", "member.removed"}
    | {"member.updated"}
)


# Messages that will disappear are listed in so many parts, by time, so that no part is too hot.
EXPIRY_SHARDS = 8
# The parts of a context that may be newer than what a plan was made of: then it is asked again.
_MOVED_ON = frozenset({"head", "info"})


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


class SendDedup(Record):
    """Which message a (sender, client_id) made; kept as long as the message."""

    class Meta:
        table_name = TableName("sends")

    key = UnicodeAttribute(hash_key=True)
    conversation_id = UnicodeAttribute()
    seq = NumberAttribute()
    fingerprint = UnicodeAttribute()


@dataclass(frozen=True, slots=True)
class OriginalSend:
    """The message that the same sender and client_id made before."""

    conversation_id: str
    seq: int
    fingerprint: str


class DuplicateSend(Exception):
    """This (sender, client_id) has made a message already; `original_send` finds it."""


@dataclass(frozen=True, slots=True)
class AppendPlan:
    """What a member wants to append: events, what is written with them, and the info as it is after them.

    `at` is when it happens, for a plan that has judged by the time (see `moment`).
    `live_call` is the call that goes on from now; an empty text for none, None for no change. `group` is where the
    MLS group stands after it, None for no change.
    """

    events: Sequence[NewEvent]
    stage: Callable[[Transaction], None] | None = None
    info: ConversationInfo | None = None
    at: int | None = None
    live_call: str | None = None
    group: MlsGroup | None = None


def moment(head: LogHead) -> int:
    """The instant of an event appended now: the log's time never runs back, whatever the clocks of its writers say."""
    return max(clock.now(), head.last_at)


def append(
    conversation_id: str,
    user_id: str,
    plan: Callable[[MemberContext], AppendPlan],
    *,
    load: Callable[[str, str], MemberContext] = store.context,
) -> tuple[MemberContext, list[Event]]:
    """Append what `plan` wants for a member; returns the member's context after it and the events.

    `plan` checks what the member may do and is asked again whenever the log has moved on meanwhile, so it speaks
    of the very state that its events are committed to. Raises what `plan` raises, `DuplicateSend`, Cancelled when
    another condition of its writes fails on the state it was planned for, and DependencyUnavailable when no try came
    through in 6 s. `load` reads the context: another one than `store.context` for who is about to be a member, for
    the platform itself, and for who reads more with it (`ContextLoader`).
    """
    deadline = time.monotonic() + PATIENCE_S
    with AppendTicket(conversation_id, until=deadline) as ticket:
        context = load(conversation_id, user_id)
        for _ in range(MAX_TRIES):
            wanted = plan(context)
            if not wanted.events:
                return context, []
            transaction = Transaction()
            at = moment(context.head) if wanted.at is None else wanted.at
            events, after = _stage_events(transaction, context, wanted, at)
            if wanted.info is not None:
                store.stage_info(transaction, wanted.info)
            if wanted.stage is not None:
                wanted.stage(transaction)
            try:
                transaction.commit()
            except Cancelled as refused:
                head = _head_in_the_way(refused, conversation_id)
                stale = bool(refused.failed.keys() - {"head"})  # what was read with the head has moved on as well
            else:
                telemetry.count("AppendRetries", ticket.collisions)
                return MemberContext(after, wanted.info or context.info, context.member), events
            if time.monotonic() > deadline:
                break
            if ticket.collided():
                head = store.head(conversation_id)
            unchanged = head.access_seq == context.head.access_seq and not stale
            context = context.moved_to(head) if unchanged else load(conversation_id, user_id)
    raise DependencyUnavailable("This conversation is very busy; try again.", retry_after_s=1)


def _head_in_the_way(refused: Cancelled, conversation_id: str) -> LogHead:
    """The head that somebody else has moved; raises what else was in the way.

    Where the head or the info has moved, other conditions may have failed for that reason alone: the next plan
    will tell.
    """
    if "sent" in refused.failed:
        raise DuplicateSend from refused
    if refused.failed and refused.failed.keys().isdisjoint(_MOVED_ON):
        raise refused
    record = refused.failed.get("head")
    return record_store.head_of(record) if record is not None else store.head(conversation_id)


def _stage_events(
    transaction: Transaction, context: MemberContext, wanted: AppendPlan, now: int
) -> tuple[list[Event], LogHead]:
    head = context.head
    events = []
    after = replace(head, last_at=now)
    if wanted.live_call is not None:
        after = replace(after, live_call=wanted.live_call or None)
    if wanted.group is not None:
        after = replace(after, group=wanted.group)
    for new in wanted.events:
        seq = after.last_seq + 1
        event = Event(head.conversation_id, seq, new.type, new.actor_id, now, new.data, text=new.text)
        if event.is_message and (lasts_ms := lifetime_ms(context.info.settings, new.data)) is not None:
            event = replace(event, expires_at=now + lasts_ms)
        after = replace(
            after,
            last_seq=seq,
            last_message_seq=seq if event.is_message else after.last_message_seq,
            access_seq=seq if new.type in _ACCESS_EVENTS else after.access_seq,
        )
        if context.info.settings.encrypted and voids_keys(new):
            after = replace(after, group=replace(after.group, rekey_due=True))
        events.append(event)
        transaction.put("event", _record(event))
    store.stage_head(transaction, head, after)
    return events, after


def _record(event: Event) -> EventRecord:
    return EventRecord(
        event.conversation_id,
        event.seq,
        type=event.type,
        actor_id=event.actor_id,
        at=event.at,
        data=dict(event.data),
        text=event.text,
        reactions={} if event.is_message else None,
        mentioned=set(event.mentioned) or None,
        disappears_at=event.expires_at,
        expiry_shard=None if event.expires_at is None else event.seq % EXPIRY_SHARDS,
    )


def event_of(record: EventRecord) -> Event:
    """The row as it stands now: here, and so on every way of reading, ends what has expired (R26)."""
    stored = Event(
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


def stage_first(transaction: Transaction, event: Event) -> None:
    """The first event of a new conversation, in the transaction that makes it."""
    transaction.put("event", _record(event))


# --- reading --------------------------------------------------------------------------------------------------


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


# --- what goes with messages ----------------------------------------------------------------------------------


def send_key(sender_id: str, client_id: str) -> str:
    return f"{sender_id}#{client_id}"


def stage_send(transaction: Transaction, *, key: str, conversation_id: str, seq: int, fingerprint: str) -> None:
    """Claim a (sender, client_id) (label `sent`)."""
    record = SendDedup(key, conversation_id=conversation_id, seq=seq, fingerprint=fingerprint)
    transaction.put("sent", record, SendDedup.key.does_not_exist())


def original_send(key: str) -> OriginalSend | None:
    """What this (sender, client_id) has made."""
    record = SendDedup.find(key)
    return None if record is None else OriginalSend(record.conversation_id, int(record.seq), record.fingerprint)
