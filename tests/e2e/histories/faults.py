"""A faulty network: it loses, repeats, delays and reorders frames and answers, and counts requests.

It sits between a client and the stack, at the seams that the client package has for tests.
"""

from __future__ import annotations

import asyncio
import json
import random
import re
from collections import Counter
from collections.abc import AsyncIterable, AsyncIterator, Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

import httpx

from secureconnect_client.wire import Wire, dial
from tests.e2e.histories.plan import Noise

_MESSAGE = re.compile(r"/conversations/[^/]+/messages/([^/]+)(?:/reactions/([^/]+))?$")


CALM = Noise(0, 0, 0, 0, 0, 0, 0)


@dataclass(slots=True)
class Weather:
    """The present faults of a history."""

    rng: random.Random
    tries: Counter[tuple[str, str, str, str]]
    noise: Noise = CALM


class Carrier(httpx.AsyncBaseTransport):
    """A person's requests over a shared connection pool. Counts, loses and repeats them."""

    def __init__(self, inner: httpx.AsyncBaseTransport, weather: Weather, user_id: str) -> None:
        self._inner = inner
        self._weather = weather
        self._user_id = user_id

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        noise, roll = self._weather.noise, self._weather.rng.random()
        if "/auth/" in request.url.path:
            return await self._inner.handle_async_request(request)
        if (roll := roll - noise.request_unsent) < 0:
            raise httpx.ConnectError("not sent, by the plan")
        self._count(request)
        if (roll := roll - noise.answer_lost) < 0:
            answer = await self._inner.handle_async_request(request)
            await _spend(answer)
            raise httpx.ReadTimeout("answer lost, by the plan")
        if (roll := roll - noise.request_doubled) < 0 and _may_be_doubled(request):
            first, second = await asyncio.gather(*(self._inner.handle_async_request(request) for _ in range(2)))
            await _spend(second)
            return first
        return await self._inner.handle_async_request(request)

    async def aclose(self) -> None:
        """Do nothing: the pool is shared, and its owner closes it."""

    def _count(self, request: httpx.Request) -> None:
        found = _MESSAGE.search(request.url.path)
        if found is None or request.method == "GET":
            return
        about, emoji = found[1], unquote(found[2] or "")
        if emoji:
            kind = "react" if request.method == "PUT" else "unreact"
        else:
            kind = "edit" if request.method == "PATCH" else "delete"
        self._weather.tries[kind, self._user_id, about, emoji] += 1


def _may_be_doubled(request: httpx.Request) -> bool:
    return request.method == "POST" and request.url.path.endswith(("/messages", "/mls/commits"))


async def _spend(answer: httpx.Response) -> None:
    try:
        await answer.aread()
    finally:
        await answer.aclose()


class Watched:
    """A socket whose outgoing frames are counted."""

    def __init__(self, wire: Wire, weather: Weather, user_id: str) -> None:
        self._wire = wire
        self._weather = weather
        self._user_id = user_id

    async def send(self, text: str) -> None:
        frame = json.loads(text)
        kind = {"editMessage": "edit", "deleteMessage": "delete", "react": "react"}.get(frame["action"])
        if kind is not None:
            kind = "unreact" if frame.get("remove") else kind
            self._weather.tries[kind, self._user_id, frame["message_id"], frame.get("emoji", "")] += 1
        await self._wire.send(text)

    async def recv(self) -> str:
        return await self._wire.recv()

    async def close(self) -> None:
        await self._wire.close()

    def abort(self) -> None:
        self._wire.abort()


class Network:
    """The network of a device's client: a transport, a dialler, and a filter that records frames."""

    def __init__(
        self, inner: httpx.AsyncBaseTransport, weather: Weather, user_id: str, heard: set[tuple[str, int]]
    ) -> None:
        self.transport = Carrier(inner, weather, user_id)
        self._weather = weather
        self._user_id = user_id
        self._heard = heard

    async def dial(self, url: str) -> Wire:
        return Watched(await dial(url), self._weather, self._user_id)

    def filter(self, text: str) -> Iterable[str] | AsyncIterable[str]:
        self._listen(json.loads(text))
        noise, rng = self._weather.noise, self._weather.rng
        if rng.random() < noise.frame_dropped:
            return []
        frames = [text, text] if rng.random() < noise.frame_doubled else [text]
        if rng.random() < noise.frame_delayed:
            return _late(frames, rng.uniform(0.0, noise.delay_s))
        return frames

    def _listen(self, frame: dict[str, Any]) -> None:
        for event in frame.get("events") or [frame]:
            if isinstance(event.get("seq"), int) and event.get("conversation_id"):
                self._heard.add((event["conversation_id"], event["seq"]))


async def _late(frames: list[str], delay_s: float) -> AsyncIterator[str]:
    for text in frames:
        await asyncio.sleep(delay_s)
        yield text
