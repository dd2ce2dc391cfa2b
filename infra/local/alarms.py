"""Evaluates alarms as CloudWatch does, over metrics measured locally, without AWS.

MiniStack's CloudWatch supports neither metric math nor missing data nor metrics inside log lines, so this module
evaluates the definitions of the templates (infra/translated.py). Time is an argument, so that three days can be played
in a moment. Rules: CloudWatch's "Evaluating an alarm", "Configuring how alarms treat missing data", "Using metric math"
and "Composite alarms" (user guide). A minute counts once it is over. INSUFFICIENT_DATA is left out: the alarms of the
templates never reach it, because each of them defines how to treat missing data.
"""

from __future__ import annotations

import ast
import json
import operator
import re
from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from math import ceil, floor
from typing import Any

MINUTE_S = 60
COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    "GreaterThanOrEqualToThreshold": operator.ge,
    "GreaterThanThreshold": operator.gt,
    "LessThanThreshold": operator.lt,
    "LessThanOrEqualToThreshold": operator.le,
}
ARITHMETIC: dict[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}

Dimensions = Mapping[str, str]
Definition = Mapping[str, Any]


class NotKnown(ValueError):
    """A definition uses a feature that this evaluator lacks; ignoring it could show a broken alarm as working."""


@dataclass(frozen=True, slots=True)
class MetricKey:
    """A metric by namespace, name and dimensions; one of AWS/Lambda without dimensions sums up all functions."""

    namespace: str
    name: str
    dimensions: frozenset[tuple[str, str]]


@dataclass(slots=True)
class MetricValues:
    """Values of metrics with the time (s) at which each was measured."""

    _values: dict[MetricKey, list[tuple[float, float]]] = field(default_factory=dict)

    def add(self, namespace: str, name: str, dimensions: Dimensions, at_s: float, *values: float) -> None:
        """Add values that were measured at `at_s`."""
        for key in {MetricKey(namespace, name, frozenset(dimensions.items())), *_overall(namespace, name)}:
            kept = self._values.setdefault(key, [])
            in_order = not kept or kept[-1][0] <= at_s
            kept.extend((at_s, value) for value in values)
            if not in_order:
                kept.sort()

    def add_line(self, text: str) -> None:
        """Add the metrics in one of our log lines (embedded metric format); other lines have none."""
        if '"_aws"' not in text:
            return
        line = json.loads(text[text.index("{") :])
        at_s = line["_aws"]["Timestamp"] / 1_000
        for directive in line["_aws"]["CloudWatchMetrics"]:
            for names in directive["Dimensions"]:
                of = {name: line[name] for name in names}
                for metric in directive["Metrics"]:
                    found = line[metric["Name"]]
                    values = found if isinstance(found, list) else [found]
                    self.add(directive["Namespace"], metric["Name"], of, at_s, *values)

    def knows(self, key: MetricKey) -> bool:
        """Whether the metric has ever had a value."""
        return key in self._values

    def forget(self, before_s: float) -> None:
        """Drop values measured before."""
        for key, kept in self._values.items():
            self._values[key] = kept[bisect_left(kept, (before_s,)) :]

    def within(self, key: MetricKey, after_s: float, until_s: float) -> list[float]:
        """The values of a metric that were measured in [after_s, until_s)."""
        kept = self._values.get(key, [])
        return [value for _, value in kept[bisect_left(kept, (after_s,)) : bisect_left(kept, (until_s,))]]


def _overall(namespace: str, name: str) -> Iterable[MetricKey]:
    if namespace == "AWS/Lambda":
        yield MetricKey(namespace, name, frozenset())


def definitions(resources: Iterable[Mapping[str, Any]], stack: str) -> dict[str, Definition]:
    """The metric and composite alarms among the resources of a template, by name. `Prefix` is replaced by the stack's
    name, and actions are left out."""
    made = (
        _worked_out(each["Properties"], stack)
        for each in resources
        if each["Type"] in ("AWS::CloudWatch::Alarm", "AWS::CloudWatch::CompositeAlarm")
    )
    return {str(each["AlarmName"]): each for each in made}


