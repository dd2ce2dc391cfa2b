"""Posting to sockets through the management endpoint (`@connections`): one attempt, short limits, in parallel.

Requests are signed by botocore's SigV4 and sent over pooled urllib3 connections, not by a botocore client: a post costs
0.4 ms of CPU instead of 1.3 (docs/decisions.md), and posts take most CPU time of a busy group.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from enum import Enum
from functools import lru_cache
from typing import Any
from urllib.parse import quote, urlsplit

from kernel import aws, breakers, deadline, snapshot
from kernel.breakers import CircuitOpen, Limits
from kernel.config import config
from kernel.errors import DependencyUnavailable, Timeout
from kernel.parallel import MAX_AT_ONCE, mapped
from kernel.resilience import AWS_CONNECT_TIMEOUT_S, SOCKET_POST_TIMEOUT_S

MAX_POST_BYTES = 128 * 1024
MAX_FRAME_BYTES = 32 * 1024
# One stuck peer among many does not open the breaker: any success resets its failed time.
breaker = breakers.named("connections", Limits(patience_s=3.0, at_once=2 * MAX_AT_ONCE))


class Posted(Enum):
    """The outcome of one post."""

    DELIVERED = "delivered"
    GONE = "gone"
    LATE = "late"  # throttled, slow or failed: the peer is suspended and told to sync
    YOUNG = "young"  # reported gone, but its handshake may not be finished


def management_url() -> str:
    """The management endpoint of the socket API; in a local cloud under that cloud's own address."""
    settings = config()
    if settings.aws_endpoint_url:
        return f"{settings.aws_endpoint_url}/_aws/execute-api/{settings.socket_api_id}/{settings.socket_stage}"
    return f"https://{settings.aws_host(f'{settings.socket_api_id}.execute-api')}/{settings.socket_stage}"


@lru_cache(maxsize=1)
def _http() -> Any:
    import urllib3

    return urllib3.PoolManager(
        maxsize=MAX_AT_ONCE,
        retries=False,
        timeout=urllib3.Timeout(connect=AWS_CONNECT_TIMEOUT_S, read=SOCKET_POST_TIMEOUT_S),
    )


@snapshot.after
def _close_connections() -> None:
    if _http.cache_info().currsize:
        _http().clear()


def _request(method: str, connection_id: str, body: bytes) -> int:
    """The HTTP status of one call, 0 if there was no answer in time."""
    import urllib3

    from kernel import signing  # imported here because it loads botocore, which not every function needs

    management = urlsplit(management_url())
    path = f"{management.path}/@connections/{quote(connection_id, safe='')}"
    url = f"{management.scheme}://{management.netloc}{path}"
    headers = signing.signed(
        aws.credentials(), "execute-api", config().region, method=method, host=management.netloc, path=path, body=body
    )
    try:
        wait_s = breaker.admit(deadline.bounded(SOCKET_POST_TIMEOUT_S))
    except (Timeout, CircuitOpen):
        return 0
    # the pool has the usual limits, so most posts need no Timeout of their own
    limits = (
        {}
        if wait_s == SOCKET_POST_TIMEOUT_S
        else {"timeout": urllib3.Timeout(connect=min(AWS_CONNECT_TIMEOUT_S, wait_s), read=wait_s)}
    )
    started = time.monotonic()
    try:
        status = int(_http().urlopen(method, url, body=body, headers=headers, **limits).status)
    except urllib3.exceptions.HTTPError:
        status = 0
    except BaseException:
        breaker.abandoned()
        raise
    if 0 < status < 500 and status != 429:
        breaker.succeeded()
    else:
        breaker.failed(time.monotonic() - started)
    return status


def post(connection_id: str, frame: bytes) -> Posted:
    """Send one frame (at most 128 KB) to one socket; raises ValueError for a larger one."""
    if len(frame) > MAX_POST_BYTES:
        raise ValueError(f"a post of {len(frame)} bytes is above the {MAX_POST_BYTES} that API Gateway takes")
    status = _request("POST", connection_id, frame)
    if status == 410:
        return Posted.GONE
    return Posted.DELIVERED if 200 <= status < 300 else Posted.LATE


def post_each(connection_id: str, frames: Iterable[bytes]) -> Posted:
    """Send frames to one socket in order; stops at the first one that is not delivered."""
    for frame in frames:
        posted = post(connection_id, frame)
        if posted is not Posted.DELIVERED:
            return posted
    return Posted.DELIVERED


def post_all(frames: Mapping[str, Sequence[bytes]]) -> dict[str, Posted]:
    """Send each socket its frames as `post_each` does, in parallel, so that no socket waits for another (R10)."""
    return dict(zip(frames, mapped(lambda item: post_each(*item), frames.items(), threads="post"), strict=True))


def require_endpoint() -> None:
    """Check the management endpoint by asking for a missing socket; raises DependencyUnavailable if it fails."""
    status = _request("GET", "health", b"")
    if status not in (400, 404, 410):
        raise DependencyUnavailable


def close(connection_id: str) -> bool:
    """Close a socket; returns whether it is closed now."""
    status = _request("DELETE", connection_id, b"")
    return 200 <= status < 300 or status == 410


def close_all(connection_ids: Iterable[str]) -> list[str]:
    """Close sockets in parallel; returns those that could not be closed."""
    wanted = list(connection_ids)
    closed = mapped(close, wanted, threads="post")
    return [connection_id for connection_id, done in zip(wanted, closed, strict=True) if not done]
