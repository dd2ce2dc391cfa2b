"""Appending to the log.

An append is one transaction: it moves the head from n to n+1 on the condition that the head is at n, puts the event at
n+1, and writes everything else that belongs to the event. So seq is dense, and an acknowledged event is neither lost
nor duplicated. Writers of a busy conversation queue, and share a transaction where their plans allow it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Generic, TypeVar, cast

from kernel import deadline, telemetry
from kernel.errors import DependencyUnavailable, Timeout
from kernel.transactions import Cancelled, Transaction
from log import duplicates, head_store, registry, sends_store, store
from log.append_queue import AppendTicket
from log.duplicates import DuplicateSend
from log.group_commit import Batch, Handover
from log.model import Context, Event, LogHead, MlsGroup, NewEvent, event_time

MAX_TRIES = 24
MAX_FAILED_BATCHES = 2  # batches committed by others that a writer joins before it writes alone
PATIENCE_S = 7.5  # leaves room for a last try within the 9 s of an invocation
# The answers to a writer whose events were in another writer's batch.
COMMITTED = "committed"  # and published
COMMITTED_UNPUBLISHED = "settled"
FAILED = "failed"
# Labels of conditions that fail when the context is stale: then the plan is made again.
_MAY_BE_STALE = frozenset({"head", "info"})

C = TypeVar("C", bound=Context)


@dataclass(frozen=True, slots=True)
class AppendPlan:
    """The events to append, and the writes (`stage`) of the same transaction.

    `context` is the context after the append, where more than its head changes. `at` is the time of the events in ms,
    for a plan whose decision depends on the time (see `event_time`). `live_call` is the call that is live after the
    append: empty for none, None for no change. `group` is the MLS group after it, None for no change. `read_again` are
    labels of conditions that fail when the context is stale: the context is read and the plan made again.
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
    """Append the events that `plan` makes for the context that `load` reads; returns the new context and the events.

    `plan` checks permissions and is called again whenever the log has moved on, so that its decision always refers to
    the state on which its events are committed. Raises the errors of `plan`, `DuplicateSend`, Cancelled when another
    condition of its writes fails, DependencyUnavailable when no try succeeded in 7.5 s, and Timeout when the
    invocation's deadline is earlier.

    With `publish`, the transaction may be shared with others who append at the same time; whoever commits publishes the
    events of all. Such a plan changes the head by its events alone, and may be called again after it was committed: it
    must then raise DuplicateSend, return no events, or have writes whose own conditions fail.
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
    """A committed append. `to_publish` are the events that its writer publishes: those of a whole batch, or none."""

    context: C
    events: list[Event]
    to_publish: list[Event]


class _Writer(Generic[C]):
    """One append: its place in the queue, and its tries."""

    def __init__(
        self, ticket: AppendTicket, plan: Callable[[C], AppendPlan], load: Callable[[], C], *, shares: bool
    ) -> None:
        self._ticket, self._plan, self._load, self._shares = ticket, plan, load, shares
        self._batch: Batch | None = None  # begun by others, while it is this writer's turn
        self._failed = 0  # batches with this writer's events that others failed to commit

    def run(self, until: float) -> _Done[C]:
        self._read()
        if self._ticket.wait():
            self._take_over()
        for _ in range(MAX_TRIES):
            done = self._try()
            if done is not None:
                return done
            if time.monotonic() > until:
                break
        deadline.require()
        raise DependencyUnavailable("This conversation is very busy; try again.", retry_after_s=1)

    def _read(self) -> None:
        """Read the context; its duration tells how long another writer's turn may take."""
        began = time.monotonic()
        self._context = self._load()
        self._ticket.expect_round_trip(time.monotonic() - began)

    def leave(self) -> None:
        """Hand over or commit a batch of others to which this writer has added nothing."""
        if self._batch is not None and not self._ticket.hand_over(Handover(batch=self._batch).dumps()):
            self._commit_for_others(self._batch)
        self._batch = None

    def _try(self) -> _Done[C] | None:
        wanted = self._plan(self._context)
        if not wanted.events:
            return _Done(self._context, [], [])
        transaction = Transaction()
        events, after = _stage_events(transaction, self._context, wanted)
        if wanted.stage is not None:
            wanted.stage(transaction)
        done = _Done(cast(C, wanted.context or self._context).at_head(after), events, events)
        if self._shares and self._ticket.number:
            return self._share(transaction, done, wanted.read_again)
        return self._write(transaction, done, wanted.read_again)

    def _write(self, transaction: Transaction, done: _Done[C], read_again: frozenset[str]) -> _Done[C] | None:
        """Commit this writer's events alone."""
        head_store.stage_head(transaction, self._context.head, done.context.head)
        try:
            transaction.commit()
        except Cancelled as refused:
            if "head" not in refused.failed and not read_again.isdisjoint(refused.failed):
                self._read()
                return None
            head = _head_in_the_way(refused, self._context.conversation_id)
            stale = bool(refused.failed.keys() - {"head"})  # more than the head has changed
            if self._ticket.collided():
                self._take_over(stale=stale)
            else:
                self._catch_up(head, stale=stale)
            return None
        if self._ticket.number:
            self._ticket.end(Handover(head=done.context.head).dumps())
        return done

    def _share(self, transaction: Transaction, done: _Done[C], read_again: frozenset[str]) -> _Done[C] | None:
        """Add to the batch, and hand it over or commit it."""
        ticket, head, writes = self._ticket, self._context.head, transaction.packed()
        batch = self._batch or Batch(base=head, head=head)
        if not batch.has_room_for(writes):
            self._commit_for_others(batch)
            self._read()
            return None
        batch.add(ticket.number, done.events, done.context.head, writes)
        if not batch.is_full and ticket.hand_over(Handover(batch=batch).dumps()):
            self._batch = None
            answer = ticket.wait_for_answer()
            if answer == COMMITTED:
                return replace(done, to_publish=[])
            if answer == COMMITTED_UNPUBLISHED:
                return done
            self._failed += 1
            self._retry_after_batch(shares=self._failed < MAX_FAILED_BATCHES)
            return None
        self._batch = None
        if len(batch.numbers) == 1:
            return self._write(transaction, done, read_again)
        if self._commit(batch):
            return replace(done, to_publish=batch.events)
        self._retry_after_batch(shares=False)
        return None

    def _retry_after_batch(self, *, shares: bool) -> None:
        """Begin again after a batch that failed or got no answer.

        The writer who tried to commit the batch writes alone: the batch may have lost to a writer outside of the queue,
        who is faster than a batch that passes through many hands, and who joins the queue after a collision with a
        single write. The others share once more, as a dozen single writes keep everybody waiting. After two failed
        batches a writer goes on alone, as its own writes may be the reason.
        """
        self._shares = shares
        waited = self._ticket.collided()
        self._read()
        if waited:
            self._take_over()

    def _commit_for_others(self, batch: Batch) -> None:
        """Commit a batch that cannot take this writer's events, and keep the turn; its writers publish themselves."""
        self._batch = None
        written = False
        with suppress(DependencyUnavailable, Timeout):  # answered with FAILED, and this writer's own write fails too
            written = batch.commit()
        self._ticket.answer(batch.numbers, COMMITTED_UNPUBLISHED if written else FAILED)

    def _commit(self, batch: Batch) -> bool:
        """Commit a batch that ends with this writer's events, end the turn, and answer the other writers."""
        written = False
        try:
            written = batch.commit()
            if written:
                self._ticket.end(Handover(head=batch.head).dumps())
        finally:
            self._ticket.answer(batch.numbers[:-1], COMMITTED if written else FAILED)
        return written

    def _take_over(self, *, stale: bool = False) -> None:
        """Begin the turn with the batch or head that the turn before has left."""
        left, self._ticket.message = Handover.loads(self._ticket.message), ""
        if left.batch is not None:
            if not self._shares or stale or not _follows(left.batch.base, self._context.head):
                self._commit_for_others(left.batch)
                self._read()
                return
            self._batch = left.batch
            self._context = self._context.at_head(left.batch.head)
            return
        self._catch_up(left.head or head_store.head(self._context.conversation_id), stale=stale)

    def _catch_up(self, head: LogHead, *, stale: bool) -> None:
        if stale or head.access_seq != self._context.head.access_seq:
            self._read()
        elif head.last_seq > self._context.head.last_seq:
            self._context = self._context.at_head(head)


