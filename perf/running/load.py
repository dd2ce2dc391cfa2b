"""An open-loop mixed load on the running local cloud: the goodput at once, twice and four times its capacity.

Calls arrive by a seeded Poisson process, whether earlier ones are answered or not, as people's calls do. A good answer
is 2xx within 2 s; goodput is good answers per second. R23: at twice the capacity goodput is at least 90 % of the peak,
and other calls are refused quickly with `Retry-After`. R22: saturating one class of functions increases the others' p99
by at most a fifth.

The load generator and the servers share this machine's processors, so the figures are not AWS's; for those see
docs/capacity.md. `make load` sets a quota of concurrent executions that this machine can run (SC_QUOTA): AWS gives each
execution a share of a processor and throttles beyond the quota, whereas a laptop without a quota only becomes slower
until no call is answered in time.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from math import isfinite
from typing import Any

import boto3

from infra.local.config import REGION
from perf import budgets
from perf.budgets import Budget, Verdict
from perf.effort import Effort
from perf.report import Table, number, percentile
from perf.running.addresses import Addresses
from perf.running.load_clients import PASSWORD, Http, LoadPerson, Refused, in_parallel, newcomer

GOOD_S = 2.0
IN_FLIGHT_MAX = 512  # concurrent calls; further ones are counted as lost
WORKERS = 16  # workers of the closed loop that finds the capacity
STEADY = 1.1  # the functions have started when a window exceeds the best earlier one by no more than this factor
WINDOWS_MAX = 12
SATURATED = "Conversations"  # the function that lists conversations; while saturated it gets a quarter of the workers
SEED = 1

Do = Callable[[LoadPerson, str], Awaitable[Any]]


class NothingCarried(Exception):
    """No call was answered in time while the capacity was measured, so there is nothing to compare with."""


@dataclass(frozen=True, slots=True)
class LoadScale:
    """The size of the measurement."""

    people: int = 24
    seconds: float = 20.0
    times: tuple[int, ...] = (1, 2, 4)
    probe_seconds: float = 15.0


def scale_of(effort: Effort) -> LoadScale:
    return effort.of(LoadScale(people=6, seconds=4.0, probe_seconds=4.0), LoadScale(), LoadScale())


async def _read(person: LoadPerson, conversation_id: str) -> None:
    await person.call("GET", f"/conversations/{conversation_id}/messages?limit=20")


async def _list(person: LoadPerson, _: str) -> None:
    await person.call("GET", "/conversations")


async def _catch_up(person: LoadPerson, conversation_id: str) -> None:
    await person.call("GET", f"/conversations/{conversation_id}/events?after=0&limit=50")


async def _mark_read(person: LoadPerson, conversation_id: str) -> None:
    await person.call("POST", f"/conversations/{conversation_id}/read", {"seq": 1})


async def _typing(person: LoadPerson, conversation_id: str) -> None:
    await person.call("POST", f"/conversations/{conversation_id}/typing", {"typing": True})


async def _sign_in(person: LoadPerson, _: str) -> None:
    await person.call("POST", "/auth/login", {"identifier": person.username, "password": PASSWORD})


async def _send(person: LoadPerson, conversation_id: str) -> None:
    await person.say(conversation_id)


# Percent of all calls: people read more than they write, and rarely sign in.
MIX: dict[str, tuple[int, Do]] = {
    "send": (35, _send),
    "read": (20, _read),
    "list": (12, _list),
    "catch up": (12, _catch_up),
    "mark read": (12, _mark_read),
    "typing": (8, _typing),
    "sign in": (1, _sign_in),
}


@dataclass(slots=True)
class Step:
    """The outcomes of the calls at one rate."""

    times: float
    rate: float
    seconds: float
    outcomes: Counter[str] = field(default_factory=Counter)
    good_ms: dict[str, list[float]] = field(default_factory=dict)
    refusals_ms: list[float] = field(default_factory=list)
    reasons: Counter[str] = field(default_factory=Counter)  # counts by reason, such as "send: 503 unavailable"

    @property
    def goodput(self) -> float:
        return self.outcomes["good"] / self.seconds

    def note(self, name: str, took_s: float, refused: Refused | None = None) -> None:
        """Count an answer: good, late, refused (with Retry-After) or failed."""
        if refused is None:
            self.outcomes["good" if took_s <= GOOD_S else "late"] += 1
            self.good_ms.setdefault(name, []).append(took_s * 1_000)
        else:
            known = refused.status in (429, 503) and refused.retry_after_s > 0
            self.outcomes["refused" if known else "failed"] += 1
            self.refusals_ms.append(took_s * 1_000)
            self.reasons[f"{name}: {refused.status} {refused.code}"] += 1

    def p99_ms(self, name: str) -> float:
        return percentile(self.good_ms.get(name) or [float("inf")], 99)


@dataclass(frozen=True, slots=True)
class Bulkhead:
    """The p99 of a call alone, and while another class of functions is saturated."""

    saturated: str
    call: str
    alone_ms: float
    beside_ms: float

    @property
    def more(self) -> float:
        """The increase in percent."""
        return 100 * (self.beside_ms / self.alone_ms - 1)


@dataclass(frozen=True, slots=True)
class LoadFound:
    capacity: float
    steps: Sequence[Step]
    bulkheads: Sequence[Bulkhead]


class Crowd:
    """People with one conversation each, and a pool of connections for concurrent calls."""

    def __init__(self, addresses: Addresses, people: Sequence[tuple[LoadPerson, str]], seed: int = SEED) -> None:
        self._url, self._people, self._random = addresses.http_url, people, random.Random(seed)
        self._idle: list[Http] = []
        self._names = list(MIX)
        self._weights = [weight for weight, _ in MIX.values()]

    async def call(self, step: Step, name: str) -> float:
        """Make one call and record it in the step. Returns the seconds to wait after a refusal, else 0."""
        person, conversation_id = self._random.choice(self._people)
        connection = self._idle.pop() if self._idle else Http(self._url)
        started = time.perf_counter()
        try:
            lent = LoadPerson(connection, person.id, person.token, username=person.username)
            await MIX[name][1](lent, conversation_id)
        except Refused as refused:
            step.note(name, time.perf_counter() - started, refused)
            wait = refused.retry_after_s
        except (TimeoutError, OSError, asyncio.IncompleteReadError):
            step.outcomes["lost"] += 1
            connection.close()
            return 0.0
        else:
            step.note(name, time.perf_counter() - started)
            wait = 0.0
        self._idle.append(connection)
        return wait

    def any_call(self) -> str:
        return self._random.choices(self._names, self._weights)[0]

    async def closed(self, seconds: float, workers: int, name: str | None = None) -> Step:
        """Workers that each make one call after another, and wait after refusals for the time in Retry-After."""
        step = Step(0, 0, seconds)
        until = time.perf_counter() + seconds

        async def work() -> None:
            while time.perf_counter() < until:
                wait = await self.call(step, name or self.any_call())
                await asyncio.sleep(wait * self._random.uniform(0.5, 1))

        await asyncio.gather(*(work() for _ in range(workers)))
        return step

    async def open(self, rate: float, seconds: float, *, times: float = 1, only: Sequence[str] = ()) -> Step:
        """Make calls at a rate, answered or not; at the end wait for those in progress."""
        step = Step(times, rate, seconds)
        under_way: set[asyncio.Task[float]] = set()
        start = time.perf_counter()
        at = 0.0
        while (at := at + self._random.expovariate(rate)) < seconds:
            await asyncio.sleep(max(0.0, start + at - time.perf_counter()))
            if len(under_way) >= IN_FLIGHT_MAX:
                step.outcomes["lost"] += 1
                continue
            name = self._random.choice(list(only)) if only else self.any_call()
            task = asyncio.create_task(self.call(step, name))
            under_way.add(task)
            task.add_done_callback(under_way.discard)
        await asyncio.gather(*under_way)
        return step

    def close(self) -> None:
        for connection in self._idle:
            connection.close()


async def _crowd(addresses: Addresses, count: int) -> Crowd:
    people: list[LoadPerson] = await in_parallel(count, lambda _: newcomer(addresses.http_url), width=2)

    async def room(number: int) -> tuple[LoadPerson, str]:
        body = {"type": "direct", "member_ids": [people[(number + 1) % count].id]}
        made = await people[number].call("POST", "/conversations", body)
        return people[number], made["id"]

    return Crowd(addresses, await in_parallel(count, room))


async def _run(addresses: Addresses, scale: LoadScale, done: Callable[[str], None]) -> LoadFound:
    crowd = await _crowd(addresses, scale.people)
    await _warm(crowd, scale, done)
    probe = await crowd.closed(scale.probe_seconds, WORKERS)
    capacity = probe.goodput
    if not capacity:
        raise NothingCarried(f"of {WORKERS} callers nobody was answered within {GOOD_S:.0f} s: {dict(probe.outcomes)}")
    done(f"the capacity of this machine is {number(capacity)} calls a second")
    steps = []
    for times in scale.times:
        steps.append(await crowd.open(capacity * times, scale.seconds, times=times))
        done(f"{times} times: {number(steps[-1].goodput)} good calls a second")
        await asyncio.sleep(1)
    with _held(addresses, SATURATED, WORKERS // 4):
        found = LoadFound(capacity, steps, await _bulkheads(crowd, capacity, scale))
    crowd.close()
    return found


async def _warm(crowd: Crowd, scale: LoadScale, done: Callable[[str], None]) -> None:
    """Let the functions start: as many processes as the quota allows, each of which uses a processor for a while."""
    best = 0.0
    for _ in range(WINDOWS_MAX):
        window = await crowd.closed(scale.probe_seconds / 2, WORKERS)
        done(f"functions start: {number(window.goodput)} good calls a second")
        if best and window.goodput <= best * STEADY:
            return
        best = max(best, window.goodput)


@contextmanager
def _held(addresses: Addresses, function: str, executions: int) -> Iterator[None]:
    """Reserve this many executions for a function inside the block, like its reservation in production."""
    client: Any = boto3.client(
        "lambda",
        endpoint_url=addresses.cloud_url,
        region_name=REGION,
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )
    name = f"{addresses.stack}-{function}"
    before = client.get_function_concurrency(FunctionName=name).get("ReservedConcurrentExecutions")
    client.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=executions)
    try:
        yield
    finally:
        if before is None:
            client.delete_function_concurrency(FunctionName=name)
        else:
            client.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=before)


async def _bulkheads(crowd: Crowd, capacity: float, scale: LoadScale) -> list[Bulkhead]:
    """The p99 of sends and sign-ins at a tenth of the capacity, alone and beside a saturated function (R22).

    The function is saturated by listing conversations with more callers than it has executions.
    """
    calls = ("send", "sign in")
    alone = await crowd.open(capacity / 10, scale.seconds, only=calls)
    _, beside = await asyncio.gather(
        crowd.closed(scale.seconds, 4 * WORKERS, "list"), crowd.open(capacity / 10, scale.seconds, only=calls)
    )
    return [Bulkhead("list", name, alone.p99_ms(name), beside.p99_ms(name)) for name in calls]


def measure(addresses: Addresses, scale: LoadScale, done: Callable[[str], None]) -> LoadFound:
    return asyncio.run(_run(addresses, scale, done))


def verdicts(found: LoadFound) -> list[Verdict]:
    """R23: from twice the capacity on, goodput as a percentage of the best of lighter loads."""
    judged = []
    for step in found.steps:
        peak = max(found.capacity, *(each.goodput for each in found.steps if each.times <= step.times))
        if step.times >= 2:
            budget = Budget(f"{number(step.times)} times the capacity", "goodput, % of the peak", at_least=90)
            judged.append(budget.judge(100 * step.goodput / peak))
    return judged


def tables(found: LoadFound) -> list[Table]:
    rows = [
        (
            number(step.times),
            number(step.rate),
            number(step.goodput),
            *(str(step.outcomes[name]) for name in ("late", "refused", "failed", "lost")),
            _shown(step.p99_ms("send")),
            number(percentile(step.refusals_ms or [0.0], 99)),
        )
        for step in found.steps
    ]
    head = ("times", "calls/s", "good/s", "late", "refused", "failed", "lost", "send p99 ms", "refusal p99 ms")
    notes = (
        f"Capacity: {number(found.capacity)} good calls a second of {WORKERS} callers. "
        f"Good: 2xx within {GOOD_S:.0f} s. Refused: 429 or 503 with Retry-After. "
        "Lost: no answer, or not sent as too many waited.",
        *(f"Refused at {number(step.times)} times: {_most(step.reasons)}." for step in found.steps if step.reasons),
    )
    beside = [
        (each.call, each.saturated, _shown(each.alone_ms), _shown(each.beside_ms), _shown(each.more))
        for each in found.bulkheads
    ]
    return [
        Table("Open-loop load", head, rows, notes),
        budgets.table("Goodput above the capacity (R23)", verdicts(found), of="load", value="measured"),
        Table(
            "Bulkheads (R22)",
            ("call", "saturated beside it", "alone p99 ms", "beside p99 ms", "more, %"),
            beside,
            ("Functions have rooms of their own; here they share one machine's processors, as in AWS they do not.",),
        ),
    ]


def _most(reasons: Counter[str]) -> str:
    return ", ".join(f"{reason} ({count})" for reason, count in reasons.most_common(4))


def _shown(value: float) -> str:
    """A figure, or a dash if no call was good."""
    return number(value) if isfinite(value) else "-"


def as_json(found: LoadFound) -> dict[str, Any]:
    return {
        "capacity": found.capacity,
        "steps": [
            {"times": each.times, "rate": each.rate, "goodput": each.goodput, **each.outcomes} for each in found.steps
        ],
        "bulkheads": [asdict(each) for each in found.bulkheads],
        "budgets": budgets.as_json(verdicts(found)),
    }
