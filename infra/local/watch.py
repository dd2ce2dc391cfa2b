"""The overview in a terminal, renewed every few seconds: `python -m infra.local status --watch`."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import Any

from infra.local.config import Instance
from infra.local.console import say
from infra.local.figures import Figures
from infra.local.look import require_running
from infra.local.overview import Line, Overview, Panel, overview
from infra.local.stack import Stack

BARS = "▁▂▃▄▅▆▇█"
CLEAR = "\x1b[2J\x1b[H"


def watch(instance: Instance, *, every_s: float, times: int | None) -> None:
    """Show the overview, `times` times or until it is interrupted.

    Raises:
        Problem: the local cloud does not run.
    """
    require_running(instance)
    endpoints = json.loads(instance.endpoints_file.read_text())
    figures = Figures(Stack(instance))
    shown = 0
    while times is None or shown < times:
        if shown:
            time.sleep(every_s)
        text = rendered(overview(figures, endpoints["http_url"]))
        page = f"{instance.endpoint}/_secureconnect/status"
        say(f"{CLEAR if times is None else ''}{text}\nThe same with plots: {page}")
        shown += 1


def rendered(found: Overview) -> str:
    """The overview as lines of text."""
    checks = "  ".join(_check(name, each) for name, each in found.health["checks"].items())
    to_do = [f"  {each.name}: {each.says} -> {each.runbook}" for each in found.to_do]
    return "\n".join(
        [
            f"{found.stack} is {found.verdict}   {time.strftime('%T', time.localtime(found.at))}, the last 30 minutes",
            f"Health: {found.health['status']}   {checks}",
            *(["What to do now:", *to_do] if to_do else ["Nothing is to be done."]),
            f"Cost: {found.cost}",
            *(line for panel in found.panels for line in _panel(panel)),
        ]
    )


def _check(name: str, check: Mapping[str, Any]) -> str:
    """A dependency in a few words; failures are in capitals."""
    if check["status"] != "ok":
        return f"{name} {check['status'].upper() if check['status'] == 'failed' else check['status']}"
    breaker = "" if check["breaker"] == "closed" else f" ({check['breaker']})"
    return f"{name} {check['latency_ms']:.0f} ms{breaker}"


def _panel(panel: Panel) -> list[str]:
    return [f"\n{panel.title}", *(_line(each) for each in panel.lines)]


def _line(line: Line) -> str:
    return f"  {line.label[:26]:26} {plot(line.values)} {number(line.last)}"


def plot(values: list[float | None]) -> str:
    """Values as bars of eight heights, relative to the largest; a gap where there is no value."""
    top = max((value for value in values if value is not None), default=0.0) or 1.0
    return "".join(
        " " if value is None else BARS[min(len(BARS) - 1, int(value / top * (len(BARS) - 1) + 0.5))] for value in values
    )


def number(value: float | None) -> str:
    return "-" if value is None else f"{value:,.0f}" if value >= 100 or value == int(value) else f"{value:.1f}"
