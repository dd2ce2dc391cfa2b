"""A live stream of a `World`, for tests."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Any

from secureconnect_client import Client, Event, Live
from tests.unit.client.carriers import POLICY, client, eventually
from tests.unit.client.world import World

SETTINGS: dict[str, Any] = {"policy": POLICY, "gap_wait_s": 0.01, "request_timeout_s": 2.0}


@asynccontextmanager
async def online(world: World, user_id: str = "ada", **options: Any) -> AsyncIterator[tuple[Client, Live]]:
    async with client(world) as c:
        await c.login(user_id, "a password")
        async with c.connect(**(SETTINGS | options)) as live:
            await live.caught_up(5)
            yield c, live


async def take(live: Live, count: int) -> list[Event]:
    return [await asyncio.wait_for(anext(live), 5) for _ in range(count)]


def seqs(events: Iterable[Event]) -> list[int | None]:
    return [each.seq for each in events]


async def reopened(live: Live, count: int) -> None:
    """Wait for the socket to be open again, at least for the nth time."""
    await eventually(lambda: live.stats.openings >= count and live.connected)
