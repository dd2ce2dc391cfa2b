"""The text of docs/alarms.md: every alarm, its fault in a drill, and how long it takes to fire and to clear.

`python -m infra.documents` writes it. Figures come from infra/alarm_drills.py.
"""

from __future__ import annotations

import re
import tomllib
from functools import lru_cache

from infra import alarm_drills, generate
from infra.alarm_drills import STACK

HEAD = (
    "# Alarms: when they fire, when they clear\n\n"
    "Written by `python -m infra.documents`. Each alarm of the templates was played on a simulated clock "
    "(infra/alarm_drills.py): all is well, then the fault is present until the alarm fires, then it is gone until the "
    "alarm clears. The evaluator (infra/local/alarms.py) follows CloudWatch's rules; to the times, add the minute or "
    "so that AWS takes to write a metric. `tests/e2e/operations/test_alarms.py` breaks the local stack itself for some "
    "alarms.\n\n"
    "Of the alarms on objectives, only `BudgetBurns` wakes somebody: {objectives}. `SloAlarms=on` deploys them and "
    "removes `FanoutAge`, `ApiServerErrors` and `ApiLatency`; `FunctionAlarms=on` deploys the alarms of single "
    "functions, dead-letter queues, machines and schedules; without it, `Errors`, `Throttles`, `DeadLetters`, "
    "`ExecutionsEndedBadly` and `SchedulesOff` cover them.\n\n"
    "| alarm | fault in the drill | fires after | clears after | runbook |\n|---|---|---|---|---|\n"
)


@lru_cache(maxsize=1)
def text() -> str:
    """The document."""
    rows: dict[tuple[str, ...], list[str]] = {}
    for name in sorted(alarm_drills.alarms()):
        took = alarm_drills.drill(name)
        row = (
            alarm_drills.fault(name).what,
            _time(took.fired_after_s),
            _time(took.cleared_after_s),
            _runbook(str(alarm_drills.alarms()[name]["AlarmDescription"])),
        )
        rows.setdefault(row, []).append(name.removeprefix(f"{STACK}-"))
    lines = [f"| {_names(names)} | {' | '.join(row)} |\n" for row, names in rows.items()]
    return HEAD.format(objectives=_objectives()) + "".join(lines)


def _objectives() -> str:
    found = tomllib.loads(generate.OBJECTIVES.read_text())["objectives"]
    return ", ".join(f"`{name}` {each['objective']} %" for name, each in found.items())


def _names(names: list[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _time(seconds: int) -> str:
    if seconds < 3 * 3600:
        return f"{seconds // 60} min"
    return f"{seconds / 3600:.0f} h"


def _runbook(description: str) -> str:
    (found,) = re.findall(r"docs/(runbooks/[\w-]+)\.md", description)
    return f"[{found.removeprefix('runbooks/')}]({found}.md)"
