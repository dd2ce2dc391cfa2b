"""Socket actions: each has the effect of its route, and is answered once."""

from __future__ import annotations

import json
from typing import Any

import pytest

from conversations.actions import ping, synchronise
from kernel import clock
from kernel.caller import Caller
from messages.actions import delete_message, edit_message, mark_read, react, send_message, set_typing
from realtime import service, store
from realtime.actions import connect, disconnect, unknown
from tests.helpers import CONTEXT
from tests.integration.rooms import group, people, send, whole_log, work
from tests.management import Management
from tests.tools import captured_lines, socket_event

HANDLERS = {
    "sendMessage": send_message.handler,
    "editMessage": edit_message.handler,
    "deleteMessage": delete_message.handler,
    "react": react.handler,
    "markRead": mark_read.handler,
    "typing": set_typing.handler,
    "sync": synchronise.handler,
    "ping": ping.handler,
}


pytestmark = pytest.mark.usefixtures("management")


@pytest.fixture
def room() -> tuple[Caller, Caller, str]:
    """Two people, each on a socket of their name, in a group."""
    two = people("ada", "bob")
    ada, bob = (Caller(who.user_id, who.session_id, name) for who, name in zip(two, ("ada", "bob"), strict=True))
    conversation_id = group(ada, bob)
    for who in (ada, bob):
        service.open_connection(who)
    return ada, bob, conversation_id


def _do(who: Caller, action: str, *, connected_at: int | None = None, **fields: Any) -> dict[str, Any]:
    """What a frame is answered with."""
    frame = {"action": action, "id": "f-1", **fields}
    answer = HANDLERS.get(action, unknown.handler)(socket_event(who, frame, connected_at=connected_at), CONTEXT)
    assert answer["statusCode"] == 200
    told: dict[str, Any] = json.loads(answer["body"])
    assert told["id"] == "f-1"
    return told


def _data(who: Caller, action: str, **fields: Any) -> Any:
    told = _do(who, action, **fields)
    assert told["type"] == "ack", told
    return told["data"]


def _code(who: Caller, action: str, **fields: Any) -> str:
    told = _do(who, action, **fields)
    assert told["type"] == "error", told
    return str(told["problem"]["code"])


def test_a_message_is_sent_and_acknowledged_with_itself(
    room: tuple[Caller, Caller, str], management: Management
) -> None:
    ada, _, conversation_id = room
    message = _data(ada, "sendMessage", conversation_id=conversation_id, client_id="1", text="hello")
    assert (message["seq"], message["text"]) == (2, "hello")
    assert management.kinds("bob") == management.kinds("ada") == ["message.created"]
    assert management.frames("bob")[0]["data"] == message


def test_a_repeated_message_is_acknowledged_with_the_first(room: tuple[Caller, Caller, str]) -> None:
    ada, _, conversation_id = room
    fields = {"conversation_id": conversation_id, "client_id": "1", "text": "hello"}
    assert _data(ada, "sendMessage", **fields) == _data(ada, "sendMessage", **fields)
    assert _code(ada, "sendMessage", **{**fields, "text": "other"}) == "idempotency_mismatch"
    assert len(whole_log(conversation_id)) == 2


def test_a_message_is_edited_reacted_to_and_deleted(room: tuple[Caller, Caller, str]) -> None:
    ada, bob, conversation_id = room
    where = {"conversation_id": conversation_id, "message_id": send(ada, conversation_id)["id"]}
    assert _data(ada, "editMessage", **where, text="new")["text"] == "new"
    assert _data(bob, "react", **where, emoji="👍") is None
    assert _data(bob, "react", **where, emoji="👍", remove=True) is None
    assert _data(ada, "deleteMessage", **where) is None
    assert [event.type for event in whole_log(conversation_id)][2:] == [
        "message.updated",
        "reaction.added",
        "reaction.removed",
        "message.deleted",
    ]


def test_replies_mentions_and_forwards_are_sent_by_frames_as_well(
    room: tuple[Caller, Caller, str], management: Management
) -> None:
    ada, bob, conversation_id = room
    where = {"conversation_id": conversation_id}
    root = _data(ada, "sendMessage", **where, client_id="1", text="@bob @all")
    assert (root["mentions"], root["mentions_all"]) == ([bob.user_id], True)
    reply = _data(bob, "sendMessage", **where, client_id="2", text="yes", thread_root=root["id"])
    assert management.frames("ada")[-1]["data"] == reply
    assert reply["thread_root"] == root["id"]
    forward = {**where, "message_id": reply["id"]}
    forwarded = _data(ada, "sendMessage", **where, client_id="3", forward=forward)
    assert (forwarded["text"], forwarded["forwarded_from"]["sender_id"]) == ("yes", bob.user_id)
    edited = _data(ada, "editMessage", **where, message_id=root["id"], text="@all")
    assert (edited["mentions"], edited["mentions_all"], edited["thread_count"]) == ([], True, 1)
    assert management.frames("bob")[-1]["data"] == edited  # nobody has reacted, so it looks the same to all
    _data(bob, "deleteMessage", **where, message_id=reply["id"])
    assert management.frames("ada")[-1]["data"]["thread_root"] == root["id"]
    assert _code(ada, "sendMessage", **where, client_id="4", text="x", thread_root="msg_1") == "validation_failed"


