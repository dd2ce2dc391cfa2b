"""Alarms are evaluated as CloudWatch does it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from infra.local.alarms import MetricValues, NotKnown, in_alarm, is_breached, is_raised, statistic

MINUTE_S = 60
NOW_S = 100 * MINUTE_S
OF = {"service": "s"}
ALARM: dict[str, Any] = {
    "Namespace": "N",
    "MetricName": "M",
    "Dimensions": [{"Name": "service", "Value": "s"}],
    "Statistic": "Sum",
    "Period": MINUTE_S,
    "EvaluationPeriods": 3,
    "Threshold": 5,
    "ComparisonOperator": "GreaterThanOrEqualToThreshold",
    "TreatMissingData": "notBreaching",
}


def _minutes(*values: float | None) -> MetricValues:
    """One value a minute, the last of the minute before NOW_S; None is a minute without any."""
    metrics = MetricValues()
    for back, value in enumerate(reversed(values), start=1):
        if value is not None:
            metrics.add("N", "M", OF, NOW_S - back * MINUTE_S, value)
    return metrics


@pytest.mark.parametrize(
    ("asked", "expected"),
    [("Sum", 10), ("Average", 2.5), ("Minimum", 1), ("Maximum", 4), ("SampleCount", 4), ("p50", 2.5), ("PR(:3)", 75)],
)
def test_a_statistic_is_taken_of_a_period_s_values(asked: str, expected: float) -> None:
    assert statistic([4, 1, 3, 2], asked) == expected
    assert statistic([], asked) is None


def test_a_statistic_that_is_not_known_is_no_guess() -> None:
    with pytest.raises(NotKnown):
        statistic([1], "TM(10%:90%)")


def test_all_periods_have_to_breach_unless_fewer_are_asked_for() -> None:
    assert is_breached(ALARM, _minutes(5, 6, 5), NOW_S)
    assert not is_breached(ALARM, _minutes(5, 4.9, 5), NOW_S)
    assert is_breached(ALARM | {"DatapointsToAlarm": 2}, _minutes(5, 4.9, 5), NOW_S)
    assert not is_breached(ALARM, _minutes(9, 9, 9, 0), NOW_S)


def test_a_minute_counts_once_it_is_over() -> None:
    metrics = _minutes(5, 5, None)
    metrics.add("N", "M", OF, NOW_S - 1, 5)
    assert not is_breached(ALARM, metrics, NOW_S - 1)
    assert is_breached(ALARM, metrics, NOW_S + 59)


def test_missing_data_is_what_the_alarm_says() -> None:
    below = ALARM | {"ComparisonOperator": "LessThanThreshold", "Threshold": 1, "TreatMissingData": "breaching"}
    assert not is_breached(ALARM, _minutes(), NOW_S)
    assert is_breached(below, _minutes(), NOW_S)
    assert not is_breached(below, _minutes(None, 1, None), NOW_S)
    with pytest.raises(NotKnown):
        is_breached(ALARM | {"TreatMissingData": "ignore"}, _minutes(), NOW_S)


def test_other_dimensions_are_another_metric() -> None:
    other = ALARM | {"Dimensions": [*ALARM["Dimensions"], {"Name": "function", "Value": "f"}]}
    assert not is_breached(other, _minutes(9, 9, 9), NOW_S)


def test_calls_of_all_functions_are_one_metric_without_a_dimension() -> None:
    metrics = MetricValues()
    for name in ("A", "B"):
        metrics.add("AWS/Lambda", "Errors", {"FunctionName": name}, NOW_S - 1, 3)
    asked = ALARM | {"Namespace": "AWS/Lambda", "MetricName": "Errors", "EvaluationPeriods": 1}
    assert is_breached({key: each for key, each in asked.items() if key != "Dimensions"}, metrics, NOW_S)


def _math(expression: str) -> dict[str, Any]:
    metric = {"Namespace": "N", "MetricName": "M", "Dimensions": ALARM["Dimensions"]}
    return {
        "Metrics": [
            {"Id": "burn", "Expression": expression, "ReturnData": True},
            {"Id": "m", "MetricStat": {"Metric": metric, "Period": 300, "Stat": "Average"}, "ReturnData": False},
        ],
        "EvaluationPeriods": 1,
        "Threshold": 5,
        "ComparisonOperator": "GreaterThanOrEqualToThreshold",
        "TreatMissingData": "notBreaching",
    }


def test_metric_math_is_calculated_and_has_no_value_where_a_metric_has_none() -> None:
    assert is_breached(_math("(100 - m) / 0.5"), _minutes(97.5), NOW_S)
    assert not is_breached(_math("(100 - m) / 0.5"), _minutes(97.6), NOW_S)
    assert not is_breached(_math("(100 - m) / 0.5"), _minutes(), NOW_S)


@pytest.mark.parametrize("expression", ["ANOMALY_DETECTION_BAND(m)", "other + 1", "m ** 2", "__import__('os')"])
def test_metric_math_that_is_not_known_is_no_guess(expression: str) -> None:
    with pytest.raises(NotKnown):
        is_breached(_math(expression), _minutes(1), NOW_S)


@pytest.mark.parametrize(
    ("rule", "raised"),
    [
        ("ALARM(a-1)", True),
        ('ALARM("b")', False),
        ("ALARM(a-1) AND ALARM(b)", False),
        ("(ALARM(b) AND ALARM(a-1)) OR ALARM(a-1)", True),
        ("ALARM(a-1) AND NOT ALARM(b)", True),
    ],
)
def test_a_rule_joins_alarms(rule: str, raised: bool) -> None:
    assert is_raised(rule, lambda name: name == "a-1") is raised


def test_a_rule_with_other_states_is_no_guess_and_one_with_an_unknown_alarm_an_error() -> None:
    with pytest.raises(NotKnown):
        is_raised("INSUFFICIENT_DATA(a)", lambda _: True)
    with pytest.raises(KeyError):
        in_alarm("both", {"both": {"AlarmRule": "ALARM(gone)"}}, MetricValues(), NOW_S)


def test_metrics_are_read_out_of_log_lines() -> None:
    metrics = MetricValues()
    line = {
        "_aws": {
            "Timestamp": (NOW_S - 1) * 1_000,
            "CloudWatchMetrics": [{"Namespace": "N", "Dimensions": [["service"]], "Metrics": [{"Name": "M"}]}],
        },
        "service": "s",
        "M": [2, 3],
    }
    metrics.add_line(json.dumps(line))
    metrics.add_line("START RequestId: 1")
    assert is_breached(ALARM | {"EvaluationPeriods": 1}, metrics, NOW_S)
