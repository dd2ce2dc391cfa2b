"""Writes infra/observability.yaml from the other templates: `python -m infra.generate`, run by make build, check, up.

Each function in a template gets a log group and an error alarm; schedules, state machines and dead-letter queues get
their alarms, too. They are deployed with FunctionAlarms=on only, as a few alarms cover all of them (infra/alarms.toml,
functions/operations/unattended.py). In a resource's Metadata, `{Runbook: calls}` names the runbook of its alarms,
`Throttles: 10` asks for an alarm on so many throttled calls, `Errors: 3` for alarms that are always deployed, on so
many failed calls and on a schedule that stops, and `Scheduled` names the condition under which its schedule is on. All
other alarms are in infra/alarms.toml, objectives and their burn rates in infra/slos.toml, the panels of the dashboard
in infra/dashboard.toml.
"""

from __future__ import annotations

import json
import pickle
import re
import sys
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from samcli.yamlhelper import intrinsics_multi_constructor

from infra import reservations

ROOT = Path(__file__).resolve().parent.parent
TARGET = ROOT / "infra/observability.yaml"
ALARMS = ROOT / "infra/alarms.toml"
PANELS = ROOT / "infra/dashboard.toml"
OBJECTIVES = ROOT / "infra/slos.toml"
ALARM, COMPOSITE = "AWS::CloudWatch::Alarm", "AWS::CloudWatch::CompositeAlarm"
FUNCTION, MACHINE = "AWS::Serverless::Function", "AWS::Serverless::StateMachine"
QUEUE, NESTED = "AWS::SQS::Queue", "AWS::Serverless::Application"
STREAMS, FILTER = ROOT / "infra/streams.yaml", re.compile(r"FilterCriteria: \{.*\}")
OWN_METRICS = "SecureConnect"
WITH_DASHBOARD = "WithDashboard"
PANELS_IN_A_ROW, PANEL_WIDTH, PANEL_HEIGHT, ALARMS_HEIGHT = 3, 8, 6, 4  # a dashboard is 24 units wide
PER_FUNCTION = "PerFunction"  # the condition of alarms of single functions, queues, machines and schedules
WITH_CANARY = "WithCanary"  # the canary runs by a schedule
WITH_SLOS, WITHOUT_SLOS = "WithSlos", "WithoutSlos"  # alarms on burn rates, and those that they replace
WITH_MEANING, WITH_MODERATION, WITH_FIREBASE = "WithMeaning", "WithModeration", "WithFirebase"
# Kinds of alarms of infra/alarms.toml that are not always deployed: those of single parts, those that a burn rate
# replaces, and those of optional parts of a deployment.
ONLY = {
    "parts": PER_FUNCTION,
    "without slos": WITHOUT_SLOS,
    "canary": WITH_CANARY,
    "meaning": WITH_MEANING,
    "moderation": WITH_MODERATION,
    "firebase": WITH_FIREBASE,
}
NOTIFIED = {"Fn::If": ["HasTopic", [{"Ref": "AlarmTopicArn"}], []]}
DAY_S = 24 * 60 * 60
STATE_MACHINE_ARN = "arn:${AWS::Partition}:states:${AWS::Region}:${AWS::AccountId}:stateMachine:"

Json = dict[str, Any]


class _Loader(yaml.CSafeLoader):
    """Reads templates as SAM does (`!Ref x` is {"Ref": "x"}), ten times as fast."""


_Loader.add_multi_constructor("!", intrinsics_multi_constructor)


def read(path: Path) -> Json:
    """A template with its intrinsic functions in the long form: an object of its own for each caller."""
    written: Json = pickle.loads(_parsed(path.read_text()))  # noqa: S301 - this process has pickled it
    return written


@cache
def _parsed(text: str) -> bytes:
    """What a template says, pickled: that is read in a twentieth of the time, and many ask for the same templates."""
    return pickle.dumps(yaml.load(text, _Loader))  # noqa: S506 - it is a safe loader


