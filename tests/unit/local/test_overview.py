"""The overview of the local stack: figures out of log lines, alarms as CloudWatch would have them, text and page."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from infra.local import overview, status_page, watch
from infra.local.alarms import MetricKey, definitions
from infra.local.config import STACK, Instance
from infra.local.figures import Figures, metric, statistic_of
from infra.local.overview import Alarm, Line, Overview, Panel
from infra.local.stack import Stack
from tests.tools import ROOT

NOW = 1_799_999_999.0  # the last second of a minute
AT = NOW - 30


@pytest.fixture
def figures() -> Figures:
    nowhere = Instance(name="test", port=1024, redis_port=1025, home=ROOT / ".local/nowhere")
    return Figures(Stack(nowhere))


def _line(**fields: Any) -> str:
    return json.dumps({"level": "INFO", "message": "call", "Duration": 12.5, "function": "messages", **fields})


def _counted(name: str, value: Any, *dimensions: str) -> dict[str, Any]:
    told = {"Namespace": "SecureConnect", "Dimensions": [list(dimensions)], "Metrics": [{"Name": name}]}
    return {"_aws": {"Timestamp": int(AT * 1000), "CloudWatchMetrics": [told]}, name: value, "service": STACK}


def _values(figures: Figures, of: MetricKey) -> list[float]:
    return figures.measured.within(of, NOW - 60, NOW)


def test_own_metrics_are_those_of_the_lines_with_their_dimensions(figures: Figures) -> None:
    figures.take("f", AT, _line(**_counted("MessagesSent", 3, "service")))
    figures.take("f", AT, _line(**_counted("PushDelay", [5.0, 7.0], "function", "service")))
    assert _values(figures, metric("SecureConnect/MessagesSent", {})) == [3.0]
    assert _values(figures, metric("SecureConnect/PushDelay", {"function": "messages"})) == [5.0, 7.0]
    assert _values(figures, metric("SecureConnect/PushDelay", {})) == []


def test_calls_answers_and_errors_are_told_as_api_gateway_and_lambda_do(figures: Figures) -> None:
    figures.take("stack-Messages", AT, _line(route="POST /messages", status=201))
    figures.take("stack-Messages", AT, _line(route="POST /messages", status=422))
    figures.take("stack-Messages", AT, _line(route="POST /messages", message="call failed", level="ERROR"))
    figures.take("stack-Messages", AT, "START RequestId: of Lambda's own")
    of = {"ApiName": "${Prefix}-api"}
    assert len(_values(figures, metric("AWS/ApiGateway/Count", of))) == 3
    assert sum(_values(figures, metric("AWS/ApiGateway/4XXError", of))) == 1
    assert statistic_of(_values(figures, metric("AWS/ApiGateway/5XXError", of)), "Average") == 1 / 3
    assert sum(_values(figures, metric("AWS/Lambda/Errors", {}))) == 1
    assert sum(_values(figures, metric("AWS/Lambda/Errors", {"FunctionName": "stack-Messages"}))) == 1


def test_statistics_are_cloudwatchs() -> None:
    values = [float(n) for n in range(1, 101)]
    assert [statistic_of(values, each) for each in ("Sum", "SampleCount", "Maximum", "p50", "p99")] == [
        5050, 100, 100, 50.5, 99.01,
    ]  # fmt: skip
    assert [statistic_of([], each) for each in ("Sum", "SampleCount", "Maximum", "p99")] == [0, 0, None, None]


def _rings(figures: Figures, **changed: Any) -> bool:
    alarm = {
        "AlarmName": "a",
        "Namespace": "AWS/SQS",
        "MetricName": "ApproximateNumberOfMessagesVisible",
        "Dimensions": [{"Name": "QueueName", "Value": {"Fn::Sub": "${Prefix}-push-dead"}}],
        "Statistic": "Maximum",
        "Period": 60,
        "EvaluationPeriods": 1,
        "Threshold": 1,
        "ComparisonOperator": "GreaterThanOrEqualToThreshold",
        "TreatMissingData": "notBreaching",
        **changed,
    }
    defined = definitions([{"Type": "AWS::CloudWatch::Alarm", "Properties": alarm}], STACK)
    return overview.rings(figures, "a", defined, NOW)


def _seen(figures: Figures, count: float, at: float = AT) -> None:
    of = {"QueueName": f"{STACK}-push-dead"}
    figures.measured.add("AWS/SQS", "ApproximateNumberOfMessagesVisible", of, at, count)


def test_an_alarm_rings_from_its_threshold_on_in_all_its_periods(figures: Figures) -> None:
    assert not _rings(figures)  # nothing is known of it
    _seen(figures, 0)
    assert not _rings(figures)
    _seen(figures, 1)
    assert _rings(figures)
    assert not _rings(figures, EvaluationPeriods=2)
    _seen(figures, 1, AT - 60)
    assert _rings(figures, EvaluationPeriods=2)


def test_what_has_stopped_rings_once_the_stack_has_run_for_so_long(figures: Figures) -> None:
    stopped = {
        "Namespace": "AWS/Lambda",
        "MetricName": "Invocations",
        "Dimensions": [{"Name": "FunctionName", "Value": {"Fn::Sub": "${Prefix}-FollowUps"}}],
        "Statistic": "Sum",
        "Period": 900,
        "ComparisonOperator": "LessThanThreshold",
        "TreatMissingData": "breaching",
    }
    figures.take(f"{STACK}-FollowUps", NOW - 901, _line())
    assert _rings(figures, **stopped)
    figures.take(f"{STACK}-FollowUps", NOW - 10, _line())
    assert not _rings(figures, **stopped)
    young = Figures(figures._stack)
    young.take(f"{STACK}-FollowUps", NOW - 2000, _line())
    young.since = NOW - 100
    assert not _rings(young, **stopped)


def test_of_objectives_only_the_alarm_that_wakes_somebody_is_shown(figures: Figures) -> None:
    """Burn rates of an hour and of five minutes, both of sends that took too long."""
    slow = _line(**_counted("SendDuration", [30_000.0] * 100, "service"))
    figures.take("f", AT, slow)
    assert "BudgetBurns" in [each.name for each in overview.alarms(figures, NOW)]
    assert not any("Burns1h" in each.name for each in overview.alarms(figures, NOW))


@pytest.mark.parametrize(("slow", "rings"), [(1, False), (4, False), (5, True)])
def test_of_few_sends_a_few_have_to_be_slow_before_anybody_is_woken(figures: Figures, slow: int, rings: bool) -> None:
    """A tour of 14 sends, of which the first one started a function and took a second."""
    figures.take("f", AT, _line(**_counted("SendDuration", [974.0] * slow + [15.0] * (14 - slow), "service")))
    assert ("BudgetBurns" in [each.name for each in overview.alarms(figures, NOW)]) is rings


def test_each_alarm_of_the_template_that_rings_names_its_runbook(figures: Figures) -> None:
    _seen(figures, 2)
    (found,) = overview.alarms(figures, NOW)
    assert (found.name, found.runbook) == ("PushDeadLetters", "docs/runbooks/notifications.md")
    assert (ROOT / found.runbook).is_file()


def test_panels_are_those_of_the_dashboard_of_which_something_is_known(figures: Figures) -> None:
    figures.take("f", AT, _line(route="POST /messages", status=201))
    found = {each.title: each for each in overview.panels(figures, NOW)}
    (calls, refused, failed) = found["HTTP: calls and refusals"].lines
    assert (calls.label, calls.last, sum(value or 0 for value in calls.values)) == ("calls", 1, 1)
    assert (refused.last, failed.last) == (0, 0)
    assert "Rate limits: who came to one, calls blocked" in found


def test_the_cost_is_that_of_the_calls_at_this_pace(figures: Figures) -> None:
    for _ in range(2):
        figures.take("f", AT, _line(route="POST /messages", status=201))
    figures.take("f", AT, _line(**_counted("MessagesSent", 1, "service")))
    assert "REST calls at this pace: 0.01 $ a month, 7.00 $ per million messages" in overview.cost(figures, NOW)


WELL = {"status": "ok", "checks": {"redis": {"status": "ok", "latency_ms": 1.0, "breaker": "closed"}}}
AWAY = {"status": "degraded", "checks": {"redis": {"status": "failed", "latency_ms": 1000.0, "breaker": "open"}}}


def _overview(health: dict[str, Any], *alarms: Alarm) -> Overview:
    panel = Panel("HTTP: <calls>", [Line("calls", [None, 1.0, 2.0, 4.0, None, 3.0])])
    return Overview(time.time(), STACK, health, list(alarms), [panel], "nothing")


def test_the_verdict_is_the_worst_of_what_is_known() -> None:
    ringing = Alarm("FanoutAge", "Fan-out is behind", "docs/runbooks/fan-out.md")
    assert _overview(WELL).verdict == "well"
    assert _overview(AWAY).verdict == "degraded"
    assert _overview(AWAY, ringing).verdict == "1 ALARM"
    assert _overview({"status": "down", "checks": {}}, ringing).verdict == "DOWN"


def test_the_terminal_shows_plots_and_what_to_do() -> None:
    well = watch.rendered(_overview(WELL))
    assert f"{STACK} is well" in well
    assert "Nothing is to be done." in well
    assert " ▃▅█ ▆ 3" in well
    away = watch.rendered(_overview(AWAY))
    assert "redis FAILED" in away
    assert "redis: does not answer -> docs/runbooks/redis.md" in away


def test_the_page_shows_the_same_and_what_it_shows_is_escaped() -> None:
    page = status_page.rendered(_overview(AWAY, Alarm("FanoutAge", "a < b", "docs/runbooks/fan-out.md")))
    assert "1 ALARM" in page
    assert "a &lt; b" in page
    assert "HTTP: &lt;calls&gt;" in page
    assert page.count("<polyline") == 2  # a gap parts a line
    assert "docs/runbooks/redis.md" in page
    assert "<script" not in page


@pytest.mark.parametrize("dependency", ["redis", "dynamodb", "dynamodb.log", "keys", "encryption", "sockets", "sqs"])
def test_a_dependency_that_fails_leads_to_a_runbook_that_exists(dependency: str) -> None:
    assert (ROOT / overview._runbook_of(dependency)).is_file()
