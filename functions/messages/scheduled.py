"""Scheduled messages: kept, listed, cancelled, and sent by the server at their time, exactly once.

A state machine per message wakes at the time; a look at the table every minute finds what one has missed. Both may
come, and twice: the row says whether it waits, and the message's client_id makes one message of many sends. Whether
it may be sent is asked when it is scheduled and again when it is sent.
"""

from __future__ import annotations

import time
from dataclasses import replace
from functools import partial
from typing import Any

from conversations import api as conversations
from conversations.api import require_id, require_member
from kernel import clock, ids, parallel, telemetry, workflows
from kernel.caller import Caller
from kernel.errors import Conflict, DependencyUnavailable, NotFound, Problem, RateLimited, Unprocessable
from kernel.keyrings import pseudonym
from kernel.paging import Page, Paginator
from log.api import AccountLost, ContactChanged, ConversationLost
from messages import scheduled_model as model
from messages import scheduled_schemas as schemas
from messages import scheduled_store as store
from messages import service
from messages.scheduled_model import ScheduledMessage
from messages.schemas import MessageFields
from realtime import api as realtime

MACHINE = "scheduled-message"
FAILED = "scheduled.failed"
OVERDUE_MS = clock.MINUTE  # then the machine has failed, and the look every minute sends it
SWEEP_MAX = 1_000  # per shard and look
PATIENCE_S = 16.0  # of a look, for all shards


def schedule(
    *, caller: Caller, conversation_id: str, fields: MessageFields, send_at: int
) -> tuple[dict[str, Any], bool]:
    """Keep a message to be sent at a time (ms), and whether it is new; a repeated client_id returns the first one.

    Raises what sending it now would, ValidationFailed for a time in the past or over a year ahead, Conflict
    `too_many_scheduled`, and `already_sent` for a client_id whose message has been sent or cancelled.
    """
    message = fields.message()
    fingerprint = pseudonym("scheduled", f"{message.fingerprint}@{send_at}")  # keyed, as hashes of texts can be guessed
    try:
        model.require_time(send_at)
        joined_at = service.check(caller=caller, conversation_id=conversation_id, message=message)
    except Problem:
        used = store.used(caller.user_id, conversation_id, fields.client_id)
        if used is None:
            raise
        # what is too late or not allowed any more was neither when it was scheduled
        return _earlier(caller, conversation_id, used, fingerprint).view(), False
    new = ScheduledMessage(
        id=model.new_id(send_at),
        user_id=caller.user_id,
        conversation_id=conversation_id,
        send_at=send_at,
        created_at=max(clock.now(), joined_at),  # clocks differ, and it is not sent for who has joined after it
        draft=fields.model_dump(exclude_defaults=True),
        type=message.type,
        fingerprint=fingerprint,
    )
    try:
        store.keep(new)
    except store.Used as used:
        return _earlier(caller, conversation_id, used, fingerprint).view(), False
    _wake_at(new)
    return new.view(), True


def _earlier(caller: Caller, conversation_id: str, used: store.Used, fingerprint: str) -> ScheduledMessage:
    if used.fingerprint != fingerprint:
        raise Unprocessable("This client_id stands for another scheduled message.")
    found = store.find(caller.user_id, conversation_id, used.scheduled_id)
    if found is None:
        raise Conflict("This message was sent or cancelled already.", code="already_sent")
    return found


def _wake_at(scheduled: ScheduledMessage) -> None:
    """Have a machine wake at the time. Never raises: what no machine wakes for is found by the look every minute."""
    about = {
        "user_id": scheduled.user_id,
        "conversation_id": scheduled.conversation_id,
        "scheduled_id": scheduled.id,
        "send_at": clock.rfc3339(scheduled.send_at),
    }
    try:
        workflows.start(MACHINE, scheduled.id, about)
    except DependencyUnavailable as error:
        telemetry.logger().warning("no machine waits for a scheduled message", exc_info=error)


def list_scheduled(*, caller: Caller, conversation_id: str, limit: int, page: str | None) -> Page[dict[str, Any]]:
    """The caller's scheduled messages here, the next first; former members see what was not sent, and why."""
    paging = Paginator(page, caller.user_id, "scheduled", conversation_id)
    found = store.listed(caller.user_id, require_id(conversation_id), after=paging.start, limit=limit + 1)
    if not found:
        require_member(conversation_id, caller.user_id)
    return paging.page(found, limit, lambda each: each.id, lambda shown: [each.view() for each in shown])


