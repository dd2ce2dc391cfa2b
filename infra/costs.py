"""What a deployment costs a month when nobody uses it: `python -m infra.costs ENVIRONMENT [NAME=VALUE …]`.

It also prints what the deployment lacks, and fails if the template's rules would refuse it.

It counts the translated templates. Prices are those of us-east-1 in November 2026, in US dollars. The free tiers of an
account (alarms, metrics, requests) are not deducted, because another stack may use them up. Custom metrics cost only
while they are written, and sweeps that find nothing write none.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from infra import generate
from infra.translated import Resource, deployment

HOURS = 730
MINUTES = HOURS * 60
BUDGETS = {"dev": 5.0, "staging": 5.4, "prod": 8.0}

# https://aws.amazon.com/cloudwatch/pricing/
ALARM, COMPOSITE, CUSTOM_METRIC, METRICS_OF_A_ROUTE = 0.10, 0.50, 0.30, 4
DASHBOARD = 3.00
# https://aws.amazon.com/secrets-manager/pricing/ and https://aws.amazon.com/kms/pricing/
SECRET, KEY = 0.40, 1.00
# https://aws.amazon.com/lambda/pricing/ : a call, and a GB-second
CALL, GB_SECOND = 0.20 / 1e6, 0.0000166667
# A snapshot of SnapStart while it is stored, and each start from it
SNAPSHOT_GB_SECOND, RESTORED_GB = 0.0000015046, 0.0001397998
# A sweep that finds nothing: at most eight queries of an index, or four consistent ones of a table, each half a unit or
# one (AWS: "Read and write capacity units", a query without items)
SWEEP_S, SWEEP_READS = 0.05, 4
# A look (functions/operations/unattended.py): a list of the queues and a count of each dead-letter queue, and calls of
# Step Functions and EventBridge, which cost nothing
LOOK_S, LOOK_QUEUE_REQUESTS = 0.5, 14
# https://aws.amazon.com/dynamodb/pricing/on-demand/
READ_UNIT, WRITE_UNIT = 0.125 / 1e6, 0.625 / 1e6
# https://aws.amazon.com/api-gateway/pricing/ , and one walk of the canary (functions/operations/journey.py) at six an
# hour, with its share of what happens once an hour: signing in and out, refreshed tokens, a group made and deleted
REST_CALL = 3.5 / 1e6
WALK_S, WALK_CALL_S, WALK_CALLS, WALK_REST_CALLS, WALK_WRITES, WALK_READS = 1.5, 0.08, 12, 6, 35, 40
# https://aws.amazon.com/sqs/pricing/ : Lambda polls an empty queue with five pollers, each waiting 20 s
SQS_REQUEST, POLLS_A_MINUTE = 0.40 / 1e6, 15
# https://aws.amazon.com/elasticache/pricing/ (Valkey, serverless: 100 MB at least) and https://aws.amazon.com/vpc/pricing/
CACHE_GB_HOUR, CACHE_MIN_GB, ENDPOINT_HOUR = 0.084, 0.1, 0.01
NAT_HOUR, ADDRESS_HOUR = 0.045, 0.005
# https://aws.amazon.com/waf/pricing/
WEB_ACL, WEB_RULE = 5.00, 1.00


@dataclass(frozen=True, slots=True)
class Item:
    """A line of the bill."""

    what: str
    count: float
    dollars: float


def monthly(resources: Iterable[Resource]) -> list[Item]:
    """The monthly cost of each kind of resource without use, the most expensive first."""
    lines: dict[str, list[float]] = {}
    for resource in resources:
        for what, dollars in _of(resource):
            lines.setdefault(what, []).append(dollars)
    items = [Item(what, len(each), sum(each)) for what, each in lines.items()]
    return sorted(items, key=lambda item: -item.dollars)


def total(items: Iterable[Item]) -> float:
    return sum(item.dollars for item in items)


def _of(resource: Resource) -> Iterator[tuple[str, float]]:
    properties = resource.properties
    match resource.kind:
        case "AWS::CloudWatch::Alarm":
            metrics = properties.get("Metrics") or [{"MetricStat": {}}]
            yield "alarms", ALARM * sum("MetricStat" in each for each in metrics)
        case "AWS::CloudWatch::CompositeAlarm":
            yield "composite alarms", COMPOSITE
        case "AWS::CloudWatch::Dashboard":
            yield "dashboards", DASHBOARD
        case "AWS::SecretsManager::Secret":
            yield "secrets", SECRET
        case "AWS::KMS::Key":
            yield "keys", KEY
        case "AWS::Events::Rule" if properties.get("State") == "DISABLED":
            pass
        case "AWS::Events::Rule" if resource.path.startswith("Canary"):
            yield "canary", _calls(properties["ScheduleExpression"]) * _walk()
        case "AWS::Events::Rule" if ".LookoutFunction" in resource.path:
            yield "lookout", _calls(properties["ScheduleExpression"]) * _look()
        case "AWS::Events::Rule" if "ScheduleExpression" in properties:
            yield "sweeps", _calls(properties["ScheduleExpression"]) * _sweep()
        case "AWS::Lambda::Function" if properties.get("SnapStart", {}).get("ApplyOn") == "PublishedVersions":
            yield "snapshots", MINUTES * 60 * properties["MemorySize"] / 1024 * SNAPSHOT_GB_SECOND
        case "AWS::Lambda::EventSourceMapping" if ":sqs:" in str(properties) or "Queue" in str(properties):
            yield "asking empty queues", MINUTES * POLLS_A_MINUTE * SQS_REQUEST
        case "AWS::ElastiCache::ServerlessCache":
            yield "cache", HOURS * CACHE_MIN_GB * CACHE_GB_HOUR
        case "AWS::EC2::VPCEndpoint" if properties.get("VpcEndpointType") == "Interface":
            yield "endpoints", HOURS * ENDPOINT_HOUR * len(properties.get("SubnetIds", "1"))
        case "AWS::EC2::NatGateway":
            yield "NAT gateways", HOURS * NAT_HOUR
        case "AWS::EC2::EIP":
            yield "public addresses", HOURS * ADDRESS_HOUR
        case "AWS::WAFv2::WebACL":
            yield "WAF", WEB_ACL + WEB_RULE * len(properties.get("Rules", ()))
        case _:
            pass


def _calls(schedule: str) -> float:
    """How often a rate() fires in a month."""
    found = re.fullmatch(r"rate\((\d+) (minute|hour|day)s?\)", schedule)
    if not found:
        return 31.0  # cron: at most once a day in these templates
    return MINUTES / (int(found[1]) * {"minute": 1, "hour": 60, "day": 1440}[found[2]])


def _walk() -> float:
    """The cost of one walk of the canary, including the functions that it calls."""
    executions = CALL * (WALK_CALLS + 1) + (WALK_S + WALK_CALLS * WALK_CALL_S) * 0.5 * GB_SECOND
    return executions + WALK_REST_CALLS * REST_CALL + WALK_WRITES * WRITE_UNIT + WALK_READS * READ_UNIT


def _look() -> float:
    return CALL + LOOK_S * 0.5 * GB_SECOND + LOOK_QUEUE_REQUESTS * SQS_REQUEST


def _sweep() -> float:
    return CALL + SWEEP_S * 0.5 * GB_SECOND + SWEEP_READS * READ_UNIT


def metrics_of_routes(resources: Mapping[str, Resource]) -> float:
    """What the metrics of each route cost once they are written: four for each path, as custom metrics."""
    stages = [each.properties for each in resources.values() if each.kind == "AWS::ApiGateway::Stage"]
    if not any(setting.get("MetricsEnabled") for stage in stages for setting in stage.get("MethodSettings", ())):
        return 0.0
    apis = [each.properties["Body"]["paths"] for each in resources.values() if each.kind == "AWS::ApiGateway::RestApi"]
    return METRICS_OF_A_ROUTE * CUSTOM_METRIC * sum(len(paths) for paths in apis)


# Parameters that a deployment with users should have, and the consequence without them.
OPTIONS = {
    "AlarmTopicArn": "nobody hears of an alarm",
    "TurnUrls": "one call in ten does not come through",
    "PublicUrl": "links in e-mails lead nowhere",
    "FcmSecretArn": "apps get no pushes, browsers do",
    "DomainName": "the APIs have addresses of AWS's",
}
# Options that cost money, with the values that turn them on.
CHOICES = {
    "CacheMode": "serverless",
    "Firewall": "on",
    "CanaryMinutes": "10",
    "SloAlarms": "on",
    "FunctionAlarms": "on",
    "Dashboard": "on",
    "SnapStart": "interactive",
}


def refusals(parameters: Mapping[str, str]) -> list[str]:
    """The root template's rules that refuse a deployment with these parameters, as CloudFormation would."""
    given = _with_defaults(parameters)

    def holds(test: Any) -> bool:
        ((function, argument),) = test.items()
        if function == "Fn::Not":
            return not holds(argument[0])
        left, right = (given[each["Ref"]] if isinstance(each, dict) else each for each in argument)
        return bool(left == right)

    return [
        str(assertion["AssertDescription"])
        for rule in _root()["Rules"].values()
        if holds(rule["RuleCondition"])
        for assertion in rule["Assertions"]
        if not holds(assertion["Assert"])
    ]


