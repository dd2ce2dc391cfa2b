"""Appending to the log.

An append is one transaction: the head moves from n to n+1 if it still stands at n, the event is put at n+1, and
whatever belongs to it is written with it. So seq is dense, and what is acknowledged is neither lost nor doubled.
Where many append at once they line up, and those who may share a transaction do.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Generic, TypeVar, cast

from kernel import deadline, telemetry
from kernel.dynamo import Cancelled, Transaction
from kernel.errors import DependencyUnavailable, Timeout
from log import duplicates, head_store, registry, sends_store, store
from log.append_queue import AppendTicket
from log.duplicates import DuplicateSend
from log.group_commit import Batch, Handover
from log.model import Context, Event, LogHead, MlsGroup, NewEvent, moment

MAX_TRIES = 24
FAILURES_MAX = 2  # batches of others that one is in before one goes on alone
PATIENCE_S = 7.5  # and a last try within the 9 s of an invocation
# what somebody whose events were in another's batch is answered
COMMITTED = "committed"  # and published
SETTLED = "settled"  # committed, not published
FAILED = "failed"
# The parts of a context that may be newer than what a plan was made of: then it is asked again.
_MOVED_ON = frozenset({"head", "info"})

C = TypeVar("C", bound=Context)


@dataclass(frozen=True, slots=True)
class AppendPlan:
    """What somebody wants to append: events, and what is written with them.

    `context` is what the plan's context becomes by it, where it changes more than the head. `at` is when it happens,
    for a plan that has judged by the time (see `moment`). `live_call` is the call that goes on from now; an empty text
    for none, None for no change. `group` is where the MLS group stands after it, None for no change. `read_again` are
    labels of conditions that fail where what was read with the context has changed since: then all is read again.
    """

    events: Sequence[NewEvent]
    stage: Callable[[Transaction], None] | None = None
    context: Context | None = None
    at: int | None = None
    live_call: str | None = None
    group: MlsGroup | None = None
    read_again: frozenset[str] = frozenset()


def append(
    conversation_id: str,
    user_id: str,
    plan: Callable[[C], AppendPlan],
    *,
    load: Callable[[str, str], C],
    publish: Callable[[C, Sequence[Event]], None] | None = None,
) -> tuple[C, list[Event]]:
    """Append what `plan` wants on the context that `load` reads; returns the context after it and the events.

    `plan` checks what may be done and is asked again whenever the log has moved on meanwhile, so it speaks of the very
    state that its events are committed to. Raises what `plan` raises, `DuplicateSend`, Cancelled when another condition
    of its writes fails on the state it was planned for, DependencyUnavailable when no try came through in 7.5 s, and
    Timeout when the invocation's deadline was sooner.

    With `publish` the transaction may be shared with others who append at the same time: then the one who commits it
    publishes the events of all. Such a plan changes the head by its events alone, and may be asked again after it was
    committed: it then raises DuplicateSend, wants nothing, or its writes fail by a condition of their own.
    """
    until = deadline.ends_at(PATIENCE_S)
    with AppendTicket(conversation_id, until=until) as ticket:
        writer = _Writer(ticket, plan, lambda: load(conversation_id, user_id), shares=publish is not None)
        try:
            done = writer.run(until)
        finally:
            writer.leave()
    telemetry.total("AppendRetries", ticket.collisions)
    for event in done.events:
        telemetry.traced(event.name)
    if publish is not None:
        publish(done.context, done.to_publish)
    return done.context, done.events


@dataclass(frozen=True, slots=True)
class _Done(Generic[C]):
    """An append that came through. `to_publish` are all events that it has committed: others' too, or none."""

    context: C
    events: list[Event]
    to_publish: list[Event]


