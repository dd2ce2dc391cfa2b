"""Presence, receipts and the inbound limit on the deployed stack, two devices a person (contract §5, §10; R11, R16)."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator

import pytest
import websockets.exceptions

from tests.e2e.live import Frame, Live
from tests.e2e.people import Person, Town, new_ada, new_bob
from tests.e2e.tools import eventually, problem

ada, bob = new_ada, new_bob
LIMIT = 120  # frames of one socket in 60 s


@pytest.fixture
def live(ada: Person) -> Iterator[Live]:
    """A socket of Ada."""
    with ada.live() as socket:
        yield socket


def seen(viewer: Person, *people: Person) -> list[Frame]:
    items: list[Frame] = viewer.ok("GET", "/presence", params={"user_ids": ",".join(each.id for each in people)})[
        "items"
    ]
    return items


def status(viewer: Person, person: Person) -> str:
    return str(seen(viewer, person)[0]["status"])


# --- presence -------------------------------------------------------------------------------------------------


def test_who_watches_is_told_of_coming_and_going_across_devices(ada: Person, bob: Person) -> None:
    with ada.live() as phone, ada.live() as laptop, bob.live() as idle:
        # given a phone that watches somebody who is away, and a laptop that does not
        idle.close()
        eventually(lambda: status(ada, bob) == "offline")
        (before,) = phone.ok("watchPresence", user_ids=[bob.id])["items"]
        assert (before["user_id"], before["status"]) == (bob.id, "offline")
        # when that person connects two devices and disconnects them one after the other
        with bob.live() as first:
            phone.expect("presence", user_id=bob.id, status="online")
            with bob.live():
                first.close()
                assert status(ada, bob) == "online"
        gone = phone.expect("presence", user_id=bob.id, status="offline")
        # then the phone got each change once, and the laptop nothing
        told = [event["data"]["status"] for event in phone.events if event["type"] == "presence"]
        assert told == ["online", "offline"]
        assert set(gone["data"]) == {"user_id", "status", "last_seen_at", "text"}
        assert gone["data"]["last_seen_at"]
        laptop.settle()
        assert [event for event in laptop.events if event["type"] == "presence"] == []


def test_what_is_set_is_shown_to_watchers_and_ones_own_devices(ada: Person, bob: Person, live: Live) -> None:
    with bob.live() as phone, bob.live() as laptop:
        assert live.ok("watchPresence", user_ids=[bob.id])["items"][0]["status"] == "online"
        own = phone.ok("setPresence", status="busy", text="In a meeting")
        assert (own["user_id"], own["status"], own["text"]) == (bob.id, "busy", "In a meeting")
        live.expect("presence", user_id=bob.id, status="busy", text="In a meeting")
        laptop.expect("presence", user_id=bob.id, status="busy")
        bob.ok("PUT", "/presence", {"status": "away"})
        live.expect("presence", user_id=bob.id, status="away", text=None)
        assert seen(ada, bob)[0]["text"] is None


def test_who_hides_looks_offline(ada: Person, bob: Person, live: Live) -> None:
    with bob.live() as phone:
        live.ok("watchPresence", user_ids=[bob.id])
        assert phone.ok("setPresence", status="invisible")["status"] == "invisible"
        live.expect("presence", user_id=bob.id, status="offline")
        assert status(ada, bob) == "offline"
        assert status(bob, bob) == "invisible"
        last_seen = seen(ada, bob)[0]["last_seen_at"]
        time.sleep(1)
        assert seen(ada, bob)[0]["last_seen_at"] == last_seen


def test_what_was_set_ends_by_itself(ada: Person, bob: Person, live: Live) -> None:
    with bob.live() as phone:
        live.ok("watchPresence", user_ids=[bob.id])
        until = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 4))
        phone.ok("setPresence", status="busy", until=until)
        live.expect("presence", user_id=bob.id, status="busy")
        live.expect("presence", user_id=bob.id, status="online")
        assert status(ada, bob) == "online"


def test_a_block_hides_both_ways_and_at_once(town: Town, ada: Person, bob: Person, live: Live) -> None:
    with bob.live() as phone:
        live.ok("watchPresence", user_ids=[bob.id])
        phone.ok("watchPresence", user_ids=[ada.id])
        bob.ok("PUT", f"/users/me/blocks/{ada.id}")
        unknown = {"status": "offline", "last_seen_at": None, "text": None}
        for viewer, person in ((ada, bob), (bob, ada)):
            assert seen(viewer, person) == [{"user_id": person.id, **unknown}]
        live.expect("presence", user_id=bob.id, status="offline", last_seen_at=None)
        phone.expect("presence", user_id=ada.id, status="offline", last_seen_at=None)
        live.events.clear()
        phone.ok("setPresence", status="away")
        time.sleep(3)
        live.settle()
        assert [event for event in live.events if event["type"] == "presence"] == []


def test_last_seen_is_for_whom_one_lets(town: Town, ada: Person, bob: Person) -> None:
    with bob.live():
        pass
    eventually(lambda: seen(ada, bob)[0]["last_seen_at"])
    bob.ok("PATCH", "/users/me", {"settings": {"last_seen": "contacts"}})
    assert seen(ada, bob)[0]["last_seen_at"] is None
    ada.ok("POST", f"/contacts/{bob.id}")
    bob.ok("POST", f"/contacts/{ada.id}/accept")
    assert seen(ada, bob)[0]["last_seen_at"]
    bob.ok("PATCH", "/users/me", {"settings": {"last_seen": "nobody"}})
    assert seen(ada, bob)[0]["last_seen_at"] is None


def test_members_of_an_open_conversation_are_watched(town: Town, ada: Person, bob: Person, live: Live) -> None:
    cleo = town.person("cleo")
    tea = ada.group_with(bob)
    assert [each["user_id"] for each in live.ok("watchPresence", conversation_id=tea)["items"]] == [bob.id]
    with bob.live(), cleo.live():
        live.expect("presence", user_id=bob.id, status="online")
    elsewhere = live.ask("watchPresence", conversation_id=bob.group_with(cleo))
    assert elsewhere["problem"]["code"] == "not_found"


def test_presence_refuses_what_it_cannot_take(ada: Person, live: Live) -> None:
    problem(ada.put("/presence", {"status": "offline"}), 400, "validation_failed", field="status")
    problem(ada.put("/presence", {"status": "away", "until": "soon"}), 400, "validation_failed", field="until")
    problem(ada.get("/presence"), 400, "validation_failed", field="user_ids")
    problem(
        ada.get("/presence", params={"user_ids": ",".join(f"usr_{n}" for n in range(101))}), 400, "validation_failed"
    )
    many = live.ask("watchPresence", user_ids=[f"usr_{n}" for n in range(201)])
    assert many["problem"]["code"] == "validation_failed"
    assert seen(ada, ada)[0]["status"] == "online"
    repeated = ada.ok("GET", "/presence", params=[("user_ids", ada.id), ("user_ids", "usr_unknown")])["items"]
    assert [(each["user_id"], each["status"]) for each in repeated] == [(ada.id, "online"), ("usr_unknown", "offline")]


# --- receipts -------------------------------------------------------------------------------------------------


def receipts(person: Person, conversation_id: str) -> dict[str, tuple[int, int]]:
    """The delivered and read markers that a person sees, by person."""
    items = person.ok("GET", f"/conversations/{conversation_id}/receipts")["items"]
    return {each["user_id"]: (each["delivered_seq"], each["read_seq"]) for each in items}


def test_delivered_moves_with_what_devices_have_and_never_back(ada: Person, bob: Person, live: Live) -> None:
    tea = ada.group_with(bob)
    seq = ada.send(tea, "hi")["seq"]
    with bob.live() as phone, bob.live() as laptop:
        phone.ok("ping", cursors={tea: seq})
        told = live.expect("receipt.updated", conversation_id=tea, user_id=bob.id)
        assert told["data"] == {"user_id": bob.id, "delivered_seq": seq, "read_seq": 0}
        laptop.ok("ping", cursors={tea: 1})
        assert receipts(ada, tea)[bob.id] == (seq, 0)
        later = ada.send(tea, "more")["seq"]
        laptop.ok("sync", cursors={tea: seq})
        assert receipts(ada, tea)[bob.id] == (later, 0)
        phone.ok("markRead", conversation_id=tea, seq=later)
        live.expect("receipt.updated", conversation_id=tea, user_id=bob.id, read_seq=later)
        laptop.expect("receipt.updated", conversation_id=tea, user_id=bob.id, read_seq=later)
    again = ada.send(tea, "again")["seq"]
    bob.ok("GET", f"/conversations/{tea}/events", params={"after": later})
    assert receipts(ada, tea)[bob.id] == (again, later)


def test_who_keeps_reading_private_neither_shows_nor_sees_it(ada: Person, bob: Person, live: Live) -> None:
    tea = ada.group_with(bob)
    seq = ada.send(tea, "hi")["seq"]
    bob.ok("PATCH", "/users/me", {"settings": {"read_receipts": False}})
    with bob.live() as phone:
        phone.ok("ping", cursors={tea: seq})
        bob.ok("POST", f"/conversations/{tea}/read", {"seq": seq})
        ada.ok("POST", f"/conversations/{tea}/read", {"seq": seq})
        eventually(lambda: receipts(ada, tea)[bob.id] == (seq, 0))
        assert receipts(bob, tea) == {ada.id: (0, 0), bob.id: (seq, seq)}
        phone.expect("receipt.updated", conversation_id=tea, user_id=bob.id, read_seq=seq)
        live.expect("receipt.updated", conversation_id=tea, user_id=ada.id, read_seq=seq)
    shown = [event["data"] for event in live.events if event["type"] == "receipt.updated"]
    assert {each["read_seq"] for each in shown if each["user_id"] == bob.id} <= {0}


# --- the inbound limit (R16) ----------------------------------------------------------------------------------


def test_a_socket_that_sends_too_much_is_warned_and_then_closed(ada: Person) -> None:
    with ada.live() as busy, ada.live() as other:
        # given as many frames as a socket may send in a minute
        last = [busy.post("ping") for _ in range(LIMIT)][-1]
        assert busy.answer_to(last, within_s=50)["type"] == "ack"
        # when it sends another, it is warned
        warning = busy.ask("ping")
        assert (warning["type"], warning["problem"]["code"]) == ("error", "rate_limited")
        assert 0 < warning["problem"]["retry_after"] <= 60
        # and when it goes on, it is closed; other sockets of the person are not
        with contextlib.suppress(websockets.exceptions.ConnectionClosed):
            for _ in range(LIMIT // 4):
                busy.post("ping")
        assert busy.wait_closed() > 0
        assert other.ask("ping")["type"] == "ack"
    refused = {each["problem"]["code"] for each in busy.answers if each["type"] == "error"}
    assert refused == {"rate_limited"}
