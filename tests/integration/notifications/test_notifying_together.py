"""Events of one conversation that come in one batch are decided with what is read once."""

from __future__ import annotations

from typing import Any

import pytest

from notifications import alert_store, store
from notifications.consumers import follow
from tests.helpers import CONTEXT
from tests.integration import rooms
from tests.integration.following import dispatched, told
from tests.integration.notifications.hearing import World, listed, queued, waiting
from tests.tools import store_calls


def test_ten_messages_to_a_group_are_read_for_once(world: World) -> None:
    ada, bob, eve = rooms.people("ada", "bob", "eve")
    team = rooms.group(ada, bob, eve)
    world.work()
    browsers = [world.browser(who, who.user_id) for who in (ada, bob, eve)]
    for n in range(10):
        rooms.send((ada, bob)[n % 2], team, f"{n}")
    records = told()[world.seen :]

    batch = queued(dispatched("follow", records))
    with store_calls() as calls:
        assert follow.handler(batch, CONTEXT) == {"batchItemFailures": []}
    assert calls == ["Query", "BatchGetItem", "PutItem"]

    world.seen = len(told())
    world.work()
    assert [len(each.pushes) for each in browsers] == [1, 1, 1]


def test_events_of_two_conversations_and_of_other_kinds_keep_their_own(world: World) -> None:
    ada, bob, eve = rooms.people("ada", "bob", "eve")
    team, pair = rooms.group(ada, bob, eve), rooms.direct(ada, bob)
    world.work()
    browser = world.browser(bob, "bob")
    rooms.send(ada, team, "one")
    rooms.send(ada, pair, "two")
    rooms.send(ada, team, "@bob three")
    rooms.send(eve, team, "four")
    world.work()
    assert sorted(each["conversation_id"] for each in browser.pushes) == sorted([team, pair])
    assert [each["kind"] for each in listed(bob)][:1] == ["mention"]


def test_no_push_of_a_batch_is_sent_before_its_alerts_are_saved(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    ada, bob = rooms.people("ada", "bob")
    world.browser(bob, "bob")
    chat = rooms.direct(ada, bob)
    for n in range(3):
        rooms.send(ada, chat, f"{n}")

    def ended(*_: Any) -> None:
        raise RuntimeError("the process ended")

    monkeypatch.setattr(alert_store, "save_alerts", ended)
    assert follow.handler(queued(dispatched("follow")), CONTEXT)["batchItemFailures"]
    assert waiting("push") == []
    assert store.person(bob.user_id).devices