class _Writer(Generic[C]):
    """One append: its way through the queue, and its tries."""

    def __init__(
        self, ticket: AppendTicket, plan: Callable[[C], AppendPlan], load: Callable[[], C], *, shares: bool
    ) -> None:
        self._ticket, self._plan, self._load, self._shares = ticket, plan, load, shares
        self._batch: Batch | None = None  # that others have begun, while it is this writer's turn
        self._failed = 0  # batches that this writer was in, committed by others

    def run(self, until: float) -> _Done[C]:
        self._read()
        if self._ticket.wait():
            self._arrive()
        for _ in range(MAX_TRIES):
            done = self._try()
            if done is not None:
                return done
            if time.monotonic() > until:
                break
        deadline.require()
        raise DependencyUnavailable("This conversation is very busy; try again.", retry_after_s=1)

    def _read(self) -> None:
        """Read where the log is; how long that takes tells what a turn of the others may take."""
        began = time.monotonic()
        self._context = self._load()
        self._ticket.store_takes(time.monotonic() - began)

    def leave(self) -> None:
        """See to a batch that others have begun, where nothing was added to it."""
        if self._batch is not None and not self._ticket.hand_on(Handover(batch=self._batch).dumps()):
            self._settle(self._batch)
        self._batch = None

    def _try(self) -> _Done[C] | None:
        wanted = self._plan(self._context)
        if not wanted.events:
            return _Done(self._context, [], [])
        transaction = Transaction()
        events, after = _stage_events(transaction, self._context, wanted)
        if wanted.stage is not None:
            wanted.stage(transaction)
        done = _Done(cast(C, wanted.context or self._context).moved_to(after), events, events)
        if self._shares and self._ticket.number:
            return self._share(transaction, done, wanted.read_again)
        return self._write(transaction, done, wanted.read_again)

    def _write(self, transaction: Transaction, done: _Done[C], read_again: frozenset[str]) -> _Done[C] | None:
        """Commit what this writer alone wants."""
        head_store.stage_head(transaction, self._context.head, done.context.head)
        try:
            transaction.commit()
        except Cancelled as refused:
            if "head" not in refused.failed and not read_again.isdisjoint(refused.failed):
                self._read()
                return None
            head = _head_in_the_way(refused, self._context.conversation_id)
            stale = bool(refused.failed.keys() - {"head"})  # what was read with the head has moved on as well
            if self._ticket.collided():
                self._arrive(stale=stale)
            else:
                self._move_to(head, stale=stale)
            return None
        if self._ticket.number:
            self._ticket.end(Handover(head=done.context.head).dumps())
        return done

    def _share(self, transaction: Transaction, done: _Done[C], read_again: frozenset[str]) -> _Done[C] | None:
        """Add to the batch, and hand it on or commit it."""
        ticket, head, writes = self._ticket, self._context.head, transaction.packed()
        batch = self._batch or Batch(base=head, head=head)
        if not batch.takes(writes):
            self._settle(batch)
            self._read()
            return None
        batch.add(ticket.number, done.events, done.context.head, writes)
        if not batch.is_full and ticket.hand_on(Handover(batch=batch).dumps()):
            self._batch = None
            said = ticket.answer()
            if said == COMMITTED:
                return replace(done, to_publish=[])
            if said == SETTLED:
                return done
            self._failed += 1
            self._start_again(shares=self._failed < FAILURES_MAX)
            return None
        self._batch = None
        if len(batch.numbers) == 1:
            return self._write(transaction, done, read_again)
        if self._commit(batch):
            return replace(done, to_publish=batch.events)
        self._start_again(shares=False)
        return None

    def _start_again(self, *, shares: bool) -> None:
        """After a batch that failed or of which nobody said anything.

        Who committed it goes on alone: what it met may be somebody outside of the queue who writes faster than a batch
        goes from hand to hand. That one meets a single write, and lines up as well. The others share once more, since
        a dozen who write one after the other keep everybody waiting; who was in two that failed goes on alone, as what
        they met may be among their own writes.
        """
        self._shares = shares
        waited = self._ticket.collided()
        self._read()
        if waited:
            self._arrive()

    def _settle(self, batch: Batch) -> None:
        """Commit for others what cannot go together with what this writer wants, and stay in turn. Each of them
        publishes their own events."""
        self._batch = None
        written = False
        with suppress(DependencyUnavailable, Timeout):  # they are told, and this writer meets it as well
            written = batch.commit()
        self._ticket.tell(batch.numbers, SETTLED if written else FAILED)

    def _commit(self, batch: Batch) -> bool:
        """Commit a batch that ends with this writer's events, let the next one go ahead, and answer the others."""
        written = False
        try:
            written = batch.commit()
            if written:
                self._ticket.end(Handover(head=batch.head).dumps())
        finally:
            self._ticket.tell(batch.numbers[:-1], COMMITTED if written else FAILED)
        return written

    def _arrive(self, *, stale: bool = False) -> None:
        """Go on from where the turn before has left the log."""
        left, self._ticket.message = Handover.loads(self._ticket.message), ""
        if left.batch is not None:
            if not self._shares or stale or not _follows(left.batch.base, self._context.head):
                self._settle(left.batch)
                self._read()
                return
            self._batch = left.batch
            self._context = self._context.moved_to(left.batch.head)
            return
        self._move_to(left.head or head_store.head(self._context.conversation_id), stale=stale)

    def _move_to(self, head: LogHead, *, stale: bool) -> None:
        if stale or head.access_seq != self._context.head.access_seq:
            self._read()
        elif head.last_seq > self._context.head.last_seq:
            self._context = self._context.moved_to(head)


def _follows(base: LogHead, read: LogHead) -> bool:
    """Whether a batch on this base goes on from what was read, with the same rights."""
    return base.last_seq >= read.last_seq and base.access_seq == read.access_seq


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
    """Stage the events at their places; the head is staged by who commits."""
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
    return events, after
