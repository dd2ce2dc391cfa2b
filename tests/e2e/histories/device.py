"""A device in a history: a client, the reader of its events, and the evidence of both. It survives its restarts."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Collection, Mapping
from pathlib import Path

import httpx

from secureconnect_client import ApiError, Client, Event, Live, Polling, TransportFailed
from secureconnect_client.backoff import Backoff, ReconnectPolicy
from secureconnect_client.events import ConversationRemoved
from secureconnect_client.session import Session
from secureconnect_client.sqlite import SqliteStore
from secureconnect_client.store import MemoryStore, OutboxItem, Store
from secureconnect_client.view import View
from tests.e2e.histories import evidence
from tests.e2e.histories.evidence import Delivered, Evidence, Out, Restarted, Write, acknowledged
from tests.e2e.histories.faults import Network, Weather
from tests.e2e.histories.people import Person
from tests.e2e.histories.plan import DevicePlan

HTTP_BACKOFF = Backoff(base_s=0.1, cap_s=1.0)
RECONNECTING = ReconnectPolicy(backoff=Backoff(base_s=0.2, cap_s=2.0), spread_s=0.5, stable_s=0.0)
ACK_PATIENCE_S = 6.0
POLL_S = 3.0
CONNECT_PATIENCE_S = 60.0


class Device:
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
    ) -> None:
        self.plan = plan
        self.user_id = person.user_id
        self.seen = evidence.Device(name, person.user_id)
        self.restarts = 0
        self._http_url = http_url
        self._records = records
        self._file = folder / f"{name.replace(' ', '_')}.db"
        self._rng = rng
        self._network = Network(inner, weather, person.user_id, self.seen.heard)
        self._view = View(person.user_id)
        self._waiting: dict[str, Write] = {}
        self._reader: asyncio.Task[None] | None = None
        self.live: Live | None = None
        self._store: Store = SqliteStore(self._file) if plan.durable else MemoryStore()
        self._store.save_session(session)
        self._store.save_cursors(person.user_id, person.known)

    async def open(self) -> None:
        """Start the client, and the stream on a socket."""
        self.client = Client(
            self._http_url,
            store=self._store,
            transport=self._network.transport,
            dial=self._network.dial,
            timeout=httpx.Timeout(30.0),
            backoff=HTTP_BACKOFF,
            outbox_backoff=HTTP_BACKOFF,
            rng=self._rng,
        )
        self.client.outbox.subscribe(self._outbox_changed)
        await self.client.__aenter__()
        if self.plan.kind == "live":
            self.live = self.client.connect(
                track_state=True,
                request_timeout_s=ACK_PATIENCE_S,
                connect_timeout_s=CONNECT_PATIENCE_S,
                gap_wait_s=0.1,
                policy=RECONNECTING,
                frame_filter=self._network.filter,
            )
            await self.live.__aenter__()
        self._reader = asyncio.create_task(self._read(self.live or self.client.poll(interval_s=POLL_S)))

    async def restart(self, *, crashed: bool) -> None:
        """End the process, cleanly or by a crash, and start again from the file."""
        await self.close(crashed=crashed)
        self.seen.steps.append(Restarted(crashed))
        self.restarts += 1
        self._store = SqliteStore(self._file)
        await self.open()

    async def close(self, *, crashed: bool = False) -> None:
        error = RuntimeError("a crash, by the plan") if crashed else None
        await self._stop_reading()
        if self.live is not None:
            await self.live.__aexit__(type(error) if error else None, error, None)
            self.live = None
        await self.client.__aexit__(type(error) if error else None, error, None)
        self._store.close()

    def kill_socket(self) -> None:
        if self.live is not None:
            self.live.drop_connection()
            self.live.reconnect_now()

    async def catch_up(self, ends: Mapping[str, int], outs: Collection[str], *, within_s: float) -> None:
        """Read all events up to these ends of logs, and learn of the conversations that the person has left.

        Raises TimeoutError.
        """
        async with asyncio.timeout(within_s):
            if self.live is not None:
                await self._sync(self.live)
            await self._stop_reading()
            stream = self.live or self.client.poll(interval_s=0.05)
            while any(self.cursor(each) < end for each, end in ends.items()) or not set(outs).isdisjoint(
                self._view.conversation_ids()
            ):
                self._take(await anext(stream))
            self._reader = asyncio.create_task(self._read(stream))

    async def _sync(self, live: Live) -> None:
        live.reconnect_now()
        while True:
            try:
                await live.sync()
                return await live.caught_up()
            except (ApiError, TransportFailed):
                await asyncio.sleep(0.2)

    async def flush_outbox(self, *, timeout_s: float) -> None:
        """Wait until nothing is pending. Raises TimeoutError."""
        await self.client.outbox.flush(timeout_s=timeout_s)

    def cursor(self, conversation_id: str) -> int:
        """The last seq that the application has received."""
        state = self._view.state(conversation_id)
        return 0 if state is None else state.last_seq

    async def note_states(self, room_ids: list[str]) -> None:
        """Add the messages as this device has them to the evidence."""
        for room_id in room_ids:
            state = self._view.state(room_id)
            self.seen.states[room_id] = () if state is None else state.messages
            if self.live is not None and not self.restarts and self.live.state(room_id) != state:
                self._records.troubles.append(f"{self.seen.name}: the client's own state of {room_id} differs")

    async def send_later(self, write: Write) -> None:
        """Put a message into the outbox; its acknowledgement is recorded when it comes."""
        self._waiting[write.client_id] = write
        self.seen.sent_in_order.setdefault(write.conversation_id, []).append(write.client_id)
        await self.client.outbox.send(
            write.conversation_id, write.text, client_id=write.client_id, thread_root=write.root or None
        )

    def _outbox_changed(self, item: OutboxItem) -> None:
        write = self._waiting.get(item.client_id)
        if write is not None and item.state == "sent":
            self._records.writes.append(acknowledged(write, about=item.message_id or "", seq=item.seq or 0))

    async def _read(self, stream: Live | Polling) -> None:
        async for event in stream:
            self._take(event)

    async def _stop_reading(self) -> None:
        if self._reader is None:
            return
        if self._reader.done() and not self._reader.cancelled():
            self._records.troubles.append(f"{self.seen.name}: the stream ended with {self._reader.exception()!r}")
        self._reader.cancel()
        await asyncio.gather(self._reader, return_exceptions=True)
        self._reader = None

    def _take(self, event: Event) -> None:
        self._view.apply(event)
        if event.conversation_id is None:
            return
        if isinstance(event, ConversationRemoved):
            self.seen.steps.append(Out(event.conversation_id))
        elif event.seq is not None:
            self.seen.steps.append(Delivered(event.conversation_id, event.seq))
