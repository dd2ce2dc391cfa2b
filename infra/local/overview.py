"""An overview of the local stack: its health, its activity, its cost, and the problems to solve now.

The panels are those of the dashboard (infra/dashboard.toml), the alarms those of infra/generate.py, as far as their
metrics are available here. An alarm that would fire names its runbook.
"""

from __future__ import annotations

import json
import time
import tomllib
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from infra import generate
from infra.local.alarms import (
    MINUTE_S,
    Definition,
    MetricKey,
    children,
    definitions,
    is_breached,
    is_raised,
    looked_at,
    looks_back_s,
)
from infra.local.config import ROOT
from infra.local.figures import Figures, metric

PANELS = ROOT / "infra/dashboard.toml"
PERIOD_S, PERIODS = 60.0, 30
REST_CALL = 3.5 / 1e6  # $, as in infra/dashboard.toml
HEALTH_WAIT_S = 15


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a panel: its value in each period; None if there was no value for the statistic."""

    label: str
    values: list[float | None]

    @property
    def last(self) -> float | None:
        """The latest value, if any."""
        return next((value for value in reversed(self.values) if value is not None), None)


@dataclass(frozen=True, slots=True)
class Panel:
    title: str
    lines: list[Line]


@dataclass(frozen=True, slots=True)
class Alarm:
    """An alarm that would be in ALARM now."""

    name: str
    says: str
    runbook: str


@dataclass(frozen=True, slots=True)
class Overview:
    """All data of the screen. `health` is the answer of GET /health/ready, `cost` a sentence."""

    at: float
    stack: str
    health: Mapping[str, Any]
    alarms: list[Alarm]
    panels: list[Panel]
    cost: str

    @property
    def verdict(self) -> str:
        """The stack's state in a few words."""
        if self.health["status"] == "down":
            return "DOWN"
        if self.alarms:
            return f"{len(self.alarms)} ALARM{'S' if len(self.alarms) > 1 else ''}"
        return "well" if self.health["status"] == "ok" else "degraded"

    @property
    def to_do(self) -> list[Alarm]:
        """The problems with their runbooks: alarms, then failed dependencies."""
        failed = [name for name, check in self.health["checks"].items() if check["status"] == "failed"]
        return [*self.alarms, *(Alarm(name, "does not answer", _runbook_of(name)) for name in failed)]


def _runbook_of(dependency: str) -> str:
    """The runbook for a dependency of GET /health/ready."""
    own = {"redis": "redis", "dynamodb": "dynamodb", "keys": "keys", "encryption": "keys", "sockets": "sockets"}
    return f"docs/runbooks/{own.get(dependency.partition('.')[0], 'dependencies')}.md"


def overview(figures: Figures, http_url: str) -> Overview:
    """Read new figures and build the overview."""
    figures.read()
    now = time.time()
    return Overview(
        now, figures.name, health(http_url), list(alarms(figures, now)), panels(figures, now), cost(figures, now)
    )


def health(http_url: str) -> dict[str, Any]:
    """The answer of GET /health/ready; `down` without checks if there is no answer."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f"{http_url}/health/ready", timeout=HEALTH_WAIT_S) as answer:
            found: dict[str, Any] = json.load(answer)
    except urllib.error.HTTPError as error:
        text = error.read()
        found = json.loads(text) if text.startswith(b"{") else {}
    except OSError:
        found = {}
    return found if "checks" in found else {"status": "down", "checks": {}}


def panels(figures: Figures, now: float) -> list[Panel]:
    """The panels of the dashboard with the available metrics; panels without any are left out."""
    found = []
    for panel in tomllib.loads(PANELS.read_text())["panels"]:
        lines = [
            Line(each.get("label") or of.name, _points(figures, of, each.get("statistic", "Sum"), now))
            for each in panel["lines"]
            if "metric" in each and not each.get("hidden")
            for of in [metric(each["metric"], each.get("of", {}), stack=figures.name)]
            if figures.known(of)
        ]
        if lines:
            found.append(Panel(panel["title"], lines))
    return found


def _points(figures: Figures, of: MetricKey, statistic: str, now: float) -> list[float | None]:
    return figures.points(of, statistic, end=now, period_s=PERIOD_S, count=PERIODS)


def alarms(figures: Figures, now: float) -> Iterator[Alarm]:
    """The alarms that would be in ALARM and whose metrics are available; without those inside a composite one."""
    defined = _defined(figures.name)
    inside = {child for each in defined.values() for child in children(each)}
    for name, each in defined.items():
        if name not in inside and rings(figures, name, defined, now):
            says, _, runbook = each["AlarmDescription"].partition(". Runbook: ")
            yield Alarm(name.removeprefix(f"{figures.name}-"), says, runbook)


@cache
def _defined(stack: str) -> dict[str, Definition]:
    """Every alarm that can be deployed, resolved as for AWS."""
    return definitions(generate.observability()["Resources"].values(), stack)


def rings(figures: Figures, name: str, defined: Mapping[str, Definition], now: float) -> bool:
    """Whether an alarm would be in ALARM at the end of this minute, if nothing else happens.

    An alarm on an unavailable metric is not, nor one on data that are missing for longer than the stack has run.
    """
    alarm = defined[name]
    if "AlarmRule" in alarm:
        return is_raised(alarm["AlarmRule"], lambda each: rings(figures, each, defined, now))
    if not all(figures.known(each) for each in looked_at(alarm)):
        return False
    if alarm.get("TreatMissingData") == "breaching" and now - figures.since < looks_back_s(alarm):
        return False
    return is_breached(alarm, figures.measured, (now // MINUTE_S + 1) * MINUTE_S)


def cost(figures: Figures, now: float) -> str:
    """What the calls of the last half hour would cost in AWS, without DynamoDB's units, which are unknown here."""
    span_s = PERIOD_S * PERIODS
    called = metric("AWS/ApiGateway/Count", {"ApiName": "${Prefix}-api"}, stack=figures.name)
    calls = len(figures.measured.within(called, now - span_s, now))
    sent_messages = metric("SecureConnect/MessagesSent", {}, stack=figures.name)
    sent = sum(figures.measured.within(sent_messages, now - span_s, now))
    a_month = calls * REST_CALL * 30 * 86_400 / span_s
    each = f", {calls * REST_CALL / sent * 1e6:.2f} $ per million messages" if sent else ""
    return f"REST calls at this pace: {a_month:.2f} $ a month{each}; the rest: make perf, python -m infra.costs prod"
