"""The dispatcher: what the stream tells goes to who follows it, without content, whatever fails beside (R24, R25)."""

from __future__ import annotations

import json
import os
from typing import Any

import pytest

from conversations import service as conversations
from kernel import aws, clock
from kernel.config import config
from kernel.errors import DependencyUnavailable
from log import subscriptions
from log.consumers import dispatch
from messages import service as messages
from messages.changes import reactions
from search import indexing
from search.consumers import index
from tests.conftest import STACK
from tests.helpers import CONTEXT
from tests.integration import rooms
from tests.integration.following import dispatched, told
from tests.mls import ciphertext
from tests.tools import queue_event, rows

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


def test_of_a_conversations_updates_only_the_one_that_encrypts_it_is_a_loss() -> None:
    ada, bob = rooms.people("ada", "bob")
    tea = rooms.group(ada, bob)
    dispatched("losses")
    for fields in ({"name": "Green tea"}, {"settings": {"encrypted": True}}, {"description": "With milk"}):
        conversations.change(caller=ada, conversation_id=tea, fields=fields)
    updates = [each for each in told() if each["dynamodb"]["NewImage"]["type"] == {"S": "conversation.updated"}]
    told_to_losses = _told_of("losses", updates)
    _, encrypted, _ = _told_of("meaning", [])  # AI help follows all of them
    assert told_to_losses == [encrypted]


def test_what_reads_messages_is_not_told_of_encrypted_ones() -> None:
    ada, bob = rooms.people("ada", "bob")
    tea = rooms.group(ada, bob, settings={"encrypted": True})
    sent, _ = rooms.say(ada, tea, None, client_id="1", type="encrypted", ciphertext=ciphertext(tea))
    messages.delete(caller=ada, conversation_id=tea, message_id=sent["id"])
    records = told()
    for queue in ("search", "meaning", "moderation"):
        assert _told_of(queue, records) == []
    assert ("message.created", sent["seq"]) in _told_of("follow", records), "people are notified all the same"


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
    with clock.held(clock.now() + subscriptions.AT_ONCE_MS):
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


def test_a_new_message_is_indexed_at_once_and_its_change_by_the_queue() -> None:
    ada, bob = rooms.people("ada", "bob")
    tea = rooms.group(ada, bob)
    sent = rooms.send(ada, tea, "hello")
    assert dispatched("search", behind=False) == []
    assert [row["words"] for row in rows("search")] == [" hello "]
    messages.edit(caller=ada, conversation_id=tea, message_id=sent["id"], text="bye")
    changed = [record for record in told() if record["eventName"] == "MODIFY"]
    assert len(dispatched("search", changed, behind=False)) == 1


def test_what_cannot_be_indexed_at_once_comes_by_the_queue(monkeypatch: pytest.MonkeyPatch) -> None:
    ada, bob = rooms.people("ada", "bob")
    rooms.send(ada, rooms.group(ada, bob), "hello")
    with monkeypatch.context() as broken:
        broken.setattr(indexing, "index_read", _broken)
        waiting = dispatched("search", behind=False)
    assert rows("search") == []
    assert index.handler(queue_event(*waiting), CONTEXT) == {"batchItemFailures": []}
    assert [row["words"] for row in rows("search")] == [" hello "]


def _broken(_events: object) -> int:
    raise DependencyUnavailable


def test_nothing_is_indexed_at_once_in_a_large_batch() -> None:
    ada, bob = rooms.people("ada", "bob")
    tea = rooms.group(ada, bob)
    for n in range(subscriptions.AT_ONCE + 1):
        rooms.send(ada, tea, "hello", client_id=str(n))
    of_messages = [each for each in told() if each["dynamodb"]["NewImage"]["type"] == {"S": "message.created"}]
    assert len(dispatched("search", of_messages, behind=False)) == subscriptions.AT_ONCE + 1
    assert rows("search") == []


def test_an_image_that_is_out_of_date_leaves_no_old_words() -> None:
    ada, bob = rooms.people("ada", "bob")
    tea = rooms.group(ada, bob)
    kept, gone = (rooms.send(ada, tea, text, client_id=text) for text in ("one", "two"))
    records = told()
    messages.edit(caller=ada, conversation_id=tea, message_id=kept["id"], text="three")
    messages.delete(caller=ada, conversation_id=tea, message_id=gone["id"])
    assert dispatched("search", records, behind=False) == []
    assert [row["words"] for row in rows("search")] == [" three "]


def test_a_message_whose_time_has_come_is_told_of_as_gone() -> None:
    ada, bob = rooms.people("ada", "bob")
    tea = rooms.group(ada, bob, settings={"disappearing_seconds": 60})
    rooms.send(ada, tea, "hello")
    records = told()
    with clock.held(clock.now() + clock.HOUR):
        (body,) = [json.loads(body) for body in dispatched("search", records)]
    assert body["deleted_at"] == body["expires_at"]
