"""Compares the CPU time of calls with another commit's, both measured in alternation on the same machine.

Each round starts a process in each tree, which counts the same operations on its in-process stack. Other load on the
machine so affects both. The result is the median of the rounds' ratios, with the least and the greatest.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from perf.effort import Effort
from perf.ratios import Compared, Goal, in_turn
from perf.report import Table
from perf.template import ROOT

NAMES = (
    "send (HTTP), direct",
    "send (HTTP), group of 50",
    "send (socket), direct",
    "list 50 messages",
    "list 50 conversations, all unread",
    "sync, 5 conversations, 20 events each",
    "fan-out of one job to 50",
)
GOAL = Goal(at_most=0.6)
PATIENCE_S = 300
# The program for both trees; the `except` branch is for earlier commits, which called the in-process stack a stage.
CHILD = """
import json, sys
from perf.counts import count
from perf.operations import OPERATIONS
try:
    from perf.in_process_stack import in_process_stack as opened
except ImportError:
    from perf.stage import stage as opened
repeats, names = int(sys.argv[1]), json.loads(sys.argv[2])
with opened() as of:
    known = [name for name in names if name in OPERATIONS]
    found = {name: count(of, name, OPERATIONS[name](of), repeats=repeats).cpu_ms for name in known}
print(json.dumps(found))
"""
Rounds = list[tuple[dict[str, float], dict[str, float]]]  # by round: CPU ms by operation, in this tree and the other


class NoSuchRevision(Exception):
    """The commit does not exist, or its code does not run with the installed packages."""


@contextmanager
def tree_of(revision: str) -> Iterator[Path]:
    """A git work tree of this commit, for the duration of the block."""
    with tempfile.TemporaryDirectory(prefix="perf-") as folder:
        tree = Path(folder, "tree")
        made = _git("worktree", "add", "--detach", str(tree), revision)
        if made.returncode:
            raise NoSuchRevision(made.stderr.strip())
        try:
            yield tree
        finally:
            _git("worktree", "remove", "--force", str(tree))


def measure(revision: str, *, rounds: int, repeats: int, done: Callable[[str], None]) -> Rounds:
    """Count in both trees in alternation; `done` gets the remaining time."""
    found: Rounds = []
    with tree_of(revision) as tree:
        started = time.monotonic()
        for turn in range(rounds):
            counted = {where: _count(where, repeats) for where in in_turn((tree, ROOT), turn)}
            found.append((counted[ROOT], counted[tree]))
            left_s = (time.monotonic() - started) / (turn + 1) * (rounds - turn - 1)
            done(f"round {turn + 1} of {rounds} against {revision}; {left_s:.0f} s left")
    return found


def _count(tree: Path, repeats: int) -> dict[str, float]:
    command = [sys.executable, "-c", CHILD, str(repeats), json.dumps(NAMES)]
    ran = subprocess.run(command, cwd=tree, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    if ran.returncode:
        raise NoSuchRevision(f"{tree}: {ran.stderr.strip()[-600:]}")
    counted: dict[str, float] = json.loads(ran.stdout.splitlines()[-1])
    return counted


def _git(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=False)


def compared(rounds: Rounds) -> dict[str, Compared]:
    """The CPU ms in both trees, for each operation that both have."""
    return {
        name: Compared([here[name] for here, _ in rounds], [there[name] for _, there in rounds])
        for name in NAMES
        if all(name in here and name in there for here, there in rounds)
    }


def table(rounds: Rounds, revision: str) -> Table:
    head = "operation", "CPU ms here", f"CPU ms at {revision}", "ratio min / median / max", "wanted"
    rows = [
        (name, *each.cells(), f"{GOAL.text()}: {'yes' if GOAL.met(each.ratio) else 'no'}")
        for name, each in compared(rounds).items()
    ]
    return Table(f"CPU per call against {revision}", head, rows)


def as_json(rounds: Rounds, revision: str) -> dict[str, Any]:
    return {"revision": revision, "ratios": {name: each.ratios() for name, each in compared(rounds).items()}}


def part(revision: str, effort: Effort, done: Callable[[str], None]) -> tuple[Sequence[Table], Any]:
    rounds = measure(revision, rounds=effort.of(2, 4, 8), repeats=effort.of(5, 15, 15), done=done)
    return [table(rounds, revision)], as_json(rounds, revision)
