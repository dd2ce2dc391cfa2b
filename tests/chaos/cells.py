"""Which fault meets which journey, and one such cell: act, end the fault, judge."""

from __future__ import annotations

import threading
from dataclasses import dataclass

from tests.chaos.faults import FAULTS, Ground
from tests.chaos.journeys import CLIENT_LIMIT_S, JOURNEYS, Cast, Journey, Notes, Person

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
    ("connections", "throttled", "send and receive"),
)


WARM_UP_S = 1.0


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
        notes.wrong += list(journey.wrong())
    except AssertionError as error:  # what should work again does not
        notes.wrong.append(str(error))
    if cell.dependency != "functions":
        raw = {kind: count for kind, count in notes.answers.items() if kind.startswith("5") and " raw" in kind}
        if raw:
            notes.wrong.append(f"raw answers: {raw}")
    return notes


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
