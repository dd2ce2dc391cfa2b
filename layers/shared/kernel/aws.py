"""AWS clients: one botocore session per process, made on first use, with the time limits of `resilience`.

botocore rather than boto3: PynamoDB has loaded it already, and boto3 adds 130 ms to a cold start.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from kernel import deadline
from kernel.config import ConfigurationError, config
from kernel.resilience import AWS_ATTEMPTS, AWS_CONNECT_TIMEOUT_S, AWS_PAUSE_MAX_S, AWS_READ_TIMEOUT_S

if TYPE_CHECKING:
    import botocore.session

# Services that take longer to answer than a store: theirs is what a model needs to think, and one try is enough.
SLOW_READ_TIMEOUT_S = {"bedrock-runtime": 20.0}


@lru_cache(maxsize=1)
def session() -> botocore.session.Session:
    """The one session; its event hooks see every call of every client (`perf` counts there)."""
    import botocore.session

    made = botocore.session.get_session()
    made.register("before-send", _keep_deadline)
    made.register("needs-retry", _need_time_to_retry)
    return made


def _keep_deadline(**given: Any) -> None:
    """Before each try of a call: raises Timeout when the invocation's deadline has come; waits no longer than it."""
    limit_s = SLOW_READ_TIMEOUT_S.get(str(given.get("event_name", "")).split(".")[1], AWS_READ_TIMEOUT_S)
    left_s = deadline.bounded(limit_s)
    if left_s < limit_s:
        given["request"].context["read_timeout"] = left_s


def _need_time_to_retry(**given: Any) -> None:
    """After a try without an answer: raises Timeout when the pause before the next one may outlast the deadline."""
    if given["caught_exception"] is not None:
        deadline.require(AWS_PAUSE_MAX_S)


def credentials() -> Any:
    """The process's credentials; botocore refreshes them by itself."""
    found = session().get_credentials()
    if found is None:
        raise ConfigurationError("there are no AWS credentials in the environment")
    return found


@lru_cache(maxsize=16)
def client(service: str, endpoint_url: str | None = None) -> Any:
    """A client with connect 0.5 s, read 2 s, 2 attempts with full jitter and a retry quota; slow services get one."""
    from botocore.config import Config as BotoConfig

    slow = service in SLOW_READ_TIMEOUT_S
    return session().create_client(
        service,
        region_name=config().region,
        endpoint_url=endpoint_url,
        config=BotoConfig(
            connect_timeout=AWS_CONNECT_TIMEOUT_S,
            read_timeout=SLOW_READ_TIMEOUT_S.get(service, AWS_READ_TIMEOUT_S),
            retries={"mode": "standard", "total_max_attempts": 1 if slow else AWS_ATTEMPTS},
            max_pool_connections=16,
            # a local cloud has one host for all buckets; checksums of bodies are the callers' own where they matter
            s3={"addressing_style": "path" if config().aws_endpoint_url else "virtual"},
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
            parameter_validation=False,  # PynamoDB and our types see to that; it costs a tenth of each call
            user_agent=f"secureconnect/{config().version}",  # a fixed one: composing it costs another tenth
        ),
    )
