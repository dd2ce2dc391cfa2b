"""Catching up with the log over HTTP: `POST /sync` for everything, `GET …/events` for one conversation.

Owns the dialogue; what may be delivered is the sequencer's decision, when to ask is the caller's.
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
MAX_SYNC_CURSORS = 1_000  # the server takes no more
PARALLEL_HEALS = 4
# A log that may not be read any more: gone, or never to be known about.
_OUT = frozenset({403, 404, 410})


Fetch = Callable[[dict[str, int]], Awaitable[Any]]


class CatchUp:
    """Moves events from the log through a sequencer to `emit`. `room` is awaited before each further page."""

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
        """An event that came some other way."""
        if self._calls.lets_pass(event):
            self._emit_all(self.sequencer.offer(event))

    async def catch_up(self, fetch: Fetch | None = None) -> None:
        """Sync until nothing is left."""
        while await self.step(fetch):
            pass

    async def step(self, fetch: Fetch | None = None) -> bool:
        """One sync answer, and the holes once it gets no further by itself. True if there is more."""
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
            await self._survey(asked)
            return False
        answer = await (fetch or self._sync)(asked)
        more = bool(answer.get("more"))
        for entry in answer.get("conversations", []):
            conversation_id = entry["conversation"]["id"]
            if self.sequencer.cursor(conversation_id) is None and conversation_id in asked:
                continue  # ended while the answer was on its way: it does not show where the log starts
            events = _events(entry.get("events"), conversation_id)
            self._emit_all(self.sequencer.offer_log(conversation_id, events))
            if entry.get("more"):
                more = True
                # Should the next answer not reach it either, the log itself is asked.
                last = events[-1].seq if events else asked.get(conversation_id)
                self.sequencer.note(conversation_id, (last or 0) + 1)
        for conversation_id in answer.get("removed", []):
            if self.sequencer.cursor(conversation_id) == asked.get(conversation_id):
                self._emit_all(self.sequencer.end(conversation_id))
            else:  # it moved on while the answer was on its way: were we out before, or are we now?
                self.sequencer.in_doubt.add(conversation_id)
        self._emit_all(self._calls.listed((answer.get("ephemeral") or {}).get("calls") or []))
        return more

    async def _survey(self, asked: dict[str, int]) -> None:
        """Find what moved on from the list of conversations, where there are too many for a sync."""
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
        # The list moves while it is read: only the log can tell that one is gone.
        for conversation_id in unlisted:
            await self.heal(conversation_id)

    async def heal_all(self) -> None:
        """Fill every hole that is known of; one that fails raises after the others were served."""
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
                await self._find_start(conversation_id)
            while await self._read_page(conversation_id):
                pass
        except ApiError as error:
            if error.status not in _OUT:
                raise
            await self._ask_whether_out(conversation_id)

    async def _find_start(self, conversation_id: str) -> None:
        """We were put out; if we are back, the first event shown tells whether the old log still counts."""
        page = await self._log(conversation_id, after=0, limit=1)
        events = _events(page["items"], conversation_id)
        if events and events[0].seq is not None:
            self._emit_all(self.sequencer.resolve(conversation_id, events[0].seq))

    async def _read_page(self, conversation_id: str) -> bool:
        """One page of the log; True when there is another."""
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

    async def _ask_whether_out(self, conversation_id: str) -> None:
        known_out = conversation_id in self.sequencer.in_doubt
        if self.sequencer.cursor(conversation_id) is None:
            self.sequencer.give_up(conversation_id)
        elif known_out or len(self.sequencer.cursors) > MAX_SYNC_CURSORS:
            self._emit_all(self.sequencer.end(conversation_id))
        else:
            await self._round()  # names it in `removed` if so

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
