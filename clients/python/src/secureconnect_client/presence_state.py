"""The state that a live client reports by itself: its cursors, whose presence it watches, and its focus.

Watching and focus are repeated after each connection. Each report is repeated soon, so failures are ignored.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any

from secureconnect_client.errors import SecureConnectError

Ask = Callable[..., Awaitable[Any]]


class PresenceState:
    """`ask` requests an action of the socket; `saw` receives the presence of each person in an answer."""

    def __init__(self, ask: Ask, saw: Callable[[Mapping[str, Any]], None]) -> None:
        self._ask = ask
        self._saw = saw
        self._watched: dict[str, Any] | None = None
        self._reported: dict[str, int] = {}
        self._renewed = asyncio.Event()
        self._focus: str | None = None
        self._focus_due = asyncio.Event()

    async def watch(self, user_ids: Iterable[str], conversation_id: str | None) -> list[Mapping[str, Any]]:
        """Watch these people, now and on every later connection; returns their presence."""
        fields: dict[str, Any] = {"user_ids": [*user_ids]}
        if conversation_id is not None:
            fields["conversation_id"] = conversation_id
        self._watched = fields
        return list((await self._ask("watchPresence", **fields))["items"])

    def renew(self) -> None:
        """Repeat the watching and the focus on a new connection."""
        if self._watched is not None:
            self._renewed.set()
        if self._focus is not None:
            self._focus_due.set()

    async def keep_watching(self) -> None:
        """Never returns: watches again on every new connection, and passes on everybody's presence."""
        while True:
            await self._renewed.wait()
            self._renewed.clear()
            with contextlib.suppress(SecureConnectError):
                for item in (await self._ask("watchPresence", **(self._watched or {})))["items"]:
                    self._saw(item)

    async def report_delivered(
        self, cursors: Callable[[], Mapping[str, int]], every_s: float, most: int
    ) -> None:
        """Never returns: reports changed cursors every `every_s` seconds, at most `most` at a time."""
        self._reported = dict(cursors())
        while True:
            await asyncio.sleep(every_s)
            moved = {each: seq for each, seq in cursors().items() if seq > self._reported.get(each, 0)}
            part = dict(list(moved.items())[:most])
            if part:
                with contextlib.suppress(SecureConnectError):
                    await self._ask("ping", cursors=part)
                    self._reported |= part

    async def set_focus(self, conversation_id: str | None) -> None:
        """Report the conversation on the screen (None for none), now and on every later connection."""
        self._focus = conversation_id
        await self._ask("ping", focus=conversation_id)

    async def keep_focus(self, every_s: float) -> None:
        """Never returns: repeats the focus before the server forgets it, and on every new connection."""
        while True:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._focus_due.wait(), every_s)
            self._focus_due.clear()
            if self._focus is not None:
                with contextlib.suppress(SecureConnectError):
                    await self._ask("ping", focus=self._focus)
