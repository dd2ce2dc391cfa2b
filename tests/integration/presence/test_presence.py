"""Presence: derived from live sockets across devices, kept from whom it is to be kept."""

from __future__ import annotations

from typing import Any

import pytest

from conversations.actions import ping
from kernel import clock
from kernel.caller import Caller
from kernel.errors import ValidationFailed
from presence import app, service
from realtime import delivery
from realtime import service as realtime
from realtime import store as connections
from tests.helpers import CONTEXT, ask, someone
from tests.integration.presence.sockets import connected, disconnected
from tests.integration.rooms import people, work
from tests.management import Management
from tests.tools import jobs, socket_event
from users import relations
from users import service as users

NOBODY = "usr_01kb0000000000000000000009"


pytestmark = pytest.mark.usefixtures("management")


def _choose(who: Caller, status: Any, text: str | None = None, until: int | None = None) -> Any:
    moment = None if until is None else clock.rfc3339(until)
    return service.choose(caller=who, status=status, text=text, until=moment)


def _seen(viewer: Caller, person: Caller) -> tuple[str, int | None, str | None]:
    (found,) = service.seen(viewer_id=viewer.user_id, user_ids=[person.user_id])
    return found.status, found.last_seen_at, found.text


def _status(viewer: Caller, person: Caller) -> str:
    return _seen(viewer, person)[0]


# --- derived from sockets -------------------------------------------------------------------------------------


def test_who_has_a_socket_is_online_until_the_last_one_is_closed() -> None:
    ada, bob = people("ada", "bob")
    assert _seen(ada, bob) == ("offline", None, None)
    phone, laptop = connected(bob, "phone"), connected(bob, "laptop")
    assert _status(ada, bob) == "online"
    disconnected(phone)
    assert _status(ada, bob) == "online"
    with clock.held(clock.now()):
        disconnected(laptop)
        left_at = clock.now()
    assert _seen(ada, bob) == ("offline", left_at, None)


def test_a_socket_that_is_silent_for_too_long_counts_for_nobody() -> None:
    ada, bob = people("ada", "bob")
    with clock.held(clock.now()) as advance:
        device = connected(bob, "phone")
        advance(5 * clock.MINUTE)
        ping.handler(socket_event(device, {"action": "ping", "id": "1"}), CONTEXT)
        heard_at = clock.now()
        advance(connections.PRESENT_MS - 1)
        assert _status(ada, bob) == "online"
        advance(1)
        assert _seen(ada, bob) == ("offline", heard_at, None)
        # and it is posted to all the same, for as long as it may live
        assert [each.connection_id for each in connections.connections_of([bob.user_id])] == ["phone"]


def test_pings_are_written_down_at_most_once_a_minute(redis: Any) -> None:
    (bob,) = people("bob")
    with clock.held(clock.now()) as advance:
        device = connected(bob, "phone")
        heard = []
        for _ in range(3):
            advance(clock.SECOND)
            realtime.touch(device)
            (socket,) = connections.connections_of([bob.user_id])
            heard.append(socket.heard_at)
    assert len(set(heard)) == 1


def test_a_ping_does_not_bring_a_forgotten_socket_back() -> None:
    (bob,) = people("bob")
    device = connected(bob, "phone")
    disconnected(device)
    realtime.touch(device)
    assert connections.connections_of([bob.user_id]) == []


def test_who_is_found_gone_was_last_seen_when_last_heard_of(management: Management) -> None:
    ada, bob = people("ada", "bob")
    with clock.held(clock.now()) as advance:
        connected(bob, "phone")
        heard_at = clock.now()
        advance(3 * clock.MINUTE)
        management.status["phone"] = 410
        delivery.publish(['{"type":"typing","data":{}}'], [bob.user_id])
        assert _seen(ada, bob) == ("offline", heard_at, None)


# --- chosen ---------------------------------------------------------------------------------------------------


def test_a_choice_stands_until_it_ends_or_is_changed() -> None:
    ada, bob = people("ada", "bob")
    with clock.held(clock.now()) as advance:
        connected(bob, "phone")
        assert _choose(bob, "busy", "In a meeting", clock.now() + 60_000).status == "busy"
        assert _seen(ada, bob) == ("busy", clock.now(), "In a meeting")
        advance(60_000)
        assert _seen(ada, bob) == ("online", clock.now(), None)
        _choose(bob, "away")
        assert _status(ada, bob) == "away"