def main() -> None:
    for path in templates():
        reservations.write(ROOT / path)
    written = STREAMS.read_text()
    current = FILTER.sub(lambda _: dispatched(), written)
    if current != written:
        STREAMS.write_text(current)
    text = "# Written by python -m infra.generate.\n" + yaml.safe_dump(observability(), sort_keys=False, width=120)
    if not TARGET.exists() or TARGET.read_text() != text:
        TARGET.write_text(text)


def dispatched() -> str:
    """The dispatcher's filter: changes of the event types that domains subscribe to, and no others."""
    sys.path += [str(ROOT / "layers/shared"), str(ROOT / "functions")]
    import composition  # noqa: F401 - the subscriptions of all domains
    from log.subscriptions import subscriptions

    types = sorted({each.type for each in subscriptions()})
    pattern = {"dynamodb": {"NewImage": {"type": {"S": types}}}}
    return f"FilterCriteria: {{Filters: [{{Pattern: '{json.dumps(pattern, separators=(',', ':'))}'}}]}}"


def templates() -> dict[str, Json]:
    """The root template and its nested templates by path, without the generated one."""
    root = read(ROOT / "template.yaml")
    nested = [each["Properties"]["Location"] for each in root["Resources"].values() if each["Type"] == NESTED]
    own = {path: read(ROOT / path) for path in sorted(nested) if ROOT / path != TARGET}
    return {"template.yaml": root, **own}


def observability() -> Json:
    """The template of log groups and alarms.

    Raises:
        ValueError: two resources or alarms would have the same name.
    """
    resources: Json = {}
    written = [
        *(_watching(name, each) for template in templates().values() for name, each in template["Resources"].items()),
        *({name: _own(name, **asked)} for name, asked in tomllib.loads(ALARMS.read_text()).items()),
        objectives(),
    ]
    for each in written:
        if twice := resources.keys() & each.keys():
            raise ValueError(f"two resources are called {', '.join(twice)}")
        resources |= each
    alarms = [name for name, each in resources.items() if each["Type"] == ALARM and "Condition" not in each]
    resources["OperationsDashboard"] = dashboard(alarms)
    return {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": "Log groups and alarms of SecureConnect. Each alarm names its runbook.",
        "Parameters": {
            "Prefix": {"Type": "String"},
            "AlarmTopicArn": {"Type": "String", "Default": ""},
            "LogRetentionDays": {"Type": "Number"},
            "FunctionAlarms": {"Type": "String"},
            "Dashboard": {"Type": "String", "Default": "off"},
            "SloAlarms": {"Type": "String", "Default": "off"},
            "Canary": {"Type": "String", "Default": "off"},
            "Meaning": {"Type": "String", "Default": "off"},
            "Moderation": {"Type": "String", "Default": "off"},
            "FcmSecretArn": {"Type": "String", "Default": ""},
        },
        "Conditions": {
            "HasTopic": {"Fn::Not": [{"Fn::Equals": [{"Ref": "AlarmTopicArn"}, ""]}]},
            WITH_DASHBOARD: {"Fn::Equals": [{"Ref": "Dashboard"}, "on"]},
            WITH_SLOS: {"Fn::Equals": [{"Ref": "SloAlarms"}, "on"]},
            WITH_CANARY: {"Fn::Equals": [{"Ref": "Canary"}, "on"]},
            WITH_MEANING: {"Fn::Equals": [{"Ref": "Meaning"}, "on"]},
            WITH_MODERATION: {"Fn::Equals": [{"Ref": "Moderation"}, "on"]},
            WITH_FIREBASE: {"Fn::Not": [{"Fn::Equals": [{"Ref": "FcmSecretArn"}, ""]}]},
            WITHOUT_SLOS: {"Fn::Not": [{"Condition": WITH_SLOS}]},
            PER_FUNCTION: {"Fn::Equals": [{"Ref": "FunctionAlarms"}, "on"]},
            f"{PER_FUNCTION}{WITH_CANARY}": {"Fn::And": [{"Condition": PER_FUNCTION}, {"Condition": WITH_CANARY}]},
        },
        "Resources": resources,
        # a stack that gets its prefix from this output is made after the log groups, which Lambda would otherwise
        # create
        "Outputs": {"Prefix": {"Value": {"Ref": "Prefix"}}},
    }