def _worked_out(value: Any, stack: str) -> Any:
    match value:
        case {"Fn::Sub": str(text)}:
            return re.sub(r"\$\{([\w:]+)\}", lambda found: stack if found[1] == "Prefix" else found[1], text)
        case {"Ref": "Prefix"}:
            return stack
        case {"Fn::If": _}:
            return []
        case dict():
            return {key: _worked_out(each, stack) for key, each in value.items()}
        case list():
            return [_worked_out(each, stack) for each in value]
    return value


def children(alarm: Definition) -> list[str]:
    """The alarms in the rule of a composite alarm; none for a metric alarm."""
    return [each.partition(")")[0] for each in str(alarm.get("AlarmRule", "")).split("ALARM(")[1:]]


def looks_back_s(alarm: Definition) -> int:
    """The span of time that a metric alarm evaluates, in seconds."""
    return _period_s(alarm) * int(alarm["EvaluationPeriods"])


def looked_at(alarm: Definition) -> list[MetricKey]:
    """The metrics that a metric alarm evaluates."""
    if "Metrics" not in alarm:
        return [_key(alarm)]
    return [_key(each["MetricStat"]["Metric"]) for each in alarm["Metrics"] if "MetricStat" in each]


def statistic(values: list[float], asked: str) -> float | None:
    """A statistic of a period's values as CloudWatch calculates it: Sum, Average, p99, PR(:500) …; None without values.

    Raises:
        NotKnown: a statistic that is not calculated here.
    """
    if not values:
        return None
    match asked:
        case "Sum":
            return sum(values)
        case "Average":
            return sum(values) / len(values)
        case "Maximum":
            return max(values)
        case "Minimum":
            return min(values)
        case "SampleCount":
            return float(len(values))
    if found := re.fullmatch(r"p([\d.]+)", asked):
        ordered = sorted(values)
        rank = float(found[1]) / 100 * (len(ordered) - 1)
        low, high = ordered[floor(rank)], ordered[ceil(rank)]
        return low + (high - low) * (rank - floor(rank))
    if found := re.fullmatch(r"PR\(:([\d.]+)\)", asked):
        most = float(found[1])
        return 100 * sum(value <= most for value in values) / len(values)
    raise NotKnown(f"the statistic {asked}")


def is_breached(alarm: Definition, metrics: MetricValues, now_s: float) -> bool:
    """Whether a metric alarm is in ALARM at `now_s`: `DatapointsToAlarm` of its last periods breach its threshold.

    Periods end with the last whole minute, as CloudWatch looks each minute.
    """
    now_s = floor(now_s / MINUTE_S) * MINUTE_S
    times = int(alarm["EvaluationPeriods"])
    period_s = _period_s(alarm)
    points = [_point(alarm, metrics, now_s - back * period_s, period_s) for back in range(times)]
    breached = [_breaches(alarm, point) for point in points]
    return sum(breached) >= int(alarm.get("DatapointsToAlarm", times))


def _breaches(alarm: Definition, point: float | None) -> bool:
    if point is not None:
        return COMPARISONS[alarm["ComparisonOperator"]](point, float(alarm["Threshold"]))
    match alarm.get("TreatMissingData", "missing"):
        case "breaching":
            return True
        case "notBreaching":
            return False
    raise NotKnown(f"missing data that is {alarm.get('TreatMissingData', 'missing')}")


def _period_s(alarm: Definition) -> int:
    periods = {int(each["MetricStat"]["Period"]) for each in alarm.get("Metrics", ()) if "MetricStat" in each}
    periods |= {int(alarm["Period"])} if "Period" in alarm else set()
    if len(periods) != 1:
        raise NotKnown("metrics of several periods in one alarm")
    return periods.pop()


