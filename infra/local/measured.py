"""What the local cloud measured, as CloudWatch would hold it: for alarms that are evaluated by infra/local/alarms.py.

Own metrics come out of the functions' lines, AWS/Lambda's from MiniStack's CloudWatch, AWS/SQS's and AWS/States' from
the services themselves. Not measured here: ages of queues and AWS/ApiGateway, which nothing local knows.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, Protocol

from infra.local.alarms import MINUTE_S, MetricValues

LAMBDA = ("Invocations", "Errors", "Throttles")
ENDED_BADLY = {"FAILED": "ExecutionsFailed", "TIMED_OUT": "ExecutionsTimedOut"}
QUERIES_MAX = 500  # of one GetMetricData


class Clients(Protocol):
    """Makes boto3 clients of the local cloud."""

    def __call__(self, service: str) -> Any: ...


def measured(client: Clients, stack: str, since_s: float) -> MetricValues:
    """The metrics of a stack since then."""
    metrics = MetricValues()
    functions = [
        each["FunctionName"]
        for page in client("lambda").get_paginator("list_functions").paginate()
        for each in page["Functions"]
        if each["FunctionName"].startswith(f"{stack}-")
    ]
    for text in _lines(client("logs"), functions, since_s):
        metrics.add_line(text)
    _add_lambda(metrics, client("cloudwatch"), functions, since_s)
    _add_queues(metrics, client("sqs"), stack)
    _add_executions(metrics, client("stepfunctions"), stack, since_s)
    return metrics


def _lines(logs: Any, functions: list[str], since_s: float) -> Iterator[str]:
    for name in functions:
        pages = logs.get_paginator("filter_log_events").paginate(
            logGroupName=f"/aws/lambda/{name}", startTime=int(since_s * 1_000)
        )
        try:
            for page in pages:
                yield from (each["message"] for each in page["events"])
        except logs.exceptions.ResourceNotFoundException:
            continue  # never invoked


def _add_lambda(metrics: MetricValues, cloudwatch: Any, functions: list[str], since_s: float) -> None:
    asked = [(name, metric) for name in functions for metric in LAMBDA]
    for start in range(0, len(asked), QUERIES_MAX):
        some = asked[start : start + QUERIES_MAX]
        queries = [
            {
                "Id": f"m{number}",
                "MetricStat": {
                    "Metric": {
                        "Namespace": "AWS/Lambda",
                        "MetricName": metric,
                        "Dimensions": [{"Name": "FunctionName", "Value": name}],
                    },
                    "Period": MINUTE_S,
                    "Stat": "Sum",
                },
            }
            for number, (name, metric) in enumerate(some)
        ]
        answer = cloudwatch.get_metric_data(
            MetricDataQueries=queries,
            StartTime=datetime.fromtimestamp(since_s // MINUTE_S * MINUTE_S, UTC),
            EndTime=datetime.fromtimestamp(time.time() + MINUTE_S, UTC),
        )
        for found in answer["MetricDataResults"]:
            name, metric = some[int(found["Id"][1:])]
            for at, value in zip(found["Timestamps"], found["Values"], strict=True):
                metrics.add("AWS/Lambda", metric, {"FunctionName": name}, at.timestamp(), value)


def _add_queues(metrics: MetricValues, sqs: Any, stack: str) -> None:
    name = "ApproximateNumberOfMessages"
    for url in sqs.list_queues(QueueNamePrefix=f"{stack}-").get("QueueUrls", ()):
        visible = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=[name])["Attributes"][name]
        of = {"QueueName": url.rpartition("/")[2]}
        metrics.add("AWS/SQS", f"{name}Visible", of, time.time(), float(visible))


def _add_executions(metrics: MetricValues, machines: Any, stack: str, since_s: float) -> None:
    for machine in machines.list_state_machines()["stateMachines"]:
        arn = machine["stateMachineArn"]
        if not machine["name"].startswith(f"{stack}-"):
            continue
        for status, metric in ENDED_BADLY.items():
            for each in machines.list_executions(stateMachineArn=arn, statusFilter=status)["executions"]:
                if each["stopDate"].timestamp() >= since_s:
                    metrics.add("AWS/States", metric, {"StateMachineArn": arn}, each["stopDate"].timestamp(), 1)
