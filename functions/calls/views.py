"""Views of calls, the same for everybody with access."""

from __future__ import annotations

from typing import Any

from calls.model import Call
from calls.participant import Participant


def call(it: Call) -> dict[str, Any]:
    return {
        "id": it.id,
        "conversation_id": it.conversation_id,
        "media": it.media,
        "state": it.state,
        "initiator_id": it.initiator_id,
        "participants": [_participant(each) for each in it.participants],
        "topology": it.topology,
        "end_reason": it.end_reason,
        "created_at": it.created_at,
        "answered_at": it.answered_at,
        "ended_at": it.ended_at,
        "duration_seconds": it.duration_s,
    }


def _participant(each: Participant) -> dict[str, Any]:
    media = each.media
    return {
        "participant_id": each.participant_id,
        "user_id": each.user_id,
        "state": each.state,
        "media_state": {"audio": media.audio, "video": media.video, "screen": media.screen},
        "hand_raised": media.hand_raised,
        "speaking": media.speaking,
        "busy": each.busy,
        "joined_at": each.joined_at,
        "left_at": each.left_at,
    }


def as_json(it: Call) -> dict[str, Any]:
    """The JSON view of a call, for frames of the socket."""
    from calls import schemas  # few calls render outside of a route
    from kernel import schema

    return schema.as_json(schemas.CallOut, call(it))


def message(it: Call) -> dict[str, Any]:
    """The data of the call's message in the log; `metadata` has the media, the state and the end of the call."""
    metadata = {
        "call_id": it.id,
        "media": it.media,
        "state": it.state,
        "end_reason": it.end_reason,
        "duration_seconds": it.duration_s,
    }
    return {"id": it.message_id, "client_id": it.client_id, "type": "call", "metadata": metadata}
