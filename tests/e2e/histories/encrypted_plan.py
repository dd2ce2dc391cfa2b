"""Turns a seed into a plan for an encrypted group of 2 to 8 devices. Pure and reproducible.

Device 0 is the witness: it creates the group and keeps its state, so it sees every epoch. All others may be added,
removed, killed during an operation, and lose their storage.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Literal

from tests.e2e.histories.plan import Noise, noise_of

PEOPLE = 4
DEVICES_MAX = 8

Act = Literal["send", "change", "read", "reconcile", "update", "add", "remove", "lose", "replace", "restart", "kill"]
Kind = Literal["python", "web"]
_WEIGHTS: dict[Act, int] = {
    "send": 28,
    "change": 22,
    "read": 16,
    "reconcile": 10,
    "update": 6,
    "add": 6,
    "remove": 5,
    "lose": 3,
    "replace": 2,
    "restart": 4,
    "kill": 8,
}
_OF_THE_OWNER = ("add", "remove")
_NEVER_OF_THE_WITNESS = ("lose", "replace")


@dataclass(frozen=True, slots=True)
class Operation:
    """An operation of a device, after a pause.

    For kills: the device is killed at its request number `cut`, after that was carried out or before it is sent.
    """

    act: Act
    pick: float
    cut: int
    pick_after: bool
    pause_s: float


@dataclass(frozen=True, slots=True)
class DevicePlan:
    person: int
    kind: Kind
    operations: tuple[Operation, ...]


@dataclass(frozen=True, slots=True)
class EncryptedPlan:
    """The plan. Person 0 owns the conversation; the founders are members from the beginning."""

    seed: int
    founders: tuple[int, ...]
    devices: tuple[DevicePlan, ...]
    noise: Noise


def encrypted_plan(seed: int, operations: int, *, kinds: tuple[Kind, ...] = ("python",)) -> EncryptedPlan:
    """The plan of this seed; `operations` in total, on devices of these kinds."""
    rng = random.Random(seed)
    people = [0, *sorted(rng.sample(range(1, PEOPLE), rng.randint(1, PEOPLE - 1)))]
    bodies = [*people, *rng.sample(people, rng.randint(0, len(people)))][:DEVICES_MAX]
    work: list[list[Operation]] = [[] for _ in bodies]
    for _ in range(operations):
        operation, device = _operation(rng, len(bodies))
        work[device].append(operation)
    founders = (0, *(each for each in people[1:] if rng.random() < 0.7))
    devices = tuple(
        DevicePlan(person, "python" if number == 0 else rng.choice(kinds), tuple(mine))
        for number, (person, mine) in enumerate(zip(bodies, work, strict=True))
    )
    return EncryptedPlan(seed, founders, devices, noise_of(rng))


def _operation(rng: random.Random, devices: int) -> tuple[Operation, int]:
    act = rng.choices(list(_WEIGHTS), list(_WEIGHTS.values()))[0]
    device = 0 if act in _OF_THE_OWNER else rng.randrange(devices)
    if device == 0 and act in _NEVER_OF_THE_WITNESS:
        act = "send"
    pause = rng.choice([0.0, 0.0, rng.uniform(0.0, 0.3)])
    return Operation(act, rng.random(), rng.randrange(1, 12), rng.random() < 0.5, pause), device
