"""Compares two measurements made in alternation, so that other load on the machine affects both."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import TypeVar

from perf.report import spread

T = TypeVar("T")


def in_turn(pair: tuple[T, T], turn: int) -> tuple[T, T]:
    """The pair in alternating order, so that neither is always measured first."""
    return pair if turn % 2 == 0 else (pair[1], pair[0])


@dataclass(frozen=True, slots=True)
class Goal:
    """The most or the least that a ratio of ours to theirs should be."""

    at_most: float | None = None
    at_least: float | None = None

    def met(self, ratio: float) -> bool:
        return (self.at_most is None or ratio <= self.at_most) and (self.at_least is None or ratio >= self.at_least)

    def text(self) -> str:
        if self.at_most is None and self.at_least is None:
            return "-"
        return f"≤ {self.at_most}" if self.at_most is not None else f"≥ {self.at_least}"


NO_GOAL = Goal()


@dataclass(frozen=True, slots=True)
class Compared:
    """The values of one figure, ours and theirs, from the same turns in the same order."""

    ours: Sequence[float]
    theirs: Sequence[float]

    def ratios(self) -> list[float]:
        """Ours divided by theirs for each turn. If theirs is 0, the ratio is infinite, or 1 if ours is 0 too."""
        return [_by(mine, other) for mine, other in zip(self.ours, self.theirs, strict=True)]

    @property
    def ratio(self) -> float:
        return median(self.ratios())

    def cells(self) -> tuple[str, str, str]:
        """Ours, theirs and the ratio, each as least, median and greatest."""
        return spread(self.ours), spread(self.theirs), " / ".join(f"{each:.2f}" for each in self._spread())

    def _spread(self) -> tuple[float, float, float]:
        found = self.ratios()
        return min(found), median(found), max(found)


def _by(mine: float, other: float) -> float:
    if other == 0:
        return 1.0 if mine == 0 else float("inf")
    return mine / other
