"""AWS clients: one botocore session per process, made on first use. No other module makes a client (a test checks it).

Every call has time limits, the invocation's deadline, the breakers of its dependency (`kernel.breakers`) and retries:
throttled and failed calls are retried with full jitter within a budget, and those that time out are retried once. A
call raises DependencyUnavailable if the dependency fails, and botocore's ClientError if the service refuses it.
botocore is used rather than boto3 because PynamoDB loads it anyway, and boto3 adds 130 ms to a cold start.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from http import HTTPStatus
from threading import local
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

from kernel import breakers, deadline, snapshot, telemetry
from kernel.breakers import Breaker, CircuitOpen, Hanging, Limits
from kernel.config import ConfigurationError, config
from kernel.errors import DependencyUnavailable, Timeout
from kernel.resilience import AWS_CONNECT_TIMEOUT_S, AWS_READ_TIMEOUT_S, full_jitter

if TYPE_CHECKING:
    import botocore.session

STORE = "dynamodb"
POOL = 16  # connections kept per client; `kernel.parallel` makes as many calls at once
TRIES = 6  # attempts per call that is throttled or fails; with 30 % throttled, one call in 1,400 is still refused
TRIES_OF_A_HANG = 2
PAUSE_BASE_S = 0.025
PAUSE_MAX_S = 0.4

# Read timeouts of services that are slower than a store, such as models. Calls of these are not retried.
SLOW_READ_TIMEOUT_S = {"bedrock-runtime": 20.0}
_STORE = Limits()
_SERVICE = Limits(probe_s=1.0)  # services whose calls do work and may take longer
_MODEL = Limits(failures=3, window=3, window_s=60.0, patience_s=20.0, probe_s=10.0, rest_s=15.0, rest_max_s=120.0)
_LIMITS = {
    "dynamodb": _STORE,
    "s3": Limits(probe_s=0.5),
    "sqs": Limits(probe_s=0.5),
    "secretsmanager": Limits(probe_s=0.5),
    "bedrock-runtime": _MODEL,
}
_THROTTLES = frozenset(
    {
        "BandwidthLimitExceeded",
        "LimitExceededException",
        "PriorRequestNotComplete",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "RequestThrottled",
        "RequestThrottledException",
        "RequestTimeout",
        "RequestTimeoutException",
        "SlowDown",
        "ThrottledException",
        "Throttling",
        "ThrottlingError",
        "ThrottlingException",
        "TooManyRequestsException",
    }
)

Parts = Callable[[Mapping[str, Any]], Sequence[str]]
_parts: dict[str, Parts] = {}
_services: dict[str, Hanging] = {}
_clients: WeakSet[Any] = WeakSet()


class _Call:
    """A call in progress on this thread: its breakers, and the start of its present attempt."""

    __slots__ = ("asked", "limit_s", "of_store", "started", "tries", "tries_of_a_hang")

    def __init__(self, service: str, asked: Sequence[Breaker], limit_s: float, tries: int) -> None:
        self.of_store = service == STORE
        self.asked = asked
        self.limit_s = limit_s
        self.tries = tries
        self.tries_of_a_hang = min(TRIES_OF_A_HANG, tries)
        self.started: float | None = None

    def admit(self) -> float:
        """Begin an attempt; returns its time limit in seconds. Raises Timeout, CircuitOpen."""
        granted_s = deadline.bounded(self.limit_s)
        for number, breaker in enumerate(self.asked):
            try:
                granted_s = breaker.admit(granted_s)
            except CircuitOpen:
                for admitted in self.asked[:number]:
                    admitted.abandoned()
                raise
        self.started = time.monotonic()
        return granted_s

    def count(self, metric: str) -> None:
        """Count a failed attempt in a metric of the store; failures of other services show only in their breakers."""
        if self.of_store:
            telemetry.total(metric)

    def settle(self, outcome: Callable[[Breaker, float], None]) -> None:
        """End the attempt, if one is in progress, and report its outcome to the breakers."""
        if self.started is None:
            return
        took_s, self.started = time.monotonic() - self.started, None
        if self.of_store:
            telemetry.timed("StoreDuration", took_s * 1_000)
        for breaker in self.asked:
            outcome(breaker, took_s)


class _Thread(local):
    call: _Call | None = None


_here = _Thread()


def _succeeded(breaker: Breaker, _took_s: float) -> None:
    breaker.succeeded()


def _abandoned(breaker: Breaker, _took_s: float) -> None:
    breaker.abandoned()


def has_parts(service: str, parts: Parts) -> None:
    """Give each part of a service its own breaker; `parts` names the parts that a call's arguments concern."""
    _parts[service] = parts


