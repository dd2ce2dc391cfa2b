"""When the Python client opens its next connection."""

from __future__ import annotations

import asyncio
import random

from secureconnect_client.backoff import ReconnectPolicy
from secureconnect_client.errors import ConnectionLost
from secureconnect_client.models import Ticket
from secureconnect_client.reconnect import Reconnecting
from secureconnect_client.wire import Wire
from tests.unit.client.carriers import in_loop


class Slowest(random.Random):
    """Draws the longest delays."""

    def random(self) -> float:
        return 0.999


@in_loop
async def test_a_network_that_comes_back_during_an_attempt_is_tried_at_once_when_the_attempt_has_failed() -> None:
    attempts: asyncio.Queue[asyncio.Future[tuple[Ticket, Wire]]] = asyncio.Queue()

    async def enter() -> tuple[Ticket, Wire]:
        attempt: asyncio.Future[tuple[Ticket, Wire]] = asyncio.get_running_loop().create_future()
        attempts.put_nowait(attempt)
        return await attempt

    client = Reconnecting(
        enter,
        policy=ReconnectPolicy(),
        rng=Slowest(),
        on_open=lambda: None,
        on_frame=lambda connection, frame: None,
    )
    running = asyncio.create_task(client.run())
    async with asyncio.timeout(2):
        first = await attempts.get()
        client.hurry()
        first.set_exception(ConnectionLost("could not connect"))
        await attempts.get()
    running.cancel()
