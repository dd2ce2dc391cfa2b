"""R7: devices that were away for long end with exactly the knowledge of devices that stayed.

SC_ABSENCE is the number of events during the absence (1,500; the full form is 10,000).
"""

from __future__ import annotations

import asyncio
import os
import random
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx

from secureconnect_client import ApiError, Client, Event, Live, Polling
from secureconnect_client.models import Message
from secureconnect_client.store import Store
from secureconnect_client.view import View
from tests.e2e.histories.people import PASSWORD

EVENTS = int(os.environ.get("SC_ABSENCE", "1500"))
WIDTH = 8
PATIENCE_S = 60.0 + EVENTS / 10


class Reader:
    """A device's application: the seqs that it received of one conversation, and the messages made from its events."""

    def __init__(self, user_id: str, conversation_id: str) -> None:
        self.seqs: list[int] = []
        self._conversation_id = conversation_id
        self._view = View(user_id)

    @property
    def messages(self) -> tuple[Message, ...]:
        state = self._view.state(self._conversation_id)
        return () if state is None else state.messages

    async def read(self, stream: Live | Polling, *, up_to: int) -> None:
        """Receive events until this seq has arrived."""
        async with asyncio.timeout(PATIENCE_S):
            while not self.seqs or self.seqs[-1] < up_to:
                self._take(await anext(stream))

    def _take(self, event: Event) -> None:
        if event.conversation_id == self._conversation_id and event.seq is not None:
            self._view.apply(event)
            self.seqs.append(event.seq)


@asynccontextmanager
async def _signed_in(http_url: str, name: str, *, store: Store | Path | None = None) -> AsyncIterator[Client]:
    """A client of the person with this name, who registers if new; the store may already have their session."""
    async with Client(http_url, store=store, timeout=httpx.Timeout(60.0)) as client:
        if client.session is None:
            try:
                await client.login(name, PASSWORD)
            except Exception:
                await client.register(
                    email=f"{name}@example.com", username=name, password=PASSWORD, display_name=name.title()
                )
        yield client


async def _live(authors: list[Client], conversation_id: str, count: int) -> None:
    """Make so many events: messages, and changes of them."""
    rng = random.Random(count)
    sent: list[tuple[Client, str]] = []
    at_once = asyncio.Semaphore(WIDTH)

    async def one(roll: float, author: Client) -> None:
        async with at_once:
            if roll < 0.8 or not sent:
                message = await author.messages.send(conversation_id, f"message {roll}")
                sent.append((author, message.id))
            elif roll < 0.93:
                writer, message_id = rng.choice(sent)
                try:
                    await writer.messages.edit(conversation_id, message_id, f"edited {roll}")
                except ApiError as error:
                    if error.status != 410:  # it was deleted meanwhile
                        raise
            else:
                writer, message_id = sent.pop(rng.randrange(len(sent)))
                await writer.messages.delete(conversation_id, message_id)

    await asyncio.gather(*(one(rng.random(), rng.choice(authors)) for _ in range(count)))


async def _absence(http_url: str, folder: Path) -> None:
    names = [f"away_{secrets.token_hex(6)}" for _ in range(3)]
    async with (
        _signed_in(http_url, names[0]) as ada,
        _signed_in(http_url, names[1]) as bob,
        _signed_in(http_url, names[2]) as cyd,
    ):
        # given a person with one device that stays and two that have seen only the beginning
        group = await ada.conversations.create([bob.user_id, cyd.user_id], name="Long")
        await _live([ada, bob], group.id, 20)
        begun = (await ada.conversations.get(group.id)).last_seq
        staying, leaving, polling = (Reader(cyd.user_id, group.id) for _ in range(3))
        async with cyd.connect(track_state=True, max_queue=EVENTS * 2) as live:
            await staying.read(live, up_to=begun)
            async with _signed_in(http_url, names[2], store=folder / "live.db") as device, device.connect() as stream:
                await leaving.read(stream, up_to=begun)
            async with _signed_in(http_url, names[2], store=folder / "poll.db") as device:
                await polling.read(device.poll(interval_s=0.1), up_to=begun)
            # when many events happen while those two are away
            await _live([ada, bob], group.id, EVENTS)
            end = (await ada.conversations.get(group.id)).last_seq
            await staying.read(live, up_to=end)
        # then they end with the same messages as the one that stayed, by pages without gaps
        answer = await cyd.response("POST", "/sync", json={"cursors": {group.id: begun}})
        assert len(answer.content) <= 1_000_000
        async with _signed_in(http_url, names[2], store=folder / "live.db") as device, device.connect() as stream:
            await leaving.read(stream, up_to=end)
        async with _signed_in(http_url, names[2], store=folder / "poll.db") as device:
            await polling.read(device.poll(interval_s=0.1), up_to=end)
        newcomer = Reader(cyd.user_id, group.id)
        async with _signed_in(http_url, names[2]) as device, device.connect() as stream:
            await newcomer.read(stream, up_to=end)
        shown = tuple([message async for message in cyd.messages.iterate(group.id)])
        assert end >= begun + EVENTS * 0.99  # two people may have edited or deleted the same message
        for reader in (staying, leaving, polling, newcomer):
            assert reader.seqs == list(range(1, end + 1))
            assert reader.messages == shown


def test_after_a_long_absence_one_knows_what_those_know_who_stayed(endpoints: dict[str, str], tmp_path: Path) -> None:
    asyncio.run(_absence(endpoints["http_url"], tmp_path))
