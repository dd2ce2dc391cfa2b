"""Histories of votes: what several devices of several people do at once in one poll, and whether that can be explained.

A history is linearizable per (poll, person) when every operation can be given an instant between its call and its
answer so that, in the order of these instants, each got the answer that a poll without any concurrency would give.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

Choice = tuple[int, ...]
OPTIONS = 3
Answer = tuple[str, Choice | None]  # "ok", "closed" or "final"; the caller's vote where the answer shows it


@dataclass(frozen=True, slots=True)
class Step:
    """What one device does: `vote` for options, `retract`, `look`, or `close` the poll."""

    kind: str
    person: int
    wanted: Choice = ()


@dataclass(frozen=True, slots=True)
class Done:
    """A step that was answered, with its call and its answer on one clock (ns)."""

    step: Step
    called: int
    answered: int
    answer: Answer


@dataclass(frozen=True, slots=True)
class HistoryPlan:
    """What a seed stands for: the poll's rules, and for each device its steps. Person 0 made the poll."""

    seed: int
    people: int
    rules: dict[str, Any] = field(default_factory=dict)
    devices: tuple[tuple[Step, ...], ...] = ()

    @property
    def final(self) -> bool:
        return not self.rules["allow_change"]


def plan(seed: int, *, people: int = 3, devices: int = 2, steps: int = 4) -> HistoryPlan:
    chance = random.Random(seed)
    rules = {
        "multiple": chance.random() < 0.5,
        "anonymous": chance.random() < 0.5,
        "allow_change": chance.random() < 0.8,
        "results": chance.choice(["live", "after_vote", "after_close"]),
    }
    most = OPTIONS if rules["multiple"] else 1

    def step(person: int) -> Step:
        if person == 0 and chance.random() < 0.08:
            return Step("close", person)
        kind = chance.choices(["vote", "retract", "look"], [6, 2, 3])[0]
        wanted = tuple(sorted(chance.sample(range(OPTIONS), chance.randint(1, most)))) if kind == "vote" else ()
        return Step(kind, person, wanted)

    each = tuple(tuple(step(person) for _ in range(steps)) for person in range(people) for _ in range(devices))
    return HistoryPlan(seed, people, rules, each)


def carry_out(wanted: HistoryPlan, do: Callable[[Step], Answer]) -> list[Done]:
    """Let all devices do their steps at once."""

    def run(steps: Sequence[Step]) -> list[Done]:
        found = []
        for step in steps:
            called = time.monotonic_ns()
            answer = do(step)
            found.append(Done(step, called, time.monotonic_ns(), answer))
        return found

    with ThreadPoolExecutor(len(wanted.devices)) as threads:
        return [done for found in threads.map(run, wanted.devices) for done in found]


State = tuple[Choice, bool]  # one person's vote, and whether the poll is closed


def _next(state: State, step: Step, person: int, *, final: bool) -> tuple[State, Answer]:
    """What a poll without concurrency does."""
    vote, closed = state
    if step.kind == "close":
        return (vote, True), ("ok", None)
    if step.kind == "look":
        return state, ("closed" if closed else "ok", vote)
    if closed:
        return state, ("closed", None)
    if final and vote and vote != step.wanted:
        return state, ("final", None)
    return (step.wanted, closed), ("ok", step.wanted if step.kind == "vote" else None)


def explained(history: Sequence[Done], person: int, *, final: bool, last: Choice) -> bool:
    """Whether one person's part of a history is linearizable and ends with the vote that is stored."""
    ops = sorted(
        (done for done in history if done.step.person == person or done.step.kind == "close"),
        key=lambda done: done.called,
    )
    seen: set[tuple[int, State]] = set()

    def search(left: int, state: State) -> bool:
        if not left:
            return state[0] == last
        if (left, state) in seen:
            return False
        seen.add((left, state))
        pending = [n for n in range(len(ops)) if left >> n & 1]
        horizon = min(ops[n].answered for n in pending)  # what was called after this cannot have come first
        for n in pending:
            if ops[n].called > horizon:
                break
            after, answer = _next(state, ops[n].step, person, final=final)
            if answer == ops[n].answer and search(left & ~(1 << n), after):
                return True
        return False

    return search((1 << len(ops)) - 1, ((), False))
