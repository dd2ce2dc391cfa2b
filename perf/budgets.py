"""Budgets: what a measured figure should reach, and whether it does."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from perf.report import Table, number


@dataclass(frozen=True, slots=True)
class Budget:
    """What a figure of something measured should reach: at most, or at least, so much."""

    of: str
    figure: str
    at_most: float | None = None
    at_least: float | None = None

    def judge(self, value: float) -> Verdict:
        met = (self.at_most is None or value <= self.at_most) and (self.at_least is None or value >= self.at_least)
        return Verdict(self, value, met)

    def text(self) -> str:
        return f"≤ {number(self.at_most)}" if self.at_most is not None else f"≥ {number(self.at_least or 0)}"


@dataclass(frozen=True, slots=True)
class Verdict:
    """A budget, and what was measured."""

    budget: Budget
    value: float
    met: bool

    def text(self) -> str:
        return "pass" if self.met else "fall short"


def table(title: str, verdicts: Iterable[Verdict], *, of: str, value: str) -> Table:
    """`of` heads what has budgets, `value` the measured values."""
    rows = [
        (each.budget.of, each.budget.figure, number(each.value), each.budget.text(), each.text()) for each in verdicts
    ]
    return Table(title, (of, "figure", value, "budget", "verdict"), rows)


def as_json(verdicts: Iterable[Verdict]) -> list[dict[str, Any]]:
    return [{**asdict(each.budget), "value": each.value, "met": each.met} for each in verdicts]
