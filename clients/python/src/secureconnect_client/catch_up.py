"""Catching up with the log over HTTP: `POST /sync` for everything, `GET …/events` for one conversation.

Makes the requests; the sequencer decides which events may be delivered, and callers decide when to ask.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any

from secureconnect_client.api.base import Requester
from secureconnect_client.call_tracker import CallTracker
from secureconnect_client.errors import ApiError
from secureconnect_client.events import Event, parse_event
from secureconnect_client.http import segment
from secureconnect_client.sequencer import Sequencer

PAGE_SIZE = 100
MAX_SYNC_CURSORS = 1_000  # the most that the server accepts
PARALLEL_HEALS = 4
# Statuses of a log that the caller may no longer read or know about.
_OUT = frozenset({403, 404, 410})


Fetch = Callable[[dict[str, int]], Awaitable[Any]]


class CatchUp:
    """Passes events from the log through a sequencer to `emit`. `room` is awaited before each page."""

    def __init__(
        self,
        requests: Requester,
        sequencer: Sequencer,
        emit: Callable[[Event], None],
        *,
        room: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        self._requests = requests
        self._emit = emit
        self._room = room
        self._calls = CallTracker()
        self.sequencer = sequencer
        self.heals = 0

    def offer(self, event: Event) -> None:
        """Process an event from another source, such as the socket."""
        if self._calls.is_new(event):
            self._emit_all(self.sequencer.offer(event))

    async def catch_up(self, fetch: Fetch | None = None) -> None:
        """Sync until nothing is left."""
        while await self.step(fetch):
            pass

    async def step(self, fetch: Fetch | None = None) -> bool:
        """Process one sync answer, and fill the gaps if it brought no progress.

        Returns whether there is more.
        """
        before = self.sequencer.cursors
        more = await self._round(fetch)
        if more and self.sequencer.cursors != before:
            return True
        await self.heal_all()
        return more and self.sequencer.cursors != before

    async def _round(self, fetch: Fetch | None = None) -> bool:
        await self._wait_for_room()
        asked = self.sequencer.cursors
        if len(asked) > MAX_SYNC_CURSORS:
            await self._compare_with_list(asked)
            return False
        answer = await (fetch or self._sync)(asked)
        more = bool(answer.get("more"))
        for entry in answer.get("conversations", []):
            conversation_id = entry["conversation"]["id"]
            if self.sequencer.cursor(conversation_id) is None and conversation_id in asked:
                continue  # ended meanwhile: the answer does not tell where the log starts
            events = _events(entry.get("events"), conversation_id)
            self._emit_all(self.sequencer.offer_log(conversation_id, events))
            if entry.get("more"):
                more = True
                # If the next answer does not reach this seq either, the log itself is read.
                last = events[-1].seq if events else asked.get(conversation_id)
                self.sequencer.note(conversation_id, (last or 0) + 1)
        for conversation_id in answer.get("removed", []):
            if self.sequencer.cursor(conversation_id) == asked.get(conversation_id):
                self._emit_all(self.sequencer.end(conversation_id))
            else:  # new events came meanwhile: it is open whether the reader is out now
                self.sequencer.in_doubt.add(conversation_id)
        self._emit_all(self._calls.new_events((answer.get("ephemeral") or {}).get("calls") or []))
        return more

    async def _compare_with_list(self, asked: dict[str, int]) -> None:
        """Find changed conversations by the list of conversations, if there are too many for a sync."""
        unlisted, cursor = set(asked), None
        while True:
            params = {"limit": PAGE_SIZE, "cursor": cursor}
            page = await self._requests.request("GET", "/conversations", params=params, retry=True)
            for conversation in page["items"]:
                unlisted.discard(conversation["id"])
                self.sequencer.note(conversation["id"], conversation["last_seq"])
            cursor = page.get("next_cursor")
            if cursor is None:
                break
        # The list changes while it is read: only the log can tell that a conversation is gone.
        for conversation_id in unlisted:
            await self.heal(conversation_id)

    async def heal_all(self) -> None:
        """Fill every known gap; raises the first error after the others were handled."""
        limit = asyncio.Semaphore(PARALLEL_HEALS)

        async def one(conversation_id: str) -> None:
            async with limit:
                await self.heal(conversation_id)

        outcomes = await asyncio.gather(*map(one, self.sequencer.behind()), return_exceptions=True)
        for outcome in outcomes:
            if isinstance(outcome, BaseException):
                raise outcome

    async def heal(self, conversation_id: str) -> None:
        """Read this conversation's log from the cursor to its end."""
        self.heals += 1
        try:
            if conversation_id in self.sequencer.in_doubt:
                await self._resolve_doubt(conversation_id)
            while await self._read_page(conversation_id):
                pass
        except ApiError as error:
            if error.status not in _OUT:
                raise
            await self._check_access(conversation_id)

    async def _resolve_doubt(self, conversation_id: str) -> None:
        """Check by the first event the reader may see whether the old log still counts for them."""
        page = await self._log(conversation_id, after=0, limit=1)
        events = _events(page["items"], conversation_id)
        if events and events[0].seq is not None:
            self._emit_all(self.sequencer.resolve(conversation_id, events[0].seq))

    async def _read_page(self, conversation_id: str) -> bool:
        """Read one page of the log; returns whether there is another."""
        await self._wait_for_room()
        before = self.sequencer.cursor(conversation_id)
        page = await self._log(conversation_id, after=before or 0, limit=PAGE_SIZE)
        if before is not None and self.sequencer.cursor(conversation_id) is None:
            return False  # ended meanwhile
        events = _events(page["items"], conversation_id)
        self._emit_all(self.sequencer.offer_log(conversation_id, events, confirmed=True))
        moved = self.sequencer.cursor(conversation_id) != before
        return moved and page.get("next_cursor") is not None

    async def _log(self, conversation_id: str, **params: int) -> Any:
        path = f"/conversations/{segment(conversation_id)}/events"
        return await self._requests.request("GET", path, params=params, retry=True)

    async def _check_access(self, conversation_id: str) -> None:
        known_out = conversation_id in self.sequencer.in_doubt
        if self.sequencer.cursor(conversation_id) is None:
            self.sequencer.give_up(conversation_id)
        elif known_out or len(self.sequencer.cursors) > MAX_SYNC_CURSORS:
            self._emit_all(self.sequencer.end(conversation_id))
        else:
            await self._round()  # reports it in `removed` if the reader is out

    async def _sync(self, cursors: dict[str, int]) -> Any:
        return await self._requests.request("POST", "/sync", json={"cursors": cursors}, retry=True)

    async def _wait_for_room(self) -> None:
        if self._room is not None:
            await self._room()

    def _emit_all(self, events: Iterable[Event]) -> None:
        for event in events:
            self._emit(event)


def _events(raw: object, conversation_id: str) -> list[Event]:
    items = raw if isinstance(raw, list) else []
    return [parse_event(each, conversation_id=conversation_id) for each in items if isinstance(each, Mapping)]
