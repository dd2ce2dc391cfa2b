"""AWS clients: one botocore session per process, made on first use. Nobody else makes one (a test sees to it).

Around every call stand its time limits, the invocation's deadline, the breakers of what it asks (`kernel.breakers`)
and the retries: throttles and errors of the service are tried again with full jitter within a budget, what hung once
more. A call whose dependency fails raises DependencyUnavailable; a refusal is botocore's ClientError as ever.
botocore rather than boto3: PynamoDB has loaded it already, and boto3 adds 130 ms to a cold start.
"""

from __future__ import annotations

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
POOL = 16  # connections of a client that are kept; as many calls are made at once by `kernel.parallel`
TRIES = 6  # of a call that is throttled or fails by itself: at 30 % throttling one in 1,400 is still refused
TRIES_OF_A_HANG = 2
PAUSE_BASE_S = 0.025
PAUSE_MAX_S = 0.4

# Services that take longer to answer than a store: theirs is what a model needs to think, and one try is enough.
SLOW_READ_TIMEOUT_S = {"bedrock-runtime": 20.0}
_STORE = Limits()
_SERVICE = Limits(probe_s=1.0)  # those that do something when they are called, and may take their time
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
    """One call under way on this thread: what it asks, and the try that is not settled yet."""

    __slots__ = ("asked", "limit_s", "of_store", "started", "tries", "tries_of_a_hang")

    def __init__(self, service: str, asked: Sequence[Breaker], limit_s: float, tries: int) -> None:
        self.of_store = service == STORE
        self.asked = asked
        self.limit_s = limit_s
        self.tries = tries
        self.tries_of_a_hang = min(TRIES_OF_A_HANG, tries)
        self.started: float | None = None

    def admit(self) -> float:
        """Begin a try; how long it may take. Raises Timeout, CircuitOpen."""
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
        """Count a try that failed; those of other services than the store are told by their breakers alone."""
        if self.of_store:
            telemetry.total(metric)

    def settle(self, outcome: Callable[[Breaker, float], None]) -> None:
        """End the try, if one is under way."""
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
    """Have a service's calls judged by the parts that their arguments name: each may fail alone."""
    _parts[service] = parts


@lru_cache(maxsize=64)
def breaker_of(service: str, part: str = "") -> Breaker:
    """The breaker before a service of AWS, or before a part of it."""
    name = f"{service}.{part}" if part else service
    return breakers.named(name, _LIMITS.get(service, _SERVICE), _services.setdefault(service, Hanging()))


@lru_cache(maxsize=1)
def session() -> botocore.session.Session:
    """The one session; its event hooks see every call of every client (`perf` counts there)."""
    import botocore.session

    made = botocore.session.get_session()
    hooks = made.get_component("event_emitter")
    hooks.register_first("before-send", _before_a_try)  # before whatever answers in the place of the network
    hooks.register("needs-retry", _after_a_try)
    return made


def _before_a_try(**given: Any) -> None:
    """Before each try: raises Timeout at the deadline, CircuitOpen where a breaker is open; shortens the wait."""
    call = _here.call
    if call is None:
        raise RuntimeError("an AWS client that kernel.aws has not made")
    granted_s, context = call.admit(), given["request"].context
    if granted_s < call.limit_s or "read_timeout" in context:  # of a try before this one
        context["read_timeout"] = granted_s


def _after_a_try(**given: Any) -> float | None:
    """After each try: tell the breakers; the pause before the next try in seconds, None for none.

    Raises Timeout where the deadline has come or would come during the pause.
    """
    call = _here.call
    if call is None or call.started is None:  # nothing was sent: the deadline or a breaker said no
        return None
    error: BaseException | None = given["caught_exception"]
    hung = error is not None
    if hung:
        call.count("StoreTimeouts")
    if hung and deadline.left_s() <= 0:
        call.settle(Breaker.cut_off)
        raise Timeout from error
    if not hung and not _unwell(given["response"]):
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


def _unwell(response: tuple[Any, Mapping[str, Any]]) -> bool:
    """Whether an answer speaks against the service: it failed by itself, or has no room for the call."""
    status = response[0].status_code
    if status < 400:
        return False
    return _is_failure(status, _code(response[1])) or _throttled_in_part(response[1])


def _is_failure(status: int, code: str) -> bool:
    return status >= 500 or status == HTTPStatus.TOO_MANY_REQUESTS or code in _THROTTLES


def _code(parsed: Mapping[str, Any]) -> str:
    return str(parsed.get("Error", {}).get("Code", ""))


def _throttled_in_part(parsed: Mapping[str, Any]) -> bool:
    """Whether a transaction of DynamoDB was cancelled for want of capacity."""
    reasons = parsed.get("CancellationReasons")
    if not reasons:
        return False
    return any(each.get("Code") in ("ThrottlingError", "ProvisionedThroughputExceeded") for each in reasons)


def _guarded(service: str, call: Callable[[str, Any], Any]) -> Callable[[str, Any], Any]:
    """`call` of a client with everything around it; it raises DependencyUnavailable where the service fails."""
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
            # its text may repeat what was sent, a person's address for one
            raise DependencyUnavailable(retry_after_s=1) from RuntimeError(f"{service}: {_code(error.response)}")
        finally:
            here.settle(_abandoned)
            _here.call = before

    return guarded


def _way(service: str, made: Any) -> Callable[[str, Any], Any]:
    """How a client makes its calls: those of the services that are asked all the time go by a shorter way."""
    from kernel import aws_calls  # loads botocore, which not every function needs

    if service in aws_calls.SERVICES and made.meta.service_model.resolved_protocol == aws_calls.PROTOCOL:
        return aws_calls.DirectCalls(made, _after_a_try)
    return made._make_api_call  # type: ignore[no-any-return]


def credentials() -> Any:
    """The process's credentials; botocore refreshes them by itself."""
    found = session().get_credentials()
    if found is None:
        raise ConfigurationError("there are no AWS credentials in the environment")
    return found


@lru_cache(maxsize=16)
def client(service: str, endpoint_url: str | None = None) -> Any:
    """A client with connect 0.5 s, read 2 s (models 20 s), at most 16 connections kept."""
    from botocore.config import Config as BotoConfig

    made: Any = session().create_client(
        service,
        region_name=config().region,
        endpoint_url=endpoint_url,
        config=BotoConfig(
            connect_timeout=AWS_CONNECT_TIMEOUT_S,
            read_timeout=SLOW_READ_TIMEOUT_S.get(service, AWS_READ_TIMEOUT_S),
            retries={"mode": "standard", "total_max_attempts": 1},  # `_after_a_try` decides
            max_pool_connections=POOL,
            # a local cloud has one host for all buckets; checksums of bodies are the callers' own where they matter
            s3={"addressing_style": "path" if config().aws_endpoint_url else "virtual"},
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
            parameter_validation=False,  # PynamoDB and our types see to that; it costs a tenth of each call
            user_agent=f"secureconnect/{config().version}",  # a fixed one: composing it costs another tenth
        ),
    )
    made._make_api_call = _guarded(service, _way(service, made))
    _clients.add(made)
    return made


@snapshot.before
def _make_clients() -> None:
    for service in (STORE, "sqs"):  # what nearly all functions ask
        client(service)


@snapshot.after
def _close_connections() -> None:
    """Those of the process that was copied lead nowhere; clients open new ones."""
    for each in _clients:
        each.close()
