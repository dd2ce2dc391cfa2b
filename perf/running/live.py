"""The running local cloud under load: latencies, rates, and CPU times.

Every cell is warmed up first, because each additional concurrent call starts another worker, and run several times; the
tables show the least, the median and the greatest. The load generator shares the machine's processors, so the tables
also show the CPU use of the generator, the servers and all other processes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from perf import budgets
from perf.budgets import Budget, Verdict
from perf.effort import Effort
from perf.report import Table, number, spread
from perf.running import benchmarks
from perf.running.addresses import Addresses
from perf.running.benchmarks import Result
from perf.running.load_clients import LoadPerson, in_parallel, newcomer
from perf.running.machine import Meter, Usage, wait_for_quiet

PEOPLE = 50
SENDERS = 32
CAP = 1_000  # messages per run; the rate limit is 1,200 a minute per person


@dataclass(frozen=True, slots=True)
class LiveScale:
    """The size of the measurement."""

    runs: int = 3
    seconds: float = 5.0
    messages: int = 100
    group_messages: int = 50
    warm_up_s: float = 1.0
    warm_up_messages: int = 20
    quiet_wait_s: float = 10.0  # the longest wait before each run
    senders: tuple[int, ...] = (1, 8, SENDERS)  # the budgets are for 8


QUICK = LiveScale(runs=1, seconds=2.0, messages=30, group_messages=10, warm_up_s=0.5, warm_up_messages=10)
USUAL = LiveScale(seconds=2.5, messages=60, group_messages=25, warm_up_s=0.5, quiet_wait_s=1.5, senders=(8,))


def scale_of(effort: Effort) -> LiveScale:
    return effort.of(QUICK, USUAL, LiveScale())


BUDGETS = (
    Budget("delivery to 1, sent by socket", "delivered p50 ms", at_most=20),
    Budget("delivery to 1, sent by HTTP", "delivered p50 ms", at_most=20),
    Budget("delivery to 50, sent by socket", "all p50 ms", at_most=100),
    Budget("8 senders, HTTP, own direct conversations", "messages/s", at_least=90),
    Budget("8 senders, socket, own direct conversations", "messages/s", at_least=90),
    Budget("8 senders saturating a group of 50", "deliveries/s", at_least=1_000),
)


@dataclass(slots=True)
class Cell:
    """The runs of one cell."""

    name: str
    results: list[Result] = field(default_factory=list)
    usages: list[Usage] = field(default_factory=list)

    def values(self, figure: str) -> list[float]:
        return [result.figures[figure] for result in self.results]

    def server_ms(self) -> list[float]:
        """CPU ms of the servers per message."""
        pairs = zip(self.results, self.usages, strict=True)
        return [1000 * usage.server_s / max(1, result.operations) for result, usage in pairs]

    def shares(self, of: Callable[[Usage], float]) -> float:
        return median(usage.share(of(usage)) for usage in self.usages)


class Session:
    """One measurement of a running cloud."""

    def __init__(self, addresses: Addresses, scale: LiveScale, done: Callable[[str], None]) -> None:
        self._addresses, self._scale, self._done = addresses, scale, done
        self.cells: list[Cell] = []

    async def run(self) -> list[Cell]:
        people: list[LoadPerson] = await in_parallel(PEOPLE, lambda _: newcomer(self._addresses.http_url), width=2)
        partners = people[SENDERS:]
        body = [{"type": "direct", "member_ids": [partners[n % len(partners)].id]} for n in range(SENDERS)]
        directs = await in_parallel(SENDERS, lambda n: people[n].call("POST", "/conversations", body[n]))
        pairs = [(person, made["id"]) for person, made in zip(people, directs, strict=False)]
        group_body = {"type": "group", "name": "perf", "member_ids": [person.id for person in people[1:]]}
        group = (await people[0].call("POST", "/conversations", group_body))["id"]
        self._done(f"{PEOPLE} people, {SENDERS} direct conversations and a group are there")
        for count in self._scale.senders:
            await self._throughput(f"{count} senders, HTTP, own direct conversations", benchmarks.http, pairs, count)
        crowded = [(person, group) for person in people]
        for count in self._scale.senders:
            if count == 1:
                continue  # no different from a direct conversation
            await self._throughput(f"{count} senders, HTTP, one group of 50", benchmarks.http, crowded, count)
        await in_parallel(PEOPLE, lambda n: people[n].open_socket())
        for way, say in (("socket", benchmarks.socket), ("HTTP", benchmarks.http)):
            await self._delivery(f"delivery to 1, sent by {way}", say, pairs[0], [partners[0]], self._scale.messages)
        for count in self._scale.senders:
            await self._throughput(
                f"{count} senders, socket, own direct conversations", benchmarks.socket, pairs, count
            )
        to_all = (people[0], group)
        await self._delivery(
            "delivery to 50, sent by socket", benchmarks.socket, to_all, people, self._scale.group_messages
        )
        await self._saturation(people, group)
        for person in people:
            await person.leave()
        return self.cells

    async def _throughput(
        self, name: str, say: benchmarks.Say, pairs: list[tuple[LoadPerson, str]], count: int
    ) -> None:
        def senders(run: int) -> list[tuple[LoadPerson, str]]:
            first = run * count % len(pairs)  # different senders each run, because of the rate limit per person
            return (pairs[first:] + pairs[:first])[:count]

        await benchmarks.warm_up(say, senders(self._scale.runs), self._scale.warm_up_s, CAP)
        await self._repeat(name, lambda run: benchmarks.throughput(say, senders(run), self._scale.seconds, CAP))

    async def _delivery(
        self, name: str, say: benchmarks.Say, to: tuple[LoadPerson, str], audience: Sequence[LoadPerson], count: int
    ) -> None:
        await benchmarks.delivery(say, *to, audience, self._scale.warm_up_messages)
        await self._repeat(name, lambda _: benchmarks.delivery(say, *to, audience, count))

    async def _saturation(self, people: Sequence[LoadPerson], group: str) -> None:
        def work(run: int) -> Awaitable[Result]:
            first = run * 8 % len(people)
            pairs = [(person, group) for person in people[first : first + 8]]
            return benchmarks.saturation(benchmarks.socket, pairs, people, self._scale.seconds, CAP)

        await work(self._scale.runs)
        await self._repeat("8 senders saturating a group of 50", work)

    async def _repeat(self, name: str, work: Callable[[int], Awaitable[Result]]) -> None:
        cell = Cell(name)
        for run in range(self._scale.runs):
            await asyncio.to_thread(wait_for_quiet, self._scale.quiet_wait_s)
            with Meter(self._addresses.servers) as meter:
                result = await work(run)
            cell.results.append(result)
            cell.usages.append(meter.usage)
        self.cells.append(cell)
        self._done(name)


def measure(addresses: Addresses, scale: LiveScale, *, done: Callable[[str], None] = print) -> list[Cell]:
    """Measure the running local cloud."""
    return asyncio.run(Session(addresses, scale, done).run())


def tables(measured: Sequence[Cell]) -> list[Table]:
    """The figures of all cells, and the verdicts."""
    head = "cell", "figure", "min / median / max"
    rows = [(cell.name, figure, spread(cell.values(figure))) for cell in measured for figure in cell.results[0].figures]
    load_head = "cell", "server CPU ms per message", "server %", "client %", "others %", "load before"
    load = [
        (
            cell.name, spread(cell.server_ms()), number(cell.shares(lambda usage: usage.server_s)),
            number(cell.shares(lambda usage: usage.client_s)), number(cell.shares(lambda usage: usage.other_s)),
            number(median(usage.load for usage in cell.usages)),
        )
        for cell in measured
    ]  # fmt: skip
    return [
        Table("Live: figures", head, rows),
        Table("Live: processors (percent of one)", load_head, load),
        budgets.table("Live: budgets", verdicts(measured), of="cell", value="median"),
    ]


def verdicts(measured: Sequence[Cell]) -> list[Verdict]:
    """The verdicts on the medians."""
    by_name = {cell.name: cell for cell in measured}
    return [budget.judge(median(by_name[budget.of].values(budget.figure))) for budget in BUDGETS]


def as_json(measured: Sequence[Cell]) -> dict[str, Any]:
    cells_ = [
        {
            "cell": cell.name,
            "runs": [result.figures | {"operations": result.operations} for result in cell.results],
            "server_cpu_ms_per_message": cell.server_ms(),
        }
        for cell in measured
    ]
    return {"cells": cells_, "budgets": budgets.as_json(verdicts(measured))}
