"""`python -m perf [--only PART,PART…] [--quick]`; parts are counts, parity, slow_socket, texts, cold, cost, pushes,
push_queue, push_delay, live, load and web, and all but load without a choice.

The figures, and how they stand to their budgets, are printed in tables and kept in .local/perf/latest.json.
`push_queue`, `push_delay`, `live`, `load` and `web` need a running local cloud, `web` Chromium as well.
`--against REVISION` compares the processor time of calls with that of another commit, in turn, and does nothing else.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

from infra.local.console import Problem
from perf import (
    against,
    cold,
    cost,
    counts,
    live,
    load,
    packages,
    push_delay,
    push_load,
    push_queue,
    slow_socket,
    texts,
    timing_parity,
    web,
)
from perf.addresses import NotUp, running
from perf.fixtures import FixtureFailed
from perf.operations import OPERATIONS
from perf.packages import NotBuilt
from perf.report import Table
from perf.template import ROOT

REPORT = ROOT / ".local" / "perf" / "latest.json"
Part = tuple[Sequence[Table], Any]  # what is printed, and what is kept


def _say(what: str) -> None:
    print(f"  {what}", file=sys.stderr, flush=True)


def _counts(quick: bool) -> Part:
    found = counts.count_all(OPERATIONS, repeats=3 if quick else 15, done=_say)
    return [counts.table(found)], counts.as_json(found)


def _cold(quick: bool) -> Part:
    with packages.last_build() as build:
        sizes = packages.measure(build)
        starts = cold.measure(build, runs=1 if quick else 5, done=_say)
    return [cold.table(starts), packages.table(sizes)], cold.as_json(starts) | {"packages": packages.as_json(sizes)}


def _cost(quick: bool) -> Part:
    assumed = cost.Assumptions()
    bills = cost.measure(assumed, repeats=3 if quick else 9, done=_say)
    return [cost.table(bills, assumed)], cost.as_json(bills)


def _live(quick: bool) -> Part:
    measured = live.measure(running(), live.QUICK if quick else live.LiveScale(), done=_say)
    return live.tables(measured), live.as_json(measured)


def _load(quick: bool) -> Part:
    found = load.measure(running(), load.QUICK if quick else load.LoadScale(), done=_say)
    return load.tables(found), load.as_json(found)


def _web(quick: bool) -> Part:
    measured = web.measure(web.QUICK if quick else web.Scale(), done=_say)
    return web.tables(measured), web.as_json(measured)


PARTS: dict[str, Callable[[bool], Part]] = {
    "counts": _counts,
    "parity": lambda quick: timing_parity.part(quick, _say),
    "slow_socket": lambda quick: slow_socket.part(quick, _say),
    "texts": texts.part,
    "cold": _cold,
    "cost": _cost,
    "pushes": lambda quick: push_load.part(quick, _say),
    "push_queue": lambda quick: push_queue.part(running(), quick, _say),
    "push_delay": lambda quick: push_delay.part(running(), quick, _say),
    "live": _live,
    "load": _load,
    "web": _web,
}


def main() -> int:
    parser = argparse.ArgumentParser(prog="perf", description="Measures SecureConnect.")
    parser.add_argument(
        "--only",
        default=",".join(name for name in PARTS if name != "load"),
        help="parts, separated by commas (default: all but load)",
    )
    parser.add_argument("--quick", action="store_true", help="fewer repeats: to see that it works")
    parser.add_argument("--against", metavar="REVISION", help="CPU per call against another commit's, and nothing else")
    chosen = parser.parse_args()
    parts = PARTS
    if chosen.against:
        parts = {"against": lambda quick: against.part(chosen.against, quick, _say)}
        chosen.only = "against"
    names = chosen.only.split(",")
    if unknown := set(names) - set(parts):
        parser.error(f"there is no part {', '.join(sorted(unknown))}; there are {', '.join(parts)}")
    try:
        if {"live", "load", "web", "push_queue", "push_delay"} & set(names):
            running()  # before the others take their time
        kept: dict[str, Any] = {"at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), "load": os.getloadavg()}
        for name in names:
            _say(f"{name}:")
            tables, kept[name] = parts[name](chosen.quick)
            for table in tables:
                print(table.markdown(), flush=True)
    except (
        NotUp,
        NotBuilt,
        Problem,
        counts.OperationFailed,
        FixtureFailed,
        load.NothingCarried,
        web.NoBrowser,
        against.NoSuchRevision,
    ) as problem:
        print(f"\nError: {problem}", file=sys.stderr)
        return 2
    REPORT.parent.mkdir(parents=True, exist_ok=True)
    REPORT.write_text(json.dumps(kept, indent=1) + "\n")
    _say(f"written to {REPORT.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
