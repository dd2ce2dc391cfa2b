"""One structured line per call, with its metrics in it (CloudWatch embedded metric format), and traces.

No other module imports Powertools' logger, metrics or tracer. Only codes, ids and numbers are logged: never a
body, a token, a ticket, an address of a person or a name.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import lru_cache
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.metrics import Metrics
from aws_lambda_powertools.metrics import MetricUnit as MetricUnit  # for those who count

from kernel import clock, coldstart
from kernel.config import config
from kernel.errors import Problem

NAMESPACE = "SecureConnect"


@lru_cache(maxsize=1)
def logger() -> Logger:
    """The process's structured logger."""
    return Logger(service=config().stack, level=config().log_level, use_rfc3339=True, log_uncaught_exceptions=False)


@lru_cache(maxsize=1)
def _metrics() -> Metrics:
    return Metrics(namespace=NAMESPACE, service=config().stack)


class CallLine:
    """The line of one call in the making: fields to log and metrics to count."""

    def __init__(self) -> None:
        self.fields: dict[str, Any] = {}
        self._counts: list[tuple[str, MetricUnit, float]] = []
        self._totals: dict[str, int] = {}
        self._breakers: set[str] = set()
        self.error: BaseException | None = None

    def count(self, name: str, value: float = 1, unit: MetricUnit = MetricUnit.Count) -> None:
        """Add a metric to this call."""
        self._counts.append((name, unit, value))

    def found(self, name: str, value: float) -> None:
        """Add a metric of what a sweep found; it found nothing most times, and a metric costs while it is written."""
        if value:
            self.count(name, value)

    def breaker(self, name: str, metric: str) -> None:
        """Note that a circuit breaker is open, and count what it did under `metric`."""
        self._breakers.add(name)
        self._totals[metric] = self._totals.get(metric, 0) + 1

    def problem(self, problem: Problem) -> None:
        """Note an expected error; what caused one of ours is told by its kind and text, which hold no user data."""
        self.fields |= {"status": problem.status, "code": problem.stable_code}
        if problem.status >= 500 and problem.__cause__ is not None:
            self.fields["cause"] = f"{type(problem.__cause__).__name__}: {problem.__cause__}"[:300]

    def write(self, duration_ms: float) -> None:
        """Write the line: ERROR with the trace when there was an unexpected error, else INFO.

        `Duration` (ms) is a field and no metric: CloudWatch has one of each function for nothing.
        """
        extra = {**self._measured(), "Duration": round(duration_ms, 2), **self.fields}
        if self.error is not None:
            logger().error("call failed", exc_info=self.error, extra=extra)
        else:
            logger().info("call", extra=extra)

    def _measured(self) -> dict[str, Any]:
        """The call's metrics in CloudWatch's format; nothing without any, as each metric that is written costs."""
        if self._breakers:
            self.fields["breakers_open"] = sorted(self._breakers)
            self._totals["BreakersOpen"] = len(self._breakers)
        if not self._counts and not self._totals:
            return {}
        found: dict[str, Any] = {"_aws": {"Timestamp": clock.now(), "CloudWatchMetrics": []}}
        if self._counts:
            metrics = _metrics()
            metrics.add_dimension("function", self.fields.get("function", "unknown"))
            for name, unit, value in self._counts:
                metrics.add_metric(name, unit, value)
            found = dict(metrics.serialize_metric_set())
            metrics.clear_metrics()
        if self._totals:
            found |= self._of_the_stack(found["_aws"])
        return found

    def _of_the_stack(self, written: dict[str, Any]) -> dict[str, float]:
        """Declare the totals, which all functions of the stack count together: one alarm sees them all."""
        metrics = [{"Name": name, "Unit": MetricUnit.Count.value} for name in self._totals]
        written["CloudWatchMetrics"].append({"Namespace": NAMESPACE, "Dimensions": [["service"]], "Metrics": metrics})
        return {name: float(total) for name, total in self._totals.items()}


_current: ContextVar[CallLine | None] = ContextVar("line", default=None)


def count(name: str, value: float = 1, unit: MetricUnit = MetricUnit.Count) -> None:
    """Add a metric to the call under way; without one it is not counted."""
    line = _current.get()
    if line is not None:
        line.count(name, value, unit)


def opened(breaker: str) -> None:
    """Note that a circuit breaker has opened during the call under way."""
    line = _current.get()
    if line is not None:
        line.breaker(breaker, "BreakerOpens")


def rejected(breaker: str) -> None:
    """Note that a circuit breaker has rejected a call of its dependency."""
    line = _current.get()
    if line is not None:
        line.breaker(breaker, "BreakerRejections")


@contextmanager
def call(function: str, context: Any) -> Iterator[CallLine]:
    """Measure one invocation and write its line at the end, whatever happens inside."""
    line = CallLine()
    line.fields = {"function": function, "aws_request_id": getattr(context, "aws_request_id", "")}
    started = time.perf_counter()
    before = _current.set(line)
    try:
        with _segment(function):
            yield line
    except Exception as error:
        line.error = error
        line.count("Errors")
        raise
    finally:
        _current.reset(before)
        line.write((time.perf_counter() - started) * 1000)
        coldstart.finish()


@contextmanager
def _segment(name: str) -> Iterator[None]:
    if not config().trace:
        yield
        return
    from aws_lambda_powertools import Tracer  # imports the X-Ray SDK: 300 ms, only where traces are wanted

    with Tracer(service=config().stack, auto_patch=False).provider.in_subsegment(name):
        yield