def _watching(name: str, resource: Json) -> Json:
    """The log group and the alarms of one resource, by logical id."""
    about = {
        key: resource["Metadata"][key]
        for key in ("Runbook", "Throttles", "Errors", "Scheduled")
        if key in resource.get("Metadata", {})
    }
    if resource["Type"] == FUNCTION:
        return dict(_of_function(_name_of(resource, "FunctionName"), resource["Properties"], about))
    if resource["Type"] == MACHINE:
        return dict(_of_machine(name, _name_of(resource, "Name"), about))
    if resource["Type"] == QUEUE and name.endswith("DeadLetters"):
        made = _of_dead_letters(name, _name_of(resource, "QueueName"), about.get("Runbook", "dead-letters"))
        return {name: {"Condition": PER_FUNCTION, **made}}
    return {}


def _name_of(resource: Json, attribute: str) -> str:
    """A physical name without the stack's prefix, whose parameter has another name in each template."""
    return re.sub(r"^\$\{[\w:]+\}-", "", resource["Properties"][attribute]["Fn::Sub"])


def _of_function(name: str, properties: Json, about: Json) -> Iterator[tuple[str, Json]]:
    retention = {"Ref": "LogRetentionDays"}
    group = {"LogGroupName": {"Fn::Sub": f"/aws/lambda/${{Prefix}}-{name}"}, "RetentionInDays": retention}
    yield f"{name}Logs", {"Type": "AWS::Logs::LogGroup", "Properties": group}
    runbook = about.get("Runbook", "function-errors")
    of = {"FunctionName": f"${{Prefix}}-{name}"}
    says = f"{name} fails without an answer"
    always = "Errors" in about
    at = about.get("Errors", 5)
    errors = _alarm(f"{name}Errors", says=says, runbook=runbook, metric="AWS/Lambda/Errors", of=of, at=at)
    yield f"{name}Errors", errors if always else {"Condition": PER_FUNCTION, **errors}
    if at := about.get("Throttles"):
        says, metric = f"{name} is at its reserved concurrency", "AWS/Lambda/Throttles"
        throttles = _alarm(f"{name}Throttles", says=says, runbook="throttling", metric=metric, of=of, at=at)
        yield f"{name}Throttles", {"Condition": PER_FUNCTION, **throttles}
    schedules = [
        each["Properties"]["Schedule"] for each in properties.get("Events", {}).values() if each["Type"] == "Schedule"
    ]
    if schedules:
        says, period, times = _stands_still(schedules[0])
        says, metric = f"{name} has not run for {says}", "AWS/Lambda/Invocations"
        stopped = _alarm(
            f"{name}Stopped", says=says, runbook=runbook, metric=metric, of=of, below=1, period=period, times=times
        )
        condition = f"{PER_FUNCTION}{about.get('Scheduled', '')}"
        yield f"{name}Stopped", stopped if always else {"Condition": condition, **stopped}


def _stands_still(schedule: Any) -> tuple[str, int, int]:
    """How long a function may go without a call: in words, and as a period (s) and the number of periods."""
    if not isinstance(schedule, str):  # the canary's, which a parameter sets
        return "half an hour", 1800, 1
    return ("two days", DAY_S, 2) if "day" in schedule else ("15 minutes", 900, 1)


def _of_machine(name: str, physical: str, about: Json) -> Iterator[tuple[str, Json]]:
    of = {"StateMachineArn": f"{STATE_MACHINE_ARN}${{Prefix}}-{physical}"}
    for metric, says in (("Failed", "failed"), ("TimedOut", "did not end in its time")):
        says, metric = f"An execution of {physical} {says}", f"Executions{metric}"
        alarm = name + metric.removeprefix("Executions")
        made = _alarm(alarm, says=says, runbook=about["Runbook"], metric=f"AWS/States/{metric}", of=of, at=1)
        yield alarm, {"Condition": PER_FUNCTION, **made}


