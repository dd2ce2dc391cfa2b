"""Shows an operator the state of a stack: `python -m infra.show WHAT [NAME] [--minutes N] [--stack NAME]`.

health: the answer of GET /health/ready. queues: the messages waiting in each queue and dead-letter queue. errors
[FUNCTION]: the last errors in the logs. metric NAME: the sum of a metric, by function. rules: schedules, and which are
off. functions: reserved concurrency, and what the account has left. tables: their sizes, and how far back they can be
restored. deployment: the stack's state and its last failures.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from infra import chosen_stack
from infra.chosen_stack import client

LOG_GROUP = "/aws/lambda/"
ERRORS_SHOWN = 20
HEALTH_WAIT_S = 15
COUNTS = ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible", "ApproximateNumberOfMessagesDelayed")


def _prefix() -> str:
    return f"{os.environ['STACK_NAME']}-"


def _own(full_names: Iterable[str]) -> list[tuple[str, str]]:
    """The short and the full names of what belongs to the stack, in order."""
    named = ((chosen_stack.own_part(os.environ["STACK_NAME"], each), each) for each in full_names)
    return sorted((name, full_name) for name, full_name in named if name)


def health(_: str, __: float) -> list[str]:
    try:
        with urllib.request.urlopen(f"{chosen_stack.http_url()}/health/ready", timeout=HEALTH_WAIT_S) as answer:  # noqa: S310
            found = json.load(answer)
    except urllib.error.HTTPError as error:
        found = json.load(error)
    checks = [
        f"  {name:15} {each['status']:8} {each['latency_ms']:8.1f} ms  breaker {each['breaker']}"
        for name, each in found["checks"].items()
    ]
    return [f"status: {found['status']}", *checks]


def queues(_: str, __: float) -> list[str]:
    sqs = client("sqs")
    pages = sqs.get_paginator("list_queues").paginate(QueueNamePrefix=_prefix())
    urls = {url.rpartition("/")[2]: url for page in pages for url in page.get("QueueUrls", ())}
    lines = [f"{'queue':22} waiting  in work  delayed"]
    for name, full_name in _own(urls):
        url = urls[full_name]
        told = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
        counts = [int(told.get(name, 0)) for name in COUNTS]
        mark = (
            "  <- python -m infra.redrive " + name.removesuffix("-dead") if name.endswith("-dead") and counts[0] else ""
        )
        lines.append(f"{name:22} {counts[0]:7} {counts[1]:8} {counts[2]:8}{mark}")
    return lines


def _lines(function: str, minutes: float, words: str) -> Iterator[tuple[str, int, dict[str, Any]]]:
    """Log lines that contain these words: the function, the time (ms), and the line.

    `function` is the beginning of names of functions; raises SystemExit if none begins so.
    """
    logs, since = client("logs"), int((time.time() - minutes * 60) * 1000)
    known = _logging_functions(logs)
    chosen = [name for name in known if name.startswith(function)]
    if not chosen:
        raise SystemExit(f"no function's name begins with {function}; there are {', '.join(known)}")
    for name in chosen:
        asked = {"logGroupName": f"{LOG_GROUP}{_prefix()}{name}", "startTime": since, "filterPattern": f'"{words}"'}
        for page in logs.get_paginator("filter_log_events").paginate(**asked):
            for event in page["events"]:
                if event["message"].startswith("{") and words in event["message"]:
                    yield name, event["timestamp"], json.loads(event["message"])


def _logging_functions(logs: Any) -> list[str]:
    whole = LOG_GROUP + _prefix()
    pages = logs.get_paginator("describe_log_groups").paginate(logGroupNamePrefix=whole)
    groups = (group["logGroupName"].removeprefix(LOG_GROUP) for page in pages for group in page["logGroups"])
    return [name for name, _ in _own(groups)]


def errors(function: str, minutes: float) -> list[str]:
    found = sorted(
        ((at, name, line) for name, at, line in _lines(function, minutes, "ERROR") if line.get("level") == "ERROR"),
        key=lambda each: each[0],
    )
    lines = [f"{len(found)} errors in the last {minutes:.0f} minutes"]
    for at, name, line in found[-ERRORS_SHOWN:]:
        why = str(line.get("exception", line.get("message", ""))).strip().splitlines()[-1:]
        what = line.get("route") or line.get("action") or ""
        lines.append(f"  {datetime.fromtimestamp(at / 1000, UTC):%T} {name} {what} {' '.join(why)[:200]}")
    return lines


def metric(name: str, minutes: float) -> list[str]:
    if not name:
        raise SystemExit("name a metric, as in: python -m infra.show metric SendDuration")
    counted: Counter[str] = Counter()
    for function, _, line in _lines("", minutes, name):
        values = line.get(name, 0)
        counted[function] += sum(values) if isinstance(values, list) else values
    told = [f"  {function:22} {count:10.0f}" for function, count in counted.most_common()]
    return [f"{name}: {sum(counted.values()):.0f} in the last {minutes:.0f} minutes", *told]


def rules(_: str, __: float) -> list[str]:
    events = client("events")
    pages = events.get_paginator("list_rules").paginate(NamePrefix=os.environ["STACK_NAME"])
    scheduled = {each["Name"]: each for page in pages for each in page["Rules"] if "ScheduleExpression" in each}
    found = [scheduled[full_name] for _, full_name in _own(scheduled)]
    off = [each["Name"] for each in found if each["State"] != "ENABLED"]
    lines = [
        f"  {each['Name'].removeprefix(_prefix()):45} {each['ScheduleExpression']:18} {each['State']}" for each in found
    ]
    return [f"{len(found)} schedules, {len(off)} of them off{': ' + ', '.join(off) if off else ''}", *lines]


def functions(_: str, __: float) -> list[str]:
    lambdas = client("lambda")
    pages = lambdas.get_paginator("list_functions").paginate()
    names = [each["FunctionName"] for page in pages for each in page["Functions"]]
    lines, reserved = [], 0
    for name, full_name in _own(names):
        told = lambdas.get_function_concurrency(FunctionName=full_name).get("ReservedConcurrentExecutions")
        reserved += told or 0
        if told is not None:
            lines.append(f"  {name:22} {told:6}")
    limits = lambdas.get_account_settings()["AccountLimit"]
    whole, left = limits["ConcurrentExecutions"], limits["UnreservedConcurrentExecutions"]
    return [f"the account may run {whole} at once, {left} of them unreserved; {reserved} are reserved here:", *lines]


def tables(_: str, __: float) -> list[str]:
    from infra import restore

    lines = []
    for each in restore.tables(os.environ["STACK_NAME"]):
        reach = f"{each.earliest:%FT%TZ} to {each.latest:%FT%TZ}" if each.earliest and each.latest else "off"
        lines.append(f"  {each.name:18} {each.items:10} items  recovery {reach}")
    return [f"{len(lines)} tables", *lines]


def deployment(_: str, __: float) -> list[str]:
    formation, name = client("cloudformation"), os.environ["STACK_NAME"]
    (stack,) = formation.describe_stacks(StackName=name)["Stacks"]
    changed = stack.get("LastUpdatedTime", stack["CreationTime"])
    events = formation.describe_stack_events(StackName=name)["StackEvents"]
    failures = [each for each in events if each["ResourceStatus"].endswith("FAILED")][:ERRORS_SHOWN]
    told = [f"  {each['LogicalResourceId']}: {each.get('ResourceStatusReason', '')}" for each in failures]
    return [f"{name} is {stack['StackStatus']} since {changed:%F %T} UTC, {len(told)} resources failed", *told]


SHOWN: Mapping[str, Callable[[str, float], list[str]]] = {
    each.__name__: each for each in (health, queues, errors, metric, rules, functions, tables, deployment)
}


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="infra.show", description="Shows how a stack is.")
    parser.add_argument("what", choices=SHOWN)
    name_help = "of errors: a function, or the beginning of its name; of metric: the metric"
    parser.add_argument("name", nargs="?", default="", help=name_help)
    parser.add_argument("--minutes", type=float, default=15.0, help="how far back logs are read (default: 15)")
    chosen_stack.add_option(parser)
    chosen = parser.parse_args(arguments)
    chosen_stack.use(chosen.stack)
    print("\n".join(SHOWN[chosen.what](chosen.name, chosen.minutes)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
