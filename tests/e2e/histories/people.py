"""People for histories: registered once and reused, since a password costs 200 ms; one history has them at a time."""

from __future__ import annotations

import asyncio
import secrets
from dataclasses import dataclass, field

import httpx

from secureconnect_client import Client
from secureconnect_client.session import Session
from secureconnect_client.store import MemoryStore

PASSWORD = "correct horse battery staple"
DEVICES = 2
AT_ONCE = 4


@dataclass(slots=True)
class Person:
    """A person with two sessions; `known` are the conversations of earlier histories and the ends of their logs."""

    user_id: str
    sessions: list[Session]
    known: dict[str, int] = field(default_factory=dict)


class Pool:
    """Lends people to histories."""

    def __init__(self, http_url: str, transport: httpx.AsyncBaseTransport) -> None:
        self._http_url = http_url
        self._transport = transport
        self._free: asyncio.Queue[Person] = asyncio.Queue()
        self._turn = asyncio.Lock()

    async def fill(self, count: int) -> None:
        at_once = asyncio.Semaphore(AT_ONCE)

        async def one() -> None:
            async with at_once:
                self._free.put_nowait(await self._register())

        await asyncio.gather(*(one() for _ in range(count)))

    async def borrow(self, count: int) -> list[Person]:
        async with self._turn:  # otherwise two histories could each hold half of the people and wait for the rest
            return [await self._free.get() for _ in range(count)]

    def give_back(self, people: list[Person]) -> None:
        for each in people:
            self._free.put_nowait(each)

    async def _register(self) -> Person:
        name = f"h_{secrets.token_hex(8)}"
        sessions = []
        for device in range(DEVICES):
            store = MemoryStore()
            # never closed, because that would close the shared connections
            client = Client(self._http_url, store=store, transport=self._transport)
            if device == 0:
                await client.register(
                    email=f"{name}@example.com", username=name, password=PASSWORD, display_name=name.title()
                )
            else:
                await client.login(name, PASSWORD)
            assert client.session is not None
            sessions.append(client.session)
        return Person(sessions[0].user_id, sessions)
