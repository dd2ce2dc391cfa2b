"""One structured log line per call, with its metrics in it (CloudWatch embedded metric format), and traces.

A metric costs 0.30 $ a month for each value of its dimensions while it is written. Metrics of all functions (answers,
the store, Redis, limits, breakers) are therefore counted for the stack as a whole (`total`, `timed`), and the line
names the function. `count` is for metrics of a single function. The dashboard shows the metrics (infra/dashboard.toml).

No other module imports Powertools' logger, metrics or tracer. Only codes, ids and numbers are logged: never a body, a
token, a ticket, an address of a person or a name.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.metrics import Metrics
from aws_lambda_powertools.metrics import MetricUnit as MetricUnit  # re-exported for callers of `count`

from kernel import clock, coldstart
from kernel.config import config
from kernel.errors import Problem

NAMESPACE = "SecureConnect"
NO_ANSWER_MS = 30_000
SAMPLES_MAX = 100  # the most values of one metric that CloudWatch takes in one line


@lru_cache(maxsize=1)
def logger() -> Logger:
    """The process's structured logger."""
    settings = config()
    # No `location`: for lines of calls it would always be this module, and other texts occur once in the code. Lambda
    # adds the timestamp if there is none, and takes the line for INFO then, whatever its level ("Log-level filtering").
    return Logger(service=settings.stack, level=settings.log_level, location=None, use_rfc3339=True, utc=True)


@lru_cache(maxsize=1)
def _metrics() -> Metrics:
    return Metrics(namespace=NAMESPACE, service=config().stack)


def _write(fields: dict[str, Any]) -> None:
    """Write the line of a call as `logger().info("call", extra=fields)` would.

    The logger makes a record of each line, looks for its place in the code and copies the fields four times: a
    twentieth of the CPU time of a message.
    """
    log: Any = logger()
    if not log.isEnabledFor(logging.INFO):
        return
    now = datetime.now(UTC).isoformat(timespec="milliseconds")
    line = {"level": "INFO", "message": "call", "timestamp": now, "service": log.service, **fields}
    if trace := os.environ.get("_X_AMZN_TRACE_ID"):
        line["xray_trace_id"] = trace.partition(";")[0].removeprefix("Root=")
    handler = log.registered_handler
    handler.stream.write(log.registered_formatter.serialize(line) + "\n")
    handler.flush()


