"""Every call of a dependency ends, and ends before the function that makes it (R18)."""

from __future__ import annotations

from typing import Any

import pytest

from infra import documents
from kernel import aws, config, deadline, dynamo, parallel, resilience, sockets
from kernel import cache as redis_cache
from tests.infra.deployed import CALLED, functions

pytestmark = pytest.mark.usefixtures("settings")


# The worst call of a dependency that hangs: every attempt connects and waits; pauses in between are below 1 s.
AWS_WORST_S = aws.TRIES_OF_A_HANG * (resilience.AWS_CONNECT_TIMEOUT_S + resilience.AWS_READ_TIMEOUT_S) + aws.PAUSE_MAX_S
REDIS_WORST_S = redis_cache.breaker.limits.failures * resilience.REDIS_TIMEOUT_S


@pytest.mark.parametrize("service", ["dynamodb", "sqs", "secretsmanager", "sesv2", "s3"])
@pytest.mark.usefixtures("_fresh_clients")
def test_an_aws_client_has_our_limits(service: str) -> None:
    found = aws.client(service).meta.config
    assert found.connect_timeout == resilience.AWS_CONNECT_TIMEOUT_S <= 1
    assert found.read_timeout == resilience.AWS_READ_TIMEOUT_S <= 3
    assert found.retries["total_max_attempts"] == 1  # retries are decided in one place
    assert found.max_pool_connections == aws.POOL >= parallel.MAX_AT_ONCE


@pytest.mark.usefixtures("_fresh_clients")
def test_pynamodb_has_our_limits() -> None:
    found: Any = dynamo.connection().client.meta.config
    assert (found.connect_timeout, found.read_timeout) == (
        resilience.AWS_CONNECT_TIMEOUT_S,
        resilience.AWS_READ_TIMEOUT_S,
    )
    assert found.retries["total_max_attempts"] == 1


def test_redis_has_our_limits(settings: pytest.MonkeyPatch) -> None:
    settings.setenv("REDIS_URL", "redis://127.0.0.1:1")
    config.config.cache_clear()
    redis_cache._redis.cache_clear()
    found = redis_cache._redis().connection_pool.connection_kwargs
    assert found["socket_timeout"] == found["socket_connect_timeout"] == resilience.REDIS_TIMEOUT_S <= 0.1
    assert found["retry"]._retries == 0
    assert redis_cache._redis().connection_pool.max_connections == redis_cache.breaker.limits.at_once


def test_posts_to_sockets_have_our_limits() -> None:
    asked = next(sockets._request("POST", "a", b"{}"))
    assert asked.connect_s == min(resilience.AWS_CONNECT_TIMEOUT_S, resilience.SOCKET_POST_TIMEOUT_S)
    assert asked.wait_s == resilience.SOCKET_POST_TIMEOUT_S <= 1


@pytest.mark.parametrize("name", sorted(set(CALLED) - {"UnknownFunction"}))
def test_a_function_outlives_the_worst_call_of_a_dependency_that_hangs(name: str) -> None:
    assert functions()[name].timeout_s > AWS_WORST_S + REDIS_WORST_S + 1


def test_whatever_hangs_is_given_up_after_five_seconds_in_all() -> None:
    stores = [aws.breaker_of("dynamodb", group) for group in dynamo.GROUPS]
    others = [aws.breaker_of(name) for name in ("s3", "sqs", "secretsmanager", "stepfunctions", "sesv2")]
    for breaker in (*stores, *others, sockets.breaker):
        assert breaker.limits.patience_s + resilience.AWS_CONNECT_TIMEOUT_S <= 5
        assert breaker.limits.probe_s <= 1
    assert sum(each.limits.probe_s for each in stores) + stores[0].limits.patience_s <= 5
    assert redis_cache.breaker.limits.failures * resilience.REDIS_TIMEOUT_S <= 0.25


def _waits_s() -> dict[str, float]:
    """How long (s) all calls of a dependency together wait in vain until its breakers reject them."""
    stores = [aws.breaker_of("dynamodb", group).limits for group in dynamo.GROUPS]
    shared_s = stores[0].patience_s + sum(each.probe_s for each in stores[1:])
    services = ("s3", "sqs", "stepfunctions", "kms", "secretsmanager", "sesv2")
    waits = {name: aws.breaker_of(name).limits.patience_s for name in services}
    waits |= {"dynamodb": shared_s, "connections": sockets.breaker.limits.patience_s}
    return {name: wait_s + resilience.AWS_CONNECT_TIMEOUT_S for name, wait_s in waits.items()} | {
        "redis": REDIS_WORST_S
    }


ROUTES = [(route.method, route.path) for app in documents.apps() for route in app.routes]


@pytest.mark.parametrize("route", ROUTES, ids=" ".join)
def test_a_route_ends_before_its_function_whatever_hangs(route: tuple[str, str]) -> None:
    (function,) = [each for each in functions().values() if route in each.routes]
    ends_s = min(deadline.ANSWER_MAX_S, function.timeout_s - deadline.MARGIN_S)
    waits_s = _waits_s()
    # whichever single dependency hangs: the waits end and the answer is sent with a second to spare
    assert max(waits_s.values()) + 1 < ends_s
    # all dependencies hang: the deadline ends the waits, except for a connection attempt that has begun before
    worst_s = min(sum(waits_s.values()), ends_s) + resilience.AWS_CONNECT_TIMEOUT_S
    assert worst_s + 0.4 < function.timeout_s
    assert worst_s - resilience.AWS_CONNECT_TIMEOUT_S <= 10
