"""`python -m perf.compare`: compares the running local stack with Synapse, and with `--ejabberd` with ejabberd.

Exits with 1 if a goal is missed, and with 3 if other load prevented a verdict (`--disturbed` gives one anyway, marked
as such). The figures are written to .local/perf/compare.json.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import sys
import time
from collections.abc import Callable
from typing import Any

from infra.local.console import Problem
from perf.compare import cells, xmpp
from perf.compare.cells import CELLS, RunScale
from perf.compare.matrix import Synapse
from perf.compare.side import Ours, Side
from perf.compare.turns import (
    DISTURBED_PERCENT,
    IMPATIENT_WAIT_S,
    QUIET_WAIT_S,
    TURNS,
    Measure,
    Turns,
    measuring,
    take,
)
from perf.progress import Progress
from perf.report import Table, number
from perf.running.addresses import NotUp, running
from perf.running.machine import memory_of
from perf.template import ROOT

REPORT = ROOT / ".local" / "perf" / "compare.json"
READY_S, CELL_S = 40.0, 45.0  # expected seconds to prepare a side, and to measure a cell on both
MISSED, NO_VERDICT = 1, 3
Found = tuple[list[Turns], dict[str, float]]  # the cells with one peer, and the memory of both servers in MB


def _say(what: str) -> None:
    print(f"  {time.strftime('%H:%M:%S')} {what}", file=sys.stderr, flush=True)


async def _compare(
    ours: Ours, peers: list[Side], scale: RunScale, measure: Measure, show: Callable[[Side, Found], None]
) -> dict[str, Found]:
    """By peer: its cells, and the memory (MB) of both servers before and after."""
    steps = {f"{side.name} is made ready": READY_S for side in (ours, *peers)}
    steps |= {f"{peer.name}: {cell.name}": CELL_S for peer in peers for cell in CELLS}
    progress = Progress(steps, _say)
    found: dict[str, Found] = {}
    try:
        progress.begin(f"{ours.name} is made ready")
        await ours.ready()
        for peer in peers:
            progress.begin(f"{peer.name} is made ready")
            await peer.ready()
            memory = {f"{side.name}, 50 people there": memory_of(side.servers) for side in (ours, peer)}
            turns = []
            for cell in CELLS:
                progress.begin(f"{peer.name}: {cell.name}")
                turns.append(await take(cell, (ours, peer), scale, progress.tell, measure=measure))
            memory |= {f"{side.name}, after it all": memory_of(side.servers) for side in (ours, peer)}
            found[peer.name] = turns, memory
            show(peer, found[peer.name])
            await peer.leave()
            peer.stop()
        progress.end()
        await ours.leave()
    finally:
        for peer in peers:
            peer.stop()
    return found


def _table(ours: Side, peer: Side, turns: list[Turns], memory: dict[str, float], *, anyway: bool) -> Table:
    rows = [
        (
            each.cell.name, each.cell.figure, *each.compared().cells(),
            f"{len(each.clean())} of {len(each.pairs)}", each.cell.goal.text() if peer.judged else "-",
            each.verdict(anyway=anyway) if peer.judged else "-",
        )
        for each in turns
    ]  # fmt: skip
    notes = [
        f"Passwords: {ours.name} {ours.passwords}; {peer.name} {peer.passwords}.",
        "Memory, MB: " + "; ".join(f"{what} {number(size)}" for what, size in memory.items()) + ".",
        f"In clean turns others took at most {DISTURBED_PERCENT:.0f} % of one processor (the most here: "
        f"{number(max(each.others() for each in turns))} %) and nothing was refused or lost (here: "
        f"{number(sum(each.trouble() for each in turns))}); a verdict needs {TURNS} of them.",
    ]
    head = "cell", "figure", ours.name, peer.name, "ratio min / median / max", "clean turns", "goal", "verdict"
    return Table(f"{ours.name} beside {peer.name}", head, rows, notes)


def _as_json(turns: list[Turns], memory: dict[str, float]) -> dict[str, Any]:
    return {
        "cells": [
            {
                "cell": each.cell.name,
                "figure": each.cell.figure,
                "ratios": each.compared().ratios(),
                "disturbed": each.disturbed,
                "turns": [
                    [
                        one.result.figures | {"others_percent": one.others, "server_s": one.usage.server_s}
                        for one in pair
                    ]
                    for pair in each.pairs
                ],
            }
            for each in turns
        ],
        "memory_mb": memory,
    }


def main() -> int:
    parser = argparse.ArgumentParser(prog="perf.compare", description="Our local stack beside other chat servers.")
    parser.add_argument("--disturbed", action="store_true", help="a verdict although other work disturbs, marked so")
    parser.add_argument(
        "--ejabberd", action="store_true", help="beside ejabberd, too, where it is installed (5 min more)"
    )
    parser.add_argument("--quick", action="store_true", help="short runs: to see that it works")
    chosen = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that peers are stopped
    peers: list[Side] = [Synapse()]
    if not chosen.ejabberd:
        _say("ejabberd is left out: it was not asked for")
    elif (why := xmpp.missing()) is None:
        peers.append(xmpp.Ejabberd())
    else:
        _say(f"ejabberd is left out: {why}")
    try:
        ours = Ours(running())
        scale = cells.QUICK if chosen.quick else RunScale()
        measure = measuring(IMPATIENT_WAIT_S if chosen.disturbed else QUIET_WAIT_S)

        def show(peer: Side, measured: Found) -> None:
            print(_table(ours, peer, *measured, anyway=chosen.disturbed).markdown(), flush=True)

        found = asyncio.run(_compare(ours, peers, scale, measure, show))
    except (NotUp, Problem) as problem:
        print(f"\nError: {problem}", file=sys.stderr)
        return 2
    kept = {name: _as_json(*measured) for name, measured in found.items()}
    REPORT.parent.mkdir(parents=True, exist_ok=True)
    REPORT.write_text(json.dumps({"at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())} | kept, indent=1) + "\n")
    judged = [turns.verdict(anyway=chosen.disturbed) for peer in peers if peer.judged for turns in found[peer.name][0]]
    if any(word.startswith("missed") for word in judged):
        return MISSED
    return NO_VERDICT if any(word.startswith("none") for word in judged) else 0


if __name__ == "__main__":
    sys.exit(main())
