"""Synapse as a side: people who use its client-server API as the load generator's people use ours."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from accounts import passwords
from infra.local.process import Daemon
from perf.compare import synapse
from perf.compare.side import PAGE, PEOPLE, Side
from perf.running.load_clients import PASSWORD, TEXT, Http, LoadPerson, in_parallel

API = "/_matrix/client/v3"
CREATED = '"type":"m.room.message"'
WAIT_MS = 15_000  # timeout of a long poll, shorter than the load generator's time limit
FILTER = quote(json.dumps({"room": {"timeline": {"limit": 100}, "state": {"lazy_load_members": True}}}))


@dataclass(slots=True)
class MatrixPerson(LoadPerson):
    """Receives by repeated syncs and sends by HTTP, because Matrix has no socket."""

    url: str = ""
    _follower: asyncio.Task[None] | None = None
    _place: str = ""

    async def say(self, conversation_id: str, text: str = TEXT) -> None:
        path = f"{API}/rooms/{conversation_id}/send/m.room.message/{secrets.token_hex(8)}"
        body = f'{{"msgtype":"m.text","body":"{text}"}}'.encode()
        await self.http.request("PUT", path, self.token, body)

    async def follow(self) -> None:
        """Read the present state, then listen for new events.

        Synapse answers a repeated first sync from a cache of up to two minutes. So the sync position is kept, and
        events since then are skipped.
        """
        http = Http(self.url)
        while True:
            told = await self._sync(http, self._place, 0)
            first, self._place = not self._place, _next(told)
            if not first and CREATED not in told:
                break
        self._follower = asyncio.create_task(self._follow(http))

    async def _follow(self, http: Http) -> None:
        try:
            while True:
                told = await self._sync(http, self._place, WAIT_MS)
                self._place = _next(told)
                self.heard(told)
        finally:
            http.close()

    async def _sync(self, http: Http, place: str, wait_ms: int) -> str:
        since = f"&since={place}" if place else ""
        return (await http.request("GET", f"{API}/sync?filter={FILTER}&timeout={wait_ms}{since}", self.token)).decode()

    async def unfollow(self) -> None:
        """Stop listening; raises the error that ended it before, if any."""
        if self._follower is not None:
            self._follower.cancel()
            await asyncio.wait([self._follower])
            follower, self._follower = self._follower, None
            if not follower.cancelled():
                follower.result()

    async def leave(self) -> None:
        await self.unfollow()
        self.http.close()


def _next(sync: str) -> str:
    _, _, rest = sync.partition('"next_batch":"')
    return rest.split('"', 1)[0]


class Synapse(Side):
    """A fresh Synapse on SQLite."""

    name = f"Synapse {synapse.version()}"
    passwords = f"bcrypt, {passwords.COST} rounds"
    created = CREATED

    def __init__(self) -> None:
        self._daemon: Daemon | None = None
        self._url = ""
        self.people: list[LoadPerson] = []

    async def ready(self) -> None:
        await asyncio.to_thread(synapse.install)
        daemon, self._url = await asyncio.to_thread(synapse.start, rounds=passwords.COST)
        self._daemon = daemon
        self.servers = [pid] if (pid := daemon.pid()) else []
        self.people = await in_parallel(PEOPLE, self._newcomer, width=2)
        self.directs = [
            (self.people[number], await self._room(self.people[number], [partner]))
            for number, partner in enumerate(self.partners)
        ]
        self.group = await self._room(self.people[0], self.people[1:])
        self.long = await self._room(self.people[0], self.people[1:])
        await self.fill()

    async def _newcomer(self, number: int) -> MatrixPerson:
        """Register by the shared secret (Synapse's Admin API, "Shared-Secret Registration")."""
        name = f"p{number}"
        person = MatrixPerson(Http(self._url), "", "", username=name, url=self._url)
        nonce = (await person.call("GET", "/_synapse/admin/v1/register"))["nonce"]
        signed = "\0".join((nonce, name, PASSWORD, "notadmin")).encode()
        mac = hmac.new(synapse.SECRET.encode(), signed, hashlib.sha1).hexdigest()
        body = {"nonce": nonce, "username": name, "password": PASSWORD, "admin": False, "mac": mac}
        made = await person.call("POST", "/_synapse/admin/v1/register", body)
        person.id, person.token = made["user_id"], made["access_token"]
        return person

    async def _room(self, owner: LoadPerson, others: Sequence[LoadPerson]) -> str:
        made = await owner.call("POST", f"{API}/createRoom", {"preset": "public_chat", "visibility": "private"})
        room = quote(made["room_id"])
        for other in others:
            await other.call("POST", f"{API}/join/{room}", {})
        return room

    async def listen(self, people: Sequence[LoadPerson]) -> None:
        """First mark all rooms as read: otherwise Synapse counts the unread messages anew in every sync."""
        everybody: Any = people
        await in_parallel(len(people), lambda number: self._read(everybody[number]))
        await in_parallel(len(people), lambda number: everybody[number].follow())

    async def _read(self, person: LoadPerson) -> None:
        for room in [
            self.group,
            *(room for (_, room), other in zip(self.directs, self.partners, strict=True) if other is person),
        ]:
            newest = await person.call("GET", f"{API}/rooms/{room}/messages?dir=b&limit=1")
            event = quote(newest["chunk"][0]["event_id"])
            await person.call("POST", f"{API}/rooms/{room}/receipt/m.read.private/{event}", {})

    async def hush(self, people: Sequence[LoadPerson]) -> None:
        everybody: Any = people
        await in_parallel(len(people), lambda number: everybody[number].unfollow())

    async def sign_in(self, person: LoadPerson) -> None:
        identifier = {"type": "m.id.user", "user": person.username}
        body = {"type": "m.login.password", "identifier": identifier, "password": PASSWORD}
        http = Http(self._url)
        try:
            await http.request("POST", f"{API}/login", "", json.dumps(body).encode())
        finally:
            http.close()

    async def page(self, person: LoadPerson, place: str) -> str:
        start = f"&from={quote(place)}" if place else ""
        found = await person.call("GET", f"{API}/rooms/{self.long}/messages?dir=b&limit={PAGE}{start}")
        messages = [event for event in found["chunk"] if event["type"] == "m.room.message"]
        return str(found.get("end", "")) if len(messages) >= PAGE - 1 else ""

    def stop(self) -> None:
        if self._daemon is not None:
            self._daemon.stop(wait_s=synapse.STOP_WAIT_S)
