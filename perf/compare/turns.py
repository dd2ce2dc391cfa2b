"""Measures two sides in alternation until enough turns are undisturbed, or gives figures without a verdict."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from perf.compare.cells import WARM_UP, Contest, RunScale
from perf.compare.side import Side
from perf.ratios import Compared, in_turn
from perf.running.benchmarks import Result
from perf.running.machine import Meter, Usage, wait_for_quiet

DISTURBED_PERCENT = 20.0  # percent of one processor used by other processes than the server and the load generator
QUIET_WAIT_S, IMPATIENT_WAIT_S = 20.0, 1.0  # the longest wait before a run, for work that the other side's run has left
TURNS, MORE_TURNS = 3, 2  # turns per side, and additional ones if some were disturbed


@dataclass(frozen=True, slots=True)
class Measured:
    """One run of one side."""

    result: Result
    usage: Usage

    @property
    def others(self) -> float:
        """The CPU use of other processes, in percent of one processor."""
        return self.usage.share(self.usage.other_s)

    @property
    def amiss(self) -> bool:
        """Whether the run is unreliable: because of other load, or refused or lost messages."""
        figures = self.result.figures
        return self.others > DISTURBED_PERCENT or bool(figures.get("refused", 0) or figures.get("lost", 0))


Measure = Callable[[Contest, Side, RunScale, int], Awaitable[Measured]]


@dataclass(slots=True)
class Turns:
    """The runs of one cell, ours and theirs for each turn."""

    cell: Contest
    pairs: list[tuple[Measured, Measured]] = field(default_factory=list)

    def clean(self) -> list[tuple[Measured, Measured]]:
        return [pair for pair in self.pairs if not any(each.amiss for each in pair)]

    @property
    def disturbed(self) -> bool:
        """Whether there are fewer clean turns than a verdict needs."""
        return len(self.clean()) < TURNS

    def enough(self) -> bool:
        """Whether no further turn is needed."""
        return not self.disturbed or len(self.pairs) >= TURNS + MORE_TURNS

    def compared(self) -> Compared:
        """The figures of the clean turns, or of all turns if those are too few."""
        kept = self.pairs if self.disturbed else self.clean()
        ours, theirs = ([each[side].result.figures[self.cell.figure] for each in kept] for side in (0, 1))
        return Compared(ours, theirs)

    def verdict(self, *, anyway: bool) -> str:
        """Whether the goal is met; no verdict on a disturbed machine unless `anyway` is set."""
        if self.disturbed and not anyway:
            return "none: disturbed"
        word = "-"
        if self.cell.goal.text() != "-":
            word = "met" if self.cell.goal.met(self.compared().ratio) else "missed"
        return f"{word} (disturbed)" if self.disturbed else word

    def others(self) -> float:
        """The highest CPU use of other processes in a run, in percent of one processor."""
        return max(each.others for pair in self.pairs for each in pair)

    def trouble(self) -> float:
        """The number of refused and lost messages."""
        results = [each.result.figures for pair in self.pairs for each in pair]
        return sum(figures.get("refused", 0) + abs(figures.get("lost", 0)) for figures in results)


async def take(
    cell: Contest,
    sides: tuple[Side, Side],
    scale: RunScale,
    tell: Callable[[str], None],
    *,
    measure: Measure,
) -> Turns:
    """Warm up both sides, then measure them in alternation."""
    for side in sides:
        await measure(cell, side, WARM_UP, 0)
    turns = Turns(cell)
    while not turns.enough():
        number = len(turns.pairs) + 1
        found = {side.name: await measure(cell, side, scale, number) for side in in_turn(sides, number)}
        turns.pairs.append((found[sides[0].name], found[sides[1].name]))
        now, other = (found[side.name].result.figures[cell.figure] for side in sides)
        note = "" if turns.pairs[-1] in turns.clean() else ", disturbed"
        tell(f"turn {number}: {now:.1f} and {other:.1f} {cell.figure}{note}")
    return turns


def measuring(quiet_wait_s: float) -> Measure:
    """A function for one run, which starts when the machine is nearly idle, or after `quiet_wait_s` seconds."""

    async def measure(cell: Contest, side: Side, scale: RunScale, number: int) -> Measured:
        hearers = cell.heard_by(side)
        await side.listen(hearers)
        try:
            await asyncio.to_thread(wait_for_quiet, quiet_wait_s)
            with Meter(side.servers) as meter:
                result = await cell.run(side, scale, number)
        finally:
            await side.hush(hearers)
        return Measured(result, meter.usage)

    return measure
