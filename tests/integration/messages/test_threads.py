"""Threads: one root, one level, a count that is right, as far as each may see (contract §5)."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from kernel import clock
from kernel.caller import Caller
from kernel.errors import InvalidCursor, NotFound, ValidationFailed
from messages import service
from messages.changes import threads
from messages.erasing import expiry_store
from tests.integration.rooms import add, group, people, remove, say, seen, send
from tests.tools import rows


def _thread(who: Caller, message: dict[str, Any], *, limit: int = 50, page: str | None = None) -> Any:
    return threads.list_replies(
        caller=who,
        conversation_id=message["conversation_id"],
        message_id=message["id"],
        limit=limit,
        page=page,
    )


def _texts(who: Caller, message: dict[str, Any]) -> list[str | None]:
    return [each["text"] for each in _thread(who, message).items]


def _get(who: Caller, message: dict[str, Any]) -> dict[str, Any]:
    return service.get(caller=who, conversation_id=message["conversation_id"], message_id=message["id"])


def _delete(who: Caller, message: dict[str, Any]) -> None:
    service.delete(caller=who, conversation_id=message["conversation_id"], message_id=message["id"])


def _reply(who: Caller, root: dict[str, Any], text: str, **fields: Any) -> dict[str, Any]:
    return send(who, root["conversation_id"], text, thread_root=root["id"], **fields)


@pytest.fixture
def room() -> tuple[Caller, Caller, dict[str, Any]]:
    """Two people in a group, and the first one's message."""
    ada, bob = people("ada", "bob")
    return ada, bob, send(ada, group(ada, bob), "root")


def test_replies_stand_in_the_thread_oldest_first_and_are_counted(room: tuple[Caller, Caller, dict[str, Any]]) -> None:
    ada, bob, root = room
    replies = [_reply(bob, root, "one"), _reply(ada, root, "two")]
    assert _thread(bob, root).items == replies
    assert {each["thread_root"] for each in replies} == {root["id"]}
    assert _get(bob, root)["thread_count"] == 2
    assert (root["thread_root"], root["thread_count"]) == (None, 0)


def test_a_reply_to_a_reply_goes_to_the_same_root(room: tuple[Caller, Caller, dict[str, Any]]) -> None:
    ada, bob, root = room
    reply = _reply(bob, root, "one")
    further = _reply(ada, reply, "two")
    assert further["thread_root"] == root["id"]
    assert _texts(ada, root) == _texts(ada, reply) == ["one", "two"]
    assert (_get(ada, root)["thread_count"], _get(ada, reply)["thread_count"]) == (2, 0)


def test_pages_of_a_thread_join_without_a_hole(room: tuple[Caller, Caller, dict[str, Any]]) -> None:
    ada, bob, root = room
    for number in range(5):
        _reply(bob, root, str(number))
        send(ada, root["conversation_id"], f"beside {number}")
    page, texts = None, []
    while True:
        found = _thread(ada, root, limit=2, page=page)
        texts += [each["text"] for each in found.items]
        page = found.next_cursor
        if page is None:
            break
    assert texts == ["0", "1", "2", "3", "4"]


def test_a_cursor_of_another_thread_is_refused(room: tuple[Caller, Caller, dict[str, Any]]) -> None:
    ada, bob, root = room
    for number in range(2):
        _reply(bob, root, str(number))
    cursor = _thread(ada, root, limit=1).next_cursor
    with pytest.raises(InvalidCursor):
        _thread(ada, send(ada, root["conversation_id"], "other"), page=cursor)


def test_a_deleted_reply_stays_as_a_tombstone_and_is_not_counted(room: tuple[Caller, Caller, dict[str, Any]]) -> None:
    ada, bob, root = room
    reply = _reply(bob, root, "one")
    _reply(bob, root, "two")
    for _ in range(2):
        _delete(bob, reply)
    assert _get(ada, root)["thread_count"] == 1
    assert _texts(ada, root) == [None, "two"]
    assert _get(ada, reply)["thread_root"] == root["id"]


def test_the_thread_of_a_deleted_root_is_readable_and_goes_on(room: tuple[Caller, Caller, dict[str, Any]]) -> None:
    ada, bob, root = room
    _reply(bob, root, "one")
    _delete(ada, root)
    _reply(bob, root, "two")
    assert _texts(ada, root) == ["one", "two"]
    assert (_get(ada, root)["text"], _get(ada, root)["thread_count"]) == (None, 2)