@lru_cache(maxsize=64)
def breaker_of(service: str, part: str = "") -> Breaker:
    """The breaker of an AWS service, or of one part of it."""
    name = f"{service}.{part}" if part else service
    return breakers.named(name, _LIMITS.get(service, _SERVICE), _services.setdefault(service, Hanging()))


@lru_cache(maxsize=1)
def session() -> botocore.session.Session:
    """The one session of the process; its event hooks see every call of every client (`perf` counts calls there)."""
    import botocore.session
    from botocore.credentials import CredentialResolver, EnvProvider

    made = botocore.session.get_session()
    if (
        EnvProvider.ACCESS_KEY in os.environ
    ):  # it comes first, but botocore prepares eleven others, two with HTTP clients
        made.register_component("credential_provider", CredentialResolver([EnvProvider()]))
    hooks = made.get_component("event_emitter")
    hooks.register_first("before-send", _before_a_try)  # before any hook that answers in place of the network
    hooks.register("needs-retry", _after_a_try)
    return made


def _before_a_try(**given: Any) -> None:
    """Runs before each attempt and sets its time limit; raises Timeout at the deadline, and CircuitOpen."""
    call = _here.call
    if call is None:
        raise RuntimeError("an AWS client that kernel.aws has not made")
    granted_s, context = call.admit(), given["request"].context
    if granted_s < call.limit_s or "read_timeout" in context:  # an earlier attempt may have set the context's limit
        context["read_timeout"] = granted_s


def _after_a_try(**given: Any) -> float | None:
    """Runs after each attempt: reports to the breakers, and returns the pause before the next one in seconds or None.

    None means no further attempt. Raises Timeout if the deadline has passed or would pass during the pause.
    """
    call = _here.call
    if call is None or call.started is None:  # nothing was sent: the deadline or a breaker refused it
        return None
    error: BaseException | None = given["caught_exception"]
    hung = error is not None
    if hung:
        call.count("StoreTimeouts")
    if hung and deadline.left_s() <= 0:
        call.settle(Breaker.cut_off)
        raise Timeout from error
    if not hung and not _is_failed_answer(given["response"]):
        call.settle(_succeeded)
        return None
    call.settle(Breaker.failed)
    if not hung:
        call.count("StoreErrors" if given["response"][0].status_code >= 500 else "StoreThrottles")
    if given["attempts"] >= (call.tries_of_a_hang if hung else call.tries):
        return None
    if not all(breaker.may_retry() for breaker in call.asked):
        return None
    pause_s = full_jitter(given["attempts"] - 1, PAUSE_BASE_S, PAUSE_MAX_S)
    deadline.require(pause_s)
    return pause_s


def _is_failed_answer(response: tuple[Any, Mapping[str, Any]]) -> bool:
    """Whether an answer counts as a failure of the service: an error of its own, or a throttled call."""
    status = response[0].status_code
    if status < 400:
        return False
    return _is_failure(status, _code(response[1])) or _throttled_in_part(response[1])


def _is_failure(status: int, code: str) -> bool:
    return status >= 500 or status == HTTPStatus.TOO_MANY_REQUESTS or code in _THROTTLES


def _code(parsed: Mapping[str, Any]) -> str:
    return str(parsed.get("Error", {}).get("Code", ""))


