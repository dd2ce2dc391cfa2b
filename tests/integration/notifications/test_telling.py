"""From what happens in conversations to what browsers hear."""

from __future__ import annotations

import json
import random
from datetime import time
from typing import Any

import pytest

from accounts import sessions
from calls import service as calls
from calls.consumers import sweep
from conversations import service as conversations
from kernel import clock
from messages import reactions, receipts
from messages import service as messages
from notifications import alert_store, service, store
from notifications.consumers import follow
from notifications.model import QuietHours
from realtime import store as sockets
from realtime.store import Connection
from tests.helpers import CONTEXT
from tests.integration import rooms
from tests.integration.following import dispatched, told
from tests.integration.notifications.hearing import NOON, World, queued, repeat, waiting, wishes
from tests.support.push_services import Answer
from tests.tools import captured_lines
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
    assert [each["kind"] for each in _items(eve)] == ["mention", "invitation"]


def _items(who: Any) -> list[dict[str, Any]]:
    page, _ = service.list_notices(caller=who, limit=50, cursor=None)
    return page.items


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


def test_a_message_deleted_before_its_push_shows_no_text(world: World) -> None:
    ada, bob = rooms.people("ada", "bob")
    chat = rooms.direct(ada, bob)
    browser = world.browser(bob, "bob")
    wishes(bob, show_preview=True)
    sent = rooms.send(ada, chat, "a slip")
    messages.delete(caller=ada, conversation_id=chat, message_id=sent["id"])
    world.work()
    assert all("slip" not in json.dumps(each) for each in browser.pushes)


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
    assert [each["kind"] for each in _items(bob)] == ["invitation"]


# --- the in-app list ------------------------------------------------------------------------------------------


def test_the_list_has_mentions_replies_reactions_and_invitations(world: World) -> None:
    ada, bob = rooms.people("ada", "bob")
    team = rooms.group(ada, bob, name="Tea")
    mine = rooms.send(bob, team, "who comes?")
    rooms.send(ada, team, "@bob I do")
    rooms.send(ada, team, "so do I", reply_to=mine["id"])
    reactions.react(caller=ada, conversation_id=team, message_id=mine["id"], emoji="👍", added=True)
    world.work()

    items = _items(bob)

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
    newest, older = _items(bob)[0]["id"], _items(bob)[2]["id"]
    assert service.list_notices(caller=bob, limit=50, cursor=None)[1] == 4
    assert service.mark_read(caller=bob, up_to=older) == 2
    assert service.mark_read(caller=bob, up_to=newest) == 0
    assert service.mark_read(caller=bob, up_to=older) == 0
    assert all(each["read"] for each in _items(bob))


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
    assert found == [each["id"] for each in _items(bob)]
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
    assert [each["kind"] for each in _items(bob)] == ["missed_call"]


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


# --- once, whatever is repeated (R25, R53) ---------------------------------------------------------------------


def test_a_job_that_comes_again_reaches_no_device_twice(world: World) -> None:
    ada, bob = rooms.people("ada", "bob")
    browser = world.browser(bob, "bob")
    rooms.send(ada, rooms.direct(ada, bob), "hello")
    world.work()
    for _ in range(4):
        assert repeat(world.jobs) == {"batchItemFailures": []}
    assert len(browser.pushes) == 1


@pytest.mark.parametrize("seed", range(6))
def test_a_stream_told_one_to_five_times_in_any_order_tells_each_device_once(world: World, seed: int) -> None:
    ada, bob, eve = rooms.people("ada", "bob", "eve")
    team = rooms.group(ada, bob, eve)
    world.work()
    browsers = [world.browser(who, f"{who.user_id}{n}", f"d{n}") for who in (bob, eve) for n in range(2)]
    for n in range(5):
        rooms.send(ada, team, f"@bob {n}" if n % 2 else f"{n}")
    chance = random.Random(seed)
    records = [record for record in told() for _ in range(chance.randint(1, 5))]
    chance.shuffle(records)
    while records:
        size = chance.randint(1, 6)
        assert follow.handler(queued(dispatched("follow", records[:size])), CONTEXT) == {"batchItemFailures": []}
        records = records[size:]
        if chance.random() < 0.5:
            world.seen = len(told())
            world.work()
    world.work()
    for browser in browsers:
        kinds = [each["kind"] for each in browser.pushes]
        assert kinds in (
            ["invitation", "mention"],
            ["invitation", "message"],
            ["mention", "invitation"],
            ["message", "invitation"],
        )
    assert [each["kind"] for each in _items(bob)] == ["mention", "mention", "invitation"]