def _of_dead_letters(name: str, physical: str, runbook: str) -> Json:
    says, metric = f"Something was given up and lies in {physical}", "AWS/SQS/ApproximateNumberOfMessagesVisible"
    of = {"QueueName": f"${{Prefix}}-{physical}"}
    return _alarm(name, says=says, runbook=runbook, metric=metric, of=of, statistic="Maximum", period=60, at=1)


def _own(name: str, *, only: str = "", **asked: Any) -> Json:
    """An alarm of infra/alarms.toml; `only` is one of the kinds in `ONLY`, which are not always deployed."""
    made = _alarm(name, **asked)
    return {"Condition": ONLY[only], **made} if only else made


def objectives() -> Json:
    """The alarms of infra/slos.toml by logical id: one per objective and window, and one composite that notifies."""
    asked = tomllib.loads(OBJECTIVES.read_text())
    found: Json = {}
    together = []
    for name, objective in asked["objectives"].items():
        for window in asked["windows"]:
            both = []
            for each, least in ((window["long"], asked["least_bad_calls"]), (window["short"], 0)):
                alarm = f"{name}Burns{each['name']}"
                found[alarm] = _burning(alarm, burn=window["burn"], window=each, least=least, **objective)
                both.append(f"ALARM(${{Prefix}}-{alarm})")
            together.append(f"({' AND '.join(both)})")
        slow = asked["slow"]
        alarm = f"{name}Burns{slow['name']}"
        found[alarm] = _burning(alarm, burn=slow["burn"], window=slow, notified=NOTIFIED, **objective)
    properties = {
        "AlarmName": {"Fn::Sub": "${Prefix}-BudgetBurns"},
        "AlarmDescription": "The budget of an objective burns. Runbook: docs/runbooks/objectives.md",
        "AlarmRule": {"Fn::Sub": " OR ".join(together)},
        "AlarmActions": NOTIFIED,
        "OKActions": NOTIFIED,
    }
    found["BudgetBurns"] = {
        "Type": COMPOSITE,
        "Condition": WITH_SLOS,
        "DependsOn": list(found),
        "Properties": properties,
    }
    return found


def _burning(
    name: str,
    *,
    burn: float,
    window: Json,
    objective: float,
    metric: str,
    statistic: str,
    says: str,
    of: dict[str, str] | None = None,
    good: str = "m",
    notified: Any = None,
    least: int = 0,
) -> Json:
    """An alarm on a burn rate in one window: the share of bad calls divided by the share that the objective allows.

    With fewer than `least` bad calls the rate counts as 0.
    """
    measured = {"Metric": _metric(metric, of or {}), "Period": window["period"], "Stat": statistic}
    burn_rate = f"(100 - {good}) / {round(100 - objective, 6)}"
    # half a call less, since shares are rounded
    expression = f"IF(n * (100 - {good}) / 100 >= {least - 0.5}, {burn_rate}, 0)" if least else burn_rate
    rate = {"Id": "burn", "Expression": expression, "Label": "burn rate"}
    counted = {"Id": "n", "MetricStat": {**measured, "Stat": "SampleCount"}, "ReturnData": False}
    properties = {
        "AlarmName": {"Fn::Sub": f"${{Prefix}}-{name}"},
        "AlarmDescription": f"{says}: {burn} times the budget. Runbook: docs/runbooks/objectives.md",
        "Metrics": [
            {**rate, "ReturnData": True},
            {"Id": "m", "MetricStat": measured, "ReturnData": False},
            *([counted] if least else []),
        ],
        "EvaluationPeriods": window.get("times", 1),
        "Threshold": burn,
        "ComparisonOperator": "GreaterThanOrEqualToThreshold",
        "TreatMissingData": "notBreaching",
        **({"AlarmActions": notified, "OKActions": notified} if notified else {}),
    }
    return {"Type": ALARM, "Condition": WITH_SLOS, "Properties": properties}


