"""What a chat server has to offer to be measured; and our own local stack as one."""

from __future__ import annotations

import asyncio
import json
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from accounts import passwords
from perf import benchmarks
from perf.addresses import Addresses
from perf.load_clients import PASSWORD, TEXT, Http, LoadPerson, Refused, in_parallel, newcomer

PEOPLE = 50
SENDERS = 32  # in direct conversations with the others
PAGE = 50
HISTORY = 6 * PAGE
WRITERS = 8
WARM_UP_S = 0.5
TRIES = 5
CREATE = "POST", "/conversations"


async def patiently(call: Callable[[], Awaitable[Any]]) -> Any:
    """Do it again where a function was slow to start. For what is made ready, not for what is measured."""
    for _ in range(TRIES - 1):
        try:
            return await call()
        except (Refused, TimeoutError):
            await asyncio.sleep(1)
    return await call()


class Side(ABC):
    """A running server, with people who are signed in and in conversations once it is `ready`."""

    name: str
    passwords: str  # how it keeps them, which is most of what a sign-in costs
    created: str = benchmarks.CREATED  # what each new message has in a frame
    say: benchmarks.Say = staticmethod(benchmarks.http)
    servers: Sequence[int] = ()
    judged = True  # whether the cells' goals are meant for it
    people: list[LoadPerson]
    directs: list[tuple[LoadPerson, str]]  # a sender, and a conversation with the partner of the same number
    group: str
    long: str  # a conversation of HISTORY messages

    @property
    def partners(self) -> list[LoadPerson]:
        apart = self.people[SENDERS:]
        return [apart[number % len(apart)] for number in range(SENDERS)]

    @abstractmethod
    async def ready(self) -> None:
        """Have it run, with everybody and everything there."""

    @abstractmethod
    async def sign_in(self, person: LoadPerson) -> None:
        """By the password, on a device of which the server knows nothing."""

    @abstractmethod
    async def page(self, person: LoadPerson, place: str) -> str:
        """Read PAGE messages of the long conversation before a place ("" is its end). The place of the next, or ""."""

    async def listen(self, people: Sequence[LoadPerson]) -> None:  # noqa: B027 - not every server needs it
        """From now on they hear what comes, and have read what there was."""

    async def hush(self, people: Sequence[LoadPerson]) -> None:  # noqa: B027
        """They need not hear any more, so that their waiting does not disturb the others' turns."""

    async def fill(self) -> None:
        """Write the long conversation: by few people, a few more at a time, as each may have a function started."""
        pairs = [(person, self.long) for person in self.people[:WRITERS]]
        await benchmarks.warm_up(self.say, pairs, WARM_UP_S, HISTORY)

        async def write(number: int) -> None:
            for _ in range(-(-HISTORY // WRITERS)):
                await patiently(lambda: self.say(*pairs[number], TEXT))

        await in_parallel(WRITERS, write, width=WRITERS)

    async def leave(self) -> None:
        for person in self.people:
            await person.leave()

    def stop(self) -> None:  # noqa: B027 - ours is ended by who started it
        """End what was started here."""


class Ours(Side):
    """The running local stack. Limits by address and of frames are lifted by its own settings (samconfig.toml); those
    by account are far from what a cell asks of one person, and a run in which anybody is refused does not count."""

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
        """A socket that says nothing for minutes is taken for dead, and theirs would have to."""
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
