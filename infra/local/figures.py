"""The metrics of the local stack, under the names that CloudWatch gives them in AWS.

Our own metrics are in the functions' log lines (embedded metric format). Metrics of AWS's services are derived from the
same lines (calls, answers, errors) and from the queues. Not available: throttles, concurrent executions, the delay of a
stream's reader, and DynamoDB's units.
"""

from __future__ import annotations

import json
import math
import time
import urllib.request
from collections.abc import Iterator, Mapping
from typing import Any

from infra.local import alarms
from infra.local.alarms import Dimensions, MetricKey, MetricValues
from infra.local.config import STACK
from infra.local.stack import Stack

KEPT_S = 3600.0
OWN = "SecureConnect"
ENDED_BADLY = {"FAILED": "ExecutionsFailed", "TIMED_OUT": "ExecutionsTimedOut"}


def metric(full_name: str, of: Dimensions, *, stack: str = STACK) -> MetricKey:
    """A metric as the dashboard names it (infra/dashboard.toml)."""
    namespace, _, name = full_name.rpartition("/")
    own = {"service": stack} if namespace == OWN else {}
    named = {key: value.replace("${Prefix}", stack) for key, value in {**of, **own}.items()}
    return MetricKey(namespace, name, frozenset(named.items()))


def statistic_of(values: list[float], asked: str) -> float | None:
    """A statistic of some values; without values it is 0 for counts, else None."""
    return 0.0 if not values and asked in ("Sum", "SampleCount") else alarms.statistic(values, asked)


class Figures:
    """The metrics of the last hour, or since `since_s`. `read` updates them; nothing is read twice."""

    def __init__(self, stack: Stack, *, name: str = STACK, since_s: float = 0.0) -> None:
        self._stack = stack
        self.name = name
        self.since = math.inf  # the time of the oldest line, s
        self.measured = MetricValues()
        self._since_s = since_s
        self._read_to_ms: dict[str, int] = {}
        self._seen: dict[str, float] = {}

    def read(self) -> None:
        """Read the lines written since the last call, and the state of queues and machines."""
        now = time.time()
        begins = max(now - KEPT_S, self._since_s)
        logs = self._stack.client("logs")
        for group in self._groups(logs):
            start = self._read_to_ms.get(group, int(begins * 1000))
            for page in logs.get_paginator("filter_log_events").paginate(logGroupName=group, startTime=start):
                for event in page["events"]:
                    at, text = event["timestamp"] / 1000, event["message"]
                    # MiniStack's events of a function's log have no eventId
                    if self._is_new(f"{event['logStreamName']} {at} {hash(text)}", at):
                        self.take(group.rpartition("/")[2], at, text)
                    self._read_to_ms[group] = max(self._read_to_ms.get(group, 0), event["timestamp"])
        for queue, ages in self._queues(now):
            of = {"QueueName": queue}
            self.measured.add("AWS/SQS", "ApproximateAgeOfOldestMessage", of, now, max(ages, default=0.0))
            self.measured.add("AWS/SQS", "ApproximateNumberOfMessagesVisible", of, now, float(len(ages)))
        for machine, name, execution, at in self._ended_badly():
            if at >= begins and self._is_new(execution, at):
                self.measured.add("AWS/States", name, {"StateMachineArn": machine}, at, 1.0)
        self.measured.forget(now - KEPT_S)
        self._seen = {each: at for each, at in self._seen.items() if at > now - KEPT_S}

    def _is_new(self, what: str, at: float) -> bool:
        if what in self._seen:
            return False
        self._seen[what] = at
        return True

    def take(self, function: str, at: float, text: str) -> None:
        """Read one line of a function's log; lines that are no JSON object are Lambda's own."""
        if not text.startswith("{"):
            return
        line = json.loads(text)
        self.since = min(self.since, at)
        if line.get("message") in ("call", "call failed"):
            self._call(function, at, line)
        if "_aws" in line:
            self.measured.add_line(text)

    def _call(self, function: str, at: float, line: Mapping[str, Any]) -> None:
        failed = float(line["message"] == "call failed")
        self.measured.add("AWS/Lambda", "Invocations", {"FunctionName": function}, at, 1.0)
        self.measured.add("AWS/Lambda", "Errors", {"FunctionName": function}, at, failed)
        if "route" in line and " /" in line["route"]:
            of, status = {"ApiName": f"{self.name}-api"}, 500 if failed else int(line.get("status", 200))
            self.measured.add("AWS/ApiGateway", "Count", of, at, 1.0)
            self.measured.add("AWS/ApiGateway", "Latency", of, at, float(line["Duration"]))
            self.measured.add("AWS/ApiGateway", "4XXError", of, at, float(400 <= status < 500))
            self.measured.add("AWS/ApiGateway", "5XXError", of, at, float(status >= 500))

    def known(self, of: MetricKey) -> bool:
        """Whether the metric is one of ours, or has ever had a value."""
        return of.namespace == OWN or self.measured.knows(of)

    def points(self, of: MetricKey, statistic: str, *, end: float, period_s: float, count: int) -> list[float | None]:
        """The statistic of each of `count` consecutive periods, the last of which ends at `end`."""
        starts = [end - period_s * (n + 1) for n in range(count)][::-1]
        return [statistic_of(self.measured.within(of, start, start + period_s), statistic) for start in starts]

    def _groups(self, logs: Any) -> list[str]:
        pages = logs.get_paginator("describe_log_groups").paginate(logGroupNamePrefix=f"/aws/lambda/{self.name}-")
        return [group["logGroupName"] for page in pages for group in page["logGroups"]]

    def _queues(self, now: float) -> Iterator[tuple[str, list[float]]]:
        """Each queue of the stack with the ages (s) of its messages; MiniStack reports them, SQS's API does not."""
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

    def _ended_badly(self) -> Iterator[tuple[str, str, str, float]]:
        """Failed executions: the machine, the metric that counts them, the ARN, and the time of their end (s)."""
        client = self._stack.client("stepfunctions")
        for machine in client.list_state_machines()["stateMachines"]:
            if not machine["name"].startswith(f"{self.name}-"):
                continue
            arn = machine["stateMachineArn"]
            for status, name in ENDED_BADLY.items():
                for each in client.list_executions(stateMachineArn=arn, statusFilter=status)["executions"]:
                    yield arn, name, each["executionArn"], each["stopDate"].timestamp()