def _metric(metric: str, of: dict[str, str]) -> Json:
    """Namespace, name and dimensions of a metric; our own metrics have the stack as a further dimension."""
    namespace, _, name = metric.rpartition("/")
    dimensions = [{"Name": key, "Value": {"Fn::Sub": value} if "${" in value else value} for key, value in of.items()]
    if namespace == OWN_METRICS:
        dimensions.append({"Name": "service", "Value": {"Ref": "Prefix"}})
    return {"Namespace": namespace, "MetricName": name, **({"Dimensions": dimensions} if dimensions else {})}


def _alarm(
    name: str,
    *,
    says: str,
    runbook: str,
    metric: str,
    of: dict[str, str],
    at: float | None = None,
    below: float | None = None,
    statistic: str = "Sum",
    period: int = 300,
    times: int = 1,
) -> Json:
    """An alarm on values of `at` and more, or below `below`; for the latter, missing data count as below."""
    properties = {
        "AlarmName": {"Fn::Sub": f"${{Prefix}}-{name}"},
        "AlarmDescription": f"{says}. Runbook: docs/runbooks/{runbook}.md",
        **_metric(metric, of),
        "ExtendedStatistic" if statistic.startswith("p") else "Statistic": statistic,
        "Period": period,
        "EvaluationPeriods": times,
        "Threshold": at if below is None else below,
        "ComparisonOperator": "GreaterThanOrEqualToThreshold" if below is None else "LessThanThreshold",
        "TreatMissingData": "notBreaching" if below is None else "breaching",
        "AlarmActions": NOTIFIED,
        "OKActions": NOTIFIED,
    }
    return {"Type": ALARM, "Properties": properties}


def dashboard(alarms: list[str]) -> Json:
    """The dashboard: the state of these alarms, then the panels of infra/dashboard.toml."""
    arn = "arn:${AWS::Partition}:cloudwatch:${AWS::Region}:${AWS::AccountId}:alarm:${Prefix}-"
    state = {"title": "Alarms", "alarms": [f"{arn}{name}" for name in alarms]}
    widgets = [{"type": "alarm", "x": 0, "y": 0, "width": 24, "height": ALARMS_HEIGHT, "properties": state}]
    for number, panel in enumerate(tomllib.loads(PANELS.read_text())["panels"]):
        row, column = divmod(number, PANELS_IN_A_ROW)
        place = {"x": column * PANEL_WIDTH, "y": ALARMS_HEIGHT + row * PANEL_HEIGHT}
        shown = {
            "title": panel["title"],
            "region": "${AWS::Region}",
            "view": "timeSeries",
            "period": 300,
            "metrics": [_line(**each) for each in panel["lines"]],
        }
        size = {"width": PANEL_WIDTH, "height": PANEL_HEIGHT}
        widgets.append({"type": "metric", **place, **size, "properties": shown})
    body = json.dumps({"widgets": widgets}, separators=(",", ":"))
    properties = {"DashboardName": {"Ref": "Prefix"}, "DashboardBody": {"Fn::Sub": body}}
    return {"Type": "AWS::CloudWatch::Dashboard", "Condition": WITH_DASHBOARD, "Properties": properties}


def _line(
    *,
    metric: str = "",
    expression: str = "",
    of: dict[str, str] | None = None,
    statistic: str = "Sum",
    label: str = "",
    id: str = "",
    hidden: bool = False,
) -> list[Any]:
    """A line of a panel in the dashboard's format: namespace, metric, dimensions, and display options."""
    shown = {
        **({"label": label} if label else {}),
        **({"id": id} if id else {}),
        **({"visible": False} if hidden else {}),
    }
    if expression:
        return [{"expression": expression, **shown}]
    namespace, _, name = metric.rpartition("/")
    dimensions = {**(of or {}), **({"service": "${Prefix}"} if namespace == OWN_METRICS else {})}
    pairs = [each for dimension in dimensions.items() for each in dimension]
    return [namespace, name, *pairs, {"stat": statistic, **shown}]


if __name__ == "__main__":
    main()