def _follows(base: LogHead, read: LogHead) -> bool:
    """Whether a batch on this base is at or after the head that was read, with unchanged permissions."""
    return base.last_seq >= read.last_seq and base.access_seq == read.access_seq


def _head_in_the_way(refused: Cancelled, conversation_id: str) -> LogHead:
    """The head that somebody else has moved; raises DuplicateSend, or `refused` if only other conditions failed.

    Where the head or the info has changed, other conditions may have failed for that reason alone: the next plan finds
    out.
    """
    if "sent" in refused.failed:
        raise DuplicateSend from refused
    if refused.failed and refused.failed.keys().isdisjoint(_MAY_BE_STALE):
        raise refused
    record = refused.failed.get("head")
    return head_store.head_of(record) if record is not None else head_store.head(conversation_id)


def _stage_events(transaction: Transaction, context: Context, wanted: AppendPlan) -> tuple[list[Event], LogHead]:
    """Stage the events at the next seqs; the head is staged by whoever commits."""
    head = context.head
    now = event_time(head) if wanted.at is None else wanted.at
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
            event = replace(event, sent_as=new.send.key, fingerprint=duplicates.keyed_fingerprint(new.send))
            sends_store.stage_send(transaction, key=new.send.key, conversation_id=head.conversation_id, seq=seq)
        after = replace(
            after,
            last_seq=seq,
            last_message_seq=seq if event.is_message else after.last_message_seq,
            access_seq=seq if registry.event_type(new.type).changes_access else after.access_seq,
        )
        after = context.head_after(after, new)
        events.append(event)
        store.stage_event(transaction, event)
    return events, after
