"""Telling live sockets of a call. Hints: whoever misses one sees the call in `sync` and in GET /calls/{id}."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
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
_OVER = ("declined", "missed")
_RUNG_OUT_MS = 10 * clock.SECOND  # by then the end of the ring has been written down


def ring(context: MemberContext, call: Call) -> None:
    """Ring on all devices of everybody in the conversation who hears of the one that calls. Never raises."""
    me = context.member
    member_ids = context.info.member_ids
    people = None if member_ids is None else [each for each in member_ids if me.receives("ring", each)]
    _tell(RINGING, call, people, of=me.user_id)


def _tell(kind: str, call: Call, people: Sequence[str] | None, *, of: str | None = None) -> None:
    """Tell these people, on all their devices, of the call as it is now; None: all members, but for those who do not
    hear of a ring `of` somebody."""
    text = _frame(kind, call.conversation_id, views.as_json(call))
    if people is None:
        to_all = ToMembers(0, text, 0, text, what="ring", of=of)
        _hint(call, lambda: realtime.publish_to_members(call.conversation_id, [to_all]))
    else:
        _hint(call, lambda: realtime.publish([text], people))


def changed(call: Call) -> None:
    """Tell everybody of a change that is committed, or of the end. Never raises.

    Who is there is read after the change: whoever was removed before it hears nothing of it (R6).
    """
    _stop_ringing(call)

    def publish() -> None:
        info = conversations.info(call.conversation_id)
        if info is not None:
            _tell(ENDED if call.ended else UPDATED, call, info.member_ids)

    _hint(call, publish)


def over_for(call: Call, user_ids: Sequence[str]) -> None:
    """Tell people's devices that a call is over for them, also where they are in the conversation no more. Never
    raises."""
    text = _frame(ENDED, call.conversation_id, views.as_json(call.as_over(clock.now())))
    _hint(call, lambda: realtime.publish([text], user_ids))
    ring_over(call_id=call.id, conversation_id=call.conversation_id, user_ids=user_ids)


def answered_elsewhere(call: Call, user_id: str, session_id: str) -> None:
    """Tell the other devices of who has joined to stop ringing. Never raises."""
    text = _frame(ANSWERED_ELSEWHERE, call.conversation_id, views.as_json(call))
    _hint(call, lambda: realtime.publish_to_sessions([text], user_id, but=session_id))
    ring_over(call_id=call.id, conversation_id=call.conversation_id, user_ids=[user_id], session_id=session_id)


def _stop_ringing(call: Call) -> None:
    """Stop it on the devices of those for whom it rings no more: who declined, and who missed it, which they hear of.

    It is told at the end of the ring and of the call: in between it is known.
    """
    if not call.ended and clock.now() > call.created_at + RING_TIMEOUT_MS + _RUNG_OUT_MS:
        return
    by_state = {state: [each.user_id for each in call.participants if each.state == state] for state in _OVER}
    ring_over(
        call_id=call.id,
        conversation_id=call.conversation_id,
        user_ids=[user_id for people in by_state.values() for user_id in people],
        missed=by_state["missed"],
        caller_id=call.initiator_id,
        began_at=call.created_at,
    )


def signal(call: Call, user_id: str, session_id: str, data: dict[str, Any]) -> None:
    """Hand a signal to the device that it is for. Never raises."""
    text = _frame(SIGNAL, call.conversation_id, data)
    _hint(call, lambda: realtime.publish_to_sessions([text], user_id, only=session_id))


def _frame(kind: str, conversation_id: str, data: Any) -> str:
    event = {"type": kind, "conversation_id": conversation_id, "at": clock.rfc3339(clock.now()), "data": data}
    return json.dumps(event, ensure_ascii=False)  # escapes would take 64 KB of payload beyond what a post takes


def _hint(call: Call, publish: Callable[[], None]) -> None:
    try:
        publish()
    except Exception as error:  # what it tells of is committed
        telemetry.logger().error("not published", exc_info=error, extra={"call_id": call.id})
