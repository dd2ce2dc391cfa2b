"""What carries a `World` to a client without a socket: a mock HTTP transport and an in-memory wire."""

from __future__ import annotations

import asyncio
import functools
import json
from collections.abc import Callable, Coroutine
from typing import Any, ParamSpec
from urllib.parse import parse_qs, urlsplit

import httpx

from secureconnect_client import Backoff, Client, ConnectionLost, ReconnectPolicy
from secureconnect_client.errors import HandshakeRefused
from tests.unit.client.world import World

P = ParamSpec("P")
FAST = Backoff(base_s=0.001, cap_s=0.005)
POLICY = ReconnectPolicy(backoff=FAST, spread_s=0.002, stable_s=0.0)


def in_loop(test: Callable[P, Coroutine[Any, Any, None]]) -> Callable[P, None]:
    """Run an asynchronous test in a loop of its own, for 20 s at most."""

    @functools.wraps(test)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> None:
        asyncio.run(asyncio.wait_for(test(*args, **kwargs), 20))

    return wrapper


async def eventually(true: Callable[[], bool]) -> None:
    """Wait until it is."""
    for _ in range(10_000):
        if true():
            return
        await asyncio.sleep(0.001)
    raise TimeoutError


def transport(world: World) -> httpx.MockTransport:
    async def handle(request: httpx.Request) -> httpx.Response:
        await asyncio.sleep(0)
        target = request.url.raw_path.decode().removeprefix("/v1")
        body = json.loads(request.content) if request.content else None
        reply = world.handle(request.method, target, dict(request.headers), body)
        return httpx.Response(reply.status, json=reply.body, headers=reply.headers)

    return httpx.MockTransport(handle)


class MemoryWire:
    """A socket of a world; frames arrive a turn of the loop later."""

    def __init__(self, world: World, user_id: str) -> None:
        self._world = world
        self._user_id = user_id
        self._frames: asyncio.Queue[str | None] = asyncio.Queue()
        self._closed = False
        self.lost = False  # with its network: it looks open, and nothing passes
        world.sockets[user_id].append(self.push)

    def push(self, text: str) -> None:
        if not self._closed and not self.lost:
            self._frames.put_nowait(text)

    async def send(self, text: str) -> None:
        await asyncio.sleep(0)
        if self._closed:
            raise ConnectionLost("closed")
        if self.lost:
            return
        self._world.act(self._user_id, text, self.push)

    async def recv(self) -> str:
        frame = await self._frames.get()
        if frame is None:
            raise ConnectionLost("closed")
        return frame

    async def close(self) -> None:
        self.abort()

    def abort(self) -> None:
        if not self._closed:
            self._closed = True
            self._world.sockets[self._user_id].remove(self.push)
            self._frames.put_nowait(None)


def dialler(world: World) -> Callable[[str], Coroutine[Any, Any, MemoryWire]]:
    async def dial(url: str) -> MemoryWire:
        await asyncio.sleep(0)
        user_id = world.admit(parse_qs(urlsplit(url).query)["ticket"][0])
        if user_id is None:
            raise HandshakeRefused(401)
        return MemoryWire(world, user_id)

    return dial


def client(world: World, **options: Any) -> Client:
    """A client of a world, impatient enough for tests."""
    settings: dict[str, Any] = {"backoff": FAST, "outbox_backoff": FAST}
    settings |= {"transport": transport(world), "dial": dialler(world), **options}
    return Client("http://chat.test/v1", **settings)
