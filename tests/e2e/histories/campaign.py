"""Runs many histories, several at a time in one event loop, with a shared pool of people."""

from __future__ import annotations

import asyncio
import os
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import httpx

from tests.e2e.histories.device import Device
from tests.e2e.histories.history import DeviceFactory, History
from tests.e2e.histories.people import Person, Pool
from tests.e2e.histories.plan import PEOPLE, plan

LANES = int(os.environ.get("SC_LANES", "8"))
REQUESTS_AT_ONCE = 10  # with more, the local cloud starts a process for each, and the test would measure the machine
HISTORIES_PER_PERSON = 20
PATIENCE_S = 600.0


class Gate(httpx.AsyncBaseTransport):
    """Limits concurrent requests; a request that waits for the answer to a lost frame does not count."""

    def __init__(self, inner: httpx.AsyncBaseTransport, width: int) -> None:
        self._inner = inner
        self._free = asyncio.Semaphore(width)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        async with self._free:
            return await self._inner.handle_async_request(request)


@dataclass(slots=True)
class Outcome:
    """The result of a campaign: violations per seed, and some numbers."""

    wrong: dict[int, list[str]] = field(default_factory=dict)
    histories: int = 0
    events: int = 0
    deliveries: int = 0
    restarts: int = 0
    connections: int = 0
    unanswered: int = 0
    overloaded: Counter[int] = field(default_factory=Counter)
    seconds: float = 0.0

    def __str__(self) -> str:
        return (
            f"{self.histories} histories, {self.events} events, {self.deliveries} deliveries to devices, "
            f"{self.restarts} restarts, {self.unanswered} requests unanswered, overload: {dict(self.overloaded)}; "
            f"{self.seconds:.0f} s; wrong: {sorted(self.wrong)}"
        )


class Story(Protocol):
    """The interface of a history for a campaign."""

    overloaded: Counter[int]
    unanswered: int

    @property
    def restarts(self) -> int: ...
    @property
    def events(self) -> int: ...
    @property
    def deliveries(self) -> int: ...
    @property
    def troubles(self) -> list[str]: ...
    async def run(self) -> list[str]: ...


StoryFactory = Callable[[int, list[Person], httpx.AsyncBaseTransport], Story]


async def campaign(
    http_url: str, seeds: Sequence[int], *, operations: int, make_device: DeviceFactory = Device
) -> Outcome:
    """Run the plain histories of these seeds on devices of this kind."""

    def begin(seed: int, people: list[Person], inner: httpx.AsyncBaseTransport) -> Story:
        return History(plan(seed, operations), people, http_url=http_url, inner=inner, make_device=make_device)

    return await run_all(http_url, seeds, begin)


async def run_all(http_url: str, seeds: Sequence[int], begin: StoryFactory) -> Outcome:
    """Run the histories of these seeds, each as `begin` makes it."""
    outcome = Outcome()
    waiting = list(reversed(seeds))
    limits = httpx.Limits(max_connections=64, max_keepalive_connections=64)
    async with httpx.AsyncHTTPTransport(limits=limits) as transport:
        inner = Gate(transport, REQUESTS_AT_ONCE)
        pool = Pool(http_url, inner)
        lanes = min(LANES, len(seeds))
        await pool.fill(PEOPLE * max(lanes, len(seeds) // HISTORIES_PER_PERSON))

        async def lane() -> None:
            while waiting:
                seed = waiting.pop()
                people = await pool.borrow(PEOPLE)
                try:
                    await _one(seed, begin(seed, people, inner))
                finally:
                    pool.give_back(people)

        async def _one(seed: int, history: Story) -> None:
            try:
                async with asyncio.timeout(PATIENCE_S):
                    wrong = await history.run()
            except Exception as error:  # an error of one history must not end the others
                wrong = [f"{type(error).__name__}: {error}", *history.troubles]
            if wrong:
                outcome.wrong[seed] = wrong
            outcome.histories += 1
            outcome.overloaded += history.overloaded
            outcome.unanswered += history.unanswered
            outcome.events += history.events
            outcome.deliveries += history.deliveries
            outcome.restarts += history.restarts

        started = time.monotonic()
        await asyncio.gather(*(lane() for _ in range(lanes)))
        outcome.seconds = time.monotonic() - started
    return outcome
