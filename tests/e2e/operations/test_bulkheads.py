"""Kinds of jobs do not wait for each other: a flood of one keeps the others' age below a second (R24)."""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from tests.e2e.live import Live
from tests.e2e.people import Person
from tests.e2e.tools import at_once, eventually, operators_client

FLOOD = 2_000
SOCKETS = 11  # one more than a sender posts to itself, so that the fan-out posts
TURNS = 7
MAX_AGE_S = 1.0


class Queue:
    """A queue of the fan-out, as an operator sees it."""

    def __init__(self, endpoints: dict[str, str], name: str) -> None:
        self._sqs = operators_client(endpoints, "sqs")
        self._url = self._sqs.get_queue_url(QueueName=f"{endpoints['stack']}-{name}")["QueueUrl"]

    def put(self, *jobs: dict[str, Any]) -> None:
        entries = [{"Id": str(n), "MessageBody": json.dumps(job)} for n, job in enumerate(jobs)]
        assert not self._sqs.send_message_batch(QueueUrl=self._url, Entries=entries).get("Failed")

    def waiting(self) -> int:
        name = "ApproximateNumberOfMessages"
        found = self._sqs.get_queue_attributes(QueueUrl=self._url, AttributeNames=[name])
        return int(found["Attributes"][name])

    def purge(self) -> None:
        self._sqs.purge_queue(QueueUrl=self._url)


@pytest.fixture
def sockets(bob: Person) -> Iterator[list[Live]]:
    """More sockets of Bob than a sender posts to itself."""
    with ExitStack() as open_:
        yield at_once([lambda: open_.enter_context(bob.live())] * SOCKETS)


@pytest.fixture
def presence(endpoints: dict[str, str]) -> Iterator[Queue]:
    """The queue to be flooded; it is emptied afterwards."""
    queue = Queue(endpoints, "presence")
    yield queue
    queue.purge()


def _flood(queue: Queue, who: Person) -> None:
    job = {"kind": "presence", "user_id": who.id, "was": ["away", None]}
    at_once([lambda: queue.put(*[job] * 10)] * (FLOOD // 10))


def _connection_ids(endpoints: dict[str, str], who: Person) -> list[str]:
    table, key = f"{endpoints['stack']}-connections", {"user_id": {"S": who.id}}
    item = operators_client(endpoints, "dynamodb").get_item(TableName=table, Key=key)["Item"]
    return sorted(item["connections"]["M"])


def _heard(who: Person, sockets: list[Live], conversation_id: str) -> float:
    """The seconds from the acknowledgement of a message to its arrival on all of these sockets."""
    sent = who.send(conversation_id, "hello")
    taken = time.monotonic()
    for socket in sockets:
        socket.expect("message.created", seq=sent["seq"])
    return time.monotonic() - taken


def _closed(queue: Queue, connection_id: str, sockets: list[Live]) -> float:
    """The seconds from the request to close a socket to its close."""
    before = sum(socket.close_code is not None for socket in sockets)
    queue.put({"kind": "close", "connection_ids": [connection_id]})
    asked = time.monotonic()
    eventually(lambda: sum(socket.close_code is not None for socket in sockets) > before, every_s=0.005)
    return time.monotonic() - asked


def test_a_flood_of_presence_delays_neither_messages_nor_the_closing_of_sockets(
    endpoints: dict[str, str], ada: Person, bob: Person, sockets: list[Live], presence: Queue
) -> None:
    tea = ada.direct_with(bob)
    _heard(ada, sockets, tea)  # start the functions
    _flood(presence, ada)
    frames = [_heard(ada, sockets, tea) for _ in range(TURNS)]
    closings = [_closed(Queue(endpoints, "sockets"), each, sockets) for each in _connection_ids(endpoints, bob)[:TURNS]]
    assert presence.waiting() > FLOOD / 10, "the flood was over before the others were looked at"
    assert statistics.median(frames) < MAX_AGE_S, frames
    assert statistics.median(closings) < MAX_AGE_S, closings
