"""Streamed answers: claimed once, dense pieces, one end, cancelled when nobody waits."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest

from assistant import requests, store
from assistant import settings as ai_settings
from assistant.actions import cancel_request
from assistant.consumers import stream
from assistant.model import AiDisabled
from assistant.providers import choice
from assistant.store import StoredJob
from kernel import aws, config
from kernel.caller import Caller
from tests.helpers import CONTEXT
from tests.integration import rooms
from tests.integration.assistant import desk
from tests.integration.rooms import open_socket
from tests.management import serving
from tests.support import models
from tests.tools import queue_event, socket_event


@pytest.fixture
def queue(settings: pytest.MonkeyPatch) -> Iterator[str]:
    url = aws.client("sqs").create_queue(QueueName="test-assistant")["QueueUrl"]
    settings.setenv("AI_QUEUE_URL", url)
    ai_settings.settings.cache_clear()
    yield url
    ai_settings.settings.cache_clear()


def _asked(url: str) -> dict[str, Any]:
    (message,) = aws.client("sqs").receive_message(QueueUrl=url)["Messages"]
    found: dict[str, Any] = json.loads(message["Body"])
    return found


def _connected(who: Caller) -> None:
    open_socket(who, "socket-1")


def _work(message: dict[str, Any], settings: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Handle a message of the queue; returns the published ai events."""
    with serving(settings) as management:
        assert stream.handler(queue_event(message), CONTEXT) == {"batchItemFailures": []}
        return [each for each in management.frames("socket-1") if each["type"].startswith("ai.")]


def test_a_stream_has_dense_pieces_and_one_end(queue: str, settings: pytest.MonkeyPatch) -> None:
    ada, bob = rooms.people("ada", "bob")
    tea = desk.group(ada, bob)
    desk.say(tea, (bob, "Decided: we take the bus."), (bob, "Decided: dinner is at 19:30."))
    request_id = requests.start(ada, "summaries", {"conversation_id": tea, "after_seq": 0, "length": "long"})
    message = _asked(queue)
    _connected(ada)
    *deltas, done = _work(message, settings)
    assert [each["data"]["n"] for each in deltas] == [1, 2, 3]
    assert done["type"] == "ai.done"
    assert done["data"]["request_id"] == request_id
    assert "".join(each["data"]["text"] for each in deltas) == done["data"]["answer"]["result"]
    assert _work(message, settings) == []  # the queue delivers it once more


def test_a_request_whose_function_died_ends_with_a_problem(queue: str, settings: pytest.MonkeyPatch) -> None:
    ada, bob = rooms.people("ada", "bob")
    tea = desk.group(ada, bob)
    requests.start(ada, "replies", {"conversation_id": tea})
    message = _asked(queue)
    store.move_job(ada.user_id, message["request_id"], before="queued", after="running", kept={}, kind="request")
    _connected(ada)
    (done,) = _work(message, settings)
    assert done["data"]["problem"]["code"] == "internal"


def test_rights_are_asked_again_when_the_answer_is_made(queue: str, settings: pytest.MonkeyPatch) -> None:
    ada, bob = rooms.people("ada", "bob")
    tea = desk.group(bob, ada)
    requests.start(ada, "replies", {"conversation_id": tea})
    message = _asked(queue)
    rooms.remove(bob, tea, ada)
    _connected(ada)
    (done,) = _work(message, settings)
    assert done["data"]["problem"]["code"] == "not_found"


def _cancel(who: Caller, request_id: str) -> dict[str, Any]:
    frame = {"action": "aiCancel", "id": "1", "request_id": request_id}
    answer: dict[str, Any] = json.loads(cancel_request.handler(socket_event(who, frame), CONTEXT)["body"])
    return answer


def test_a_cancelled_request_is_not_answered_and_ends_once(queue: str, settings: pytest.MonkeyPatch) -> None:
    ada, bob = rooms.people("ada", "bob")
    tea = desk.group(ada, bob)
    request_id = requests.start(ada, "replies", {"conversation_id": tea})
    message = _asked(queue)
    assert _cancel(bob, request_id)["problem"]["code"] == "not_found"
    assert _cancel(ada, request_id) == {"type": "ack", "id": "1", "data": None}
    _connected(ada)
    (done,) = _work(message, settings)
    assert done["data"]["problem"]["code"] == "gone"
    assert _work(message, settings) == []
    assert desk.used_tokens(ada) == 0


def test_an_answer_that_is_cancelled_while_it_comes_stops_and_counts_what_has_come_once(
    queue: str, settings: pytest.MonkeyPatch
) -> None:
    ada, bob = rooms.people("ada", "bob")
    tea = desk.group(ada, bob)
    desk.say(tea, (bob, "Decided: we take the bus."))
    request_id = requests.start(ada, "summaries", {"conversation_id": tea, "after_seq": 0})
    message = _asked(queue)
    _connected(ada)

    def is_cancelled_as_it_thinks(system: str, user: str) -> str:
        _cancel(ada, request_id)
        time.sleep(requests.CHECK_INTERVAL_S + 0.1)
        return "We take the bus. " * 100

    with models.serving(is_cancelled_as_it_thinks) as model:
        for name, value in (
            ("LOOPBACK_TARGETS", "on"),
            ("AI_PROVIDER", "openai"),
            ("AI_MODELS", "default=small"),
            ("AI_BASE_URL", f"{model.url}/v1"),
        ):
            settings.setenv(name, value)
        for each in (config.config, ai_settings.settings, choice.provider):
            each.cache_clear()
        (done,) = _work(message, settings)
    assert done["data"]["problem"]["code"] == "gone"
    used = desk.used_tokens(ada)
    assert 0 < used < 600  # not the 600 tokens that the whole answer might have had
    assert _work(message, settings) == []
    assert desk.used_tokens(ada) == used


def test_an_answer_ends_when_nobody_listens_any_more(queue: str, settings: pytest.MonkeyPatch) -> None:
    ada, bob = rooms.people("ada", "bob")
    tea = desk.group(ada, bob)
    request_id = requests.start(ada, "replies", {"conversation_id": tea})
    stream_of_hers = requests._Stream(ada.user_id, request_id)
    stream_of_hers.move("queued", "running")
    time.sleep(requests.CHECK_INTERVAL_S + 0.1)
    with pytest.raises(requests.RequestCancelled):
        stream_of_hers.publish("No socket of hers is open.")
    kept = store.job(ada.user_id, request_id, kind="request")
    assert kept is not None
    assert kept.state == "cancelled"


def test_what_is_wrong_already_is_told_at_once(queue: str) -> None:
    ada, bob = rooms.people("ada", "bob")
    with pytest.raises(AiDisabled):
        requests.start(ada, "replies", {"conversation_id": rooms.group(ada, bob)})


def test_a_request_is_forgotten_after_a_day(queue: str) -> None:
    store.put_job(StoredJob("usr_a", "air_1", "queued", {}), kind="request")
    assert store.job("usr_a", "air_1", kind="request") is not None
    assert store.job("usr_b", "air_1", kind="request") is None