def lacking(parameters: Mapping[str, str]) -> list[str]:
    """The parameters that a deployment lacks, with the consequence of each."""
    given = _with_defaults(parameters)
    return [f"without {name} {how}" for name, how in OPTIONS.items() if not given[name]]


def choices(parameters: Mapping[str, str]) -> list[tuple[str, float]]:
    """The options that this deployment has not chosen, with the dollars a month that each would add."""
    given = _with_defaults(parameters)
    now = total(monthly(deployment(parameters).values()))
    return [
        (f"{name}={value}", total(monthly(deployment({**parameters, name: value}).values())) - now)
        for name, value in CHOICES.items()
        if given[name] != value
    ]


def _root() -> dict[str, Any]:
    return generate.read(generate.ROOT / "template.yaml")


def _with_defaults(parameters: Mapping[str, str]) -> dict[str, Any]:
    return {name: each.get("Default") for name, each in _root()["Parameters"].items()} | dict(parameters)


def main() -> int:
    from infra.local.parameters import configured

    environment, *given = sys.argv[1:]
    parameters = dict(word.split("=", 1) for word in [*configured(environment), *given])
    deployed = deployment(parameters)
    items = monthly(deployed.values())
    print(f"Idle, {environment} costs about {total(items):.2f} $ a month:")
    for item in items:
        print(f"  {item.dollars:7.2f}  {item.what} ({item.count:.0f})")
    if routes := metrics_of_routes(deployed):
        print(f"and up to {routes:.0f} $ for metrics of each route, once they are used.")
    print("More, if chosen: " + ", ".join(f"{name} {dollars:.2f}" for name, dollars in choices(parameters)))
    for line in lacking(parameters):
        print(f"  {line}")
    refused = refusals(parameters)
    for line in refused:
        print(f"Refused: {line}")
    return 1 if refused else 0


if __name__ == "__main__":
    sys.exit(main())