def _throttled_in_part(parsed: Mapping[str, Any]) -> bool:
    """Whether DynamoDB cancelled a transaction because it was throttled."""
    reasons = parsed.get("CancellationReasons")
    if not reasons:
        return False
    return any(each.get("Code") in ("ThrottlingError", "ProvisionedThroughputExceeded") for each in reasons)


def _guarded(service: str, call: Callable[[str, Any], Any]) -> Callable[[str, Any], Any]:
    """`call` of a client with breakers, limits and retries; raises DependencyUnavailable if the service fails."""
    from botocore.exceptions import ClientError, ConnectionError, HTTPClientError, ResponseStreamingError

    limit_s = SLOW_READ_TIMEOUT_S.get(service, AWS_READ_TIMEOUT_S)
    tries = 1 if service in SLOW_READ_TIMEOUT_S else TRIES
    whole = [breaker_of(service)]
    unreachable = (ConnectionError, HTTPClientError, ResponseStreamingError)

    def guarded(operation: str, arguments: Any) -> Any:
        before = _here.call
        parts = _parts.get(service)
        asked = whole if parts is None else [breaker_of(service, part) for part in parts(arguments)]
        here = _here.call = _Call(service, asked, limit_s, tries)
        try:
            return call(operation, arguments)
        except unreachable as error:
            raise DependencyUnavailable from error
        except ClientError as error:
            status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
            if not _is_failure(status, _code(error.response)):
                raise
            # the error's text may repeat the request, for example somebody's e-mail address
            raise DependencyUnavailable(retry_after_s=1) from RuntimeError(f"{service}: {_code(error.response)}")
        finally:
            here.settle(_abandoned)
            _here.call = before

    return guarded


def _call_method(service: str, made: Any) -> Callable[[str, Any], Any]:
    """The function by which a client makes its calls: a cheaper one for the services that are called most."""
    from kernel import aws_calls  # imported here because it loads botocore, which not every function needs

    if service in aws_calls.SERVICES and made.meta.service_model.resolved_protocol == aws_calls.PROTOCOL:
        return aws_calls.DirectCalls(made, _after_a_try)
    return made._make_api_call  # type: ignore[no-any-return]


def credentials() -> Any:
    """The process's credentials, which botocore refreshes; raises ConfigurationError without any."""
    found = session().get_credentials()
    if found is None:
        raise ConfigurationError("there are no AWS credentials in the environment")
    return found


@lru_cache(maxsize=16)
def client(service: str, endpoint_url: str | None = None) -> Any:
    """A client: connect timeout 0.5 s, read timeout 2 s (models 20 s), at most 16 kept connections."""
    from botocore.config import Config as BotoConfig

    made: Any = session().create_client(
        service,
        region_name=config().region,
        endpoint_url=endpoint_url,
        config=BotoConfig(
            connect_timeout=AWS_CONNECT_TIMEOUT_S,
            read_timeout=SLOW_READ_TIMEOUT_S.get(service, AWS_READ_TIMEOUT_S),
            retries={"mode": "standard", "total_max_attempts": 1},  # retries are decided by `_after_a_try`
            max_pool_connections=POOL,
            # the local cloud has one host for all buckets; callers compute checksums of bodies where they need them
            s3={"addressing_style": "path" if config().aws_endpoint_url else "virtual"},
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
            parameter_validation=False,  # PynamoDB and our types validate; this would cost a tenth of each call
            user_agent=f"secureconnect/{config().version}",  # fixed, because composing it costs another tenth
        ),
    )
    made._make_api_call = _guarded(service, _call_method(service, made))
    _clients.add(made)
    return made


@snapshot.before
def _make_clients() -> None:
    for service in (STORE, "sqs"):  # the services that nearly all functions call
        client(service)


@snapshot.after
def _close_connections() -> None:
    """Close the connections copied from the snapshot, which are dead; clients open new ones."""
    for each in _clients:
        each.close()
