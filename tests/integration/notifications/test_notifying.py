"""From what happens in conversations to what browsers hear."""

from __future__ import annotations

import json
from datetime import time
from typing import Any

import pytest

from accounts.sessions import service as sessions
from calls import service as calls
from calls.consumers import sweep
from conversations import service as conversations
from kernel import clock
from messages import service as messages
from messages.changes import reactions
from messages.reading import receipts
from notifications import service
from notifications.model import QuietHours
from realtime import store as sockets
from realtime.store import Connection
from tests.helpers import CONTEXT
from tests.integration import rooms
from tests.integration.notifications.hearing import NOON, World, listed, waiting, wishes
from users import relations


def test_who_is_away_hears_of_a_message_without_its_content(world: World) -> None:
    ada, bob = rooms.people("ada", "bob")
    chat = rooms.direct(ada, bob)
    browser = world.browser(bob, "bob")
    rooms.send(ada, chat, "the secret is water")

    world.work()

    assert browser.pushes == [{"kind": "message", "conversation_id": chat, "badge": 1, "tag": chat}]
    (request,) = world.service.received
    assert b"water" not in request.body
    assert "water" not in json.dumps(world.jobs), "content waits in no queue"


def test_the_sender_s_own_devices_hear_nothing(world: World) -> None:
    ada, bob = rooms.people("ada", "bob")
    browser = world.browser(ada, "ada")
    rooms.send(ada, rooms.direct(ada, bob), "hello")
    world.work()
    assert browser.pushes == []


def test_what_was_read_before_it_could_be_told_is_not_told(world: World) -> None:
    ada, bob = rooms.people("ada", "bob")
    chat = rooms.direct(ada, bob)
    browser = world.browser(bob, "bob")
    sent = rooms.send(ada, chat, "hello")
    receipts.mark_read(caller=bob, conversation_id=chat, seq=sent["seq"])
    world.work()
    assert browser.pushes == []


def test_who_looks_at_the_conversation_is_not_told(world: World) -> None:
    ada, bob = rooms.people("ada", "bob")
    chat, other = rooms.direct(ada, bob), rooms.group(ada, bob)
    world.work()
    browser = world.browser(bob, "bob")
    now = clock.now()
    sockets.add(Connection("c1", bob.user_id, bob.session_id, now, now))
    sockets.focus(bob.user_id, "c1", chat)
    rooms.send(ada, chat, "seen")
    rooms.send(ada, other, "not seen")
    world.work()
    assert [each["conversation_id"] for each in browser.pushes] == [other]


def test_a_screen_that_was_not_heard_of_for_a_minute_shows_nothing(world: World) -> None:
    ada, bob = rooms.people("ada", "bob")
    chat = rooms.direct(ada, bob)
    browser = world.browser(bob, "bob")
    with clock.held(NOON) as advance:
        sockets.add(Connection("c1", bob.user_id, bob.session_id, NOON, NOON))
        sockets.focus(bob.user_id, "c1", chat)
        advance(sockets.FOCUS_MS)
        rooms.send(ada, chat, "hello")
        world.work()
    assert len(browser.pushes) == 1


def test_a_burst_is_one_alert_and_one_update(world: World) -> None:
    ada, bob = rooms.people("ada", "bob")
    chat = rooms.direct(ada, bob)
    browser = world.browser(bob, "bob")
    with clock.held(NOON) as advance:
        for n in range(10):
            rooms.send(ada, chat, f"{n}")
            world.work()
            advance(500)
        assert len(browser.pushes) == 1
        advance(31 * clock.SECOND)
        world.work_later()
        assert [each["badge"] for each in browser.pushes] == [1, 10]
        assert len({each.headers["topic"] for each in world.service.received}) == 1
        assert len({each["tag"] for each in browser.pushes}) == 1
        world.work_later()
        assert len(browser.pushes) == 2
        rooms.send(ada, chat, "later")
        world.work()
        assert len(browser.pushes) == 3, "the burst is over: this one alerts again"


def test_what_was_read_within_the_burst_needs_no_update(world: World) -> None:
    ada, bob = rooms.people("ada", "bob")
    chat = rooms.direct(ada, bob)
    browser = world.browser(bob, "bob")
    with clock.held(NOON) as advance:
        for n in range(3):
            sent = rooms.send(ada, chat, f"{n}")
            world.work()
        receipts.mark_read(caller=bob, conversation_id=chat, seq=sent["seq"])
        advance(31 * clock.SECOND)
        world.work_later()
    assert [each["kind"] for each in browser.pushes] == ["message"]


