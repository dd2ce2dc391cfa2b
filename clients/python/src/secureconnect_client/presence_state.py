"""What a live client says by itself: how far it has come, and after each connection whom it watches and
what it shows.

Each is a hint to the server that is said again soon; what fails here is left to the next time.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any

from secureconnect_client.errors import SecureConnectError

Ask = Callable[..., Awaitable[Any]]


class PresenceState:
    """`ask` requests an action of the socket; `saw` takes the items of presence that an answer brings."""

    def __init__(self, ask: Ask, saw: Callable[[Mapping[str, Any]], None]) -> None:
        self._ask = ask
        self._saw = saw
        self._watched: dict[str, Any] | None = None
        self._said: dict[str, int] = {}
        self._renewed = asyncio.Event()
        self._focus: str | None = None
        self._focus_due = asyncio.Event()

    async def watch(self, user_ids: Iterable[str], conversation_id: str | None) -> list[Mapping[str, Any]]:
        """Watch these people, now and on every later connection; the presence of each."""
        fields: dict[str, Any] = {"user_ids": [*user_ids]}
        if conversation_id is not None:
            fields["conversation_id"] = conversation_id
        self._watched = fields
        return list((await self._ask("watchPresence", **fields))["items"])

    def renew(self) -> None:
        """There is a new connection, which watches nobody yet and shows nothing."""
        if self._watched is not None:
            self._renewed.set()
        if self._focus is not None:
            self._focus_due.set()

    async def keep_watching(self) -> None:
        """Never returns: watches again whenever there is a new connection, and shows how everybody is."""
        while True:
            await self._renewed.wait()
            self._renewed.clear()
            with contextlib.suppress(SecureConnectError):
                for item in (await self._ask("watchPresence", **(self._watched or {})))["items"]:
                    self._saw(item)

    async def tell_what_came(
        self, cursors: Callable[[], Mapping[str, int]], every_s: float, most: int
    ) -> None:
        """Never returns: shows the server what has been received, at most so often and only what moved on."""
        self._said = dict(cursors())
        while True:
            await asyncio.sleep(every_s)
            moved = {each: seq for each, seq in cursors().items() if seq > self._said.get(each, 0)}
            part = dict(list(moved.items())[:most])
            if part:
                with contextlib.suppress(SecureConnectError):
                    await self._ask("ping", cursors=part)
                    self._said |= part

    async def show(self, conversation_id: str | None) -> None:
        """Say which conversation is on the screen, None for none, and keep saying it on every connection."""
        self._focus = conversation_id
        await self._ask("ping", focus=conversation_id)

    async def keep_showing(self, every_s: float) -> None:
        """Never returns: says what is on the screen again before the server forgets it, and on a new
        connection."""
        while True:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._focus_due.wait(), every_s)
            self._focus_due.clear()
            if self._focus is not None:
                with contextlib.suppress(SecureConnectError):
                    await self._ask("ping", focus=self._focus)
