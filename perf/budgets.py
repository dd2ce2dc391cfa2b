"""Budgets: limits for measured figures, and verdicts on them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from perf.report import Table, number


@dataclass(frozen=True, slots=True)
class Budget:
    """The most or the least that a figure of a subject (`of`) should be."""

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
    """A budget and the measured value."""

    budget: Budget
    value: float
    met: bool

    def text(self) -> str:
        return "pass" if self.met else "fall short"


def table(title: str, verdicts: Iterable[Verdict], *, of: str, value: str) -> Table:
    """A table of verdicts; `of` is the heading of the subjects, `value` that of the values."""
    rows = [
        (each.budget.of, each.budget.figure, number(each.value), each.budget.text(), each.text()) for each in verdicts
    ]
    return Table(title, (of, "figure", value, "budget", "verdict"), rows)


def as_json(verdicts: Iterable[Verdict]) -> list[dict[str, Any]]:
    return [{**asdict(each.budget), "value": each.value, "met": each.met} for each in verdicts]
