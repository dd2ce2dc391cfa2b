"""Readiness: each dependency is touched, all at once, each with 1 s to answer."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as OutOfTime
from dataclasses import dataclass
from typing import Any

from kernel import aws, cache, dynamo, keyrings, limit_table, telemetry
from kernel.config import config
from kernel.resilience import Breaker

CHECK_TIMEOUT_S = 1.0


@dataclass(frozen=True, slots=True)
class Dependency:
    """Something the service calls; without a vital one there is no service."""

    touch: Callable[[], object]
    vital: bool
    breaker: Breaker | None = None


def _dependencies() -> dict[str, Dependency]:
    found = {
        "dynamodb": Dependency(lambda: limit_table.LimitCounter.find("health"), vital=True, breaker=dynamo.breaker),
        "keys": Dependency(keyrings.tokens.public_keys, vital=True),
        "queue": Dependency(_touch_queue, vital=False),
    }
    if config().redis_url:
        found["redis"] = Dependency(_touch_redis, vital=False, breaker=cache.breaker)
    return found


def _touch_queue() -> None:
    aws.client("sqs").get_queue_attributes(QueueUrl=config().queue("fanout"), AttributeNames=["QueueArn"])


def _touch_redis() -> None:
    # a write, so that a read-only replica or one still loading is noticed
    cache.call(lambda redis: redis.set("health", 1, ex=60))


def report() -> dict[str, Any]:
    """`down` when a vital dependency fails, `degraded` when another does, else `ok`."""
    dependencies = _dependencies()
    checks: dict[str, Any] = {}
    threads = ThreadPoolExecutor(len(dependencies), thread_name_prefix="ready")
    started = time.perf_counter()
    running = {name: threads.submit(_timed, each.touch) for name, each in dependencies.items()}
    for name, future in running.items():
        left = CHECK_TIMEOUT_S - (time.perf_counter() - started)
        ok, latency_ms = _outcome(name, future, max(0.0, left))
        breaker = dependencies[name].breaker
        checks[name] = {
            "status": "ok" if ok else "failed",
            "latency_ms": latency_ms,
            "breaker": "closed" if breaker is None else breaker.state,
        }
    threads.shutdown(wait=False, cancel_futures=True)
    failed = [name for name, check in checks.items() if check["status"] == "failed"]
    status = "ok" if not failed else "down" if any(dependencies[name].vital for name in failed) else "degraded"
    return {"status": status, "checks": checks}


def _timed(touch: Callable[[], object]) -> float:
    started = time.perf_counter()
    touch()
    return round((time.perf_counter() - started) * 1000, 2)


def _outcome(name: str, future: Future[float], left_s: float) -> tuple[bool, float]:
    try:
        return True, future.result(timeout=left_s)
    except OutOfTime:
        return False, CHECK_TIMEOUT_S * 1000
    except Exception as error:  # whatever it is, the check has failed; the log tells why
        telemetry.logger().warning("check failed", extra={"dependency": name, "error": type(error).__name__})
        return False, 0.0
