"""Streamed answers: claimed once, dense pieces, one end, cancelled when nobody waits."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from assistant import requests, store
from assistant import settings as ai_settings
from assistant.consumers import stream
from assistant.model import AiDisabled
from assistant.store import Job
from kernel import aws
from kernel.caller import Caller
from kernel.errors import NotFound
from realtime import service as realtime
from tests.helpers import CONTEXT
from tests.integration import rooms
from tests.integration.assistant import desk
from tests.management import serving
from tests.tools import queue_event


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
    realtime.open_connection(Caller(who.user_id, who.session_id, "socket-1"))


def _work(message: dict[str, Any], settings: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Have a message of the queue handled; the ai events that were posted."""
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


def test_a_cancelled_request_is_not_answered(queue: str, settings: pytest.MonkeyPatch) -> None:
    ada, bob = rooms.people("ada", "bob")
    tea = desk.group(ada, bob)
    request_id = requests.start(ada, "replies", {"conversation_id": tea})
    message = _asked(queue)
    requests.cancel(ada.user_id, request_id)
    _connected(ada)
    assert _work(message, settings) == []
    with pytest.raises(NotFound):
        requests.cancel(bob.user_id, request_id)


def test_what_is_wrong_already_is_told_at_once(queue: str) -> None:
    ada, bob = rooms.people("ada", "bob")
    with pytest.raises(AiDisabled):
        requests.start(ada, "replies", {"conversation_id": rooms.group(ada, bob)})


def test_a_request_is_forgotten_after_a_day(queue: str) -> None:
    store.put_job(Job("usr_a", "air_1", "queued", {}), kind="request")
    assert store.job("usr_a", "air_1", kind="request") is not None
    assert store.job("usr_b", "air_1", kind="request") is None