def test_the_count_is_right_after_many_at_once(room: tuple[Caller, Caller, dict[str, Any]]) -> None:
    ada, bob, root = room
    with ThreadPoolExecutor(8) as pool:
        replies = list(pool.map(lambda n: _reply(ada if n % 2 else bob, root, str(n)), range(12)))
        list(pool.map(lambda reply: _delete(ada, reply), replies[:4]))
    assert _get(ada, root)["thread_count"] == 8
    assert sorted(each["seq"] for each in replies) == [each["seq"] for each in _thread(ada, root).items]


def test_a_repeated_reply_is_counted_once(room: tuple[Caller, Caller, dict[str, Any]]) -> None:
    ada, bob, root = room
    first, _ = say(bob, root["conversation_id"], "one", client_id="1", thread_root=root["id"])
    assert say(bob, root["conversation_id"], "one", client_id="1", thread_root=root["id"]) == (first, False)
    assert _get(ada, root)["thread_count"] == 1
    assert len(rows("message_parts")) == 1


@pytest.mark.parametrize(
    "message_id", ["nonsense", "msg_01kb0000000000000000000001", "msg_01kb00000000000000000000012"]
)
def test_a_thread_of_no_message_is_refused(message_id: str, room: tuple[Caller, Caller, dict[str, Any]]) -> None:
    _, bob, root = room
    with pytest.raises(ValidationFailed) as refusal:
        send(bob, root["conversation_id"], thread_root=message_id)
    assert refusal.value.errors[0].field == "thread_root"
    with pytest.raises(NotFound):
        _thread(bob, {"conversation_id": root["conversation_id"], "id": message_id})


def test_a_message_elsewhere_is_no_root(room: tuple[Caller, Caller, dict[str, Any]]) -> None:
    ada, _, root = room
    elsewhere = send(ada, group(ada), "elsewhere")
    with pytest.raises(ValidationFailed):
        send(ada, root["conversation_id"], thread_root=elsewhere["id"])


def test_whoever_came_later_sees_the_thread_since_then(room: tuple[Caller, Caller, dict[str, Any]]) -> None:
    ada, bob, root = room
    (cyd,) = people("cyd")
    hidden = _reply(bob, root, "before")
    add(ada, root["conversation_id"], cyd)
    for message in (root, hidden):
        with pytest.raises(NotFound):  # nothing that they may see is in it
            _thread(cyd, message)
        with pytest.raises(ValidationFailed):
            _reply(cyd, message, "no")
    after = _reply(bob, root, "after")
    assert _texts(cyd, root) == _texts(cyd, after) == ["after"]
    assert _reply(cyd, after, "yes")["thread_root"] == root["id"]


def test_a_reply_whose_time_is_over_is_a_tombstone_and_counted_no_more_once_it_is_erased() -> None:
    (ada,) = people("ada")
    with clock.held(clock.now()) as advance:
        conversation_id = group(ada, settings={"disappearing_seconds": 60})
        root = send(ada, conversation_id, "root")
        service.edit(caller=ada, conversation_id=conversation_id, message_id=root["id"], text="root 2")
        advance(30_000)
        for text in ("one", "two"):
            _reply(ada, root, text)
        advance(30_000)
        assert (_get(ada, root)["text"], _texts(ada, root)) == (None, ["one", "two"])
        advance(30_000)
        assert _texts(ada, root) == [None, None]
        expired = [event for shard in expiry_store.SHARDS for event in expiry_store.expired(shard, limit=10)]
        assert [expiry_store.erase(event) for event in [*expired, *expired]] == [True] * 3 + [False] * 3
    assert _get(ada, root)["thread_count"] == 0
    assert [row["part"].partition("#")[0] for row in rows("message_parts")] == ["reply"] * 2


def test_a_thread_is_for_members(room: tuple[Caller, Caller, dict[str, Any]]) -> None:
    ada, bob, root = room
    (eve,) = people("eve")
    _reply(bob, root, "one")
    remove(ada, root["conversation_id"], bob)
    for who in (eve, bob):
        with pytest.raises(NotFound):
            _thread(who, root)


def test_a_reply_is_one_event_of_the_log(room: tuple[Caller, Caller, dict[str, Any]]) -> None:
    ada, bob, root = room
    _reply(bob, root, "one")
    assert [event["type"] for event in seen(ada, root["conversation_id"])][1:] == ["message.created"] * 2
