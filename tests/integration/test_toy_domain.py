"""A domain moves in: what it registers in a folder of its own is in the log, on sockets, in sync, in both documents."""

from __future__ import annotations

import importlib
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from conversations import plans, publish, sync
from conversations.schemas import SyncAnswer
from infra import documents
from kernel import aws
from kernel.caller import Caller
from kernel.config import config
from kernel.consumers import all_messages
from log import registry, subscriptions
from log.api import AppendPlan
from log.model import NewEvent
from log.registry import UnknownEventType
from realtime import delivery
from realtime import jobs as job_registry
from tests.conftest import STACK
from tests.integration.following import follow
from tests.integration.rooms import group, open_socket, people, whole_log, work
from tests.management import Management

EVENTS = '''
"""What toys tell."""

from __future__ import annotations

from kernel.schema import Output
from log.api import EventType, register, subscribe
from realtime.api import register_job

played = []
followed = []


class ThrowOut(Output):
    height: int
    mine: bool


def throws_for_viewers(events, rendering):
    return lambda event, viewer_id: {"height": event.data["height"], "mine": event.actor_id == viewer_id}


register(EventType("toy.thrown", data="toys.events.ThrowOut", render=throws_for_viewers, viewer_specific=True))
register_job("toy_played", lambda job: played.append(job["with"]))
subscribe("toy.thrown", followed.extend, queue="toys", carries=lambda event: {"height": event.data["height"]})
'''


@pytest.fixture
def toys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    (tmp_path / "toys").mkdir()
    (tmp_path / "toys/__init__.py").write_text('"""Owns what is thrown."""\n')
    (tmp_path / "toys/events.py").write_text(EVENTS)
    monkeypatch.syspath_prepend(str(tmp_path))
    yield importlib.import_module("toys.events")
    registry.forget("toy.thrown")
    job_registry.forget("toy_played")
    subscriptions.unsubscribe("toy.thrown", queue="toys")
    for name in ("toys", "toys.events"):
        sys.modules.pop(name, None)


def _throw(who: Caller, conversation_id: str, height: int) -> None:
    thrown = NewEvent("toy.thrown", who.user_id, {"height": height})
    context, events = plans.append(conversation_id, who.user_id, lambda _: AppendPlan([thrown]))
    publish.publish_events(context, events)


def test_a_type_that_nobody_registered_cannot_be_appended() -> None:
    (ada,) = people("ada")
    conversation_id = group(ada)
    with pytest.raises(UnknownEventType):
        _throw(ada, conversation_id, 3)
    assert len(whole_log(conversation_id)) == 1


def test_its_event_is_in_the_log_on_sockets_and_in_sync_as_each_sees_it(
    toys: ModuleType, management: Management
) -> None:
    ada, bob = people("ada", "bob")
    conversation_id = group(ada, bob)
    for who in (ada, bob):
        open_socket(who)
    _throw(ada, conversation_id, 3)
    work()
    assert whole_log(conversation_id)[-1].type == "toy.thrown"
    for who, mine in ((ada, True), (bob, False)):
        (frame,) = management.frames(who.user_id)
        assert (frame["type"], frame["data"]) == ("toy.thrown", {"height": 3, "mine": mine})
        missed = sync.missed(caller=who, cursors={conversation_id: 1})
        answer = json.loads(SyncAnswer.model_validate(missed.with_calls([])).model_dump_json())
        (event,) = answer["conversations"][0]["events"]
        assert (event["type"], event["data"]) == ("toy.thrown", {"height": 3, "mine": mine})


def test_its_subscription_is_told_of_its_event_by_a_queue_of_its_own(toys: Any, settings: pytest.MonkeyPatch) -> None:
    queue = aws.client("sqs").create_queue(QueueName=f"{STACK}-toys")["QueueUrl"]
    settings.setenv("QUEUE_URLS", f"{os.environ['QUEUE_URLS']} {queue}")
    config.cache_clear()
    ada, bob = people("ada", "bob")
    conversation_id = group(ada, bob)
    _throw(ada, conversation_id, 3)
    follow(all_messages("toys", subscriptions.deliver("toys")), queue="toys")
    (thrown,) = toys.followed
    assert (thrown.conversation_id, thrown.type, thrown.actor_id) == (conversation_id, "toy.thrown", ada.user_id)
    assert thrown.data == {"height": 3}


def test_its_job_is_done_from_the_queue(toys: Any) -> None:
    delivery.enqueue([{"kind": "toy_played", "with": "a ball"}])
    work()
    assert toys.played == ["a ball"]


def test_its_event_is_in_both_documents_with_its_own_schema(toys: ModuleType) -> None:
    http, socket = (json.loads(text) for path, text in documents.documents().items() if path.suffix == ".json")
    schemas = http["components"]["schemas"]
    assert schemas["ToyThrownEvent"]["properties"]["type"]["const"] == "toy.thrown"
    union = schemas["SyncedConversation"]["properties"]["events"]["items"]
    assert union["discriminator"]["mapping"]["toy.thrown"] == "#/components/schemas/ToyThrownEvent"
    assert "event.toy.thrown" in socket["components"]["messages"]
