"""Signalling between peer connections. Payloads are never interpreted."""

from __future__ import annotations

import json
from typing import Any

from calls import call_events, signal_store
from calls.model import Call
from calls.service import require_call
from conversations import api as conversations
from conversations.api import require_member
from conversations.model import MemberContext
from kernel import clock, ids, telemetry
from kernel.caller import Caller
from kernel.errors import NotFound, PayloadTooLarge, ValidationFailed

MAX_PAYLOAD_BYTES = 64 * 1024


def send(*, caller: Caller, call_id: str, to: str, kind: str, payload: Any) -> dict[str, int]:
    """Save a signal in a participant's inbox and publish it to their device; `{n}` is its number.

    Signals of one sender to one participant keep the order of their acknowledgements. Raises NotInCall,
    AnsweredElsewhere, CallEnded, ValidationFailed, PayloadTooLarge, and NotFound for a receiver who is not in the call.
    """
    try:
        text = json.dumps(payload, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    except ValueError as error:
        raise ValidationFailed.of("payload", "must be JSON, which has no NaN and no Infinity") from error
    if len(text.encode("utf-8", "surrogatepass")) > MAX_PAYLOAD_BYTES:
        raise PayloadTooLarge("A signal has at most 64 KB.")
    stored, last = signal_store.call_and_last(call_id, to) if ids.is_id(call_id, "cal") else (None, 0)
    if stored is None:
        raise NotFound
    context = require_member(stored.conversation_id, caller.user_id)
    context.require_not_blocked()
    call = stored.as_of(clock.now())
    mine = call.require_joined(caller.user_id, caller.session_id)
    if to == mine.participant_id:
        raise ValidationFailed.of("to", "must be somebody else")
    peer = next((each for each in call.joined if each.participant_id == to), None)
    if peer is None or not _is_member(context, call, peer.user_id):
        raise NotFound("There is no such participant in this call.")
    n = signal_store.put(call_id, to, last=last, sender=mine.participant_id, kind=kind, payload=text)
    telemetry.count("CallSignals")
    data = {"call_id": call_id, "n": n, "from": mine.participant_id, "kind": kind, "payload": payload}
    call_events.publish_signal(call, peer.user_id, peer.session_id or "", data)
    return {"n": n}


def _is_member(context: MemberContext, call: Call, user_id: str) -> bool:
    if context.info.member_ids is not None:
        return user_id in context.info.member_ids
    return conversations.member(call.conversation_id, user_id) is not None


def list_received(*, caller: Caller, call_id: str, after: int) -> dict[str, Any]:
    """The caller's signals after number `after`, at most 60 s old, for clients without a socket."""
    stored, context = require_call(call_id, caller)
    context.require_not_blocked()
    mine = stored.as_of(clock.now()).require_joined(caller.user_id, caller.session_id)
    found = signal_store.after(call_id, mine.participant_id, after)
    return {
        "items": [
            {"n": each.n, "from_": each.sender, "kind": each.kind, "payload": json.loads(each.payload), "at": each.at}
            for each in found
        ]
    }
