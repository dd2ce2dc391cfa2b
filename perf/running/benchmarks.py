"""Benchmarks of a running server: each function is one run."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from perf.report import percentile
from perf.running.load_clients import TEXT, LoadPerson, Refused

Say = Callable[[LoadPerson, str, str], Awaitable[None]]
Figures = dict[str, float]
_MARK = re.compile(r"perf:(\d+):")
CREATED = '"type":"message.created"'
PATIENCE_S = 10.0


def http(sender: LoadPerson, conversation_id: str, text: str = TEXT) -> Awaitable[None]:
    return sender.say(conversation_id, text)


def socket(sender: LoadPerson, conversation_id: str, text: str = TEXT) -> Awaitable[None]:
    return sender.say_on_socket(conversation_id, text)


async def warm_up(say: Say, pairs: Sequence[tuple[LoadPerson, str]], seconds: float, cap: int) -> None:
    """Start a worker for each sender, doubling their number: starting many at once takes longer than calls may."""
    width = 0
    while width < len(pairs):
        width = min(len(pairs), max(1, 2 * width))
        await throughput(say, pairs[:width], seconds, cap)


@dataclass(frozen=True, slots=True)
class Result:
    """The figures of one run, and the number of operations they cover."""

    figures: Figures
    operations: int


def _latencies(name: str, seconds: Sequence[float]) -> Figures:
    return {f"{name} p{share} ms": percentile(seconds, share) * 1000 for share in (50, 95, 99)}


async def delivery(
    say: Say, sender: LoadPerson, conversation_id: str, audience: Sequence[LoadPerson], count: int
) -> Result:
    """Send one message at a time, and measure until each one of the audience, and until all, have received it."""
    each: list[float] = []
    until_all: list[float] = []
    acknowledged: list[float] = []
    lost = 0
    for number in range(count):
        missing, done = len(audience), asyncio.Event()
        began = time.perf_counter()

        def hear(frame: str, number: int = number, began: float = began, done: asyncio.Event = done) -> None:
            nonlocal missing
            now = time.perf_counter()
            for mark in _MARK.findall(frame):
                if int(mark) == number:
                    each.append(now - began)
                    missing -= 1
                    if missing == 0:
                        until_all.append(now - began)
                        done.set()

        for person in audience:
            person.heard = hear
        await say(sender, conversation_id, f"perf:{number}: {TEXT}")
        acknowledged.append(time.perf_counter() - began)
        try:
            async with asyncio.timeout(PATIENCE_S):
                await done.wait()
        except TimeoutError:
            lost += missing
    figures = _latencies("all" if len(audience) > 1 else "delivered", until_all)
    if len(audience) > 1:
        figures |= _latencies("each", each)
    return Result({**figures, **_latencies("answered", acknowledged), "lost": lost}, count)


async def throughput(say: Say, pairs: Sequence[tuple[LoadPerson, str]], seconds: float, cap: int) -> Result:
    """A closed loop: each sender sends the next message when the last one is answered, even with a refusal."""

    def sending(sender: LoadPerson, conversation_id: str) -> Callable[[], Awaitable[None]]:
        return lambda: say(sender, conversation_id, TEXT)

    return await closed_loop("messages/s", [sending(*pair) for pair in pairs], seconds, cap)


async def closed_loop(name: str, calls: Sequence[Callable[[], Awaitable[object]]], seconds: float, cap: int) -> Result:
    """Repeat each call when it is answered, until the time is over or `cap` calls succeeded."""
    taken: list[float] = []
    refused = 0
    began = time.perf_counter()

    async def repeat(call: Callable[[], Awaitable[object]]) -> None:
        nonlocal refused
        while (now := time.perf_counter()) < began + seconds and len(taken) < cap:
            try:
                await call()
            except (Refused, TimeoutError):
                refused += 1
            else:
                taken.append(time.perf_counter() - now)

    await asyncio.gather(*(repeat(call) for call in calls))
    wall = time.perf_counter() - began
    figures = {name: len(taken) / wall, "refused": float(refused)}
    return Result(figures | (_latencies("answered", taken) if taken else {}), len(taken))


async def saturation(
    say: Say,
    pairs: Sequence[tuple[LoadPerson, str]],
    audience: Sequence[LoadPerson],
    seconds: float,
    cap: int,
    *,
    created: str = CREATED,
) -> Result:
    """A closed loop in one group; counts the new messages in all frames that the audience receives.

    `created` is the text that occurs once per new message in a frame.
    """
    heard = 0

    def hear(frame: str) -> None:
        nonlocal heard
        heard += frame.count(created)

    for person in audience:
        person.heard = hear
    began = time.perf_counter()
    sent = await throughput(say, pairs, seconds, cap)
    in_time, wall = heard, time.perf_counter() - began
    expected = sent.operations * len(audience)
    while heard < expected and time.perf_counter() < began + wall + PATIENCE_S:  # noqa: ASYNC110 - cheaper than an event
        await asyncio.sleep(0.05)
    drained = time.perf_counter() - began - wall
    more = {"deliveries/s": in_time / wall, "backlog s": drained, "lost": float(expected - heard)}
    return Result(sent.figures | more, sent.operations)