def test_reading_on_one_device_clears_the_others(world: World) -> None:
    ada, bob = rooms.people("ada", "bob")
    chat = rooms.direct(ada, bob)
    browser = world.browser(bob, "bob")
    sent = rooms.send(ada, chat, "hello")
    world.work()
    receipts.mark_read(caller=bob, conversation_id=chat, seq=sent["seq"])
    rooms.work()
    world.work()
    assert browser.pushes[1:] == [{"kind": "read", "conversation_id": chat, "badge": 0, "tag": chat}]
    rooms.send(ada, chat, "and again")
    world.work()
    assert browser.pushes[-1]["kind"] == "message", "having read ends the burst"


def test_nothing_is_cleared_where_nothing_was_shown(world: World) -> None:
    ada, bob = rooms.people("ada", "bob")
    chat = rooms.direct(ada, bob)
    browser = world.browser(bob, "bob")
    wishes(bob, messages="none")
    sent = rooms.send(ada, chat, "hello")
    world.work()
    receipts.mark_read(caller=bob, conversation_id=chat, seq=sent["seq"])
    rooms.work()
    world.work()
    assert browser.pushes == []


def test_a_mention_reaches_through_mute_and_none_but_not_through_quiet_hours(world: World) -> None:
    ada, bob, eve = rooms.people("ada", "bob", "eve")
    team = rooms.group(ada, bob, eve)
    world.work()
    loud, quiet = world.browser(bob, "bob"), world.browser(eve, "eve")
    conversations.update_preferences(caller=bob, conversation_id=team, changes={"notifications": "none"})
    wishes(bob, messages="none")
    wishes(eve, quiet_hours=QuietHours(time(0), time(0), "UTC"))
    rooms.send(ada, team, "hello")
    rooms.send(ada, team, "@bob and @eve, look")
    world.work()
    assert [each["kind"] for each in loud.pushes] == ["mention"]
    assert quiet.pushes == []
    assert [each["kind"] for each in listed(eve)] == ["mention", "invitation"]


def test_the_badge_counts_what_is_unread_everywhere(world: World) -> None:
    ada, bob = rooms.people("ada", "bob")
    browser = world.browser(bob, "bob")
    for chat in (rooms.direct(ada, bob), rooms.group(ada, bob)):
        rooms.send(ada, chat, "one", client_id=f"{chat}1")
        rooms.send(ada, chat, "two", client_id=f"{chat}2")
    world.work()
    assert {each["badge"] for each in browser.pushes if each["kind"] == "message"} == {4}


def test_the_badge_counts_everything_for_everybody_of_a_large_group(world: World) -> None:
    ada, *others = rooms.people("ada", *(f"p{n}" for n in range(12)))
    team, small, ended = rooms.group(ada, *others), rooms.group(ada, *others[:3]), rooms.group(ada, *others[:2])
    chats = [rooms.direct(ada, each) for each in others[:4]]
    for n, chat in enumerate(chats):
        rooms.send(ada, chat, "hello", client_id=f"{n}")
    read = rooms.send(ada, small, "read by one")
    rooms.send(ada, ended, "of a group that is deleted")
    slip = rooms.send(ada, chats[3], "a slip")
    receipts.mark_read(caller=others[0], conversation_id=small, seq=read["seq"])
    messages.delete(caller=ada, conversation_id=chats[3], message_id=slip["id"])
    conversations.delete(caller=ada, conversation_id=ended)
    rooms.send(others[4], team, "by one of them")
    world.follow()
    waiting("push"), waiting("notifications")
    browsers = [world.browser(each, f"b{n}") for n, each in enumerate(others)]
    rooms.send(ada, team, "to twelve at once")
    world.work()

    badges = [each["badge"] for browser in browsers for each in browser.pushes]
    assert badges == [3, 4, 4, 3, 1, 2, 2, 2, 2, 2, 2, 2]


def test_previews_are_shown_to_who_chose_them_alone(world: World) -> None:
    ada, bob, eve = rooms.people("ada", "bob", "eve")
    team = rooms.group(ada, bob, eve, name="Tea")
    shown, plain = world.browser(bob, "bob"), world.browser(eve, "eve")
    wishes(bob, show_preview=True)
    rooms.send(ada, team, "water is hot")
    world.work()
    assert {"title": "Ada (Tea)", "body": "water is hot"}.items() <= shown.pushes[-1].items()
    assert "title" not in plain.pushes[-1]