def test_reading_is_acknowledged_with_what_is_left(room: tuple[Caller, Caller, str], management: Management) -> None:
    ada, bob, conversation_id = room
    send(ada, conversation_id)
    management.posts.clear()
    assert _data(bob, "markRead", conversation_id=conversation_id, seq=2) == {"read_seq": 2, "unread_count": 0}
    work()
    assert management.kinds("ada") == management.kinds("bob") == ["receipt.updated"]


def test_typing_is_acknowledged_and_told(room: tuple[Caller, Caller, str], management: Management) -> None:
    ada, _, conversation_id = room
    assert _data(ada, "typing", conversation_id=conversation_id, typing=True) is None
    assert (management.kinds("ada"), management.kinds("bob")) == ([], ["typing"])


def test_a_sync_is_acknowledged_with_what_was_missed(room: tuple[Caller, Caller, str]) -> None:
    ada, bob, conversation_id = room
    send(ada, conversation_id)
    (missed,) = _data(bob, "sync", cursors={conversation_id: 1})["conversations"]
    assert [event["seq"] for event in missed["events"]] == [2]
    assert missed["events"][0]["at"].endswith("Z")


@pytest.mark.parametrize(
    ("action", "fields"),
    [
        ("sendMessage", {"client_id": "1", "text": "x"}),
        ("editMessage", {"message_id": "msg_1", "text": "x"}),
        ("deleteMessage", {"message_id": "msg_1"}),
        ("react", {"message_id": "msg_1", "emoji": "👍"}),
        ("markRead", {"seq": 1}),
        ("typing", {"typing": True}),
    ],
)
def test_a_stranger_s_frame_is_not_found(
    room: tuple[Caller, Caller, str], management: Management, action: str, fields: dict[str, Any]
) -> None:
    _, _, conversation_id = room
    (eve,) = people("eve")
    assert _code(eve, action, conversation_id=conversation_id, **fields) == "not_found"
    assert management.calls == []


@pytest.mark.parametrize("action", sorted(HANDLERS))
def test_a_frame_with_an_unknown_field_is_refused(room: tuple[Caller, Caller, str], action: str) -> None:
    assert _code(room[0], action, colour="red") == "validation_failed"


def test_an_unknown_action_is_an_error(room: tuple[Caller, Caller, str]) -> None:
    assert _code(room[0], "dance") == "unknown_action"


@pytest.mark.parametrize("handler", [connect.handler, disconnect.handler])
def test_an_action_with_the_name_of_a_route_of_ours_is_an_error_and_leaves_the_socket_open(
    room: tuple[Caller, Caller, str], handler: Any
) -> None:
    ada, *_ = room
    before = store.connections_of([ada.user_id])
    for name in ("$connect", "$disconnect"):
        answer = handler(socket_event(ada, {"action": name, "id": "f-1"}), CONTEXT)
        told = json.loads(answer["body"])
        assert (told["type"], told["id"], told["problem"]["code"]) == ("error", "f-1", "unknown_action")
    assert store.connections_of([ada.user_id]) == before


def test_no_canary_of_a_frame_reaches_the_log(room: tuple[Caller, Caller, str]) -> None:
    ada, bob, conversation_id = room
    canary = "c4n4ry-of-a-person"
    with captured_lines() as lines:
        where = {"conversation_id": conversation_id}
        message = _data(ada, "sendMessage", **where, client_id=canary, text=canary, metadata={canary: canary})
        _data(ada, "editMessage", **where, message_id=message["id"], text=canary * 2)
        _code(bob, "editMessage", **where, message_id=message["id"], text=canary)
        _code(bob, "editMessage", conversation_id=canary, message_id=canary, text=canary)
        _code(bob, "sync", cursors={canary: canary})
        _do(bob, canary)
    assert len(lines.all) == 6
    assert canary not in lines.text


# --- ping -----------------------------------------------------------------------------------------------------


def test_a_ping_is_acknowledged_and_answered_by_a_pong(
    room: tuple[Caller, Caller, str], management: Management
) -> None:
    ada, _, _ = room
    assert _data(ada, "ping") is None
    (pong,) = management.frames("ada")
    assert (pong["type"], pong["data"]) == ("pong", {"behind": {}})


def test_a_pong_names_the_conversations_that_moved_on(room: tuple[Caller, Caller, str], management: Management) -> None:
    ada, bob, conversation_id = room
    still = group(ada, bob)
    send(ada, conversation_id)
    management.posts.clear()
    _data(bob, "ping", cursors={conversation_id: 1, still: 1})
    assert management.frames("bob")[0]["data"] == {"behind": {conversation_id: 2}}


@pytest.mark.parametrize(("minutes", "kinds"), [(0, ["pong"]), (105, ["pong"]), (106, ["pong", "reconnect"])])
def test_an_old_socket_is_asked_to_reconnect_before_its_two_hours_are_over(
    room: tuple[Caller, Caller, str], management: Management, minutes: int, kinds: list[str]
) -> None:
    ada, _, _ = room
    with clock.held(clock.now()):
        _do(ada, "ping", connected_at=clock.now() - minutes * clock.MINUTE)
    assert management.kinds("ada") == kinds
    if "reconnect" in kinds:
        assert management.frames("ada")[1]["data"]["after_ms"] <= (120 - minutes) * clock.MINUTE
