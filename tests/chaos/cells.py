"""Which fault meets which journey, and one such cell: act, end the fault, judge."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass

from kernel import aws, cache, sockets
from kernel.breakers import REST_PER_HANG
from tests.chaos.faults import FAULTS, Ground
from tests.chaos.journeys import AGAIN_WITHIN_S, CLIENT_LIMIT_S, JOURNEYS, Cast, Journey, Notes, Person

STORES = "dynamodb", "valkey", "functions"  # what every journey stands on
ALSO = {
    "sqs": ("send and receive", "vote", "upload"),
    "connections": ("send and receive", "call", "revocation"),
    "states": ("call",),
    "s3": ("upload",),
}
# a short selection for every day: each kind of dependency once, and what breaks most
SHORT = (
    ("dynamodb", "answers lost 20 %", "send and receive"),
    ("dynamodb", "throttled 30 %", "vote"),
    ("valkey", "paused", "send and receive"),
    ("valkey", "killed", "vote"),
    ("valkey", "read-only", "revocation"),
    ("connections", "throttled", "send and receive"),
)


WARM_UP_S = 1.0
HEAL_S = 0.5
SERVICES = {"states": "stepfunctions"}  # of AWS, where the dependency has another name


def _rest_s(cell: Cell) -> float:
    """For so long after a fault the breakers of its dependency may let no call through."""
    breakers = {"valkey": cache.breaker, "connections": sockets.breaker}
    service = SERVICES.get(cell.dependency, cell.dependency)
    limits = (breakers.get(cell.dependency) or aws.breaker_of(service)).limits
    return min(limits.rest_max_s, REST_PER_HANG * limits.probe_s) if cell.fault == "hang" else limits.rest_s


@dataclass(frozen=True, slots=True)
class Cell:
    dependency: str
    fault: str
    journey: str

    def __str__(self) -> str:
        return f"{self.dependency} {self.fault} · {self.journey}"


def all_cells() -> list[Cell]:
    return [
        Cell(dependency, fault, journey)
        for dependency, fault in FAULTS
        for journey in JOURNEYS
        if dependency in STORES or journey in ALSO.get(dependency, ())
    ]


def short_cells() -> list[Cell]:
    return [Cell(*each) for each in SHORT]


def warm_up(cells: list[Cell], cast: Cast) -> None:
    """Let people do all of it once while nothing fails, so that no cell waits for functions to start."""
    for name in dict.fromkeys(cell.journey for cell in cells):
        _repeated(JOURNEYS[name](cast, Notes()), WARM_UP_S)


def play(cell: Cell, ground: Ground, cast: Cast, *, seconds: float) -> Notes:
    """Let people do it while it fails, and judge what is left when it does not any more."""
    notes = Notes()
    try:
        journey = JOURNEYS[cell.journey](cast, notes)
        with journey.around(), FAULTS[cell.dependency, cell.fault](ground):
            _repeated(journey, seconds)
        over_at = time.monotonic()
        notes.wrong += list(journey.wrong())
        _heal(cell, cast, over_at)
    except AssertionError as error:  # what should work again does not
        notes.wrong.append(str(error))
    if cell.dependency != "functions":
        raw = {kind: count for kind, count in notes.answers.items() if kind.startswith("5") and " raw" in kind}
        if raw:
            notes.wrong.append(f"raw answers: {raw}")
    return notes


def _heal(cell: Cell, cast: Cast, over_at: float) -> None:
    """Let people do it again until every breaker that the fault has opened has been probed, and nobody is told of a
    failure: no cell begins with what the one before has left. Raises AssertionError where that takes too long."""
    if cell.dependency == "functions":
        return  # new processes have new breakers
    time.sleep(max(0.0, over_at + _rest_s(cell) - time.monotonic()))
    while True:
        after = Notes()
        _repeated(JOURNEYS[cell.journey](cast, after), HEAL_S)
        failures = {kind: count for kind, count in after.answers.items() if kind.startswith("5")}
        if not failures:
            return
        if time.monotonic() > over_at + AGAIN_WITHIN_S:
            raise AssertionError(f"after {AGAIN_WITHIN_S:.0f} s people are still told {failures}")


def _repeated(journey: Journey, seconds: float) -> None:
    """Let everybody do it again and again for so long, and wait for the last answers."""
    over = threading.Event()

    def repeat(who: Person) -> None:
        while not over.is_set():
            journey.act(who)
            over.wait(0.05)

    threads = [threading.Thread(target=repeat, args=(who,), daemon=True) for who in journey.cast.people]
    for thread in threads:
        thread.start()
    over.wait(seconds)
    over.set()
    for thread in threads:
        thread.join(2 * CLIENT_LIMIT_S)