def cancel(*, caller: Caller, conversation_id: str, scheduled_id: str) -> None:
    """Take a message back before it is sent, or put away one that failed; raises Conflict while it is being sent."""
    found = _find(caller.user_id, require_id(conversation_id), scheduled_id)
    if found is None:
        raise NotFound
    if not store.cancel(found):
        if _find(caller.user_id, conversation_id, scheduled_id) is None:
            raise NotFound
        raise Conflict("This message is being sent.", code="being_sent")


def _find(user_id: str, conversation_id: str, scheduled_id: str) -> ScheduledMessage | None:
    return store.find(user_id, conversation_id, scheduled_id) if ids.is_id(scheduled_id, "sch") else None


# --- sending --------------------------------------------------------------------------------------------------


def when_due(*, user_id: str, conversation_id: str, scheduled_id: str) -> int | None:
    """Send it if its time has come; when to ask again (ms) if that is still to come or slow mode holds it back.

    May be repeated, and be done by two at once. Raises what may pass, so that it is tried again; anything else is
    noted for the sender as its reason.
    """
    found = _find(user_id, conversation_id, scheduled_id)
    if found is None or found.state == "failed":
        return None
    if found.send_at > clock.now():
        return max(found.send_at, clock.now() + clock.SECOND)
    return _send(found) if store.begin(found) else None


def _send(scheduled: ScheduledMessage) -> int | None:
    sender = Caller(scheduled.user_id, session_id="")
    message = MessageFields.model_validate(scheduled.draft).message()
    try:
        service.send(
            caller=sender,
            conversation_id=scheduled.conversation_id,
            message=message,
            member_since=scheduled.created_at,  # who has left meanwhile has ended it, also where they are back
        )
    except RateLimited as slowed:
        store.put_back(scheduled)  # it may have to wait for an hour, in which it can be cancelled
        return clock.now() + (slowed.retry_after_s or 1) * clock.SECOND
    except Problem as problem:
        if model.may_pass(problem):
            raise
        _fail(replace(scheduled, state="sending"), problem.stable_code)
    else:
        telemetry.count("ScheduledSent")
        telemetry.count("ScheduledLateness", clock.now() - scheduled.send_at)
        store.sent(scheduled)
    return None


def _fail(scheduled: ScheduledMessage, reason: str) -> None:
    """Note that it is not sent, and why, and tell its sender's devices."""
    if not store.fail(scheduled, reason):
        return
    telemetry.count("ScheduledFailed")
    failed = schemas.Scheduled.model_validate(replace(scheduled, state="failed", reason=reason).view())
    frame = conversations.ephemeral_frame(scheduled.conversation_id, FAILED, failed.model_dump(mode="json"))
    try:
        realtime.publish([frame], [scheduled.user_id])
    except Exception as error:  # it is noted, and its sender sees it in the list
        conversations.log_unpublished(scheduled.conversation_id, error)


# --- losing the right -----------------------------------------------------------------------------------------


def of_conversation(loss: ConversationLost) -> None:
    """What a member had scheduled ends with the membership, and does not come back with it; with a deleted group,
    everybody's."""
    end = partial(_end, conversation_id=loss.conversation_id, before=loss.at, reason=NotFound.code)
    parallel.mapped(end, conversations.affected_members(loss))


def of_account(loss: AccountLost) -> None:
    """Nothing is sent for who may not act here any more."""
    _end(loss.user_id, None, before=loss.at, reason=loss.code)


def of_contact(change: ContactChanged) -> None:
    """Nothing goes from one to the other of two between whom a block stands; the blocked one does not learn of it."""
    if change.blocked and change.direct_id is not None:
        _end(change.user_id, change.direct_id, before=change.at, reason="blocked")
        _end(change.other_id, change.direct_id, before=change.at, reason=NotFound.code)


def _end(user_id: str, conversation_id: str | None, *, before: int, reason: str) -> None:
    for each in store.waiting(user_id, conversation_id):
        if each.created_at <= before:
            _fail(each, reason)


def sweep() -> int:
    """Send what is over a minute late; how many there were, but for those that slow mode holds back.

    One that fails does not stop the others, and those that wait do not keep others from being reached: each shard has
    its part of the time.
    """
    before = clock.now() - OVERDUE_MS
    late = 0
    start = time.monotonic()
    for turn, shard in enumerate(store.DUE_SHARDS, 1):
        until = start + PATIENCE_S * turn / len(store.DUE_SHARDS)
        for user_id, conversation_id, scheduled_id in list(store.due(shard, before=before, limit=SWEEP_MAX)):
            if time.monotonic() > until:
                break
            try:
                again_at = when_due(user_id=user_id, conversation_id=conversation_id, scheduled_id=scheduled_id)
            except Problem as problem:
                telemetry.logger().warning("a scheduled message is still to be sent", exc_info=problem)
                again_at = None
            late += again_at is None
    return late
