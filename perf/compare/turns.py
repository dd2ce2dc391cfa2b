"""Two sides in turn: enough turns that nothing else disturbed, or a figure without a verdict."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from perf.benchmarks import Result
from perf.compare.cells import WARM_UP, Contest, RunScale
from perf.compare.side import Side
from perf.machine import Meter, Usage, wait_for_quiet
from perf.ratios import Compared, in_turn

DISTURBED_PERCENT = 20.0  # of one processor, by others than the server and the load generator
QUIET_WAIT_S, IMPATIENT_WAIT_S = 20.0, 1.0  # at most before a run: what the other side's run has left is done by then
TURNS, MORE_TURNS = 3, 2  # of each side; how many more are tried where some were disturbed


@dataclass(frozen=True, slots=True)
class Measured:
    """One run of one side."""

    result: Result
    usage: Usage

    @property
    def others(self) -> float:
        """Percent of one processor that went to others."""
        return self.usage.share(self.usage.other_s)

    @property
    def amiss(self) -> bool:
        """Whether it shows something else than the server's speed: others' work, or refused and lost messages."""
        figures = self.result.figures
        return self.others > DISTURBED_PERCENT or bool(figures.get("refused", 0) or figures.get("lost", 0))


Measure = Callable[[Contest, Side, RunScale, int], Awaitable[Measured]]


@dataclass(slots=True)
class Turns:
    """The runs of one cell: ours and theirs of each turn."""

    cell: Contest
    pairs: list[tuple[Measured, Measured]] = field(default_factory=list)

    def clean(self) -> list[tuple[Measured, Measured]]:
        return [pair for pair in self.pairs if not any(each.amiss for each in pair)]

    @property
    def disturbed(self) -> bool:
        """Whether fewer turns are clean than a verdict needs."""
        return len(self.clean()) < TURNS

    def enough(self) -> bool:
        """Whether no further turn is to be tried."""
        return not self.disturbed or len(self.pairs) >= TURNS + MORE_TURNS

    def compared(self) -> Compared:
        """Of the clean turns; of all of them where those are too few."""
        kept = self.pairs if self.disturbed else self.clean()
        ours, theirs = ([each[side].result.figures[self.cell.figure] for each in kept] for side in (0, 1))
        return Compared(ours, theirs)

    def verdict(self, *, anyway: bool) -> str:
        """What the figures say of the goal, if they may: those of a disturbed machine only where that is wanted."""
        if self.disturbed and not anyway:
            return "none: disturbed"
        word = "-"
        if self.cell.goal.text() != "-":
            word = "met" if self.cell.goal.met(self.compared().ratio) else "missed"
        return f"{word} (disturbed)" if self.disturbed else word

    def others(self) -> float:
        """The most that others took in a run, in percent of one processor."""
        return max(each.others for pair in self.pairs for each in pair)

    def trouble(self) -> float:
        """How many messages were refused or lost."""
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
    """Warm both up, then measure them in turn."""
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
    """One run, with who hears in it, after a moment in which the machine does next to nothing or so many seconds."""

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
