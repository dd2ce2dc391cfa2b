"""Publishing calls to live sockets. Best effort, never raising: `sync` and GET /calls/{id} have the same state."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any

from calls import views
from calls.model import RING_TIMEOUT_MS, Call
from conversations import api as conversations
from conversations.model import MemberContext
from kernel import clock, telemetry
from realtime import api as realtime
from realtime.api import ToMembers, ring_over

RINGING = "call.ringing"
UPDATED = "call.updated"
ANSWERED_ELSEWHERE = "call.answered_elsewhere"
ENDED = "call.ended"
SIGNAL = "call.signal"
_RING_ENDED = ("declined", "missed")
_TIMEOUT_SAVED_MS = 10 * clock.SECOND  # by then the timeout of the ring is saved


def ring(context: MemberContext, call: Call) -> None:
    """Ring on all devices of the call's participants, or in a group that keeps no list of its members, of those who are
    not separated from the caller by a block."""
    people = None if context.info.member_ids is None else [each.user_id for each in call.participants]
    _publish(RINGING, call, people, of=context.member.user_id)


def _publish(kind: str, call: Call, people: Sequence[str] | None, *, of: str | None = None) -> None:
    """Publish a call to these people, or (None) to all members who may get a ring of user `of`."""
    text = _frame(kind, call.conversation_id, views.as_json(call))
    with _hint(call):
        if people is None:
            realtime.publish_to_members(call.conversation_id, [ToMembers(0, text, 0, text, what="ring", of=of)])
        else:
            realtime.publish([text], people)


def publish_change(call: Call) -> None:
    """Publish a committed change, or the end, to the members.

    Members are read after the change, so that a member who was removed before it gets no event (R6).
    """
    _stop_ringing(call)
    with _hint(call):
        info = conversations.info(call.conversation_id)
        if info is not None:
            _publish(ENDED if call.ended else UPDATED, call, info.member_ids)


def publish_end_to(call: Call, user_ids: Sequence[str]) -> None:
    """Publish to people, who may be members no more, that the call has ended for them."""
    text = _frame(ENDED, call.conversation_id, views.as_json(call.as_ended(clock.now())))
    with _hint(call):
        realtime.publish([text], user_ids)
    ring_over(call_id=call.id, conversation_id=call.conversation_id, user_ids=user_ids)


def publish_answered_elsewhere(call: Call, user_id: str, session_id: str) -> None:
    """Stop the ringing on the other devices of a person who has joined."""
    text = _frame(ANSWERED_ELSEWHERE, call.conversation_id, views.as_json(call))
    with _hint(call):
        realtime.publish_to_sessions([text], user_id, but=session_id)
    ring_over(call_id=call.id, conversation_id=call.conversation_id, user_ids=[user_id], session_id=session_id)


def _stop_ringing(call: Call) -> None:
    """Stop the ringing for people who declined or missed the call, and notify the latter; at the end of the ringing and
    of the call."""
    if not call.ended and clock.now() > call.created_at + RING_TIMEOUT_MS + _TIMEOUT_SAVED_MS:
        return
    by_state = {state: [each.user_id for each in call.participants if each.state == state] for state in _RING_ENDED}
    ring_over(
        call_id=call.id,
        conversation_id=call.conversation_id,
        user_ids=[user_id for people in by_state.values() for user_id in people],
        missed=by_state["missed"],
        caller_id=call.initiator_id,
        began_at=call.created_at,
    )


def publish_signal(call: Call, user_id: str, session_id: str, data: dict[str, Any]) -> None:
    """Publish a signal to its receiver's device."""
    text = _frame(SIGNAL, call.conversation_id, data)
    with _hint(call):
        realtime.publish_to_sessions([text], user_id, only=session_id)


def _frame(kind: str, conversation_id: str, data: Any) -> str:
    event = {"type": kind, "conversation_id": conversation_id, "at": clock.rfc3339(clock.now()), "data": data}
    return json.dumps(event, ensure_ascii=False)  # with escapes a payload of 64 KB would exceed the size of a post


def _hint(call: Call) -> AbstractContextManager[None]:
    return telemetry.best_effort("not published", call_id=call.id)  # the change is committed