def test_of_a_crash_between_alert_and_note_each_device_hears_once(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada, bob = rooms.people("ada", "bob")
    browser = world.browser(bob, "bob")
    rooms.send(ada, rooms.direct(ada, bob), "hello")

    def ended(*_: Any) -> None:
        raise RuntimeError("the process ended")

    kept = alert_store.save_alerts
    monkeypatch.setattr(alert_store, "save_alerts", ended)
    assert follow.handler(queued(dispatched("follow")), CONTEXT)["batchItemFailures"]
    monkeypatch.setattr(alert_store, "save_alerts", kept)
    world.work()
    assert len(browser.pushes) == 1


def test_two_who_tell_of_a_burst_at_once_alert_once(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    # given two messages, of which one is told while another process has read the alerts for the other
    ada, bob = rooms.people("ada", "bob")
    chat = rooms.direct(ada, bob)
    world.work()
    browser = world.browser(bob, "bob")
    for n in range(2):
        rooms.send(ada, chat, f"{n}")
    records = told()[world.seen :]
    kept = alert_store.save_alerts

    def at_the_same_time(*arguments: Any) -> None:
        monkeypatch.setattr(alert_store, "save_alerts", kept)
        assert follow.handler(queued(dispatched("follow", records[:1])), CONTEXT) == {"batchItemFailures": []}
        kept(*arguments)

    monkeypatch.setattr(alert_store, "save_alerts", at_the_same_time)
    assert follow.handler(queued(dispatched("follow", records[1:])), CONTEXT) == {"batchItemFailures": []}
    world.seen = len(told())
    world.work()
    assert len(browser.pushes) == 1


# --- what providers answer ------------------------------------------------------------------------------------


def test_a_dead_endpoint_is_forgotten(world: World) -> None:
    ada, bob = rooms.people("ada", "bob")
    dead, alive = world.browser(bob, "dead", "d1"), world.browser(bob, "alive", "d2")
    world.service.answers(dead.path, Answer(410))
    rooms.send(ada, rooms.direct(ada, bob), "hello")
    world.work()
    assert set(store.person(bob.user_id).devices) == {"d2"}
    assert len(alive.pushes) == 1


def test_what_the_service_wants_later_is_tried_again_for_that_device_alone(world: World) -> None:
    ada, bob = rooms.people("ada", "bob")
    busy, fine = world.browser(bob, "busy", "d1"), world.browser(bob, "fine", "d2")
    world.service.answers(busy.path, Answer(429, {"Retry-After": "7"}), Answer(201))
    rooms.send(ada, rooms.direct(ada, bob), "hello")
    world.follow()
    jobs = [json.loads(job["body"]) for job in waiting("push")]

    with captured_lines() as lines:
        assert repeat(jobs) == {"batchItemFailures": [{"itemIdentifier": "m0"}]}
    assert any(line.get("later") == "429" for line in lines.all)
    assert repeat(jobs) == {"batchItemFailures": []}

    assert (len(busy.pushes), len(fine.pushes)) == (2, 1)


def test_what_was_read_while_the_service_was_busy_is_not_sent_any_more(world: World) -> None:
    ada, bob = rooms.people("ada", "bob")
    chat = rooms.direct(ada, bob)
    browser = world.browser(bob, "bob")
    world.service.answers(browser.path, Answer(503))
    sent = rooms.send(ada, chat, "hello")
    world.follow()
    jobs = [json.loads(job["body"]) for job in waiting("push")]
    repeat(jobs)
    receipts.mark_read(caller=bob, conversation_id=chat, seq=sent["seq"])
    assert repeat(jobs) == {"batchItemFailures": []}
    assert len(browser.pushes) == 1


def test_what_is_counted_names_nobody(world: World) -> None:
    ada, bob = rooms.people("ada", "bob")
    world.browser(bob, "bob")
    rooms.send(ada, rooms.direct(ada, bob), "hello")
    with captured_lines() as lines:
        world.work()
    line = next(each for each in lines.all if each["function"] == "notifications.push" and "PushDelay" in each)
    assert line["PushesAttemptedWebPush"] == [1]
    assert line["PushesDeliveredWebPush"] == [1]
    assert "127.0.0.1" not in lines.text


def test_what_no_push_service_took_is_counted_by_provider_with_its_reason(world: World) -> None:
    ada, bob = rooms.people("ada", "bob")
    answers = {"gone": 410, "refused": 413, "later": 503, "well": 201}
    for name, status in answers.items():
        world.service.answers(world.browser(bob, name, name).path, Answer(status))
    rooms.send(ada, rooms.direct(ada, bob), "hello")
    world.follow()
    with captured_lines() as lines:
        repeat([json.loads(job["body"]) for job in waiting("push")])
    line = next(each for each in lines.all if "PushesAttemptedWebPush" in each)
    counted = {name: line[f"Pushes{name}WebPush"] for name in ("Attempted", "Delivered", "Gone", "Refused", "Later")}
    assert counted == {"Attempted": [4], "Delivered": [1], "Gone": [1], "Refused": [1], "Later": [1]}
    told = next(each for each in lines.all if each.get("message") == "pushes not delivered")
    assert (told["provider"], told["reasons"]) == ("webpush", {"410": 1, "413": 1, "503": 1})


def test_what_is_kept_from_people_is_counted_by_its_rule(world: World) -> None:
    ada, bob, eve, mallory = rooms.people("ada", "bob", "eve", "mallory")
    team = rooms.group(ada, bob, eve, mallory)
    world.work()
    for who in (bob, eve, mallory):
        world.browser(who, who.user_id)
    wishes(bob, messages="none")
    conversations.update_preferences(caller=eve, conversation_id=team, changes={"notifications": "none"})
    wishes(mallory, quiet_hours=QuietHours(time(0), time(0), "UTC"))
    rooms.send(ada, team, "hello")
    with captured_lines() as lines:
        world.work()
    line = next(each for each in lines.all if "SuppressedMuted" in each)
    assert {name: line[name] for name in line if name.startswith("Suppressed")} == {
        "SuppressedPreference": [1],
        "SuppressedMuted": [1],
        "SuppressedQuiet": [1],
    }
