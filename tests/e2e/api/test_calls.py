"""Calls over HTTP and sockets (contract §7): ringing, answering, signalling, ending, history."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import secrets
import time
from functools import partial
from typing import Any

import pytest

from secureconnect_client import Client
from secureconnect_client.events import CallRinging, CallSignalled
from tests.e2e.people import PASSWORD, Person, Town
from tests.e2e.tools import at_once, eventually, everything, log_of, problem, secret_of

LEASE_S = 45


@pytest.fixture
def two(town: Town) -> tuple[Person, Person, str]:
    """Two people and their direct conversation."""
    ada, bob = at_once([partial(town.person, name) for name in ("ada", "bob")])
    return ada, bob, ada.direct_with(bob)


def _join(who: Person, call: dict[str, Any]) -> dict[str, Any]:
    joined: dict[str, Any] = who.ok("POST", f"/calls/{call['id']}/join")
    return joined


def _get(who: Person, call: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = who.ok("GET", f"/calls/{call['id']}")
    return found


def _states(call: dict[str, Any]) -> list[str]:
    return [each["state"] for each in call["participants"]]


def test_a_call_rings_on_all_devices_and_stops_on_the_others_when_one_answers(
    two: tuple[Person, Person, str],
) -> None:
    ada, bob, chat = two
    phone = bob.another_session()
    with ada.live() as ada_live, bob.live() as bob_live, phone.live() as phone_live:
        call = ada.call_in(chat)
        for live in (bob_live, phone_live, ada_live):
            rung = live.expect("call.ringing", conversation_id=chat)
            assert rung["data"]["id"] == call["id"]
        joined = _join(phone, call)
        assert joined["call"]["state"] == "active"
        assert joined["peers"] == [call["participants"][0]["participant_id"]]
        bob_live.expect("call.answered_elsewhere", id=call["id"])
        problem(bob.post(f"/calls/{call['id']}/join"), 409, "answered_elsewhere")
        problem(bob.post(f"/calls/{call['id']}/decline"), 409, "answered_elsewhere")
        ada_live.expect("call.updated", state="active")
        ada.ok("POST", f"/calls/{call['id']}/end")
        assert phone_live.expect("call.ended")["data"]["end_reason"] == "completed"
    problem(bob.post(f"/calls/{call['id']}/join"), 410, "call_ended")


def test_twelve_devices_answer_and_one_has_the_call(two: tuple[Person, Person, str]) -> None:
    ada, bob, chat = two
    devices = [bob, *(bob.another_session() for _ in range(11))]
    call = ada.call_in(chat)
    answers = at_once([partial(each.post, f"/calls/{call['id']}/join") for each in devices])
    assert sorted(each.status_code for each in answers) == [200] + [409] * 11
    assert {each.json()["code"] for each in answers if each.status_code == 409} == {"answered_elsewhere"}


def test_two_who_call_each_other_at_once_have_one_call(two: tuple[Person, Person, str]) -> None:
    ada, bob, chat = two
    for _ in range(5):
        calls = at_once([partial(each.call_in, chat) for each in (ada, bob)])
        assert calls[0]["id"] == calls[1]["id"]
        ada.ok("POST", f"/calls/{calls[0]['id']}/end")


def test_signals_go_over_the_socket_and_wait_for_who_polls(two: tuple[Person, Person, str]) -> None:
    ada, bob, chat = two
    call = ada.call_in(chat)
    me = _join(ada, call)["participant_id"]
    joined = _join(bob, call)
    with ada.live() as ada_live, bob.live() as bob_live:
        for n in range(1, 4):
            payload = {"type": "offer", "sdp": f"v=0 {n}"}
            ack = bob_live.ok("signal", call_id=call["id"], to=me, kind="offer", payload=payload)
            assert ack == {"n": n}
        first = ada_live.expect("call.signal", n=1)
        assert first["data"] == {
            "call_id": call["id"],
            "n": 1,
            "from": joined["participant_id"],
            "kind": "offer",
            "payload": {"type": "offer", "sdp": "v=0 1"},
        }
        ada_live.settle()
        numbers = [each["data"]["n"] for each in ada_live.events if each["type"] == "call.signal"]
        assert numbers == [1, 2, 3]
        assert not [each for each in bob_live.events if each["type"] == "call.signal"]
    items = ada.ok("GET", f"/calls/{call['id']}/signals", params={"after": 1})["items"]
    assert [each["n"] for each in items] == [2, 3]
    large = {"sdp": "x" * (64 * 1024 - 10)}
    answer = {"to": joined["participant_id"], "kind": "answer"}
    sent = ada.post(f"/calls/{call['id']}/signals", {**answer, "payload": large})
    assert (sent.status_code, sent.json()) == (202, {"n": 1})
    assert bob.ok("GET", f"/calls/{call['id']}/signals")["items"][0]["payload"] == large
    larger = {"sdp": "x" * (64 * 1024 - 9)}
    problem(ada.post(f"/calls/{call['id']}/signals", {**answer, "payload": larger}), 413, "payload_too_large")


def test_signals_reach_only_the_device_that_is_in_the_call(two: tuple[Person, Person, str]) -> None:
    ada, bob, chat = two
    phone = bob.another_session()
    call = ada.call_in(chat)
    to = _join(phone, call)["participant_id"]
    with bob.live() as bob_live, phone.live() as phone_live:
        ada.ok("POST", f"/calls/{call['id']}/signals", {"to": to, "kind": "restart", "payload": None})
        assert phone_live.expect("call.signal", n=1)["data"]["kind"] == "restart"
        bob_live.settle()
        assert not [each for each in bob_live.events if each["type"] == "call.signal"]
    problem(bob.get(f"/calls/{call['id']}/signals"), 409, "answered_elsewhere")
    body = {"to": to, "kind": "ice", "payload": {}}
    problem(bob.post(f"/calls/{call['id']}/signals", body), 409, "answered_elsewhere")
    problem(ada.post(f"/calls/{call['id']}/signals", {**body, "to": "par_1"}), 404, "not_found")


def test_a_call_is_kept_by_heartbeats_of_either_kind(two: tuple[Person, Person, str]) -> None:
    ada, _, chat = two
    call = ada.call_in(chat)
    with ada.live() as live:
        assert live.ok("callHeartbeat", call_id=call["id"])["id"] == call["id"]
    assert ada.ok("POST", f"/calls/{call['id']}/heartbeat")["state"] == "ringing"


def test_a_group_s_mesh_is_full_at_six(town: Town) -> None:
    people = at_once([partial(town.person, f"p{n}") for n in range(7)])
    group = people[0].group_with(*people[1:])
    call = people[0].call_in(group)
    for each in people[1:6]:
        _join(each, call)
    problem(people[6].post(f"/calls/{call['id']}/join"), 409, "call_full")
    people[1].ok("POST", f"/calls/{call['id']}/leave")
    assert len(_join(people[6], call)["peers"]) == 5


def test_of_any_two_exactly_one_is_polite(town: Town) -> None:
    people = at_once([partial(town.person, f"p{n}") for n in range(3)])
    call = people[0].call_in(people[0].group_with(*people[1:]))
    for each in people[1:]:
        _join(each, call)
    joined = [_join(each, call) for each in people]
    towards = {each["participant_id"]: set(each["polite_towards"]) for each in joined}
    for one in towards:
        for other in towards:
            assert one == other or (other in towards[one]) != (one in towards[other])


def test_ice_servers_come_with_credentials_that_the_turn_server_can_check(
    town: Town, endpoints: dict[str, str], two: tuple[Person, Person, str]
) -> None:
    ada = two[0]
    servers = ada.ok("GET", "/calls/ice-servers")["ice_servers"]
    assert [url for each in servers for url in each["urls"] if url.startswith("stun:")]
    turn = next(each for each in servers if each["urls"][0].startswith("turn"))
    expiry, _, user_id = turn["username"].partition(":")
    assert user_id == ada.id
    assert 0 < int(expiry) - time.time() <= 3600
    secret = json.loads(secret_of(endpoints, "turn"))["secret"]
    digest = hmac.digest(secret.encode(), turn["username"].encode(), hashlib.sha1)
    assert turn["credential"] == base64.b64encode(digest).decode()


def test_media_state_is_shown_to_the_others(two: tuple[Person, Person, str]) -> None:
    ada, bob, chat = two
    call = ada.call_in(chat)
    with bob.live() as live:
        state = {"audio": False, "video": True, "screen": True}
        ada.ok("PUT", f"/calls/{call['id']}/media-state", state)
        shown = live.expect("call.updated")["data"]["participants"][0]
        assert shown["media_state"] == state
    problem(ada.put(f"/calls/{call['id']}/media-state", {"audio": 1}), 400, "validation_failed", field="audio")


def test_a_call_stands_in_the_log_and_in_both_histories(two: tuple[Person, Person, str]) -> None:
    ada, bob, chat = two
    made = []
    kinds = ("audio", "video", "video")
    for media in kinds:
        call = ada.call_in(chat, media)
        _join(bob, call)
        bob.ok("POST", f"/calls/{call['id']}/leave")
        ada.ok("POST", f"/calls/{call['id']}/leave")
        made.append(call["id"])
    assert [each["id"] for each in everything(bob, "/calls", limit=2)] == made[::-1]
    listed = everything(ada, f"/conversations/{chat}/calls", limit=2)
    assert [(each["media"], each["end_reason"]) for each in listed] == [(kind, "completed") for kind in kinds[::-1]]
    messages = [each["data"] for each in log_of(bob, chat) if each["type"] == "message.created"]
    assert [(each["type"], each["metadata"]["call_id"]) for each in messages] == [("call", each) for each in made]
    assert {each["metadata"]["end_reason"] for each in messages} == {"completed"}


def test_sync_tells_who_was_away_of_a_call_that_rings(two: tuple[Person, Person, str]) -> None:
    ada, bob, chat = two
    call = ada.call_in(chat)
    assert bob.ok("POST", "/sync", {"cursors": {}})["ephemeral"]["calls"][0]["id"] == call["id"]
    with bob.live() as live:
        assert live.ok("sync", cursors={})["ephemeral"]["calls"][0]["id"] == call["id"]
    bob.ok("POST", f"/calls/{call['id']}/decline")
    assert bob.ok("POST", "/sync", {"cursors": {}})["ephemeral"]["calls"] == []


def test_repeats_are_harmless(two: tuple[Person, Person, str]) -> None:
    ada, bob, chat = two
    body = {"client_id": secrets.token_hex(8), "media": "audio"}
    first = ada.post(f"/conversations/{chat}/calls", body)
    again = ada.post(f"/conversations/{chat}/calls", body)
    assert (first.status_code, again.status_code, again.json()["id"]) == (201, 200, first.json()["id"])
    call = first.json()
    assert _join(bob, call)["participant_id"] == _join(bob, call)["participant_id"]
    for _ in range(2):
        assert _states(bob.ok("POST", f"/calls/{call['id']}/leave")) == ["joined", "left"]
    for _ in range(2):
        assert ada.ok("POST", f"/calls/{call['id']}/end")["end_reason"] == "completed"
        assert bob.ok("POST", f"/calls/{call['id']}/leave")["state"] == "ended"
    problem(ada.post(f"/calls/{call['id']}/heartbeat"), 410, "call_ended")
    problem(ada.post(f"/conversations/{chat}/calls", {**body, "media": "video"}), 422, "idempotency_mismatch")


def test_wrong_input_is_refused(two: tuple[Person, Person, str]) -> None:
    ada, _, chat = two
    call = ada.call_in(chat)
    start = f"/conversations/{chat}/calls"
    problem(ada.post(start, {"client_id": "1", "media": "smell"}), 400, "validation_failed", field="media")
    problem(ada.post(start, {"client_id": "1", "media": "audio", "x": 1}), 400, "validation_failed", field="x")
    signal = {"to": "par_1", "kind": "shout", "payload": {}}
    problem(ada.post(f"/calls/{call['id']}/signals", signal), 400, "validation_failed", field="kind")
    mine = call["participants"][0]["participant_id"]
    to_myself = {"to": mine, "kind": "ice", "payload": {}}
    problem(ada.post(f"/calls/{call['id']}/signals", to_myself), 400, "validation_failed", field="to")
    params = {"after": -1}
    problem(ada.get(f"/calls/{call['id']}/signals", params=params), 400, "validation_failed", field="after")
    statistics = {"rtt_ms": -1, "jitter_ms": 0, "packet_loss": 0, "bitrate_kbps": 0}
    problem(ada.post(f"/calls/{call['id']}/quality", statistics), 400, "validation_failed", field="rtt_ms")
    problem(ada.get("/calls", params={"cursor": "x"}), 400, "invalid_cursor")
    for call_id in ("cal_unknown", "x", "cal_" + "0" * 60):
        problem(ada.get(f"/calls/{call_id}"), 404, "not_found")


def test_time_ends_what_people_do_not_end(town: Town) -> None:
    """R30: nobody answers, one participant vanishes, all vanish. At the same time, because each takes a minute."""
    ada, bob, cleo, dan, eve = at_once([partial(town.person, name) for name in ("ada", "bob", "cleo", "dan", "eve")])
    started = time.monotonic()
    unanswered = ada.call_in(ada.direct_with(bob))
    with ada.live() as live:
        group = cleo.call_in(cleo.group_with(dan, eve))
        for each in (dan, eve):
            _join(each, group)
        pair = dan.call_in(dan.direct_with(bob))
        _join(bob, pair)
        deserted = eve.call_in(eve.direct_with(ada))
        _join(ada, deserted)
        while time.monotonic() - started < LEASE_S - 12:
            for each in (cleo, eve):  # dan sends no more heartbeats
                each.ok("POST", f"/calls/{group['id']}/heartbeat")
            bob.ok("POST", f"/calls/{pair['id']}/heartbeat")
            time.sleep(8)
        ended = live.expect("call.ended", within_s=30, id=unanswered["id"])
        took = time.monotonic() - started
        assert ended["data"]["end_reason"] == "missed"
        assert LEASE_S - 1 <= took <= LEASE_S + 8, took
        each_ok = [(cleo, group), (eve, group), (bob, pair)]
        eventually(
            lambda: _kept(each_ok) and _states(_get(cleo, group)) == ["joined", "left", "joined"],
            within_s=62 - (time.monotonic() - started) + 5,
            every_s=1,
        )
        live.expect("call.ended", within_s=25, id=deserted["id"])
        assert time.monotonic() - started < 70
    assert _get(bob, pair)["end_reason"] == "completed"
    assert _states(_get(bob, unanswered)) == ["left", "missed"]
    stored = log_of(bob, unanswered["conversation_id"])[-1]
    assert stored["data"]["metadata"]["end_reason"] == "missed"


def _kept(people: list[tuple[Person, dict[str, Any]]]) -> bool:
    for who, call in people:
        who.post(f"/calls/{call['id']}/heartbeat")
    return True


def test_the_client_package_rings_joins_signals_and_hangs_up(town: Town) -> None:
    async def play() -> None:
        async with Client(town.http_url) as ada, Client(town.http_url) as bob:
            for client, name in ((ada, "ada"), (bob, "bob")):
                mark = secrets.token_hex(4)
                await client.register(
                    username=f"{name}_{mark}", email=f"{name}.{mark}@example.com", display_name=name, password=PASSWORD
                )
            chat = await ada.conversations.direct(str(bob.user_id))
            async with bob.connect() as live, asyncio.timeout(60):
                call = await ada.calls.start(chat.id, "audio")
                mine = (await ada.calls.join(call.id)).participant_id
                async for event in live:
                    if isinstance(event, CallRinging):
                        joined = await bob.calls.join(event.call.id)
                        assert joined.peers == (mine,)
                        await ada.calls.signal(call.id, joined.participant_id, "offer", {"sdp": "v=0"})
                    if isinstance(event, CallSignalled):
                        assert (event.signal.sender, event.signal.payload) == (mine, {"sdp": "v=0"})
                        break
                assert [each.n for each in await bob.calls.signals(call.id)] == [1]
                assert (await ada.calls.heartbeat(call.id)).state == "active"
                assert (await bob.calls.show(call.id, audio=False, video=False)).state == "active"
                await bob.calls.report_quality(call.id, rtt_ms=9, jitter_ms=1, packet_loss=0, bitrate_kbps=64)
                await bob.calls.leave(call.id)
                assert (await ada.calls.end(call.id)).end_reason == "completed"
                assert [each.id async for each in bob.calls.iterate()] == [call.id]

    asyncio.run(play())
