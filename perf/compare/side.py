"""The interface of a chat server to be measured, and the local stack as one."""

from __future__ import annotations

import asyncio
import json
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from accounts import passwords
from perf.running import benchmarks
from perf.running.addresses import Addresses
from perf.running.load_clients import PASSWORD, TEXT, Http, LoadPerson, Refused, in_parallel, newcomer

PEOPLE = 50
SENDERS = 32  # people who send to the others in direct conversations
PAGE = 50
HISTORY = 6 * PAGE
WRITERS = 8
WARM_UP_S = 0.5
TRIES = 5
CREATE = "POST", "/conversations"


async def patiently(call: Callable[[], Awaitable[Any]]) -> Any:
    """Retry a call while functions start slowly. For preparation, not for measured calls."""
    for _ in range(TRIES - 1):
        try:
            return await call()
        except (Refused, TimeoutError):
            await asyncio.sleep(1)
    return await call()


class Side(ABC):
    """A running server; once it is `ready`, with people who are signed in and have conversations."""

    name: str
    passwords: str  # the hashing of passwords, which is most of a sign-in's cost
    created: str = benchmarks.CREATED  # a text that occurs once per new message in a frame
    say: benchmarks.Say = staticmethod(benchmarks.http)
    servers: Sequence[int] = ()
    judged = True  # whether the cells' goals apply to it
    people: list[LoadPerson]
    directs: list[tuple[LoadPerson, str]]  # senders, with their conversations with the partners of the same index
    group: str
    long: str  # a conversation with HISTORY messages

    @property
    def partners(self) -> list[LoadPerson]:
        apart = self.people[SENDERS:]
        return [apart[number % len(apart)] for number in range(SENDERS)]

    @abstractmethod
    async def ready(self) -> None:
        """Start the server, and create all people and conversations."""

    @abstractmethod
    async def sign_in(self, person: LoadPerson) -> None:
        """Sign in with the password, on a device that is new to the server."""

    @abstractmethod
    async def page(self, person: LoadPerson, place: str) -> str:
        """Read PAGE messages of the long conversation before `place` ("" for its end).

        Returns the place of the next page, or "" if there is none.
        """

    async def listen(self, people: Sequence[LoadPerson]) -> None:  # noqa: B027 - a default; not every server needs it
        """Let these people receive new messages; they have read all earlier ones."""

    async def hush(self, people: Sequence[LoadPerson]) -> None:  # noqa: B027
        """Stop these people from receiving, so that their waiting does not affect the other side's turns."""

    async def fill(self) -> None:
        """Write the long conversation with few senders, added gradually because each may start a function."""
        pairs = [(person, self.long) for person in self.people[:WRITERS]]
        await benchmarks.warm_up(self.say, pairs, WARM_UP_S, HISTORY)

        async def write(number: int) -> None:
            for _ in range(-(-HISTORY // WRITERS)):
                await patiently(lambda: self.say(*pairs[number], TEXT))

        await in_parallel(WRITERS, write, width=WRITERS)

    async def leave(self) -> None:
        for person in self.people:
            await person.leave()

    def stop(self) -> None:  # noqa: B027 - the local stack is not started here
        """Stop the server if it was started here."""


class Ours(Side):
    """The running local stack.

    Its settings lift the limits per address and of frames (samconfig.toml). Those per account are far above the load of
    a cell, and a run with a refusal does not count.
    """

    name = "SecureConnect"
    passwords = f"bcrypt, {passwords.COST} rounds"

    def __init__(self, addresses: Addresses) -> None:
        self._url = addresses.http_url
        self.servers = addresses.servers

    async def ready(self) -> None:
        self.people = await in_parallel(PEOPLE, lambda _: patiently(lambda: newcomer(self._url)), width=2)
        self.directs = [(self.people[number], await self._direct(number)) for number in range(SENDERS)]
        self.group = await self._group("all")
        self.long = await self._group("long")
        await self.fill()

    async def _direct(self, number: int) -> str:
        body = {"type": "direct", "member_ids": [self.partners[number].id]}
        made = await patiently(lambda: self.people[number].call(*CREATE, body))
        return str(made["id"])

    async def _group(self, name: str) -> str:
        body = {"type": "group", "name": name, "member_ids": [person.id for person in self.people[1:]]}
        made = await patiently(lambda: self.people[0].call(*CREATE, body))
        return str(made["id"])

    async def listen(self, people: Sequence[LoadPerson]) -> None:
        await in_parallel(len(people), lambda number: patiently(people[number].open_socket))

    async def hush(self, people: Sequence[LoadPerson]) -> None:
        """Close the sockets: a socket that sends nothing for minutes is closed by the server anyway."""
        await in_parallel(len(people), lambda number: people[number].leave())

    async def sign_in(self, person: LoadPerson) -> None:
        http = Http(self._url)
        try:
            body = {"identifier": person.username, "password": PASSWORD}
            await http.request("POST", "/auth/login", "", json.dumps(body).encode())
        finally:
            http.close()

    async def page(self, person: LoadPerson, place: str) -> str:
        before = f"&before={place}" if place else ""
        found = await person.call("GET", f"/conversations/{self.long}/messages?limit={PAGE}{before}")
        items = found["items"]
        return str(items[-1]["seq"]) if len(items) == PAGE else ""
