"""R10 and R11: a message reaches 200 sockets, some of which are dead; its acknowledgement waits for none of them.

SC_SOCKETS is their number (200; the full form is 1,000). A peer that reads nothing cannot be tested here, because the
local cloud buffers for it; posting to such a peer is tested in tests/unit/realtime and tests/integration.
"""

from __future__ import annotations

import asyncio
import json
import os
import statistics
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import botocore.session
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from tests.e2e.people import Person, Town
from tests.e2e.tools import at_once, eventually

SOCKETS = int(os.environ.get("SC_SOCKETS", "200"))
PER_PERSON = 20  # the server keeps 25
DYING = SOCKETS // 20
GHOSTS_EACH = 2
MESSAGES = 10
PATIENCE_S = 60.0
HOUR_MS = 3_600_000


class Ear:
    """A socket that is read, and the number of times that it received each seq of a conversation."""

    def __init__(self, connection: ClientConnection, conversation_id: str) -> None:
        self.heard: Counter[int] = Counter()
        self.last_at = 0.0
        self.hints = 0
        self.connection = connection
        self._conversation_id = conversation_id
        self._reading = asyncio.create_task(self._read())

    async def _read(self) -> None:
        try:
            async for text in self.connection:
                frame = json.loads(text)
                for event in frame.get("events") or [frame]:
                    self._take(event)
        except ConnectionClosed:
            return

    def _take(self, event: Mapping[str, Any]) -> None:
        if event["type"] == "pong":
            self.hints += 1
        elif event["type"] == "message.created" and event["conversation_id"] == self._conversation_id:
            self.heard[event["seq"]] += 1
            self.last_at = time.monotonic()

    def misses(self, seqs: Sequence[int]) -> set[int]:
        """The seqs that a socket did not receive, unless it was told to sync."""
        return set() if self.hints else set(seqs) - self.heard.keys()


class Table:
    """The table of live sockets, to insert rows as a missing $disconnect would leave them."""

    def __init__(self, endpoints: Mapping[str, str]) -> None:
        session = botocore.session.Session()
        session.set_credentials("test", "test")
        self._client: Any = session.create_client(
            "dynamodb", region_name=endpoints["region"], endpoint_url=endpoints["aws_endpoint_url"]
        )
        self._name = f"{endpoints['stack']}-connections"

    def add_ghost(self, user_id: str, connection_id: str, *, opened_at: int) -> None:
        entry = {"M": {"session_id": {"S": "ses_ghost"}, "opened_at": {"N": str(opened_at)}}}
        self._client.update_item(
            TableName=self._name,
            Key={"user_id": {"S": user_id}},
            UpdateExpression="SET #all.#one = :entry",
            ExpressionAttributeNames={"#all": "connections", "#one": connection_id},
            ExpressionAttributeValues={":entry": entry},
        )

    def sockets_of(self, user_id: str) -> set[str]:
        item = self._client.get_item(TableName=self._name, Key={"user_id": {"S": user_id}}, ConsistentRead=True)
        return set(item["Item"]["connections"]["M"])


async def _fan_out(crowd: list[Person], table: Table, report: list[str]) -> None:
    owner, *others = crowd
    group = owner.group_with(*others)
    alone = [await asyncio.to_thread(_timed, partial(owner.send, group, "no one listens")) for _ in range(MESSAGES)]
    people = [crowd[n % len(crowd)] for n in range(SOCKETS)]
    tickets = await asyncio.to_thread(at_once, [person.ticket for person in people])
    opening = asyncio.Semaphore(8)

    async def enter(url: str, ticket: str) -> ClientConnection:
        async with opening:
            return await connect(f"{url}?ticket={ticket}", max_size=None, ping_interval=None, open_timeout=60)

    ears = [Ear(each, group) for each in await asyncio.gather(*(enter(*each) for each in tickets))]
    dying, living = ears[:DYING], ears[DYING:]
    ghosts = [(person, f"ghost-{n}-{person.id}") for person in crowd for n in range(GHOSTS_EACH)]
    for person, ghost in ghosts:
        table.add_ghost(person.id, ghost, opened_at=int(time.time() * 1000))
    # when messages are sent while some sockets are dropped without a close frame
    acknowledged, sent_at, seqs = [], {}, []
    for n in range(MESSAGES):
        if n == MESSAGES // 2:
            for each in dying:
                each.connection.transport.abort()
        sent_at[n] = time.monotonic()
        took, message = await asyncio.to_thread(_timed_answer, partial(owner.send, group, f"{n}"))
        acknowledged.append(took)
        seqs.append(message["seq"])
    # then all live sockets receive all of them, or were told to sync
    deadline = time.monotonic() + PATIENCE_S
    while any(each.misses(seqs) for each in living) and time.monotonic() < deadline:  # noqa: ASYNC110
        await asyncio.sleep(0.05)
    deaf = [each.misses(seqs) for each in living if each.misses(seqs)]
    last = max(each.last_at for each in living) - sent_at[MESSAGES - 1]
    report.append(
        f"{SOCKETS} sockets: acknowledged in {statistics.median(acknowledged) * 1000:.0f} ms (without sockets "
        f"{statistics.median(alone) * 1000:.0f} ms), the last message heard everywhere after {last * 1000:.0f} ms; "
        f"told to sync: {sum(each.hints for each in living)}, heard twice: "
        f"{sum(count > 1 for each in living for count in each.heard.values())}"
    )
    assert not deaf, f"{len(deaf)} of {len(living)} sockets miss {deaf[:5]}"
    assert statistics.median(acknowledged) < 3 * statistics.median(alone) + 0.5
    # and rows left by a missing $disconnect are deleted after the first failed post
    for person, ghost in ghosts:
        eventually(lambda person=person, ghost=ghost: ghost not in table.sockets_of(person.id))  # type: ignore[misc]
    await asyncio.gather(*(each.connection.close() for each in living))


def _timed(call: Any) -> float:
    return _timed_answer(call)[0]


def _timed_answer(call: Any) -> tuple[float, Any]:
    started = time.monotonic()
    answer = call()
    return time.monotonic() - started, answer


def test_a_message_reaches_every_socket_that_lives_and_waits_for_none(
    town: Town, crowd: list[Person], endpoints: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    more = max(0, -(-SOCKETS // PER_PERSON) - len(crowd))
    people = [*crowd, *at_once([lambda: town.person("crowd")] * more)]
    report: list[str] = []
    try:
        asyncio.run(_fan_out(people, Table(endpoints), report))
    finally:
        with capsys.disabled():
            print("", *report, sep="\n")


def test_a_ghost_older_than_a_socket_may_live_is_dropped_at_the_next_connection(
    town: Town, endpoints: dict[str, str]
) -> None:
    ada, table = town.person("ada"), Table(endpoints)
    with ada.live() as live:
        live.settle()
        table.add_ghost(ada.id, "ghost-old", opened_at=int(time.time() * 1000) - 2 * HOUR_MS - 11 * 60_000)
        with ada.live() as again:
            again.settle()
            assert len(table.sockets_of(ada.id)) == 2
            assert "ghost-old" not in table.sockets_of(ada.id)
