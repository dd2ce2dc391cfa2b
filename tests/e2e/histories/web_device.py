"""A device in a history that runs the web client's engine. A Python client makes requests that bypass the engine."""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from secureconnect_client import Client
from secureconnect_client.decoding import decode
from secureconnect_client.models import Message, ReadMarker
from secureconnect_client.session import Session
from secureconnect_client.store import MemoryStore
from secureconnect_client.wire import Wire
from tests.e2e.histories import evidence
from tests.e2e.histories.device import HTTP_BACKOFF
from tests.e2e.histories.evidence import Delivered, Evidence, Out, Restarted, Write, acknowledged
from tests.e2e.histories.faults import Network, Weather
from tests.e2e.histories.people import Person
from tests.e2e.histories.plan import DevicePlan
from tests.e2e.histories.web_host import Host, Port

ACK_PATIENCE_MS = 6_000
POLL_MS = 3_000
RECONNECT_MS = {"base_ms": 200, "cap_ms": 2_000, "spread_ms": 500}
# A device without a socket keeps trying, but rarely enough that tickets are not what is tested.
REFUSED_MS = {"base_ms": 200, "cap_ms": 20_000, "spread_ms": 500}


@dataclass(slots=True)
class Stream:
    """The part of the engine's stream that a history uses."""

    host: Host
    name: str
    connection: Wire | None = None

    async def send_message(self, conversation_id: str, text: str, **fields: Any) -> Message:
        given = {"conversation_id": conversation_id, "text": text, **_given(fields)}
        return decode(Message, await self.host.call(self.name, "send_message", **given))

    async def edit_message(self, conversation_id: str, message_id: str, text: str) -> Message:
        given = {"conversation_id": conversation_id, "message_id": message_id, "text": text}
        return decode(Message, await self.host.call(self.name, "edit_message", **given))

    async def delete_message(self, conversation_id: str, message_id: str) -> None:
        await self.host.call(self.name, "delete_message", conversation_id=conversation_id, message_id=message_id)

    async def react(self, conversation_id: str, message_id: str, emoji: str, *, remove: bool = False) -> None:
        given = {"conversation_id": conversation_id, "message_id": message_id, "emoji": emoji, "remove": remove}
        await self.host.call(self.name, "react", **given)

    async def mark_read(self, conversation_id: str, seq: int) -> ReadMarker:
        given = {"conversation_id": conversation_id, "seq": seq}
        return decode(ReadMarker, await self.host.call(self.name, "mark_read", **given))

    async def sync(self) -> None:
        await self.host.call(self.name, "sync")