def test_a_conversation_that_is_encrypted_by_now_shows_nothing_whatever_was_chosen(world: World) -> None:
    ada, bob = rooms.people("ada", "bob")
    team = rooms.group(ada, bob)
    world.work()
    browser = world.browser(bob, "bob")
    wishes(bob, show_preview=True)
    rooms.send(ada, team, "water is hot")
    world.follow()
    conversations.change(caller=ada, conversation_id=team, fields={"settings": {"encrypted": True}})
    world.work()
    assert browser.pushes == [{"kind": "message", "conversation_id": team, "badge": 1, "tag": team}]


def test_a_message_deleted_before_its_push_is_not_pushed(world: World) -> None:
    ada, bob = rooms.people("ada", "bob")
    chat = rooms.direct(ada, bob)
    browser = world.browser(bob, "bob")
    sent = rooms.send(ada, chat, "a slip")
    messages.delete(caller=ada, conversation_id=chat, message_id=sent["id"])
    world.work()
    assert browser.pushes == []


@pytest.mark.parametrize(("deleted", "bodies"), [((), ["0", "2"]), ((2,), ["0", "1"]), ((1, 2), ["0"])])
def test_the_update_after_a_burst_is_about_what_was_not_deleted(
    world: World, deleted: tuple[int, ...], bodies: list[str]
) -> None:
    ada, bob = rooms.people("ada", "bob")
    chat = rooms.direct(ada, bob)
    browser = world.browser(bob, "bob")
    wishes(bob, show_preview=True)
    with clock.held(NOON) as advance:
        sent = [rooms.send(ada, chat, f"{n}") for n in range(3)]
        world.work()
        for n in deleted:
            messages.delete(caller=ada, conversation_id=chat, message_id=sent[n]["id"])
        world.work()
        advance(31 * clock.SECOND)
        world.work_later()
    assert [each["body"] for each in browser.pushes] == bodies


def test_who_was_removed_or_signed_out_before_the_push_hears_nothing(world: World) -> None:
    ada, bob, eve = rooms.people("ada", "bob", "eve")
    team = rooms.group(ada, bob, eve)
    world.work()
    removed, gone = world.browser(bob, "bob"), world.browser(eve, "eve")
    rooms.send(ada, team, "hello")
    world.follow()
    rooms.remove(ada, team, bob)
    sessions.end_current(eve)
    world.work()
    assert (removed.pushes, gone.pushes) == ([], [])


def test_across_a_block_nothing_is_told(world: World) -> None:
    ada, bob = rooms.people("ada", "bob")
    team = rooms.group(ada, bob)
    world.work()
    browser = world.browser(bob, "bob")
    relations.block(user_id=bob.user_id, other_id=ada.user_id)
    rooms.send(ada, team, "@bob hello")
    rooms.send(ada, team, "hello")
    world.work()
    assert browser.pushes == []
    assert [each["kind"] for each in listed(bob)] == ["invitation"]


# --- the in-app list ------------------------------------------------------------------------------------------


def test_the_list_has_mentions_replies_reactions_and_invitations(world: World) -> None:
    ada, bob = rooms.people("ada", "bob")
    team = rooms.group(ada, bob, name="Tea")
    mine = rooms.send(bob, team, "who comes?")
    rooms.send(ada, team, "@bob I do")
    rooms.send(ada, team, "so do I", reply_to=mine["id"])
    reactions.react(caller=ada, conversation_id=team, message_id=mine["id"], emoji="👍", added=True)
    world.work()

    items = listed(bob)

    assert [each["kind"] for each in items] == ["reaction", "reply", "mention", "invitation"]
    assert [each["text"] for each in items] == [
        "Ada reacted to your message in Tea.",
        "Ada replied to you in Tea.",
        "Ada mentioned you in Tea.",
        "Ada added you to Tea.",
    ]
    assert items[0]["message_id"] == mine["id"]
    assert {each["actor_id"] for each in items} == {ada.user_id}


