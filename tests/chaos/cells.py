"""The combinations of faults and journeys, and a window: begin the fault, act, end the fault, judge.

A fault is injected once for all journeys that it concerns, each with people of its own; each journey is a cell.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import httpx

from kernel import aws, cache, sockets
from kernel.breakers import REST_PER_HANG
from tests.chaos.account_journeys import Connecting, Mail, Revocation, SignIn
from tests.chaos.faults import FAULTS, Ground
from tests.chaos.journeys import Calls, Journey, Messages, Sync, Uploads, Votes
from tests.chaos.people import AGAIN_WITHIN_S, CLIENT_LIMIT_S, LONGEST_S, LONGEST_STARTING_S, Cast, Notes, Person
from tests.chaos.provider_journeys import Pushed, Relay, Rewriting, Scheduled

JOURNEYS: dict[str, Callable[[Cast, Notes], Journey]] = {
    "sign-in": SignIn,
    "send and receive": Messages,
    "sync": Sync,
    "vote": Votes,
    "call": Calls,
    "upload": Uploads,
    "revocation": Revocation,
    "socket": Connecting,
    "letter": Mail,
    "rewrite": Rewriting,
    "relay": Relay,
    "push": Pushed,
    "scheduled": Scheduled,
}
COMMON = ("sign-in", "send and receive", "sync", "vote", "call", "upload", "revocation")
CONCERNED = {
    "dynamodb": (*COMMON, "scheduled"),
    "valkey": (*COMMON, "socket"),
    "functions": (*COMMON, "letter", "scheduled"),
    "clock": (*COMMON, "socket", "scheduled"),
    "sqs": ("send and receive", "vote", "upload", "letter", "push"),
    "connections": ("send and receive", "call", "revocation", "socket"),
    "states": ("call", "scheduled"),
    "s3": ("upload",),
    "ses": ("letter",),
    "secretsmanager": ("relay",),
    "bedrock": ("rewrite",),
    "webpush": ("push",),
}
# a short selection for every day: each kind of dependency once, and the most productive faults
SHORT = {
    ("dynamodb", "answers lost 20 %"): ("send and receive", "vote"),
    ("valkey", "paused"): ("send and receive", "vote", "revocation"),
    ("connections", "throttled"): ("send and receive", "revocation"),
}

PAUSE_S = 0.4  # between two actions of a person
AT_ONCE = 4  # casts made concurrently, and cells judged concurrently at the end: each signs people in
CAST_LASTS_S = 480.0  # access tokens last for 15 minutes
WARM_UP_S = 1.0
# dependencies whose faults come with new processes, and so with new breakers
RENEWED = ("functions", "bedrock", "secretsmanager")
HEAL_S = 1.0
SERVICES = {"states": "stepfunctions", "ses": "sesv2", "bedrock": "bedrock-runtime"}  # breakers with other names


@dataclass(frozen=True, slots=True)
class Cell:
    dependency: str
    fault: str
    journey: str

    def __str__(self) -> str:
        return f"{self.dependency} {self.fault} · {self.journey}"


@dataclass(slots=True)
class Played:
    """A played cell; its journey is checked once more at the end of the suite."""

    cell: Cell
    journey: Journey
    notes: Notes


@dataclass(slots=True)
class Company:
    """The casts of the journeys, made on first use, and again when their tokens are old."""

    ground: Ground
    http: httpx.Client
    _casts: dict[str, tuple[float, Cast]] = field(default_factory=dict)

    def casts_for(self, journeys: Sequence[str]) -> dict[str, Cast]:
        oldest = time.monotonic() - CAST_LASTS_S
        missing = [each for each in journeys if each not in self._casts or self._casts[each][0] < oldest]
        with ThreadPoolExecutor(AT_ONCE) as threads:
            made = threads.map(lambda _: Cast(self.http, self.ground), missing)
            self._casts |= {name: (time.monotonic(), cast) for name, cast in zip(missing, made, strict=True)}
        return {name: self._casts[name][1] for name in journeys}


def all_cells() -> list[Cell]:
    return [Cell(dependency, fault, journey) for dependency, fault in FAULTS for journey in CONCERNED[dependency]]


def short_cells() -> list[Cell]:
    return [Cell(*fault, journey) for fault, journeys in SHORT.items() for journey in journeys]


def windows(cells: Sequence[Cell]) -> list[list[Cell]]:
    """The cells grouped by fault; a group is played together."""
    found: dict[tuple[str, str], list[Cell]] = {}
    for cell in cells:
        found.setdefault((cell.dependency, cell.fault), []).append(cell)
    return list(found.values())


def warm_up(cells: Sequence[Cell], company: Company) -> None:
    """Let people act once without a fault, so that no cell waits for functions to start."""
    casts = company.casts_for(list(dict.fromkeys(cell.journey for cell in cells)))
    _repeated([JOURNEYS[name](cast, Notes()) for name, cast in casts.items()], WARM_UP_S)


def play(window: Sequence[Cell], company: Company, *, seconds: float) -> list[Played]:
    """Let people act during one fault, and judge the state after it has ended."""
    casts = company.casts_for([cell.journey for cell in window])
    dependency, fault = window[0].dependency, window[0].fault
    with ThreadPoolExecutor(len(window)) as threads:

        def begun(cell: Cell) -> Played:
            notes = Notes(LONGEST_STARTING_S if cell.dependency in RENEWED else LONGEST_S)
            return Played(cell, JOURNEYS[cell.journey](casts[cell.journey], notes), notes)

        played = list(threads.map(begun, window))
        with contextlib.ExitStack() as open_:
            for each in played:
                open_.enter_context(each.journey.around())
            with FAULTS[dependency, fault](company.ground):
                _repeated([each.journey for each in played], seconds)
            over_at = time.monotonic()
        list(threads.map(judge, played))
    try:
        _heal(dependency, fault, [each.journey for each in played], over_at)
    except AssertionError as error:  # a call that should work again fails
        played[0].notes.wrong.append(str(error))
    return played


def judge(played: Played) -> None:
    """Record the conditions that do not hold now."""
    notes = played.notes
    try:
        notes.wrong += list(played.journey.wrong())
    except AssertionError as error:  # a call that should work again fails
        notes.wrong.append(str(error))
    if played.cell.dependency != "functions":
        raw = {kind: count for kind, count in notes.answers.items() if kind.startswith("5") and " raw" in kind}
        if raw:
            notes.wrong.append(f"raw answers: {raw}")


def judge_in_the_end(played: Sequence[Played]) -> list[Played]:
    """Record promises that are unfulfilled by now; returns the cells that have any."""

    def failed(each: Played) -> bool:
        try:
            late = list(each.journey.in_the_end())
        except AssertionError as error:  # a call that should work again fails
            late = [str(error)]
        each.notes.wrong += late
        return bool(late)

    with ThreadPoolExecutor(AT_ONCE) as threads:
        return [each for each, late in zip(played, threads.map(failed, played), strict=True) if late]


def _rest_s(dependency: str, fault: str) -> float:
    """How long (s) the breakers of a dependency may reject calls after a fault; new breakers reject none."""
    if dependency in RENEWED:
        return 0.0
    breakers = {"valkey": cache.breaker, "connections": sockets.breaker}
    service = SERVICES.get(dependency, dependency)
    limits = (breakers.get(dependency) or aws.breaker_of(service)).limits
    return min(limits.rest_max_s, REST_PER_HANG * limits.probe_s) if fault == "hang" else limits.rest_s


def _heal(dependency: str, fault: str, journeys: Sequence[Journey], over_at: float) -> None:
    """Let people act until every breaker that the fault has opened was probed, killed processes have started, and
    nobody meets a failure, so that no window begins with effects of the one before. Raises AssertionError if that takes
    too long."""
    time.sleep(max(0.0, over_at + _rest_s(dependency, fault) - time.monotonic()))
    while True:
        after = Notes()
        for journey in journeys:
            journey.notes = after
        _repeated(journeys, HEAL_S)
        failures = {kind: count for kind, count in after.answers.items() if kind.startswith("5")}
        if not failures:
            return
        if time.monotonic() > over_at + AGAIN_WITHIN_S:
            raise AssertionError(f"after {AGAIN_WITHIN_S:.0f} s people are still told {failures}")


def _repeated(journeys: Sequence[Journey], seconds: float) -> None:
    """Let everybody act again and again for so many seconds, and wait for the last answers."""
    over = threading.Event()

    def repeat(journey: Journey, who: Person) -> None:
        while not over.is_set():
            journey.act(who)
            over.wait(PAUSE_S)

    threads = [
        threading.Thread(target=repeat, args=(journey, who), daemon=True)
        for journey in journeys
        for who in journey.cast.actors
    ]
    for thread in threads:
        thread.start()
    over.wait(seconds)
    over.set()
    for thread in threads:
        thread.join(2 * CLIENT_LIMIT_S)