def test_who_hides_was_last_seen_when_they_hid_and_no_frame_tells_of_it(management: Management) -> None:
    ada, bob = people("ada", "bob")
    watching = connected(ada, "ada-1")
    with clock.held(clock.now()) as advance:
        device = connected(bob, "phone")
        service.watch(caller=watching, user_ids=[bob.user_id], conversation_id=None)
        jobs()
        hid_at = clock.now()
        _choose(bob, "invisible")
        work()
        assert [frame["data"]["status"] for frame in management.frames("ada-1")] == ["offline"]
        management.posts.clear()
        # whatever they do while they hide
        advance(clock.MINUTE)
        _choose(bob, "invisible", "still here")
        connected(bob, "laptop")
        disconnected(device)
        disconnected(Caller(bob.user_id, bob.session_id, "laptop"))
        advance(clock.MINUTE)
        connected(bob, "phone")
        while waiting := jobs():
            work(*waiting)
        assert management.frames("ada-1") == []
        assert _seen(ada, bob) == ("offline", hid_at, None)
        assert service.seen(viewer_id=bob.user_id, user_ids=[bob.user_id])[0].status == "invisible"


def test_one_s_own_presence_is_what_one_has_set_with_or_without_a_socket() -> None:
    ada, bob = people("ada", "bob")
    assert _status(bob, bob) == "online"
    for status in ("busy", "away", "invisible", "online"):
        assert _choose(bob, status, "hush").status == status
        assert (_seen(bob, bob)[::2], _seen(ada, bob)[::2]) == ((status, "hush"), ("offline", None))


@pytest.mark.parametrize(
    "until", ["tomorrow", "2026-11-22", "2020-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "0000-00-00T00:00:00Z"]
)
def test_an_end_is_a_time_to_come(until: str) -> None:
    (bob,) = people("bob")
    with pytest.raises(ValidationFailed) as refusal:
        service.choose(caller=bob, status="busy", text=None, until=until)
    assert [each.field for each in refusal.value.errors] == ["until"]


# --- kept from others -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("blocker", ["ada", "bob"])
def test_a_block_lets_neither_see_anything(blocker: str) -> None:
    two = dict(zip(("ada", "bob"), people("ada", "bob"), strict=True))
    other = two["bob" if blocker == "ada" else "ada"]
    for name, who in two.items():
        disconnected(connected(who, f"{name}-0"))
        connected(who, f"{name}-1")
    relations.block(user_id=two[blocker].user_id, other_id=other.user_id)
    unknown = service.seen(viewer_id=two["ada"].user_id, user_ids=[NOBODY])[0]
    for viewer, person in (("ada", "bob"), ("bob", "ada")):
        assert _seen(two[viewer], two[person]) == (unknown.status, unknown.last_seen_at, unknown.text)
    relations.unblock(user_id=two[blocker].user_id, other_id=other.user_id)
    assert _status(two["ada"], two["bob"]) == "online"


def test_last_seen_for_contacts_is_for_contacts() -> None:
    ada, bob, cleo = people("ada", "bob", "cleo")
    users.change(user_id=bob.user_id, changes={"settings": {"last_seen": "contacts"}})
    relations.request(user_id=ada.user_id, other_id=bob.user_id)
    disconnected(connected(bob, "phone"))
    assert _seen(ada, bob)[1] is None
    relations.accept(user_id=bob.user_id, other_id=ada.user_id)
    assert _seen(ada, bob)[1] is not None
    assert _seen(cleo, bob)[1] is None


# --- the routes -----------------------------------------------------------------------------------------------


def test_the_routes_set_and_show_it() -> None:
    ada, bob = someone("ada"), someone("bob")
    connected(Caller(bob.user_id, bob.session_id), "phone")
    body = {"status": "away", "text": "Lunch"}
    assert ask(app.app, "PUT", "/presence", body=body, token=bob.token).body["status"] == "away"
    query = {"user_ids": f"{bob.user_id},{NOBODY},nonsense,{ada.user_id}"}
    items = ask(app.app, "GET", "/presence", query=query, token=ada.token).body["items"]
    assert [(each["user_id"], each["status"], each["text"]) for each in items] == [
        (bob.user_id, "away", "Lunch"),
        (NOBODY, "offline", None),
        ("nonsense", "offline", None),
        (ada.user_id, "online", None),
    ]
    assert items[0]["last_seen_at"].endswith("Z")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "status"),
        ({"status": "offline"}, "status"),
        ({"status": "away", "text": ""}, "text"),
        ({"status": "away", "text": "x" * 101}, "text"),
        ({"status": "away", "until": "soon"}, "until"),
        ({"status": "away", "colour": "red"}, "colour"),
    ],
)
def test_what_cannot_be_set_is_refused_by_name(body: dict[str, Any], field: str) -> None:
    reply = ask(app.app, "PUT", "/presence", body=body, token=someone().token)
    assert (reply.status, reply.code) == (400, "validation_failed")
    assert [each["field"].partition(".")[0] for each in reply.body["errors"]] == [field]


@pytest.mark.parametrize(
    "query", [None, {"user_ids": ""}, {"user_ids": ","}, {"user_ids": ",".join(f"usr_{n}" for n in range(101))},
              {"user_ids": "x" * 41}],
)  # fmt: skip
def test_up_to_a_hundred_people_are_asked_about_at_once(query: dict[str, str] | None) -> None:
    reply = ask(app.app, "GET", "/presence", query=query, token=someone().token)
    assert (reply.status, reply.code) == (400, "validation_failed")
