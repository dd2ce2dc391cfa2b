"""Readiness: a real call to each dependency, all in parallel, each with 1 s to answer.

The circuit breakers of this process count these calls as any other but never reject them, so that a dependency that has
recovered is seen at once.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as OutOfTime
from dataclasses import dataclass
from typing import Any

from kernel import after_commit, aws, breakers, cache, clock, deadline, keyrings, limit_table, sockets, telemetry
from kernel.breakers import Breaker
from kernel.config import config
from kernel.parallel import carried

CHECK_TIMEOUT_S = 1.0
ANSWER_S = 0.05  # of it, reserved for the response
_CHECKED_MACHINE = "poll-closing"


@dataclass(frozen=True, slots=True)
class Dependency:
    """A service that the platform calls; without a vital one the platform is down."""

    touch: Callable[[], object]
    breaker: Breaker
    vital: bool = False
    configured: bool = True


def _dependencies() -> dict[str, Dependency]:
    """By the names of the contract (§11): the AWS service, and after a dot the part of it that is checked."""
    here = config()
    return {
        "dynamodb": Dependency(_touch_limits, aws.breaker_of("dynamodb", "access"), vital=True),
        "dynamodb.log": Dependency(after_commit.touch, aws.breaker_of("dynamodb", "log"), vital=True),
        "dynamodb.rest": Dependency(_touch_idempotency, aws.breaker_of("dynamodb", "rest")),
        "keys": Dependency(keyrings.touch, aws.breaker_of("dynamodb", "access"), vital=True),
        "encryption": Dependency(_touch_encryption, aws.breaker_of("kms"), configured=bool(here.key_arn)),
        "secrets": Dependency(_touch_secrets, aws.breaker_of("secretsmanager"), configured=bool(here.ready_secret_arn)),
        "sqs": Dependency(_touch_queue, aws.breaker_of("sqs"), configured="fanout" in here.queue_urls),
        "s3": Dependency(_touch_storage, aws.breaker_of("s3"), configured=bool(here.blob_bucket)),
        "states": Dependency(_touch_workflows, aws.breaker_of("stepfunctions"), configured=bool(here.state_machines)),
        "ses": Dependency(_touch_mail, aws.breaker_of("sesv2"), configured=bool(here.mail_queue_url)),
        "sockets": Dependency(sockets.require_endpoint, sockets.breaker, configured=bool(here.socket_api_id)),
        "redis": Dependency(_touch_redis, cache.breaker, configured=cache.is_configured()),
    }


def _touch_limits() -> None:
    limit_table.LimitCounter.find("health")


def _touch_idempotency() -> None:
    aws.client("dynamodb").get_item(TableName=config().table("idempotency"), Key={"id": {"S": "health"}})


def _touch_encryption() -> None:
    aws.client("kms").describe_key(KeyId=config().key_arn)


def _touch_secrets() -> None:
    aws.client("secretsmanager").describe_secret(SecretId=config().ready_secret_arn)  # metadata, not the value


def _touch_queue() -> None:
    aws.client("sqs").get_queue_attributes(QueueUrl=config().queue("fanout"), AttributeNames=["QueueArn"])


def _touch_storage() -> None:
    aws.client("s3").head_bucket(Bucket=config().blob_bucket)


def _touch_workflows() -> None:
    aws.client("stepfunctions").describe_state_machine(stateMachineArn=config().state_machine(_CHECKED_MACHINE))


def _touch_mail() -> None:
    aws.client("sesv2").get_account()


def _touch_redis() -> None:
    # a write, which fails on a read-only replica and on one that is still loading
    cache.call(lambda redis: redis.set("health", clock.now_s(), ex=60))


def report() -> dict[str, Any]:
    """`{status, checks}`: `down` when a vital dependency fails, `degraded` when another does, else `ok`."""
    dependencies = _dependencies()
    checks: dict[str, Any] = {
        name: {"status": "off", "latency_ms": 0.0, "breaker": each.breaker.state} for name, each in dependencies.items()
    }
    threads = ThreadPoolExecutor(len(dependencies), thread_name_prefix="ready")
    started = time.perf_counter()
    with deadline.within(CHECK_TIMEOUT_S - ANSWER_S), breakers.asked_for_real():
        timed = carried(_timed)
        running = {name: threads.submit(timed, each.touch) for name, each in dependencies.items() if each.configured}
    for name, future in running.items():
        left = CHECK_TIMEOUT_S - (time.perf_counter() - started)
        ok, latency_ms = _outcome(name, future, max(0.0, left))
        checks[name] = {
            "status": "ok" if ok else "failed",
            "latency_ms": latency_ms,
            "breaker": dependencies[name].breaker.state,
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
    except Exception as error:  # any error means that the check has failed
        telemetry.logger().warning("check failed", extra={"dependency": name, "error": type(error).__name__})
        return False, 0.0
