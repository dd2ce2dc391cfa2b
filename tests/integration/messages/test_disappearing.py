"""Disappearing messages: gone at their millisecond on every way of reading (R26), and erased after."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from conversations import service as conversations
from conversations import sync
from kernel import clock
from kernel.caller import Caller
from kernel.errors import Gone
from messages import service as messages
from messages.changes import reactions
from messages.consumers import erase_expired
from tests.helpers import CONTEXT
from tests.integration import rooms
from tests.integration.following import follow
from tests.tools import rows

Advance = Callable[[int], None]
CANARY = "c4n4ry"
LIFE_S = 60
LIFE_MS = LIFE_S * clock.SECOND


@pytest.fixture
def advance() -> Iterator[Advance]:
    with clock.held(clock.now()) as advancing:
        yield advancing


def scene() -> tuple[Caller, Caller, str, dict[str, Any]]:
    """Ada and Bob in a group whose messages last a minute, and one of Ada's with Bob's reaction."""
    ada, bob = rooms.people("ada", "bob")
    tea = rooms.group(ada, bob, settings={"disappearing_seconds": LIFE_S})
    sent = rooms.send(ada, tea, CANARY, client_id="one", metadata={"note": CANARY}, mentions=[bob.user_id])
    reactions.react(caller=bob, conversation_id=tea, message_id=sent["id"], emoji="👍", added=True)
    return ada, bob, tea, sent


def _page(who: Caller, context: str, **bounds: int | None) -> Any:
    given: dict[str, Any] = {"before": None, "after": None, **bounds}
    return messages.list_messages(caller=who, conversation_id=context, limit=50, page=None, **given)


READS: dict[str, Callable[[Caller, str, dict[str, Any]], Any]] = {
    "list, newest first": lambda who, context, sent: _page(who, context).items,
    "list, oldest first": lambda who, context, sent: _page(who, context, after=0).items,
    "one message": lambda who, context, sent: messages.get(caller=who, conversation_id=context, message_id=sent["id"]),
    "events": lambda who, context, sent: rooms.seen(who, context),
    "sync": lambda who, context, sent: sync.missed(caller=who, cursors={}).conversations,
    "conversations": lambda who, context, sent: (
        conversations.list_conversations(caller=who, limit=50, after=None).items
    ),
    "conversation": lambda who, context, sent: conversations.get(caller=who, conversation_id=context),
}


@pytest.mark.parametrize("name", READS)
@pytest.mark.parametrize("reader", [0, 1])
def test_a_message_is_hidden_from_its_millisecond_on_whatever_is_stored(
    advance: Advance, name: str, reader: int
) -> None:
    *people, tea, sent = scene()

    def read() -> str:
        return json.dumps(READS[name](people[reader], tea, sent), default=str)

    advance(LIFE_MS - 1)
    assert CANARY in read()
    advance(1)
    assert CANARY not in read()
    advance(72 * clock.HOUR)
    assert CANARY not in read()


def test_the_sender_s_repeated_send_gets_the_tombstone(advance: Advance) -> None:
    ada, _, tea, sent = scene()
    advance(LIFE_MS)
    again, new = rooms.say(ada, tea, CANARY, client_id="one", metadata={"note": CANARY}, mentions=sent["mentions"])
    assert not new
    assert (again["seq"], again["text"], again["metadata"]) == (sent["seq"], None, {})
    assert again["deleted_at"] == again["expires_at"] == sent["expires_at"]


def test_an_expired_message_is_not_unread(advance: Advance) -> None:
    _, bob, tea, _ = scene()
    assert conversations.get(caller=bob, conversation_id=tea)["unread_count"] == 1
    advance(LIFE_MS)
    assert conversations.get(caller=bob, conversation_id=tea)["unread_count"] == 0


def test_an_expired_message_can_be_neither_edited_nor_reacted_to(advance: Advance) -> None:
    ada, bob, tea, sent = scene()
    advance(LIFE_MS)
    with pytest.raises(Gone):
        messages.edit(caller=ada, conversation_id=tea, message_id=sent["id"], text="other")
    with pytest.raises(Gone):
        reactions.react(caller=bob, conversation_id=tea, message_id=sent["id"], emoji="🎉", added=True)


def test_an_edit_keeps_the_time(advance: Advance) -> None:
    ada, _, tea, sent = scene()
    advance(LIFE_MS - 1)
    edited = messages.edit(caller=ada, conversation_id=tea, message_id=sent["id"], text="other")
    assert edited["expires_at"] == sent["expires_at"] == sent["created_at"] + LIFE_MS
    advance(1)
    assert messages.get(caller=ada, conversation_id=tea, message_id=sent["id"])["text"] is None


def test_the_setting_holds_from_then_on(advance: Advance) -> None:
    ada, bob = rooms.people("ada", "bob")
    tea = rooms.group(ada, bob)
    before = rooms.send(ada, tea, "before")
    conversations.change(caller=ada, conversation_id=tea, fields={"settings": {"disappearing_seconds": LIFE_S}})
    during = rooms.send(ada, tea, "during")
    conversations.change(caller=ada, conversation_id=tea, fields={"settings": {"disappearing_seconds": None}})
    after = rooms.send(ada, tea, "after")
    assert [before["expires_at"], after["expires_at"]] == [None, None]
    advance(LIFE_MS)
    seen = [item["text"] for item in _page(bob, tea, after=0).items]
    assert seen == ["before", None, "after"]
    assert during["expires_at"] == during["created_at"] + LIFE_MS


def test_erasing_leaves_a_tombstone_in_a_dense_log_and_no_byte_of_content(advance: Advance) -> None:
    ada, bob, tea, sent = scene()
    follow()
    assert CANARY in str(rows("search"))
    advance(LIFE_MS - 1)
    assert erase_expired.handler({}, CONTEXT) == {"erased": 0, "finished": True}
    advance(1)
    assert erase_expired.handler({}, CONTEXT) == {"erased": 1, "finished": True}
    assert erase_expired.handler({}, CONTEXT) == {"erased": 0, "finished": True}
    follow()
    for table in ("events", "search", "reactions"):
        assert CANARY not in str(rows(table)), table
    assert rows("search") == rows("reactions") == []
    assert [event["seq"] for event in rooms.seen(bob, tea)] == [1, 2, 3]
    tombstone = messages.get(caller=ada, conversation_id=tea, message_id=sent["id"])
    assert tombstone["deleted_at"] == tombstone["expires_at"] == sent["expires_at"]


def test_a_deleted_message_is_not_erased_again(advance: Advance) -> None:
    ada, _, tea, sent = scene()
    messages.delete(caller=ada, conversation_id=tea, message_id=sent["id"])
    deleted_at = messages.get(caller=ada, conversation_id=tea, message_id=sent["id"])["deleted_at"]
    advance(LIFE_MS)
    assert erase_expired.handler({}, CONTEXT) == {"erased": 0, "finished": True}
    assert messages.get(caller=ada, conversation_id=tea, message_id=sent["id"])["deleted_at"] == deleted_at


def test_one_run_erases_more_than_a_batch(advance: Advance, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(erase_expired, "BATCH", 3)
    ada, bob = rooms.people("ada", "bob")
    tea = rooms.group(ada, bob, settings={"disappearing_seconds": 1})
    for n in range(40):
        rooms.send(ada, tea, f"text {n}")
    advance(clock.SECOND)
    assert erase_expired.handler({}, CONTEXT) == {"erased": 40, "finished": True}


def test_work_is_bounded(advance: Advance, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(erase_expired, "PATIENCE_S", 0.0)
    scene()
    advance(LIFE_MS)
    assert erase_expired.handler({}, CONTEXT) == {"erased": 0, "finished": False}
