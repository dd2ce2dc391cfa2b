"""Posting to sockets through the management endpoint (`@connections`): one attempt, short limits, in parallel.

Requests are signed by botocore's SigV4 and sent by libcurl, not by a botocore client, which takes ten times the CPU
time (docs/decisions.md), as posts take most of it in a busy group.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from enum import Enum
from functools import lru_cache
from itertools import islice, starmap
from typing import TypeVar
from urllib.parse import quote, urlsplit

from kernel import aws, breakers, deadline, snapshot
from kernel.breakers import CircuitOpen, Limits
from kernel.config import config
from kernel.curl import Client, Exchange, Request
from kernel.errors import DependencyUnavailable, Timeout
from kernel.parallel import MAX_AT_ONCE
from kernel.resilience import AWS_CONNECT_TIMEOUT_S, SOCKET_POST_TIMEOUT_S

T = TypeVar("T")
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
def _http() -> Client:
    return Client(MAX_AT_ONCE)


@snapshot.after
def _close_connections() -> None:
    if _http.cache_info().currsize:
        _http().close()


def _request(method: str, connection_id: str, body: bytes) -> Exchange[int]:
    """The HTTP status of one call, 0 if there was no answer in time."""
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
    started = time.monotonic()
    try:
        status = yield Request(method, url, headers, body, min(AWS_CONNECT_TIMEOUT_S, wait_s), wait_s)
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
    return post_all({connection_id: [frame]})[connection_id]


def post_all(frames: Mapping[str, Sequence[bytes]]) -> dict[str, Posted]:
    """Send each socket its frames in order, up to the first that is not delivered.

    No socket waits for another (R10). Raises ValueError for a frame above 128 KB.
    """
    return dict(zip(frames, _together(starmap(_post_each, frames.items())), strict=True))


def _post_each(connection_id: str, frames: Iterable[bytes]) -> Exchange[Posted]:
    for frame in frames:
        if len(frame) > MAX_POST_BYTES:
            raise ValueError(f"a post of {len(frame)} bytes is above the {MAX_POST_BYTES} that API Gateway takes")
        status = yield from _request("POST", connection_id, frame)
        if not 200 <= status < 300:
            return Posted.GONE if status == 410 else Posted.LATE
    return Posted.DELIVERED


def _together(exchanges: Iterable[Exchange[T]]) -> list[T]:
    """The results of exchanges that run side by side; the first one alone while the breaker wants to know it.

    The others would wait for its result on this thread, which has to get it.
    """
    exchanges = iter(exchanges)
    first = [] if breaker.state == "closed" else _http().run(islice(exchanges, 1))
    return [*first, *_http().run(exchanges)]


def require_endpoint() -> None:
    """Check the management endpoint by asking for a missing socket; raises DependencyUnavailable if it fails."""
    (status,) = _together([_request("GET", "health", b"")])
    if status not in (400, 404, 410):
        raise DependencyUnavailable


def close(connection_id: str) -> bool:
    """Close a socket; returns whether it is closed now."""
    return not close_all([connection_id])


def close_all(connection_ids: Iterable[str]) -> list[str]:
    """Close sockets side by side; returns those that could not be closed."""
    wanted = list(connection_ids)
    statuses = _together(_request("DELETE", each, b"") for each in wanted)
    return [each for each, status in zip(wanted, statuses, strict=True) if not (200 <= status < 300 or status == 410)]