def _point(alarm: Definition, metrics: MetricValues, until_s: float, period_s: int) -> float | None:
    """The value that an alarm evaluates for the period that ends at `until_s`."""
    if "Metrics" not in alarm:
        asked = alarm.get("ExtendedStatistic") or alarm["Statistic"]
        return statistic(metrics.within(_key(alarm), until_s - period_s, until_s), asked)
    known: dict[str, float | None] = {}
    for each in alarm["Metrics"]:
        if measured := each.get("MetricStat"):
            values = metrics.within(_key(measured["Metric"]), until_s - period_s, until_s)
            known[each["Id"]] = statistic(values, measured["Stat"])
    (shown,) = (each for each in alarm["Metrics"] if each.get("ReturnData", True))
    return _calculated(ast.parse(shown["Expression"], mode="eval").body, known)


def _key(about: Definition) -> MetricKey:
    of = frozenset((each["Name"], each["Value"]) for each in about.get("Dimensions", ()))
    return MetricKey(about["Namespace"], about["MetricName"], of)


def _calculated(node: ast.expr, known: Mapping[str, float | None]) -> float | None:
    """The value of an expression of metric math; None if one of its metrics has no value."""
    match node:
        case ast.Constant(value=int() | float() as number):
            return float(number)
        case ast.Name(id=name) if name in known:
            return known[name]
        case ast.BinOp(left=left, op=op, right=right) if type(op) in ARITHMETIC:
            sides = _calculated(left, known), _calculated(right, known)
            if sides[0] is None or sides[1] is None:
                return None
            return ARITHMETIC[type(op)](sides[0], sides[1])
        case ast.Compare(left=left, ops=[ast.GtE()], comparators=[right]):
            sides = _calculated(left, known), _calculated(right, known)
            return None if sides[0] is None or sides[1] is None else float(sides[0] >= sides[1])
        case ast.Call(func=ast.Name(id="IF"), args=[condition, then, otherwise]):
            holds = _calculated(condition, known)
            return None if holds is None else _calculated(then if holds else otherwise, known)
    raise NotKnown(f"metric math with {ast.unparse(node)}")


def is_raised(rule: str, in_alarm: Callable[[str], bool]) -> bool:
    """Whether a composite alarm's rule holds, given which alarms are in ALARM.

    Raises:
        NotKnown: the rule has more than ALARM(name), AND, OR, NOT and brackets.
    """
    names: list[str] = []

    def numbered(found: re.Match[str]) -> str:
        names.append(found[1].strip('"'))
        return f"a{len(names) - 1}"

    text = re.sub(r'ALARM\(("?[\w-]+"?)\)', numbered, rule)
    for word in ("AND", "OR", "NOT"):
        text = re.sub(rf"\b{word}\b", word.lower(), text)
    return _holds(ast.parse(text, mode="eval").body, lambda name: in_alarm(names[int(name[1:])]))


def _holds(node: ast.expr, in_alarm: Callable[[str], bool]) -> bool:
    match node:
        case ast.Name(id=name):
            return in_alarm(name)
        case ast.BoolOp(op=ast.And(), values=values):
            return all(_holds(each, in_alarm) for each in values)
        case ast.BoolOp(op=ast.Or(), values=values):
            return any(_holds(each, in_alarm) for each in values)
        case ast.UnaryOp(op=ast.Not(), operand=inner):
            return not _holds(inner, in_alarm)
    raise NotKnown(f"a rule with {ast.unparse(node)}")


def in_alarm(name: str, alarms: Mapping[str, Definition], metrics: MetricValues, now_s: float) -> bool:
    """Whether the alarm called `name` is in ALARM at `now_s`, metric or composite.

    Raises:
        KeyError: a rule names an unknown alarm.
    """
    alarm = alarms[name]
    if "AlarmRule" in alarm:
        return is_raised(alarm["AlarmRule"], lambda each: in_alarm(each, alarms, metrics, now_s))
    return is_breached(alarm, metrics, now_s)
