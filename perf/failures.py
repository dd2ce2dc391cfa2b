"""`python -m perf.failures [--against REVISION] [cells…]`: the errors and delays of callers while a dependency fails.

Each cell is a dependency and a fault: hung, slow (just below its time limit), failing (5xx), throttling 30 %. One
process (`perf.failures_child`) repeats the same journey before, during and after the fault, at most ten times a second,
with today's code and with that of an earlier revision, one after the other on the same machine.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from perf.against import tree_of
from perf.template import ROOT

CHILD = Path(__file__).with_name("failures_child.py")
SERVICES, FAULTS = ("dynamodb", "sqs", "s3", "states"), ("hung", "slow", "5xx", "throttle")
REDIS, REDIS_FAULTS = ("redis-send", "redis-sign-in"), ("hung", "down")
CELLS = [f"{one}/{fault}" for one in SERVICES for fault in FAULTS]
CELLS += [f"{one}/{fault}" for one in REDIS for fault in REDIS_FAULTS]
Figures = Mapping[str, Mapping[str, float]]


def _measured(root: Path, cells: list[str]) -> Figures:
    command = [sys.executable, str(CHILD), str(root), *cells]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def _row(cell: str, figures: Mapping[str, float]) -> str:
    tries = figures["tries"] / figures["calm_tries"] if figures["calm_tries"] else 0.0
    return (
        f"| {cell} | {figures['well']:.1%} | {figures['p50_ms']:.0f} | {figures['p99_ms']:.0f} "
        f"| {figures['worst_ms']:.0f} | {tries:.2f} | {figures['hanging']:.1%} | {figures['recovery_s']:.1f} |"
    )


def _table(title: str, found: Figures) -> str:
    head = "| dependency/fault | well | p50 ms | p99 ms | worst ms | tries | hanging | recovery s |"
    return "\n".join([f"{title}", head, "|" + "---|" * 8, *(_row(cell, each) for cell, each in found.items())])


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m perf.failures", description=__doc__)
    parser.add_argument("--against", metavar="REVISION", help="also measure an earlier build")
    parser.add_argument("cells", nargs="*", default=CELLS, help=f"of {', '.join(CELLS)}")
    chosen = parser.parse_args()
    print(_table("now", _measured(ROOT, chosen.cells)), flush=True)
    if chosen.against:
        with tree_of(chosen.against) as tree:
            print(_table(chosen.against, _measured(tree, chosen.cells)), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
