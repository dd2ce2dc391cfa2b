"""Appending to the log.

An append is one transaction: the head moves from n to n+1 if it still stands at n, the event is put at n+1, and
whatever belongs to it is written with it. So seq is dense, and what is acknowledged is neither lost nor doubled.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar, cast

from kernel import deadline, telemetry
from kernel.dynamo import Cancelled, Transaction
from kernel.errors import DependencyUnavailable
from log import duplicates, head_store, registry, sends_store, store
from log.append_queue import AppendTicket
from log.duplicates import DuplicateSend
from log.model import Context, Event, LogHead, MlsGroup, NewEvent, moment

MAX_TRIES = 24
PATIENCE_S = 6.0
# The parts of a context that may be newer than what a plan was made of: then it is asked again.
_MOVED_ON = frozenset({"head", "info"})

C = TypeVar("C", bound=Context)


@dataclass(frozen=True, slots=True)
class AppendPlan:
    """What somebody wants to append: events, and what is written with them.

    `context` is what the plan's context becomes by it, where it changes more than the head. `at` is when it happens,
    for a plan that has judged by the time (see `moment`). `live_call` is the call that goes on from now; an empty text
    for none, None for no change. `group` is where the MLS group stands after it, None for no change.
    """

    events: Sequence[NewEvent]
    stage: Callable[[Transaction], None] | None = None
    context: Context | None = None
    at: int | None = None
    live_call: str | None = None
    group: MlsGroup | None = None


def append(
    conversation_id: str,
    user_id: str,
    plan: Callable[[C], AppendPlan],
    *,
    load: Callable[[str, str], C],
) -> tuple[C, list[Event]]:
    """Append what `plan` wants on the context that `load` reads; returns the context after it and the events.

    `plan` checks what may be done and is asked again whenever the log has moved on meanwhile, so it speaks of the very
    state that its events are committed to. Raises what `plan` raises, `DuplicateSend`, Cancelled when another condition
    of its writes fails on the state it was planned for, DependencyUnavailable when no try came through in 6 s, and
    Timeout when the invocation's deadline was sooner.
    """
    until = deadline.ends_at(PATIENCE_S)
    with AppendTicket(conversation_id, until=until) as ticket:
        context = load(conversation_id, user_id)
        for _ in range(MAX_TRIES):
            wanted = plan(context)
            if not wanted.events:
                return context, []
            transaction = Transaction()
            events, after = _stage_events(transaction, context, wanted)
            if wanted.stage is not None:
                wanted.stage(transaction)
            try:
                transaction.commit()
            except Cancelled as refused:
                head = _head_in_the_way(refused, conversation_id)
                stale = bool(refused.failed.keys() - {"head"})  # what was read with the head has moved on as well
            else:
                telemetry.count("AppendRetries", ticket.collisions)
                changed = context if wanted.context is None else cast(C, wanted.context)
                return changed.moved_to(after), events
            if time.monotonic() > until:
                break
            if ticket.collided():
                head = head_store.head(conversation_id)
            unchanged = head.access_seq == context.head.access_seq and not stale
            context = context.moved_to(head) if unchanged else load(conversation_id, user_id)
    deadline.require()
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
    return head_store.head_of(record) if record is not None else head_store.head(conversation_id)


def _stage_events(transaction: Transaction, context: Context, wanted: AppendPlan) -> tuple[list[Event], LogHead]:
    head = context.head
    now = moment(head) if wanted.at is None else wanted.at
    events = []
    after = replace(head, last_at=now)
    if wanted.live_call is not None:
        after = replace(after, live_call=wanted.live_call or None)
    if wanted.group is not None:
        after = replace(after, group=wanted.group)
    for new in wanted.events:
        seq = after.last_seq + 1
        event = Event(head.conversation_id, seq, new.type, new.actor_id, now, new.data, text=new.text)
        if new.lasts_ms is not None:
            event = replace(event, expires_at=now + new.lasts_ms)
        if new.send is not None:
            event = replace(event, sent_as=new.send.key, fingerprint=duplicates.keyed(new.send))
            sends_store.stage_send(transaction, key=new.send.key, conversation_id=head.conversation_id, seq=seq)
        after = replace(
            after,
            last_seq=seq,
            last_message_seq=seq if event.is_message else after.last_message_seq,
            access_seq=seq if registry.event_type(new.type).changes_access else after.access_seq,
        )
        after = context.head_with(after, new)
        events.append(event)
        store.stage_event(transaction, event)
    head_store.stage_head(transaction, head, after)
    return events, after
