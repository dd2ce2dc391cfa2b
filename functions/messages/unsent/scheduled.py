"""Scheduled messages: stored, listed, cancelled, and sent by the server at their time, exactly once.

A state machine per message wakes at its time; a sweep every minute sends overdue messages. Both may run, repeatedly:
the row holds the state, and the client_id deduplicates sends. Permissions are checked when the message is scheduled and
again when it is sent.
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
from kernel.schema import as_json
from log.api import AccountLost, ContactChanged, ConversationLost, PlainTextLost
from messages import service
from messages.schemas import MessageFields
from messages.unsent import scheduled_model as model
from messages.unsent import scheduled_schemas as schemas
from messages.unsent import scheduled_store as store
from messages.unsent.scheduled_model import ScheduledMessage
from realtime import api as realtime

MACHINE = "scheduled-message"
FAILED = "scheduled.failed"
OVERDUE_MS = clock.MINUTE  # then the machine has failed, and the sweep sends the message
SWEEP_MAX = 1_000  # messages per shard and sweep
PATIENCE_S = 16.0  # of a sweep, for all shards


def schedule(
    *, caller: Caller, conversation_id: str, fields: MessageFields, send_at: int
) -> tuple[dict[str, Any], bool]:
    """Schedule a message for `send_at` (ms); returns it and whether it is new: a repeated client_id gets the first.

    Raises the errors of sending, ValidationFailed for a time in the past or over a year ahead, Conflict
    `too_many_scheduled`, and `already_sent` for a client_id whose message was sent or cancelled.
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
        # the first request was in time and allowed
        return _earlier(caller, conversation_id, used, fingerprint).view(), False
    new = ScheduledMessage(
        id=ids.new_at("sch", send_at),  # sorts by the time of sending
        user_id=caller.user_id,
        conversation_id=conversation_id,
        send_at=send_at,
        created_at=max(clock.now(), joined_at),  # clocks differ, and a message older than the membership is not sent
        draft=fields.model_dump(exclude_defaults=True, exclude={"send_at"}),  # a route's body has that too
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
    """Start the state machine of a message. Never raises, as the sweep sends messages without one."""
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
    """The caller's scheduled messages in a conversation, the next first; former members see their failed ones."""
    paging = Paginator(page, caller.user_id, "scheduled", conversation_id)
    found = store.listed(caller.user_id, require_id(conversation_id), after=paging.start, limit=limit + 1)
    if not found:
        require_member(conversation_id, caller.user_id)
    return paging.page(found, limit, lambda each: each.id, lambda shown: [each.view() for each in shown])


def cancel(*, caller: Caller, conversation_id: str, scheduled_id: str) -> None:
    """Cancel a message, or delete a failed one; raises Conflict `being_sent`, NotFound."""
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
    """Send a message if it is due; returns the time (ms) of the next try if it is not, or if slow mode delays it.

    Before it are sent its sender's messages to the same conversation that are due before it and not over a minute late,
    so that they arrive in the order of their times. Idempotent, also when called concurrently. Raises temporary errors,
    so that the call is retried; other errors are stored as the message's reason.
    """
    if not ids.is_id(scheduled_id, "sch"):
        return None
    in_order = store.up_to(user_id, conversation_id, scheduled_id, since=clock.now() - OVERDUE_MS)
    found = in_order[-1] if in_order else None
    if found is None or found.id != scheduled_id or found.state == "failed":
        return None
    if found.send_at > clock.now():
        return max(found.send_at, clock.now() + clock.SECOND)
    for each in in_order:
        again_at = _send(each) if each.state != "failed" and store.begin(each) else None
        if again_at is not None:
            return again_at
    return None


def _send(scheduled: ScheduledMessage) -> int | None:
    sender = Caller(scheduled.user_id, session_id="")
    message = MessageFields.model_validate(scheduled.draft).message()
    try:
        service.send(
            caller=sender,
            conversation_id=scheduled.conversation_id,
            message=message,
            member_since=scheduled.created_at,  # leaving has cancelled it, even if the sender is a member again
        )
    except RateLimited as slowed:
        store.put_back(scheduled)  # slow mode may delay it for an hour, in which it can be cancelled
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
    """Mark a message as failed, with the reason, and notify its sender's devices."""
    if not store.fail(scheduled, reason):
        return
    telemetry.count("ScheduledFailed")
    failed = as_json(schemas.Scheduled, replace(scheduled, state="failed", reason=reason).view())
    frame = conversations.ephemeral_frame(scheduled.conversation_id, FAILED, failed)
    with conversations.hint(scheduled.conversation_id):  # the state is stored, and the list shows it
        realtime.publish([frame], [scheduled.user_id])


# --- losing the right -----------------------------------------------------------------------------------------


def of_conversation(loss: ConversationLost) -> None:
    """Fail the scheduled messages of a former member, for good, or of all members of a deleted group."""
    end = partial(_end, conversation_id=loss.conversation_id, before=loss.at, reason=NotFound.code)
    parallel.mapped(end, conversations.affected_members(loss))


def of_plain_text(loss: PlainTextLost) -> None:
    """Fail everybody's scheduled messages in a conversation that has become encrypted."""
    reason = "encrypted_conversation"
    end = partial(_end, conversation_id=loss.conversation_id, before=loss.at, reason=reason)
    parallel.mapped(end, conversations.everybody_in(loss.conversation_id))


def of_account(loss: AccountLost) -> None:
    """Fail all scheduled messages of a person who is banned or being erased."""
    _end(loss.user_id, None, before=loss.at, reason=loss.code)


def of_contact(change: ContactChanged) -> None:
    """Fail the scheduled messages in the direct conversation of two people after a block.

    The reason `blocked` is given to the person who blocks; for the other it is NotFound, which hides the block.
    """
    if change.blocked and change.direct_id is not None:
        _end(change.user_id, change.direct_id, before=change.at, reason="blocked")
        _end(change.other_id, change.direct_id, before=change.at, reason=NotFound.code)


def _end(user_id: str, conversation_id: str | None, *, before: int, reason: str) -> None:
    for each in store.waiting(user_id, conversation_id):
        if each.created_at <= before:
            _fail(each, reason)


def sweep() -> int:
    """Send messages that are over a minute late; returns their number, without those that slow mode delays.

    A failed one does not stop the others, and each shard has its part of the time.
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
