"""Pushes once, whatever is repeated, comes late or happens at the same time (R25, R53), and what providers answer."""

from __future__ import annotations

import json
import random
from datetime import time
from typing import Any

import pytest

from conversations import service as conversations
from messages.reading import receipts
from notifications import alert_store, store
from notifications.consumers import follow
from notifications.model import QuietHours
from tests.helpers import CONTEXT
from tests.integration import rooms
from tests.integration.following import dispatched, told
from tests.integration.notifications.hearing import World, listed, queued, repeat, waiting, wishes
from tests.support.push_services import Answer
from tests.tools import captured_lines


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
    assert [each["kind"] for each in listed(bob)] == ["mention", "mention", "invitation"]


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
