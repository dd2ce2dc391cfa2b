"""Calls as the client package tells of them."""

from __future__ import annotations

from secureconnect_client.decoding import decode
from secureconnect_client.events import CallAnsweredElsewhere, CallEnded, CallRinging, CallSignalled, parse_event
from secureconnect_client.models import JoinedCall

CALL = {
    "id": "cal_1",
    "conversation_id": "cnv_1",
    "media": "video",
    "state": "ringing",
    "initiator_id": "usr_1",
    "participants": [
        {
            "participant_id": "par_1",
            "user_id": "usr_1",
            "state": "joined",
            "media_state": {"audio": True, "video": True, "screen": False},
            "joined_at": "2026-11-22T21:24:05.123Z",
        }
    ],
    "topology": "mesh",
}


def test_a_ringing_call_is_typed_down_to_what_its_participants_send() -> None:
    event = parse_event({"type": "call.ringing", "conversation_id": "cnv_1", "data": CALL})
    assert isinstance(event, CallRinging)
    (first,) = event.call.participants
    assert (event.call.media, first.state, first.media_state.video) == ("video", "joined", True)
    assert first.joined_at is not None
    assert first.joined_at.microsecond == 123_000


def test_each_kind_of_call_event_has_its_class() -> None:
    assert isinstance(parse_event({"type": "call.ended", "data": CALL}), CallEnded)
    assert isinstance(parse_event({"type": "call.answered_elsewhere", "data": CALL}), CallAnsweredElsewhere)


def test_a_signal_names_its_sender() -> None:
    data = {"call_id": "cal_1", "n": 3, "from": "par_2", "kind": "offer", "payload": {"sdp": "v=0"}}
    event = parse_event({"type": "call.signal", "data": data})
    assert isinstance(event, CallSignalled)
    assert (event.signal.n, event.signal.sender, event.signal.payload) == (3, "par_2", {"sdp": "v=0"})


def test_credentials_of_turn_servers_are_not_shown() -> None:
    answer = {"call": CALL, "participant_id": "par_1", "ice_servers": [{"urls": ["turn:x"], "credential": "hush"}]}
    joined = decode(JoinedCall, answer)
    assert joined.ice_servers[0].credential == "hush"
    assert "hush" not in repr(joined)