def test_reading_moves_forward_only(world: World) -> None:
    ada, bob = rooms.people("ada", "bob")
    team = rooms.group(ada, bob)
    for n in range(3):
        rooms.send(ada, team, f"@bob {n}")
    world.work()
    newest, older = listed(bob)[0]["id"], listed(bob)[2]["id"]
    assert service.list_notices(caller=bob, limit=50, cursor=None)[1] == 4
    assert service.mark_read(caller=bob, up_to=older) == 2
    assert service.mark_read(caller=bob, up_to=newest) == 0
    assert service.mark_read(caller=bob, up_to=older) == 0
    assert all(each["read"] for each in listed(bob))


def test_an_id_later_than_all_items_reads_what_is_there_and_nothing_to_come(world: World) -> None:
    ada, bob = rooms.people("ada", "bob")
    assert service.mark_read(caller=bob, up_to=f"ntf_{'7' * 26}") == 0
    team = rooms.group(ada, bob)
    rooms.send(ada, team, "@bob first")
    world.work()
    assert service.list_notices(caller=bob, limit=50, cursor=None)[1] == 2
    assert service.mark_read(caller=bob, up_to=f"ntf_{'7' * 26}") == 0
    rooms.send(ada, team, "@bob second")
    world.work()
    assert service.list_notices(caller=bob, limit=50, cursor=None)[1] == 1


def test_the_list_comes_in_pages(world: World) -> None:
    ada, bob = rooms.people("ada", "bob")
    team = rooms.group(ada, bob)
    for n in range(6):
        rooms.send(ada, team, f"@bob {n}")
    world.work()
    found, cursor = [], None
    while True:
        page, _ = service.list_notices(caller=bob, limit=3, cursor=cursor)
        found += [each["id"] for each in page.items]
        cursor = page.next_cursor
        if cursor is None:
            break
    assert found == [each["id"] for each in listed(bob)]
    assert len(found) == 7


# --- calls ----------------------------------------------------------------------------------------------------


def _call(who: Any, chat: str) -> dict[str, Any]:
    made, _ = calls.start(caller=who, conversation_id=chat, client_id="c1", media="audio")
    return made


def test_a_call_rings_at_once_and_stops_where_it_was_not_answered(world: World) -> None:
    ada, bob = rooms.people("ada", "bob")
    chat = rooms.direct(ada, bob)
    phone = world.browser(bob, "phone")
    rooms.send(ada, chat, "may I call?")
    made = _call(ada, chat)
    world.work()
    ring = phone.pushes[-1]
    assert (ring["kind"], ring["call_id"], ring["tag"]) == ("call", made["id"], made["id"])
    assert world.service.received[-1].headers["urgency"] == "high"
    assert world.service.received[-1].headers["ttl"] == "45"

    other = rooms.caller_again(bob)
    calls.join(caller=other, call_id=made["id"])
    world.work()

    assert phone.pushes[-1]["kind"] == "call_ended"


def test_a_call_that_was_answered_before_its_push_does_not_ring(world: World) -> None:
    ada, bob = rooms.people("ada", "bob")
    chat = rooms.direct(ada, bob)
    phone = world.browser(bob, "phone")
    made = _call(ada, chat)
    calls.join(caller=rooms.caller_again(bob), call_id=made["id"])
    world.work()
    assert phone.pushes == []


def test_a_missed_call_ends_the_ring_and_is_told(world: World) -> None:
    ada, bob = rooms.people("ada", "bob")
    chat = rooms.direct(ada, bob)
    phone = world.browser(bob, "phone")
    with clock.held(NOON) as advance:
        made = _call(ada, chat)
        world.work()
        advance(46 * clock.SECOND)
        sweep.handler({"call_id": made["id"]}, CONTEXT)
        world.work()
    assert [each["kind"] for each in phone.pushes] == ["call", "call_ended", "missed_call"]
    assert [each["kind"] for each in listed(bob)] == ["missed_call"]


def test_in_quiet_hours_only_contacts_ring(world: World) -> None:
    ada, bob, eve = rooms.people("ada", "bob", "eve")
    phone = world.browser(bob, "phone")
    wishes(bob, quiet_hours=QuietHours(time(0), time(0), "UTC"))
    relations.request(user_id=ada.user_id, other_id=bob.user_id)
    relations.accept(user_id=bob.user_id, other_id=ada.user_id)
    world.work()
    _call(eve, rooms.direct(eve, bob))
    world.work()
    assert phone.pushes == []
    made = _call(ada, rooms.direct(ada, bob))
    world.work()
    assert [each.get("call_id") for each in phone.pushes] == [made["id"]]
