"""What the local stack's figures are, by the names that CloudWatch gives them in AWS.

Own metrics stand in the functions' log lines (embedded metric format). What AWS's services tell of themselves is taken
from the same lines (calls, answers, errors) and from the queues. Not known here: throttles, executions at once, how
far behind a stream's reader is, and DynamoDB's units.
"""

from __future__ import annotations

import json
import math
import time
import urllib.request
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from infra.local.config import STACK
from infra.local.stack import Stack

KEPT_S = 3600.0
OWN = "SecureConnect"

Dimensions = Mapping[str, str]
Series = tuple[str, str, frozenset[tuple[str, str]]]


@dataclass(frozen=True, slots=True)
class Metric:
    """A metric as CloudWatch names it, and the statistic of it that is looked at: `Sum`, `Maximum`, `p99` …"""

    namespace: str
    name: str
    dimensions: frozenset[tuple[str, str]]
    statistic: str = "Sum"

    @property
    def series(self) -> Series:
        return self.namespace, self.name, self.dimensions


def metric(full_name: str, of: Dimensions, statistic: str = "Sum", *, stack: str = STACK) -> Metric:
    """A metric as the dashboard and the alarms name it (infra/dashboard.toml)."""
    namespace, _, name = full_name.rpartition("/")
    own = {"service": stack} if namespace == OWN else {}
    named = {key: value.replace("${Prefix}", stack) for key, value in {**of, **own}.items()}
    return Metric(namespace, name, frozenset(named.items()), statistic)


def statistic_of(values: Sequence[float], statistic: str) -> float | None:
    """A statistic of some values; None without any, but for what is counted: none is 0."""
    if statistic in ("Sum", "SampleCount"):
        return float(len(values)) if statistic == "SampleCount" else float(sum(values))
    if not values:
        return None
    if statistic == "Average":
        return sum(values) / len(values)
    if statistic.startswith("p"):
        ordered = sorted(values)
        return ordered[max(0, math.ceil(float(statistic[1:]) / 100 * len(ordered)) - 1)]
    return {"Maximum": max, "Minimum": min}[statistic](values)


class Figures:
    """The figures of the last hour. `read` brings them up to date; what was read is not read again."""

    def __init__(self, stack: Stack, *, name: str = STACK) -> None:
        self._stack = stack
        self.name = name
        self.since = math.inf  # when the oldest line of all was written, s
        self._values: dict[Series, list[tuple[float, float]]] = defaultdict(list)
        self._read_to_ms: dict[str, int] = {}
        self._seen: dict[str, float] = {}

    def read(self) -> None:
        """Take in what was written since the last time, and how the queues are."""
        now = time.time()
        logs = self._stack.client("logs")
        for group in self._groups(logs):
            start = self._read_to_ms.get(group, int((now - KEPT_S) * 1000))
            for page in logs.get_paginator("filter_log_events").paginate(logGroupName=group, startTime=start):
                for event in page["events"]:
                    if event["eventId"] not in self._seen:
                        self._seen[event["eventId"]] = event["timestamp"] / 1000
                        self.take(group.rpartition("/")[2], event["timestamp"] / 1000, event["message"])
                    self._read_to_ms[group] = max(self._read_to_ms.get(group, 0), event["timestamp"])
        for queue, ages in self._queues(now):
            of = {"QueueName": queue}
            self._add(metric("AWS/SQS/ApproximateAgeOfOldestMessage", of), now, max(ages, default=0.0))
            self._add(metric("AWS/SQS/ApproximateNumberOfMessagesVisible", of), now, len(ages))
        self._forget(now - KEPT_S)

    def take(self, function: str, at: float, text: str) -> None:
        """Take in one line of a function's log; a line that is no JSON object is Lambda's own."""
        if not text.startswith("{"):
            return
        line = json.loads(text)
        self.since = min(self.since, at)
        if line.get("message") in ("call", "call failed"):
            self._call(function, at, line)
        for told in line.get("_aws", {}).get("CloudWatchMetrics", ()):
            for names in told["Dimensions"]:
                dimensions = frozenset((each, str(line[each])) for each in names)
                for each in told["Metrics"]:
                    values = line[each["Name"]]
                    for value in values if isinstance(values, list) else [values]:
                        self._add(Metric(told["Namespace"], each["Name"], dimensions), at, value)

    def _call(self, function: str, at: float, line: Mapping[str, Any]) -> None:
        failed = float(line["message"] == "call failed")
        for of in ({}, {"FunctionName": function}):
            self._add(metric("AWS/Lambda/Invocations", of), at, 1)
            self._add(metric("AWS/Lambda/Errors", of), at, failed)
        if "route" in line and " /" in line["route"]:
            of, status = {"ApiName": f"{self.name}-api"}, 500 if failed else int(line.get("status", 200))
            self._add(metric("AWS/ApiGateway/Count", of), at, 1)
            self._add(metric("AWS/ApiGateway/Latency", of), at, line["Duration"])
            self._add(metric("AWS/ApiGateway/4XXError", of), at, float(400 <= status < 500))
            self._add(metric("AWS/ApiGateway/5XXError", of), at, float(status >= 500))

    def known(self, of: Metric) -> bool:
        """Whether the metric is one that is known here at all, or has ever been written."""
        return of.namespace == OWN or of.series in self._values

    def values(self, of: Metric, start: float, end: float) -> list[float]:
        """The values that were written in a span of time."""
        return [value for at, value in self._values.get(of.series, ()) if start < at <= end]

    def points(self, of: Metric, *, end: float, period_s: float, count: int) -> list[float | None]:
        """The statistic of each of so many periods that lie one after the other, the last one ending at `end`."""
        starts = [end - period_s * (n + 1) for n in range(count)][::-1]
        return [statistic_of(self.values(of, start, start + period_s), of.statistic) for start in starts]

    def _add(self, of: Metric, at: float, value: float) -> None:
        self._values[of.series].append((at, float(value)))

    def _forget(self, before: float) -> None:
        for series, values in list(self._values.items()):
            self._values[series] = [each for each in values if each[0] > before]
        self._seen = {each: at for each, at in self._seen.items() if at > before}

    def _groups(self, logs: Any) -> list[str]:
        pages = logs.get_paginator("describe_log_groups").paginate(logGroupNamePrefix=f"/aws/lambda/{self.name}-")
        return [group["logGroupName"] for page in pages for group in page["logGroups"]]

    def _queues(self, now: float) -> Iterator[tuple[str, list[float]]]:
        """Each queue of the stack with the ages of what waits in it, s; MiniStack tells them, SQS's API does not."""
        address = f"{self._stack.instance.endpoint}/_ministack/sqs/messages"
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(address, timeout=30) as answer:
            told = json.load(answer)["messages"]
        for regions in told.values():
            for queues in regions.values():
                for url, messages in queues.items():
                    name = url.rpartition("/")[2]
                    if name.startswith(f"{self.name}-"):
                        yield name, [now - each["SentTimestamp"] for each in messages]
