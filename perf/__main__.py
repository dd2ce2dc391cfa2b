"""`python -m perf [--only PART,PART…] [--quick|--slow]`; without --only it measures all parts but load.

The parts are counts, parity, slow_socket, texts, cold, cost, pushes, push_queue, push_delay, live, load, encryption and
web. The figures and their verdicts against the budgets are printed in tables and written to .local/perf/latest.json.
`push_queue`, `push_delay`, `live`, `load` and `web` need a running local cloud, `encryption` and `web` Chromium.
`--against REVISION` only compares the CPU time of calls with that of another commit, measuring both in alternation;
with `--only web` it compares the web client (docs/web.md).
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from typing import Any

from infra.local.console import Problem
from perf import against, cost, counts, packages, texts
from perf.browser import encryption, web, web_against
from perf.effort import Effort
from perf.fixtures import FixtureFailed
from perf.operations import OPERATIONS
from perf.packages import NotBuilt
from perf.progress import Progress
from perf.pushes import push_delay, push_load, push_queue
from perf.report import Table
from perf.running import live, load, slow_socket, timing_parity
from perf.running.addresses import NotUp, running
from perf.running.registration import Registration
from perf.starts import cold
from perf.template import ROOT

REPORT = ROOT / ".local" / "perf" / "latest.json"
Part = tuple[Sequence[Table], Any]  # the tables to print, and the figures to write
Tell = Callable[[str], None]  # reports progress


def _say(what: str) -> None:
    print(f"  {what}", file=sys.stderr, flush=True)


def _counts(effort: Effort, tell: Tell) -> Part:
    found = counts.count_all(OPERATIONS, repeats=effort.of(2, 3, 15), done=tell)
    return [counts.table(found)], counts.as_json(found)


def _cold(effort: Effort, tell: Tell) -> Part:
    with packages.last_build() as build:
        sizes = packages.measure(build)
        starts = cold.measure(build, runs=effort.of(1, 1, 5), done=tell, hold=effort == Effort.SLOW)
    return [cold.table(starts), packages.table(sizes)], cold.as_json(starts) | {"packages": packages.as_json(sizes)}


def _cost(effort: Effort, tell: Tell) -> Part:
    assumed = cost.Assumptions()
    bills = cost.measure(assumed, repeats=effort.of(3, 3, 9), done=tell)
    return [cost.table(bills, assumed)], cost.as_json(bills)


def _live(effort: Effort, tell: Tell) -> Part:
    measured = live.measure(running(), live.scale_of(effort), done=tell)
    return live.tables(measured), live.as_json(measured)


def _load(effort: Effort, tell: Tell) -> Part:
    found = load.measure(running(), load.scale_of(effort), done=tell)
    return load.tables(found), load.as_json(found)


def _web(effort: Effort, tell: Tell) -> Part:
    measured = web.measure(web.scale_of(effort), done=tell)
    return web.tables(measured), web.as_json(measured)


# What `--only` names, with the seconds that it takes on two idle cores by effort: quick, usual, slow. The seconds serve
# only to estimate the remaining time.
PARTS: dict[str, tuple[Callable[[Effort, Tell], Part], tuple[float, float, float]]] = {
    "counts": (_counts, (45, 55, 135)),
    "parity": (timing_parity.part, (4, 16, 30)),
    "slow_socket": (slow_socket.part, (3, 10, 10)),
    "texts": (texts.part, (1, 3, 3)),
    "cold": (_cold, (45, 45, 700)),
    "cost": (_cost, (8, 8, 18)),
    "pushes": (push_load.part, (4, 9, 28)),
    "push_queue": (lambda effort, tell: push_queue.part(running(), effort, tell), (15, 25, 60)),
    "push_delay": (lambda effort, tell: push_delay.part(running(), effort, tell), (8, 15, 45)),
    "live": (_live, (50, 75, 320)),
    "load": (_load, (60, 250, 250)),
    "encryption": (encryption.part, (5, 10, 10)),
    "web": (_web, (40, 50, 70)),
}
ON_CLOUD = {"live", "load", "web", "push_queue", "push_delay"}
AGAINST = {"cpu": against.part, "web": web_against.part}  # these report their remaining time themselves


def _chosen() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="perf", description="Measures SecureConnect.")
    parser.add_argument("--only", help="parts, separated by commas (default: all but load)")
    parser.add_argument("--quick", action="store_true", help="fewer repeats: to see that it works")
    parser.add_argument("--slow", action="store_true", help="every repeat (24 min): tells smaller differences")
    parser.add_argument(
        "--against",
        metavar="REVISION",
        help="CPU per call, or with `--only web` the web client, against another commit's",
    )
    chosen = parser.parse_args()
    known = AGAINST if chosen.against else PARTS
    default = "cpu" if chosen.against else ",".join(name for name in PARTS if name != "load")
    chosen.names = (chosen.only or default).split(",")
    if unknown := set(chosen.names) - set(known):
        parser.error(f"there is no part {', '.join(sorted(unknown))}; there are {', '.join(known)}")
    chosen.effort = Effort.QUICK if chosen.quick else Effort.SLOW if chosen.slow else Effort.USUAL
    return chosen


def _measured(chosen: argparse.Namespace) -> Iterator[tuple[str, Part]]:
    """The name and the results of each chosen part, when it is done."""
    if chosen.against:
        for name in chosen.names:
            yield f"{name} against", AGAINST[name](chosen.against, chosen.effort, _say)
        return
    if ON_CLOUD & set(chosen.names):
        running()  # so that a missing local cloud fails before the other parts run
    progress = Progress({name: PARTS[name][1][chosen.effort] for name in chosen.names}, _say)
    for name in chosen.names:
        progress.begin(name)
        with _registering(chosen) if name == "counts" else nullcontext():
            found = PARTS[name][0](chosen.effort, progress.tell)
        yield name, found
    progress.end()
    _say("seconds taken: " + ", ".join(f"{name} {took_s:.0f}" for name, took_s in progress.took_s.items()))


@contextmanager
def _registering(chosen: argparse.Namespace) -> Iterator[None]:
    """Register the people of later parts during the block, unless their tokens (15 min) may end before these parts."""
    if chosen.effort == Effort.SLOW or not ON_CLOUD & set(chosen.names):
        yield
        return
    people = Registration(running().http_url, chosen.names, chosen.effort)
    try:
        yield
        people.arrive()
    finally:
        people.close()


def main() -> int:
    chosen = _chosen()
    kept: dict[str, Any] = {"at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), "load": os.getloadavg()}
    try:
        for name, (tables, figures) in _measured(chosen):
            kept[name] = figures
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
