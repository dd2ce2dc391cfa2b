"""Calls as the client package tells of them."""

from __future__ import annotations

from typing import Any

import pytest

from secureconnect_client.call_tracker import MAX_KNOWN, CallTracker
from secureconnect_client.decoding import decode
from secureconnect_client.events import CallAnsweredElsewhere, CallEnded, CallRinging, CallSignalled, parse_event
from secureconnect_client.models import JoinedCall
from tests.unit.client.carriers import in_loop
from tests.unit.client.streams import online, reopened, take
from tests.unit.client.world import World

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


ACTIVE = CALL | {"state": "active"}
OVER = CALL | {"state": "ended", "end_reason": "completed"}
DECLINED = CALL | {"participants": []}


class Phone:
    """What one device is told of calls, by its watch."""

    def __init__(self) -> None:
        self.watch = CallTracker()

    def frame(self, kind: str, call: dict[str, Any]) -> bool:
        return self.watch.is_new(parse_event({"type": kind, "conversation_id": "cnv_1", "data": call}))

    def sync(self, *calls: dict[str, Any]) -> list[str]:
        return [each.type for each in self.watch.new_events(calls)]


def test_a_call_rings_once_whether_the_frame_comes_first_or_a_sync() -> None:
    first, second = Phone(), Phone()
    assert first.frame("call.ringing", CALL)
    assert first.sync(CALL) == []
    assert second.sync(CALL) == ["call.ringing"]
    assert not second.frame("call.ringing", CALL)


def test_a_ringing_call_that_looks_different_is_updated_and_does_not_ring_again() -> None:
    phone = Phone()
    assert phone.sync(CALL) == ["call.ringing"]
    assert phone.sync(DECLINED) == ["call.updated"]
    assert not phone.frame("call.ringing", CALL)


@pytest.mark.parametrize(
    ("kind", "since"), [("call.updated", ACTIVE), ("call.answered_elsewhere", ACTIVE), ("call.ended", OVER)]
)
def test_what_is_older_than_what_was_heard_rings_no_phone(kind: str, since: dict[str, Any]) -> None:
    phone = Phone()
    assert phone.frame("call.ringing", CALL)
    assert phone.frame(kind, since)
    assert phone.sync(CALL) == []  # read before it was answered
    assert not phone.frame("call.ringing", CALL)
    assert not phone.frame("call.updated", CALL)


def test_an_ended_call_stays_ended() -> None:
    phone = Phone()
    assert phone.frame("call.ended", OVER)
    assert not phone.frame("call.updated", ACTIVE)
    assert not phone.frame("call.ended", OVER)
    assert phone.sync(ACTIVE) == []


def test_a_call_rings_again_for_nobody_when_a_sync_read_before_it_leaves_it_out() -> None:
    phone = Phone()
    assert phone.frame("call.ringing", CALL)
    assert phone.sync() == []
    assert phone.sync(CALL) == []


def test_other_devices_are_told_to_stop_whatever_came_before() -> None:
    phone = Phone()
    assert phone.sync(ACTIVE) == ["call.updated"]
    assert phone.frame("call.answered_elsewhere", ACTIVE)


def test_changes_of_an_active_call_pass_and_the_same_look_does_not() -> None:
    phone = Phone()
    assert phone.frame("call.updated", ACTIVE)
    assert phone.frame("call.updated", ACTIVE | {"participants": []})
    assert not phone.frame("call.updated", ACTIVE | {"participants": []})


def test_what_is_no_call_passes() -> None:
    phone = Phone()
    assert phone.frame("call.signal", {"call_id": "cal_1", "n": 1})
    assert phone.frame("call.signal", {"call_id": "cal_1", "n": 1})
    assert phone.frame("typing", {})
    assert phone.frame("call.updated", {"state": "odd"})
    assert phone.sync({"state": "odd"}) == []


def test_the_oldest_calls_are_forgotten() -> None:
    phone = Phone()
    for n in range(MAX_KNOWN + 1):
        phone.sync(CALL | {"id": f"cal_{n}"})
    assert phone.sync(CALL | {"id": f"cal_{MAX_KNOWN}"}) == []
    assert phone.sync(CALL | {"id": "cal_0"}) == ["call.ringing"]


@in_loop
async def test_a_live_stream_rings_once_for_the_sync_and_the_frame() -> None:
    world = World()
    world.calls = [CALL]
    async with online(world) as (_, live):
        world.push("ada", type="call.ringing", conversation_id="cnv_1", data=CALL)
        world.push("ada", type="call.updated", conversation_id="cnv_1", data=ACTIVE)
        told = await take(live, 2)
        live.drop_connection()  # the next sync still shows it ringing
        await reopened(live, 2)
        await live.caught_up(5)
        world.push("ada", type="call.ended", conversation_id="cnv_1", data=OVER)
        assert [each.type for each in told + await take(live, 1)] == ["call.ringing", "call.updated", "call.ended"]
