"""The cells of a comparison: the load of one run on a side, and the goal for the ratio of the figures."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from perf.compare.side import Side
from perf.ratios import NO_GOAL, Goal
from perf.running import benchmarks
from perf.running.benchmarks import Result
from perf.running.load_clients import LoadPerson

CAP = 1_000  # messages per run; our rate limit is 1,200 a minute per person
READERS = SIGN_INS_AT_ONCE = SENDERS_AT_ONCE = 8


@dataclass(frozen=True, slots=True)
class RunScale:
    """The size of one run."""

    seconds: float = 4.0
    messages: int = 60
    group_messages: int = 60  # some seconds, so that what runs every minute does not decide
    sign_ins: int = 24


QUICK = RunScale(seconds=1.5, messages=15, group_messages=8, sign_ins=8)
WARM_UP = RunScale(seconds=2.0, messages=20, group_messages=10, sign_ins=8)
Run = Callable[[Side, RunScale, int], Awaitable[Result]]


@dataclass(frozen=True, slots=True)
class Contest:
    """A cell: the figure that counts, the work of one run, the people who listen during it, and the goal."""

    name: str
    figure: str
    run: Run
    heard_by: Callable[[Side], Sequence[LoadPerson]] = lambda _: ()
    goal: Goal = NO_GOAL


async def _sends(side: Side, scale: RunScale, run: int, count: int) -> Result:
    first = run * count % len(side.directs)  # different senders each run, because of our rate limit per person
    pairs = (side.directs[first:] + side.directs[:first])[:count]
    return await benchmarks.throughput(side.say, pairs, scale.seconds, CAP)


async def _to_one(side: Side, scale: RunScale, _: int) -> Result:
    sender, conversation = side.directs[0]
    return await benchmarks.delivery(side.say, sender, conversation, side.partners[:1], scale.messages)


async def _to_all(side: Side, scale: RunScale, _: int) -> Result:
    return await benchmarks.delivery(side.say, side.people[0], side.group, side.people, scale.group_messages)


async def _saturated(side: Side, scale: RunScale, run: int) -> Result:
    first = run * SENDERS_AT_ONCE % len(side.people)
    pairs = [(person, side.group) for person in side.people[first : first + SENDERS_AT_ONCE]]
    return await benchmarks.saturation(side.say, pairs, side.people, scale.seconds, CAP, created=side.created)


async def _sign_ins(side: Side, scale: RunScale, run: int) -> Result:
    first = run * SIGN_INS_AT_ONCE % len(side.people)

    def signing_in(person: LoadPerson) -> Callable[[], Awaitable[None]]:
        return lambda: side.sign_in(person)

    calls = [signing_in(person) for person in side.people[first : first + SIGN_INS_AT_ONCE]]
    return await benchmarks.closed_loop("sign-ins/s", calls, 10 * scale.seconds, scale.sign_ins)


async def _pages(side: Side, scale: RunScale, _: int) -> Result:
    def reading(person: LoadPerson) -> Callable[[], Awaitable[None]]:
        place = ""

        async def read() -> None:
            nonlocal place
            place = await side.page(person, place)

        return read

    calls = [reading(person) for person in side.people[:READERS]]
    return await benchmarks.closed_loop("pages/s", calls, scale.seconds, CAP)


CELLS = (
    Contest("a message is sent, one sender", "answered p50 ms", lambda side, scale, run: _sends(side, scale, run, 1)),
    Contest(
        "8 senders in direct conversations",
        "messages/s",
        lambda side, scale, run: _sends(side, scale, run, SENDERS_AT_ONCE),
        goal=Goal(at_least=2.2),
    ),
    Contest(
        "delivery to 1",
        "delivered p50 ms",
        _to_one,
        heard_by=lambda side: side.partners[:1],
        goal=Goal(at_most=0.45),
    ),
    Contest(
        "until all of 50 have it",
        "all p50 ms",
        _to_all,
        heard_by=lambda side: side.people,
        goal=Goal(at_most=0.3),
    ),
    Contest(
        "8 senders saturating a group of 50",
        "deliveries/s",
        _saturated,
        heard_by=lambda side: side.people,
        goal=Goal(at_least=6.0),
    ),
    Contest("sign-ins, 8 at once", "sign-ins/s", _sign_ins, goal=Goal(at_least=1.0)),
    Contest("history, 8 readers, pages of 50", "pages/s", _pages),
)