class CallLine:
    """The log line of one call: fields to log and metrics to count."""

    def __init__(self) -> None:
        self.fields: dict[str, Any] = {}
        self._counts: list[tuple[str, MetricUnit, float]] = []
        self._of_stack: dict[str, tuple[MetricUnit, list[float]]] = {}
        self._names: dict[str, set[str]] = {}
        self.error: BaseException | None = None

    def count(self, name: str, value: float = 1, unit: MetricUnit = MetricUnit.Count) -> None:
        """Add a metric of this call's function."""
        self._counts.append((name, unit, value))

    def found(self, name: str, value: float) -> None:
        """Add the number that a sweep found, unless it is zero: most are, and a written metric costs."""
        if value:
            self.count(name, value)

    def total(self, name: str, value: float = 1) -> None:
        """Add to a count that all functions of the stack share."""
        self._of_stack.setdefault(name, (MetricUnit.Count, []))[1].append(value)

    def timed(self, name: str, duration_ms: float) -> None:
        """Add a duration to a metric that all functions of the stack share."""
        self._of_stack.setdefault(name, (MetricUnit.Milliseconds, []))[1].append(round(duration_ms, 1))

    def answered(self, name: str, duration_ms: float, status: int) -> None:
        """Add the duration of an answer that a service level objective concerns (infra/slos.toml).

        A failure of ours counts as the longest time that a client waits, so one metric covers both availability and
        speed.
        """
        self.timed(name, duration_ms if status < 500 else NO_ANSWER_MS)

    def named(self, field: str, name: str) -> None:
        """Add a name to a field of the line, each name once. A dimension of the metric would cost more."""
        self._names.setdefault(field, set()).add(name)

    def problem(self, problem: Problem) -> None:
        """Log an expected error; for status 500 and above also its cause's type and text, which hold no user data."""
        self.fields |= {"status": problem.status, "code": problem.stable_code}
        if problem.status >= 500 and problem.__cause__ is not None:
            self.fields["cause"] = f"{type(problem.__cause__).__name__}: {problem.__cause__}"[:300]

    def write(self, duration_ms: float) -> None:
        """Write the line: at ERROR with the trace for an unexpected error, else at INFO.

        `Duration` (ms) is a field and no metric, because CloudWatch provides that metric of each function for free.
        """
        extra = {**self._measured(), "Duration": round(duration_ms, 2), **self.fields}
        if self.error is not None:
            logger().error("call failed", exc_info=self.error, extra=extra)
        else:
            _write(extra)

    def _measured(self) -> dict[str, Any]:
        """The call's metrics in CloudWatch's format; empty without any, because each written metric costs."""
        if opened := self._names.get("breakers_open"):
            self.total("BreakersOpen", len(opened))
        self.fields |= {field: sorted(names) for field, names in self._names.items()}
        if not self._counts and not self._of_stack:
            return {}
        found: dict[str, Any] = {"_aws": {"Timestamp": clock.now(), "CloudWatchMetrics": []}}
        if self._counts:
            metrics = _metrics()
            metrics.add_dimension("function", self.fields.get("function", "unknown"))
            for name, unit, value in self._counts:
                metrics.add_metric(name, unit, value)
            found = dict(metrics.serialize_metric_set())
            found["_aws"]["Timestamp"] = clock.now()
            metrics.clear_metrics()
        if self._of_stack:
            found |= self._shared(found["_aws"])
        return found

    def _shared(self, written: dict[str, Any]) -> dict[str, Any]:
        """Add the metrics that all functions share to `written`: counts as their sum, durations (ms) one by one.

        Units are omitted: nothing reads them, and they were a tenth of a line's bytes.
        """
        metrics = [{"Name": name} for name in self._of_stack]
        written["CloudWatchMetrics"].append({"Namespace": NAMESPACE, "Dimensions": [["service"]], "Metrics": metrics})
        return {
            name: sum(values) if unit is MetricUnit.Count else _evenly(values)
            for name, (unit, values) in self._of_stack.items()
        }


def _evenly(values: list[float]) -> list[float]:
    """At most 100 of these values, evenly spaced."""
    return values[:: -(-len(values) // SAMPLES_MAX)]


_current: ContextVar[CallLine | None] = ContextVar("line", default=None)


def count(name: str, value: float = 1, unit: MetricUnit = MetricUnit.Count) -> None:
    """Add a metric to the present call; ignored outside of a call."""
    line = _current.get()
    if line is not None:
        line.count(name, value, unit)


def total(name: str, value: float = 1, **about: str) -> None:
    """Add to a count of the whole stack; `about` adds names to fields of the line."""
    line = _current.get()
    if line is not None:
        line.total(name, value)
        for field, each in about.items():
            line.named(field, each)


def traced(event: str) -> None:
    """Log the id of an event that the present call wrote, passed on or delivered: one id finds all lines about it."""
    line = _current.get()
    if line is not None:
        line.named("events", event)


def timed(name: str, duration_ms: float) -> None:
    """Add a duration to a metric of the whole stack."""
    line = _current.get()
    if line is not None:
        line.timed(name, duration_ms)


@contextmanager
def best_effort(failure: str, **about: str) -> Iterator[None]:
    """Log an exception under the text `failure` and go on: for what may fail because the work itself is done."""
    try:
        yield
    except Exception as error:
        logger().error(failure, exc_info=error, extra=about)


@contextmanager
def call(function: str, context: Any) -> Iterator[CallLine]:
    """Measure one invocation and write its line at the end, also after an error."""
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
    from aws_lambda_powertools import Tracer  # imports the X-Ray SDK, which takes 300 ms

    with Tracer(service=config().stack, auto_patch=False).provider.in_subsegment(name):
        yield
