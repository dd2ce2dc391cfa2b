"""Markdown tables, and formatting of figures."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Table:
    """A table with a title; columns of numbers are aligned right."""

    title: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    notes: Sequence[str] = ()

    def markdown(self) -> str:
        cells = [self.head, *self.rows]
        widths = [max(len(row[column]) for row in cells) for column in range(len(self.head))]
        numeric = [all(_is_number(row[column]) for row in self.rows) for column in range(len(self.head))]
        rule = ["-" * (width - 1) + ":" if right else "-" * width for width, right in zip(widths, numeric, strict=True)]
        lines = [_line(self.head, widths, numeric), _line(rule, widths, numeric)]
        lines += [_line(row, widths, numeric) for row in self.rows]
        return "\n".join([f"### {self.title}", "", *lines, *(f"\n{note}" for note in self.notes), ""])


def _line(row: Sequence[str], widths: Sequence[int], right: Sequence[bool]) -> str:
    cells = [
        text.rjust(width) if is_right else text.ljust(width)
        for text, width, is_right in zip(row, widths, right, strict=True)
    ]
    return f"| {' | '.join(cells)} |"


def _is_number(text: str) -> bool:
    return bool(text) and all(char in "0123456789.,-/ %$" for char in text)


def number(value: float) -> str:
    """Three significant digits: 0.123, 1.23, 12.3, 123, 1,234."""
    size = abs(value)
    if value == int(value) or size >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if size >= 10 else f"{value:.2f}" if size >= 1 else f"{value:.3f}"


def spread(values: Iterable[float]) -> str:
    """`min / median / max` of several runs."""
    kept = sorted(values)
    return " / ".join(number(value) for value in (kept[0], statistics.median(kept), kept[-1]))


def percentile(values: Sequence[float], share: int) -> float:
    """The value that `share` percent of the values do not exceed (nearest rank)."""
    ordered = sorted(values)
    return ordered[max(0, -(-len(ordered) * share // 100) - 1)]
