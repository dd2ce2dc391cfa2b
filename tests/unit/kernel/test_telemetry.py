"""One line a call, with its metrics in CloudWatch's embedded metric format."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
from aws_lambda_powertools.metrics import MetricUnit
from redis.exceptions import ConnectionError as NoRedis

from kernel import cache, clock, config, limiter, parallel, telemetry
from kernel.errors import DependencyUnavailable, NotFound
from kernel.limiter import Limit, LimitExceeded
from kernel.telemetry import CallLine
from tests.helpers import CONTEXT
from tests.tools import Lines, captured_lines

pytestmark = pytest.mark.usefixtures("settings", "no_sockets")


@pytest.fixture
def lines(settings: pytest.MonkeyPatch) -> Iterator[Lines]:
    with captured_lines() as found:
        yield found


def _metrics(line: dict[str, Any]) -> dict[str, str]:
    """The metrics that a line declares with their units, if any, each checked to stand in it as numbers."""
    (directive,) = line["_aws"]["CloudWatchMetrics"]
    assert directive["Namespace"] == "SecureConnect"
    assert len(directive["Metrics"]) <= 100
    for dimensions in directive["Dimensions"]:
        assert all(isinstance(line[name], str) and line[name] for name in dimensions)
    for metric in directive["Metrics"]:
        values = line[metric["Name"]]
        assert all(isinstance(value, int | float) for value in (values if isinstance(values, list) else [values]))
    assert isinstance(line["_aws"]["Timestamp"], int)
    return {metric["Name"]: metric.get("Unit", "") for metric in directive["Metrics"]}


def test_a_call_writes_one_line(lines: Lines) -> None:
    with telemetry.call("any", CONTEXT):
        assert lines.all == []
    assert (lines.only["function"], lines.only["level"], lines.only["message"]) == ("any", "INFO", "call")
    assert lines.only["aws_request_id"] == "aws-request"
    assert lines.only["service"] == "test"


@pytest.mark.parametrize("trace", [None, "Root=1-2-3;Parent=4;Sampled=0"])
def test_the_line_is_the_one_that_the_logger_writes(
    lines: Lines, settings: pytest.MonkeyPatch, trace: str | None
) -> None:
    if trace is not None:
        settings.setenv("_X_AMZN_TRACE_ID", trace)
    with telemetry.call("any", CONTEXT) as line:
        line.fields |= {"text": "ä", "route": {"Ada"}, "number": 1.5}
    (written,) = lines.all
    logged = ("level", "message", "timestamp", "service", "xray_trace_id")
    own = {name: value for name, value in written.items() if name not in logged}
    telemetry.logger().info("call", extra={**own, "route": {"Ada"}})
    assert lines.all[1] | {"timestamp": written["timestamp"]} == written


def test_a_line_has_its_time_so_that_lambda_believes_its_level(lines: Lines) -> None:
    """Without one in RFC 3339 Lambda takes a line for INFO ("Log-level filtering"), and no error would be found."""
    with suppress(LookupError), telemetry.call("any", CONTEXT):
        raise LookupError("why")
    with telemetry.call("any", CONTEXT):
        pass
    assert [each["level"] for each in lines.all] == ["ERROR", "INFO"]
    for each in lines.all:
        assert abs(clock.parse(each["timestamp"]) - time.time() * 1_000) < 60_000


def test_no_line_is_written_below_the_level(lines: Lines) -> None:
    telemetry.logger().setLevel("WARNING")
    try:
        with telemetry.call("any", CONTEXT):
            pass
    finally:
        telemetry.logger().setLevel("INFO")
    assert lines.all == []


def test_the_line_declares_its_metrics(lines: Lines) -> None:
    with telemetry.call("any", CONTEXT) as line:
        line.count("Sent")
        line.count("Bytes", 512, MetricUnit.Bytes)
    assert _metrics(lines.only) == {"Sent": "Count", "Bytes": "Bytes"}
    assert lines.only["Bytes"] == [512.0]


def test_metrics_of_one_call_do_not_reach_the_next(lines: Lines) -> None:
    for name in ("First", "Second"):
        with telemetry.call("any", CONTEXT) as line:
            line.count(name)
    first, second = lines.all
    assert _metrics(first).keys() == {"First"}
    assert _metrics(second).keys() == {"Second"}


def test_a_call_that_counts_nothing_writes_no_metric_but_says_how_long_it_took(lines: Lines) -> None:
    with telemetry.call("any", CONTEXT) as line:
        line.found("Overdue", 0)
    assert "_aws" not in lines.only
    assert lines.only["Duration"] >= 0


def test_what_a_sweep_found_is_counted(lines: Lines) -> None:
    with telemetry.call("any", CONTEXT) as line:
        line.found("Overdue", 3)
    assert lines.only["Overdue"] == [3.0]


def test_fields_of_one_call_do_not_reach_the_next(lines: Lines) -> None:
    with telemetry.call("any", CONTEXT) as line:
        line.fields["user_id"] = "usr_ada"
    with telemetry.call("any", CONTEXT):
        pass
    assert "user_id" not in lines.all[1]


def test_a_metric_counted_twice_has_both_values(lines: Lines) -> None:
    with telemetry.call("any", CONTEXT) as line:
        line.count("Sent", 2)
        line.count("Sent", 3)
    assert lines.only["Sent"] == [2.0, 3.0]


def test_an_exception_passes_and_is_logged_and_counted(lines: Lines) -> None:
    with pytest.raises(LookupError), telemetry.call("any", CONTEXT):
        raise LookupError("why")
    assert lines.only["level"] == "ERROR"
    assert lines.only["exception_name"] == "LookupError"
    assert "Errors" in _metrics(lines.only)


def test_a_context_without_an_id_is_fine(lines: Lines) -> None:
    with telemetry.call("any", None):
        pass
    assert lines.only["aws_request_id"] == ""


def test_an_expected_refusal_is_told_by_status_and_code() -> None:
    line = CallLine()
    line.problem(NotFound())
    assert line.fields == {"status": 404, "code": "not_found"}


def test_a_problem_of_ours_is_told_with_its_cause() -> None:
    line = CallLine()
    problem = DependencyUnavailable()
    problem.__cause__ = TimeoutError("no answer")
    line.problem(problem)
    assert line.fields["cause"] == "TimeoutError: no answer"


def test_a_caller_s_problem_is_told_without_its_cause() -> None:
    line = CallLine()
    problem = NotFound()
    problem.__cause__ = ValueError("what the caller wrote")
    line.problem(problem)
    assert "cause" not in line.fields


def test_what_is_counted_anywhere_reaches_the_call_under_way(lines: Lines) -> None:
    telemetry.count("Nobody's")
    with telemetry.call("any", CONTEXT):
        telemetry.count("Retries", 2)
    telemetry.count("Nobody's")
    assert _metrics(lines.only) == {"Retries": "Count"}
    assert lines.only["Retries"] == [2.0]


# --- what all functions of a stack tell together --------------------------------------------------------------


def test_a_total_has_no_dimension_of_the_function_which_would_cost_a_metric_each(lines: Lines) -> None:
    with telemetry.call("any", CONTEXT):
        telemetry.total("MessagesSent")
        telemetry.total("MessagesSent", 2)
    (directive,) = lines.only["_aws"]["CloudWatchMetrics"]
    assert directive["Dimensions"] == [["service"]]
    assert _metrics(lines.only) == {"MessagesSent": ""}
    assert lines.only["MessagesSent"] == 3


def test_durations_are_told_one_by_one_so_that_percentiles_can_be_taken(lines: Lines) -> None:
    with telemetry.call("any", CONTEXT):
        telemetry.timed("StoreDuration", 1.234)
        telemetry.timed("StoreDuration", 20)
    assert _metrics(lines.only) == {"StoreDuration": ""}
    assert lines.only["StoreDuration"] == [1.2, 20]


def test_of_more_durations_than_cloudwatch_takes_a_sample_is_told(lines: Lines) -> None:
    with telemetry.call("any", CONTEXT):
        for number in range(1_050):
            telemetry.timed("StoreDuration", number)
    told = lines.only["StoreDuration"]
    assert 90 <= len(told) <= telemetry.SAMPLES_MAX
    assert told[0] == 0
    assert told[-1] > 1_000


def test_what_a_total_was_about_stands_in_the_line_once(lines: Lines) -> None:
    with telemetry.call("any", CONTEXT):
        for name in ("http", "frames", "http"):
            telemetry.total("LimitsBlocked", limits=name)
    assert lines.only["limits"] == ["frames", "http"]
    assert _metrics(lines.only) == {"LimitsBlocked": ""}


def test_totals_are_told_beside_what_one_function_counts(lines: Lines) -> None:
    with telemetry.call("any", CONTEXT):
        telemetry.count("Own")
        telemetry.total("Shared")
    own, shared = lines.only["_aws"]["CloudWatchMetrics"]
    assert (own["Dimensions"], [each["Name"] for each in own["Metrics"]]) == ([["function", "service"]], ["Own"])
    assert (shared["Dimensions"], [each["Name"] for each in shared["Metrics"]]) == ([["service"]], ["Shared"])


def test_threads_of_a_call_tell_into_its_line(lines: Lines) -> None:
    with telemetry.call("any", CONTEXT):
        parallel.mapped(lambda _: telemetry.timed("StoreDuration", 5), range(40))
    assert lines.only["StoreDuration"] == [5] * 40


def test_a_limit_tells_who_came_to_it_once_and_each_call_that_it_blocked(lines: Lines) -> None:
    limit = Limit("any", requests=2, window_s=60)
    with telemetry.call("any", CONTEXT):
        for _ in range(5):
            with suppress(LimitExceeded):
                limiter.spend(limit, "usr_ada")
    assert (lines.only["LimitsHit"], lines.only["LimitsBlocked"], lines.only["limits"]) == (1, 3, ["any"])


@pytest.fixture
def redis(settings: pytest.MonkeyPatch) -> None:
    """A Redis that is configured; nothing listens there, as commands of these tests never ask it."""
    settings.setenv("REDIS_URL", "redis://127.0.0.1:1/0")
    config.config.cache_clear()


def _no_answer(_redis: Any) -> None:
    raise NoRedis


@pytest.mark.usefixtures("redis")
def test_a_redis_that_fails_is_counted_and_one_that_is_given_up_is_not(lines: Lines) -> None:
    with telemetry.call("any", CONTEXT):
        for _ in range(10):
            with pytest.raises(cache.CacheUnavailable):
                cache.call(_no_answer)
    failures = cache.breaker.limits.failures
    assert (lines.only["CacheFailures"], lines.only["BreakerRejections"]) == (failures, 10 - failures)
    assert "CacheDuration" not in lines.only


@pytest.mark.usefixtures("redis")
def test_a_redis_that_answers_is_timed(lines: Lines) -> None:
    with telemetry.call("any", CONTEXT):
        assert cache.call(lambda _: "PONG") == "PONG"
    assert len(lines.only["CacheDuration"]) == 1
    assert "CacheFailures" not in lines.only
