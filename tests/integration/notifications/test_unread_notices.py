"""What counts as unread in the in-app list: a mention or reply only until its conversation was read."""

from __future__ import annotations

from typing import Any

from conversations import members
from kernel import clock, ids
from kernel.caller import Caller
from messages import service as messages
from messages.reading import receipts
from notifications import service, store
from notifications.model import NotificationItem
from tests.integration import rooms
from tests.integration.notifications.hearing import World


def unread(who: Caller, **query: Any) -> tuple[list[str], int]:
    """The kinds of the unread items of a page, newest first, and the count of all unread ones."""
    page, count = service.list_notices(caller=who, **{"limit": 50, "cursor": None, **query})
    return [each["kind"] for each in page.items if not each["read"]], count


def mention(author: Caller, of: Caller, conversation_id: str) -> dict[str, Any]:
    return rooms.send(author, conversation_id, "look", client_id=ids.new("cid"), mentions=[of.user_id])


def test_a_mention_and_a_reply_are_read_once_the_conversation_was_read_up_to_them(world: World) -> None:
    ada, bob = rooms.people("ada", "bob")
    team = rooms.group(ada, bob)
    mine = rooms.send(bob, team, "hello")
    first = mention(ada, bob, team)
    second = rooms.send(ada, team, "indeed", reply_to=mine["id"])
    world.work()
    assert unread(bob) == (["reply", "mention", "invitation"], 3)

    receipts.mark_read(caller=bob, conversation_id=team, seq=first["seq"])
    assert unread(bob) == (["reply", "invitation"], 2)
    receipts.mark_read(caller=bob, conversation_id=team, seq=second["seq"])
    assert unread(bob) == (["invitation"], 1)


def test_reading_another_conversation_leaves_a_mention_unread(world: World) -> None:
    ada, bob = rooms.people("ada", "bob")
    team, other = rooms.group(ada, bob), rooms.group(ada, bob)
    mention(ada, bob, team)
    receipts.mark_read(caller=bob, conversation_id=other, seq=rooms.send(ada, other, "hello")["seq"])
    world.work()
    assert unread(bob)[0] == ["mention", "invitation", "invitation"]


def test_a_mention_in_a_deleted_message_is_read(world: World) -> None:
    ada, bob = rooms.people("ada", "bob")
    team = rooms.group(ada, bob)
    gone, stays = mention(ada, bob, team), mention(ada, bob, team)
    world.work()
    messages.delete(caller=ada, conversation_id=team, message_id=gone["id"])
    page, count = service.list_notices(caller=bob, limit=50, cursor=None)
    assert {each["message_id"]: each["read"] for each in page.items if each["kind"] == "mention"} == {
        gone["id"]: True,
        stays["id"]: False,
    }
    assert count == 2


def test_a_mention_in_a_conversation_that_one_has_left_is_read_also_after_coming_back(world: World) -> None:
    ada, bob = rooms.people("ada", "bob")
    team = rooms.group(ada, bob)
    mention(ada, bob, team)
    world.work()
    members.remove(caller=bob, conversation_id=team, user_id=bob.user_id)
    assert "mention" not in unread(bob)[0]
    members.add(caller=ada, conversation_id=team, user_ids=[bob.user_id])
    assert "mention" not in unread(bob)[0]


def test_all_pages_and_the_marker_count_alike(world: World) -> None:
    ada, bob = rooms.people("ada", "bob")
    team = rooms.group(ada, bob)
    said = [mention(ada, bob, team) for _ in range(4)]
    world.work()
    receipts.mark_read(caller=bob, conversation_id=team, seq=said[1]["seq"])
    page, count = service.list_notices(caller=bob, limit=2, cursor=None)
    assert (unread(bob, limit=2), count) == ((["mention", "mention"], 3), 3)
    assert unread(bob, limit=3, cursor=page.next_cursor) == (["invitation"], 3)
    assert service.mark_read(caller=bob, up_to=page.items[1]["id"]) == 1
    assert unread(bob, limit=2, cursor=page.next_cursor) == ([], 1)


def test_an_item_without_a_place_in_a_log_is_read_by_the_marker_alone(world: World) -> None:
    bob = rooms.people("bob")[0]
    old = NotificationItem(bob.user_id, ids.new("ntf"), "mention", clock.now(), message_id="msg_old")
    store.add_items([old])
    assert unread(bob) == (["mention"], 1)
    assert service.mark_read(caller=bob, up_to=old.id) == 0
    assert unread(bob) == ([], 0)
