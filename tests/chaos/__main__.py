"""`python -m tests.chaos [--short] [--seed N] [--only TEXT] [--seconds S]`: the chaos suite, on the test instance."""

from __future__ import annotations

import argparse
import random
import sys
import time

import httpx

from infra.local import config
from infra.local.down import down
from infra.local.up import up
from tests.chaos.cells import (
    Cell,
    Company,
    Played,
    all_cells,
    judge_in_the_end,
    play,
    short_cells,
    warm_up,
    windows,
)
from tests.chaos.people import CLIENT_LIMIT_S, Notes
from tests.chaos.setting import broken_ground

SECONDS = 4.0


def main() -> int:
    parser = argparse.ArgumentParser(prog="chaos", description="Breaks what SecureConnect stands on, and looks.")
    parser.add_argument("--short", action="store_true", help="a selection of a minute")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    parser.add_argument("--only", default="", help="cells whose name holds this text")
    parser.add_argument("--running", action="store_true", help="use the test instance that is up, and leave it so")
    parser.add_argument("--seconds", type=float, default=SECONDS, help="for how long each fault lasts")
    chosen = parser.parse_args()
    cells = [cell for cell in (short_cells() if chosen.short else all_cells()) if chosen.only in str(cell)]
    instance = config.instance("test")
    if not chosen.running:
        up(instance)
    try:
        failed = run(instance, cells, chosen.seed, seconds=chosen.seconds)
    finally:
        if not chosen.running:
            down(instance)
    print(f"\n{len(cells)} cells, {len(failed)} wrong; again: python -m tests.chaos --seed {chosen.seed}", flush=True)
    for cell in failed:
        print(f"  python -m tests.chaos --seed {chosen.seed} --only '{cell}'")
    return 1 if failed else 0


def run(instance: config.Instance, cells: list[Cell], seed: int, *, seconds: float = SECONDS) -> list[Cell]:
    """Play the cells and print what clients observed in each; returns the cells with violations."""
    everything: list[Played] = []
    started, together = time.monotonic(), windows(cells)
    print(f"seed {seed}, {len(cells)} cells in {len(together)} windows of {seconds:.0f} s", flush=True)
    with broken_ground(instance, seed) as ground:
        limits = httpx.Limits(max_connections=None)
        with httpx.Client(base_url=ground.endpoints["http_url"], timeout=CLIENT_LIMIT_S, limits=limits) as http:
            company = Company(ground, http)
            warm_up(cells, company)
            print(f"ready after {time.monotonic() - started:.0f} s", flush=True)
            for window in together:
                played = play(window, company, seconds=seconds)
                everything += played
                print(f"{len(everything)}/{len(cells)} after {time.monotonic() - started:.0f} s", flush=True)
                for each in played:
                    print(line(each.cell, each.notes), flush=True)
            for each in judge_in_the_end(everything):
                print(line(each.cell, each.notes), flush=True)
    print(f"took {time.monotonic() - started:.0f} s", flush=True)
    return [each.cell for each in everything if each.notes.wrong]


def line(cell: Cell, notes: Notes) -> str:
    """A line on what clients observed in a cell."""
    asked = sum(notes.answers.values())
    well = notes.answers["ok"] / asked if asked else 0.0
    kinds = ", ".join(f"{kind} ×{times}" for kind, times in notes.answers.most_common() if kind != "ok")
    told = f"  {cell}: {well:.0%} of {asked} well, worst {notes.worst_s:.1f} s"
    told += f", {notes.arrived} arrived" if notes.arrived else ""
    told += f" | {kinds}" if kinds else ""
    return told + "".join(f"\n    WRONG: {each}" for each in dict.fromkeys(notes.wrong))


if __name__ == "__main__":
    sys.exit(main())