class WebDevice:
    """A person's device. `seen` is its part of the evidence."""

    def __init__(
        self,
        plan: DevicePlan,
        name: str,
        person: Person,
        session: Session,
        *,
        http_url: str,
        inner: httpx.AsyncBaseTransport,
        weather: Weather,
        records: Evidence,
        folder: Path,
        rng: random.Random,
        host: Host,
    ) -> None:
        self.plan = plan
        self.user_id = person.user_id
        self.seen = evidence.Device(name, person.user_id)
        self.restarts = 0
        self._name = f"{folder.name} {name}"
        self._person = person
        self._http_url = http_url
        self._records = records
        self._host = host
        self._network = Network(inner, weather, person.user_id, self.seen.heard)
        self._cursors: dict[str, int] = {}
        self._waiting: dict[str, Write] = {}
        self._pending: set[str] = set()
        self._moved = asyncio.Event()
        self._stream = Stream(host, self._name)
        self.live = self._stream if plan.kind == "live" else None
        store = MemoryStore(session=session)
        self.client = Client(
            http_url, store=store, transport=self._network.transport, backoff=HTTP_BACKOFF, timeout=httpx.Timeout(30.0)
        )
        host.attach(
            self._name, Port(_Renewing(self.client, self._network.transport), self._dial, self._filter, self._told)
        )

    async def open(self) -> None:
        session = self.client.session
        assert session is not None
        polling = self.plan.kind == "poll"
        await self._host.call(
            self._name,
            "make",
            http_url=self._http_url,
            user_id=self.user_id,
            session=tokens_of(session),
            cursors=self._person.known,
            polling=polling,
            reconnect=REFUSED_MS if polling else RECONNECT_MS,
            poll_ms=POLL_MS,
            request_timeout_ms=ACK_PATIENCE_MS,
        )

    async def restart(self, *, crashed: bool) -> None:
        """End the process, cleanly or by a crash, and start again from its storage."""
        await self._host.call(self._name, "close", crashed=crashed)
        self.seen.steps.append(Restarted(crashed))
        self.restarts += 1
        await self._host.call(self._name, "open")

    async def close(self) -> None:
        await self._host.call(self._name, "close", crashed=False)

    def kill_socket(self) -> None:
        if self._stream.connection is not None:
            self._stream.connection.abort()

    async def flush_outbox(self, *, timeout_s: float) -> None:
        """Wait until nothing is pending. Raises TimeoutError."""
        async with asyncio.timeout(timeout_s):
            while self._pending:
                self._moved.clear()
                await self._moved.wait()

    async def catch_up(self, ends: Mapping[str, int], outs: Collection[str], *, within_s: float) -> None:
        """Read all events up to these ends of logs, and learn of the conversations that the person has left.

        Raises TimeoutError.
        """
        async with asyncio.timeout(within_s):
            await self._host.call(self._name, "sync")
            while any(self.cursor(each) < end for each, end in ends.items()) or not set(outs).isdisjoint(self._cursors):
                self._moved.clear()
                await self._moved.wait()

    def cursor(self, conversation_id: str) -> int:
        """The last seq that the application has received."""
        return self._cursors.get(conversation_id, 0)

    async def note_states(self, room_ids: list[str]) -> None:
        """Add the messages as this device has them to the evidence."""
        for room_id in room_ids:
            messages = await self._host.call(self._name, "state", conversation_id=room_id)
            self.seen.states[room_id] = tuple(decode(Message, each) for each in messages)

    async def send_later(self, write: Write) -> None:
        """Put a message into the outbox; its acknowledgement is recorded when it comes."""
        self._waiting[write.client_id] = write
        self.seen.sent_in_order.setdefault(write.conversation_id, []).append(write.client_id)
        fields = {"client_id": write.client_id, "text": write.text, "thread_root": write.root or None}
        await self._host.call(self._name, "send_later", conversation_id=write.conversation_id, **_given(fields))

    async def _dial(self, url: str) -> Wire:
        self._stream.connection = wire = await self._network.dial(url)
        return wire

    def _filter(self, text: str) -> Any:
        return self._network.filter(text)

    def _told(self, line: dict[str, Any]) -> None:
        match line["t"]:
            case "event":
                self._took(line["conversation_id"], line.get("seq"))
            case "item":
                self._outbox_changed(line["item"])
            case "over":
                self._records.troubles.append(f"{self.seen.name}: the stream ended with {line['error']}")

    def _took(self, conversation_id: str, seq: int | None) -> None:
        if seq is None:
            self._cursors.pop(conversation_id, None)
            self.seen.steps.append(Out(conversation_id))
        else:
            self._cursors[conversation_id] = max(seq, self.cursor(conversation_id))
            self.seen.steps.append(Delivered(conversation_id, seq))
        self._moved.set()

    def _outbox_changed(self, item: dict[str, Any]) -> None:
        if item["state"] == "pending":
            self._pending.add(item["client_id"])
        else:
            self._pending.discard(item["client_id"])
        self._moved.set()
        write = self._waiting.get(item["client_id"])
        if write is not None and item["state"] == "sent":
            self._records.writes.append(acknowledged(write, about=item["message_id"], seq=item["seq"]))


class _Renewing(httpx.AsyncBaseTransport):
    """Renews the session for both clients of this device, so that neither reuses a refresh token."""

    def __init__(self, client: Client, inner: httpx.AsyncBaseTransport) -> None:
        self._client = client
        self._inner = inner

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if not request.url.path.endswith("/auth/refresh"):
            return await self._inner.handle_async_request(request)
        await self._client.me()
        assert self._client.session is not None
        body = json.dumps({"tokens": tokens_of(self._client.session)})
        return httpx.Response(200, content=body, headers={"Content-Type": "application/json"})


def tokens_of(session: Session) -> dict[str, Any]:
    return {
        "access_token": session.tokens.access_token,
        "refresh_token": session.tokens.refresh_token,
        "expires_in": session.tokens.expires_at - time.time(),
        "session_id": session.tokens.session_id,
    }


def _given(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}
