"""The dispatcher: what the stream tells goes to who follows it, without content, whatever fails beside (R24, R25)."""

from __future__ import annotations

import json
import os
from typing import Any

import pytest

from kernel import aws, clock
from kernel.config import config
from log.consumers import dispatch
from messages import reactions
from messages import service as messages
from tests.conftest import STACK
from tests.helpers import CONTEXT
from tests.integration import rooms
from tests.integration.following import dispatched, told

CANARY = "c4n4ry"


def _without(settings: pytest.MonkeyPatch, queue: str) -> None:
    """Have the dispatcher know nothing of a queue."""
    urls = [url for url in os.environ["QUEUE_URLS"].split() if not url.endswith(f"{STACK}-{queue}")]
    settings.setenv("QUEUE_URLS", " ".join(urls))
    config.cache_clear()


def _told_of(queue: str, records: list[dict[str, Any]]) -> list[tuple[str, int]]:
    return [(each["type"], each["seq"]) for each in map(json.loads, dispatched(queue, records))]


def test_each_follower_is_told_of_what_it_follows_and_of_nothing_else() -> None:
    ada, bob = rooms.people("ada", "bob")
    tea = rooms.group(ada, bob)
    sent = rooms.send(ada, tea, "hello")
    messages.edit(caller=ada, conversation_id=tea, message_id=sent["id"], text="hello again")
    reactions.react(caller=bob, conversation_id=tea, message_id=sent["id"], emoji="👍", added=True)
    records = told()
    created = ("message.created", 2)
    assert _told_of("search", records) == [created, created], "new, and with other content"
    assert _told_of("follow", records)[:2] == [("conversation.created", 1), created]
    assert [type_ for type_, _ in _told_of("follow", records)].count("reaction.added") == 1


def test_no_content_travels() -> None:
    ada, bob = rooms.people("ada", "bob")
    tea = rooms.group(ada, bob, name=CANARY)
    rooms.send(ada, tea, CANARY, client_id="other", metadata={"note": CANARY, "call_id": CANARY})
    records = told()
    assert CANARY in json.dumps(records, default=str)
    for queue in ("search", "follow", "meaning"):
        bodies = dispatched(queue, records)
        assert bodies
        assert CANARY not in "".join(bodies)


def test_a_record_that_fails_is_reported_and_the_other_queues_have_theirs() -> None:
    ada, bob = rooms.people("ada", "bob")
    rooms.send(ada, rooms.group(ada, bob), "hello")
    records = told()
    aws.client("sqs").delete_queue(QueueUrl=config().queue("search"))
    answer = dispatch.handler({"Records": records}, CONTEXT)
    failed = {each["itemIdentifier"] for each in answer["batchItemFailures"]}
    of_message = [each for each in records if each["dynamodb"]["NewImage"]["type"] == {"S": "message.created"}]
    assert {each["dynamodb"]["SequenceNumber"] for each in of_message} == failed
    assert ("message.created", 2) in _told_of("follow", [])


def test_who_is_not_deployed_is_left_out(settings: pytest.MonkeyPatch) -> None:
    ada, bob = rooms.people("ada", "bob")
    rooms.send(ada, rooms.group(ada, bob), "hello")
    records = told()
    _without(settings, "meaning")
    assert dispatch.handler({"Records": records}, CONTEXT) == {"batchItemFailures": []}
    assert dispatched("meaning", []) == []


def test_a_message_whose_time_has_come_is_told_of_as_gone() -> None:
    ada, bob = rooms.people("ada", "bob")
    tea = rooms.group(ada, bob, settings={"disappearing_seconds": 60})
    rooms.send(ada, tea, "hello")
    records = told()
    with clock.held(clock.now() + clock.HOUR):
        (body,) = [json.loads(body) for body in dispatched("search", records)]
    assert body["deleted_at"] == body["expires_at"]
