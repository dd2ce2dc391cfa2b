"""Turns a seed into a plan: people, devices, conversations, operations and faults. Pure and reproducible.

Choices that depend on the run (among messages that do not exist yet) are numbers from 0 to 1. The network decides in
which order the operations of different devices happen.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Literal

PEOPLE = 4
EMOJI = ("👍", "🎉", "❤️")

OperationKind = Literal[
    "send", "repeat", "edit", "delete", "react", "unreact", "read", "add", "remove", "peek", "kill", "sync", "restart"
]
Way = Literal["http", "socket", "outbox"]
_WEIGHTS: dict[OperationKind, int] = {
    "send": 42,
    "repeat": 5,
    "edit": 8,
    "delete": 4,
    "react": 10,
    "unreact": 5,
    "read": 8,
    "add": 4,
    "remove": 4,
    "peek": 3,
    "kill": 4,
    "sync": 2,
    "restart": 3,
}


@dataclass(frozen=True, slots=True)
class Operation:
    """An operation of a device, after a pause; `pick` and `pick_more` choose its objects."""

    kind: OperationKind
    way: Way
    room: int
    pick: float
    pick_more: float
    pause_s: float


@dataclass(frozen=True, slots=True)
class DevicePlan:
    """A person's device, on a socket or polling; a durable one has a file and may restart."""

    person: int
    kind: Literal["live", "poll"]
    durable: bool
    operations: tuple[Operation, ...]


@dataclass(frozen=True, slots=True)
class RoomPlan:
    """A group: person 0 owns it, the founders are members from the beginning."""

    founders: tuple[int, ...]
    history_visible: bool


@dataclass(frozen=True, slots=True)
class Noise:
    """The probability of each fault: for incoming frames, and for requests."""

    frame_dropped: float
    frame_doubled: float
    frame_delayed: float
    delay_s: float
    answer_lost: float
    request_unsent: float
    request_doubled: float


@dataclass(frozen=True, slots=True)
class Plan:
    seed: int
    rooms: tuple[RoomPlan, ...]
    devices: tuple[DevicePlan, ...]
    noise: Noise


def plan(seed: int, operations: int) -> Plan:
    """The plan of this seed; `operations` in total."""
    rng = random.Random(seed)
    rooms = tuple(_room(rng, first=n == 0) for n in range(rng.choice([1, 1, 2])))
    bodies = _bodies(rng)
    work: list[list[Operation]] = [[] for _ in bodies]
    for _ in range(operations):
        operation, device = _operation(rng, bodies, len(rooms))
        work[device].append(operation)
    devices = tuple(
        DevicePlan(person, kind, durable, tuple(mine))
        for (person, kind, durable), mine in zip(bodies, work, strict=True)
    )
    return Plan(seed, rooms, devices, noise_of(rng))


def _room(rng: random.Random, *, first: bool) -> RoomPlan:
    others = rng.sample(range(1, PEOPLE), rng.randint(2 if first else 1, PEOPLE - 1))
    return RoomPlan((0, *sorted(others)), history_visible=rng.random() < 0.25)


def _bodies(rng: random.Random) -> list[tuple[int, Literal["live", "poll"], bool]]:
    """The devices: each person has one or two; person 0's first is always on a socket."""
    found: list[tuple[int, Literal["live", "poll"], bool]] = []
    for person in range(PEOPLE):
        live = person == 0 or rng.random() < 0.75
        found.append((person, "live" if live else "poll", rng.random() < 0.4))
    for person in range(PEOPLE):
        if rng.random() < 0.35:
            found.append((person, "live" if rng.random() < 0.6 else "poll", rng.random() < 0.4))
    return found


def _operation(
    rng: random.Random, bodies: list[tuple[int, Literal["live", "poll"], bool]], rooms: int
) -> tuple[Operation, int]:
    kind = rng.choices(list(_WEIGHTS), list(_WEIGHTS.values()))[0]
    device = rng.randrange(len(bodies))
    if kind in ("add", "remove"):
        device = 0  # only the owner may do it
    ways: list[Way] = ["http", "outbox"] if bodies[device][1] == "poll" else ["http", "socket", "socket", "outbox"]
    way = rng.choice(ways) if kind == "send" else rng.choice([each for each in ways if each != "outbox"])
    if (kind == "kill" and bodies[device][1] == "poll") or (kind == "restart" and not bodies[device][2]):
        kind = "sync"
    pause = rng.choice([0.0, 0.0, rng.uniform(0.0, 0.2)])
    return Operation(kind, way, rng.randrange(rooms), rng.random(), rng.random(), pause), device


def noise_of(rng: random.Random) -> Noise:
    """The faults of a history: none, some or many."""
    loud = rng.choice([0.0, 1.0, 1.0, 3.0])
    return Noise(
        frame_dropped=0.06 * loud,
        frame_doubled=0.08 * loud,
        frame_delayed=0.12 * loud,
        delay_s=rng.choice([0.05, 0.4]),
        answer_lost=0.03 * loud,
        request_unsent=0.02 * loud,
        request_doubled=0.02 * loud,
    )
