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
from tests.chaos.cells import Cell, all_cells, play, short_cells, warm_up
from tests.chaos.faults import Ground
from tests.chaos.journeys import CLIENT_LIMIT_S, Cast, Notes
from tests.chaos.setting import through_proxy

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
    """Play the cells, print what clients saw in each; those in which something was wrong."""
    failed, started = [], time.monotonic()
    print(f"seed {seed}, {len(cells)} cells of {seconds:.0f} s", flush=True)
    with through_proxy(instance, seed) as (proxy, http_url):
        ground = Ground(instance, proxy, seed)
        with httpx.Client(base_url=http_url, timeout=CLIENT_LIMIT_S) as http:
            cast = Cast(http)
            warm_up(cells, cast)
            for number, cell in enumerate(cells, 1):
                if number % 12 == 0:
                    cast = Cast(http)  # access tokens last for 15 minutes, limits for a minute
                notes = play(cell, ground, cast, seconds=seconds)
                left = (time.monotonic() - started) / number * (len(cells) - number)
                print(line(number, len(cells), left, cell, notes), flush=True)
                if notes.wrong:
                    failed.append(cell)
    return failed


def line(number: int, count: int, left_s: float, cell: Cell, notes: Notes) -> str:
    """What clients saw in a cell."""
    asked = sum(notes.answers.values())
    well = notes.answers["ok"] / asked if asked else 0.0
    kinds = ", ".join(f"{kind} ×{times}" for kind, times in notes.answers.most_common() if kind != "ok")
    told = f"{number}/{count} ({left_s:.0f} s left) {cell}: {well:.0%} of {asked} well, worst {notes.worst_s:.1f} s"
    told += f", {notes.arrived} arrived" if notes.arrived else ""
    told += f" | {kinds}" if kinds else ""
    return told + "".join(f"\n    WRONG: {each}" for each in dict.fromkeys(notes.wrong))


if __name__ == "__main__":
    sys.exit(main())
