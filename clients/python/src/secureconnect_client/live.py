"""The live stream: events as they happen, each once and in order, over an unreliable network.

Connects the parts: the connection (an open socket), the sequencer (which events may be delivered), catching
up (missing events) and the application's bookmarks. It makes none of their decisions.

Events wait in a queue until they are iterated. If it is full, pushed events are dropped and read from the log
later, so that a slow reader costs the server a page but this process no memory.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import suppress
from itertools import count
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from secureconnect_client.api.base import ActingAs, given
from secureconnect_client.api.messages import Messages
from secureconnect_client.api.polls import Polls
from secureconnect_client.catch_up import CatchUp
from secureconnect_client.commands import Commands
from secureconnect_client.connection import Connection
from secureconnect_client.decoding import decode, decode_all
from secureconnect_client.errors import ApiError, ConnectionLost, SecureConnectError
from secureconnect_client.events import Event, parse_event
from secureconnect_client.models import Presence, Status
from secureconnect_client.presence_state import PresenceState
from secureconnect_client.reconnect import Reconnecting
from secureconnect_client.resync import Resync
from secureconnect_client.settings import LiveSettings, LiveStats
from secureconnect_client.view import ConversationState, View

if TYPE_CHECKING:
    from secureconnect_client.client import Client

PINGS_PER_SYNC = 4
TOO_LARGE = 413  # the status of an answer too large for a socket, which one event may cause
FOCUS_EVERY_S = 40.0  # the server forgets the focus after a minute
CURSORS_PER_PING = 300  # cursors of at most 55 bytes each, in a frame of 32 KB


class Live(Commands):
    """The stream of a client. Enter it with `async with`, then iterate; one iterator at a time."""

    def __init__(self, client: Client, settings: LiveSettings) -> None:
        self._client = client
        self._settings = settings
        self._bookmarks = client.bookmarks()
        self._queue: deque[Event] = deque()
        self._arrived = asyncio.Event()
        self._drained = asyncio.Event()
        self._ping_now = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._failure: BaseException | None = None
        self._closed = False
        self._view: View | None = client.view() if settings.track_state else None
        self._requests = ActingAs(client, self._bookmarks.account)
        self._messages = Messages(self._requests)
        self._polls = Polls(self._requests)
        self._timeout_s = settings.request_timeout_s
        self._presence = PresenceState(self.request, self._saw_presence)

    # -- opening and closing

    async def __aenter__(self) -> Self:
        await self._choose_start()
        self._sequencer = self._bookmarks.sequencer()
        self._catch_up = CatchUp(self._requests, self._sequencer, self._emit, room=self._room)
        self._resync = Resync(self._catch_up, gap_wait_s=self._settings.gap_wait_s)
        self._reconnecting = Reconnecting(
            lambda: self._client.enter(self._bookmarks.account),
            policy=self._settings.policy,
            rng=self._client.rng,
            on_open=self._opened,
            on_frame=self._on_frame,
            frame_filter=self._settings.frame_filter,
        )
        self._tasks = [
            asyncio.create_task(each)
            for each in (
                self._reconnecting.run(),
                self._resync.run(),
                self._pings(),
                self._presence.keep_watching(),
                self._presence.keep_focus(FOCUS_EVERY_S),
            )
        ]
        if self._settings.delivered_every_s is not None:
            told = self._presence.report_delivered(
                lambda: self._sequencer.cursors, self._settings.delivered_every_s, CURSORS_PER_PING
            )
            self._tasks.append(asyncio.create_task(told))
        for task in self._tasks:
            task.add_done_callback(self._task_ended)
        try:
            async with asyncio.timeout(self._settings.connect_timeout_s):
                await self._reconnecting.opened.wait()
        except TimeoutError:
            await self._shut_down()
            raise self._reconnecting.last_error or ConnectionLost("could not connect in time") from None
        except BaseException:
            await self._shut_down()
            raise
        if self._failure is not None and self.connection is None:
            await self._shut_down()
            raise self._failure
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self._bookmarks.done()
        self._bookmarks.flush()
        await self._shut_down()

    # -- events

    def __aiter__(self) -> AsyncIterator[Event]:
        return self

    async def __anext__(self) -> Event:
        """The next event.

        After the session has ended and all events were delivered, raises ApiError or NotSignedIn.
        """
        while not self._queue:
            self._bookmarks.done()
            self._bookmarks.flush()
            if self._failure is not None:
                raise self._failure
            if self._closed:
                raise StopAsyncIteration
            self._arrived.clear()
            await self._arrived.wait()
        event = self._queue.popleft()
        if len(self._queue) <= self._settings.max_queue // 2:
            self._drained.set()
        return self._bookmarks.hand_out(event)

    async def caught_up(self, timeout_s: float | None = None) -> None:
        """Wait until no event is known to be missing; delivered ones may still be in the queue.

        Raises TimeoutError, and the stream's error if it has ended.
        """
        settled = asyncio.create_task(self._resync.settled.wait())
        try:
            await asyncio.wait(
                {settled, *self._tasks}, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED
            )
            if self._failure is not None:
                raise self._failure
            if not settled.done():
                raise TimeoutError("not caught up in time")
        finally:
            settled.cancel()

    def state(self, conversation_id: str) -> ConversationState | None:
        """The state of a conversation after all received events, iterated or not (`track_state=True`)."""
        if self._view is None:
            raise RuntimeError("state is kept only by connect(track_state=True)")
        return self._view.state(conversation_id)

    # -- the socket

    @property
    def connection(self) -> Connection | None:
        """The open socket, None while there is none."""
        return self._reconnecting.current

    @property
    def connected(self) -> bool:
        return self.connection is not None

    @property
    def stats(self) -> LiveStats:
        return LiveStats(
            openings=self._reconnecting.openings,
            heals=self._catch_up.heals,
            duplicates=self._sequencer.duplicates,
            waiting=len(self._queue),
        )

    async def ping(self, *, timeout_s: float | None = None) -> None:
        """Tell the server this client's cursors; missing events are then read from the log."""
        cursors = self._sequencer.cursors
        ids = list(cursors)
        for start in range(0, max(len(ids), 1), CURSORS_PER_PING):
            part = {each: cursors[each] for each in ids[start : start + CURSORS_PER_PING]}
            await self.request("ping", cursors=part, timeout_s=timeout_s)

    async def sync(self) -> None:
        """Catch up now, over the socket if possible. Every connection does so by itself."""

        async def fetch(cursors: dict[str, int]) -> Any:
            try:
                return await self.request("sync", cursors=cursors)
            except ConnectionLost:
                pass
            except ApiError as error:
                if error.status != TOO_LARGE:
                    raise
            return await self._requests.request("POST", "/sync", json={"cursors": cursors}, retry=True)

        await self._catch_up.catch_up(fetch)

    async def set_presence(
        self, status: Status, *, text: str | None = None, until: str | None = None
    ) -> Presence:
        """Set the status that others see; `until` is an RFC 3339 time. Returns the caller's presence."""
        return decode(
            Presence, await self.request("setPresence", **given(status=status, text=text, until=until))
        )

    async def watch_presence(
        self, user_ids: Iterable[str] = (), *, conversation_id: str | None = None
    ) -> tuple[Presence, ...]:
        """Receive `PresenceChanged` for these people and a conversation's members, replacing earlier ones.

        It lasts over reconnects, each of which repeats everybody's presence. Returns their present one.
        """
        return decode_all(Presence, await self._presence.watch(user_ids, conversation_id))

    async def focus(self, conversation_id: str | None) -> None:
        """Set the conversation on the screen, None for none; the server sends no pushes for it.

        It lasts over reconnects. Set None when the window loses the focus or the screen turns off.
        """
        await self._presence.set_focus(conversation_id)

    def reconnect_now(self, *, network_was_gone: bool = False) -> None:
        """Skip the pause before reconnecting, for example when the device is online again.

        With `network_was_gone` a socket that looks open must answer a ping within `request_timeout_s`, or it
        is replaced: it may have died with its network.
        """
        self._reconnecting.hurry()
        if network_was_gone:
            self._ping_now.set()

    def drop_connection(self) -> None:
        """End the socket without a closing handshake, like a broken network. For tests."""
        if self.connection is not None:
            self.connection.abort()

    # -- callbacks

    def _cursor(self, conversation_id: str) -> int | None:
        return self._sequencer.cursor(conversation_id)

    def _saw(self, event: Event) -> None:
        self._catch_up.offer(event)
        self._resync.check()

    def _check_log(self, conversation_id: str, *, since: int | None) -> None:
        if self._sequencer.cursor(conversation_id) == since:
            self._resync.check_log(conversation_id, unless_past=since)

    def _opened(self) -> None:
        self._resync.sync()
        self._client.outbox.kick()
        self._presence.renew()

    def _saw_presence(self, item: Mapping[str, Any]) -> None:
        self._receive(parse_event({"type": "presence", "data": item}))

    def _on_frame(self, connection: Connection, frame: Mapping[str, Any]) -> None:
        data = frame.get("data")
        data = data if isinstance(data, Mapping) else {}
        kind = frame.get("type")
        if kind == "pong":
            self._resync.behind(data.get("behind"))
            if data.get("behind", {}) is None:
                self._resync.sync()  # some frames could not be delivered to this socket
        elif kind == "reconnect":
            if not connection.retiring:
                self._reconnecting.hint(float(frame.get("after_ms", data.get("after_ms", 0)) or 0))
        else:
            event = parse_event(frame)
            if event.seq is None and connection.retiring:
                return  # the new connection receives it too
            self._receive(event)

    def _receive(self, event: Event) -> None:
        if len(self._queue) >= self._settings.max_queue:
            if event.conversation_id is not None and event.seq is not None:
                self._sequencer.note(event.conversation_id, event.seq)
        else:
            self._catch_up.offer(event)
        self._resync.check()

    def _emit(self, event: Event) -> None:
        if self._view is not None:
            self._view.apply(event)
        self._queue.append(event)
        self._arrived.set()

    async def _room(self) -> None:
        while len(self._queue) >= self._settings.max_queue:
            self._drained.clear()
            await self._drained.wait()

    async def _choose_start(self) -> None:
        if self._settings.start == "resume":
            return
        cursors: dict[str, int] = {}
        if self._settings.start == "now":
            async for each in self._client.conversations.iterate():
                cursors[each.id] = each.last_seq
        self._bookmarks.replace(cursors)
        if self._view is not None:
            self._view.clear()

    async def _pings(self) -> None:
        for turn in count(1):
            with suppress(TimeoutError):
                await asyncio.wait_for(self._ping_now.wait(), self._settings.ping_interval_s)
            self._ping_now.clear()
            try:
                # A ping covers the known conversations; finding new ones takes a sync.
                await (self.ping() if turn % PINGS_PER_SYNC else self.sync())
            except SecureConnectError:
                continue  # a failed ping closes a dead socket; after other errors the next ping follows

    def _task_ended(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and self._failure is None:
            self._failure = task.exception()
        self._reconnecting.opened.set()
        self._arrived.set()

    async def _shut_down(self) -> None:
        self._closed = True
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._reconnecting.close()
        self._arrived.set()
