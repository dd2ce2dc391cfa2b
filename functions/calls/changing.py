"""Saving changes of a call under conditions; the end of a call together with the conversation's log."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from calls import call_events, sfu, store, views
from calls.model import Call
from conversations import api as conversations
from conversations.model import MemberContext
from kernel import clock, telemetry
from kernel.errors import DependencyUnavailable, NotFound
from kernel.resilience import retry_loop
from kernel.telemetry import MetricUnit
from kernel.transactions import Cancelled, Transaction
from log import api as log
from log.model import NewEvent
from messages import api as messages
from messages.model import MESSAGE_UPDATED

PATIENCE_S = 5.0
PAUSE_BASE_S, PAUSE_CAP_S = 0.01, 0.3

Step = Callable[[Call], Call]


@dataclass(frozen=True, slots=True)
class CallChange:
    """A call as it was stored before a change and after it; both are the same if there was nothing to change."""

    before: Call
    after: Call


def change(first: Call, step: Step, *, actor_id: str, joining: bool = False) -> CallChange:
    """Apply `step` to the present state of a call and save it.

    `step` is called again after a concurrent change, and raises if it is not allowed. Timeouts that have passed are
    saved with it. Raises DependencyUnavailable when retries are exhausted.
    """
    stored = first
    for _ in retry_loop(PATIENCE_S, base_s=PAUSE_BASE_S, cap_s=PAUSE_CAP_S):
        after = step(stored.as_of(clock.now()))
        if after == stored:
            return CallChange(stored, stored)
        try:
            if after.ended:
                return CallChange(stored, _finish(stored, after, actor_id))
            save = partial(store.save_join, user_id=actor_id) if joining else store.save
            return CallChange(stored, save(stored, after))
        except store.VersionConflict:
            stored = _reload(first.id)
    raise DependencyUnavailable("This call is very busy; try again.", retry_after_s=1)


def _reload(call_id: str) -> Call:
    found = store.find(call_id)
    if found is None:
        raise NotFound
    return found


def apply_timeouts(call: Call) -> Call:
    """Save the timeouts of a call that have passed, and publish them unless somebody else has saved them; returns the
    present call."""
    if call.as_of(clock.now()) == call:
        return call
    made = change(call, lambda now: now, actor_id=call.initiator_id)
    if made.after != made.before:
        call_events.publish_change(made.after)
    return made.after


def _finish(before: Call, after: Call, actor_id: str) -> Call:
    """Save the end of a call: its item, its message in the log and the conversation's live call, in one transaction.

    The event's actor is one of the call's people who is still a member. Raises VersionConflict.
    """
    people = (actor_id, after.initiator_id, *(each.user_id for each in after.participants))
    try:
        if not any(_end_in_log(before, after, user_id) for user_id in dict.fromkeys(people)):
            after = after.with_failure()
            _end_beside_log(before, after)
    except Cancelled as refused:
        if refused.failed.keys() != {"message"}:
            raise store.VersionConflict from refused
        _end_beside_log(before, after)  # the message was deleted
    sfu.close(after)
    telemetry.count("CallsEnded")
    telemetry.count(f"CallsEnded{(after.end_reason or '').capitalize()}")
    telemetry.count("CallDuration", after.duration_s or 0, MetricUnit.Seconds)
    return after


def _end_in_log(before: Call, after: Call, user_id: str) -> bool:
    data = {"message_seq": after.message_seq, "message_id": after.message_id}

    def plan(context: MemberContext) -> log.AppendPlan:
        def stage(transaction: Transaction) -> None:
            store.stage_change(transaction, before, after)
            messages.stage_system_update(
                transaction, after.conversation_id, after.message_seq, context.next_seq, views.message(after)
            )

        return log.AppendPlan([NewEvent(MESSAGE_UPDATED, user_id, data)], stage, live_call="")

    try:
        context, events = conversations.append(after.conversation_id, user_id, plan)
    except NotFound:
        return False
    conversations.publish_events(context, events)
    return True


def _end_beside_log(before: Call, after: Call) -> None:
    transaction = Transaction()
    store.stage_change(transaction, before, after)
    log.stage_call_ended(transaction, after.conversation_id, after.id)
    try:
        transaction.commit()
    except Cancelled as refused:
        raise store.VersionConflict from refused
