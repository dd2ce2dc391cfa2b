"""Standard Web Push (RFC 8030): for browsers, without Firebase.

An endpoint is a URL from a user (SSRF): it is checked again here, the connection goes to the very address that was
checked, redirects are not followed, and no large response body is read.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from typing import TYPE_CHECKING

from kernel import outbound
from kernel.breakers import Breaker, CircuitOpen, Limits
from kernel.cache import Memo
from kernel.outbound import LOOPBACK, Target
from notifications import encryption, vapid
from notifications.encryption import BrowserKeys
from notifications.providers.outcomes import DELIVERED, Delivery, PushOutcome, later

if TYPE_CHECKING:
    from urllib3 import BaseHTTPResponse, HTTPConnectionPool

AT_ONCE = 16
CONNECT_TIMEOUT_S = 2.0
READ_TIMEOUT_S = 4.0
WORST_CASE_S = outbound.LOOKUP_TIMEOUT_S + CONNECT_TIMEOUT_S + READ_TIMEOUT_S
MAX_POOLS = 256
_LIMITS = Limits(failures=5, window=5, window_s=600.0, patience_s=20.0, rest_s=30.0, rest_max_s=120.0)
_GONE = (404, 410)  # RFC 8030: the subscription has ended
_LATER = (408, 425, 429)

_pools: OrderedDict[tuple[str, str], HTTPConnectionPool] = OrderedDict()
_lock = threading.Lock()
# One breaker per origin, so that an unresponsive push service delays only its own browsers.
breakers: Memo[Breaker] = Memo(max_entries=1_000, ttl_s=60 * 60)


class _ServiceFailure(Exception):
    """A response that counts as a failure of the push service."""

    def __init__(self, outcome: PushOutcome) -> None:
        self.outcome = outcome
        super().__init__(outcome.reason)


def send(deliveries: Sequence[Delivery]) -> list[PushOutcome]:
    """Post to each device, sixteen at once; one attempt each."""
    return list(_workers().map(_send, deliveries))


@lru_cache(maxsize=1)
def _workers() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(max_workers=AT_ONCE, thread_name_prefix="webpush")


def _send(delivery: Delivery) -> PushOutcome:
    subscription = delivery.device.subscription
    if subscription is None:
        return PushOutcome("gone", "no_subscription")
    try:
        target = outbound.parse(subscription.endpoint)
        body = encryption.encrypt(delivery.payload.text(), BrowserKeys.of(subscription.p256dh, subscription.auth))
    except ValueError:  # including UnsafeUrl: the rules may have changed since the registration
        return PushOutcome("gone", "bad_subscription")
    breaker = _breaker(target.origin)
    try:
        return breaker.call(lambda: _post(target, delivery, body), (_ServiceFailure,))
    except _ServiceFailure as failure:
        return failure.outcome
    except CircuitOpen:
        return later("circuit_open")
    except outbound.UnsafeUrl:
        return PushOutcome("gone", "private_address")


def _breaker(origin: str) -> Breaker:
    with _lock:
        found = breakers.get(origin)
        if found is None:
            found = Breaker(f"webpush:{origin}", _LIMITS)
            breakers.put(origin, found)
        return found


def _post(target: Target, delivery: Delivery, body: bytes) -> PushOutcome:
    from urllib3.exceptions import HTTPError

    headers = {
        "Host": target.authority,
        "Authorization": vapid.authorization(target.origin),
        "Content-Encoding": "aes128gcm",
        "Content-Type": "application/octet-stream",
        "TTL": str(delivery.payload.ttl_s),
        "Urgency": delivery.payload.urgency,
        "Topic": delivery.topic,
    }
    try:
        answer = _pool(target, outbound.address(target)).request(
            "POST", target.path, body=body, headers=headers, redirect=False, retries=False, preload_content=False
        )
        answer.drain_conn() if int(answer.headers.get("Content-Length", 0)) < 10_000 else answer.close()
    except outbound.Unresolved as error:
        raise _ServiceFailure(later("unresolved")) from error
    except (HTTPError, OSError, ValueError) as error:
        raise _ServiceFailure(later(type(error).__name__)) from error
    outcome = _outcome(answer)
    if outcome.result == "later" and answer.status >= 500:
        raise _ServiceFailure(outcome)
    return outcome


def _outcome(answer: BaseHTTPResponse) -> PushOutcome:
    status = answer.status
    if 200 <= status < 300:
        return DELIVERED
    if status in _GONE:
        return PushOutcome("gone", str(status))
    if status in _LATER or status >= 500:
        return later(str(status), answer.headers.get("Retry-After"))
    return PushOutcome("refused", str(status))


def _pool(target: Target, address: str) -> HTTPConnectionPool:
    """Connections to a checked address; the certificate must match the host's name."""
    key = (target.origin, address)
    with _lock:
        found = _pools.get(key)
        if found is not None:
            _pools.move_to_end(key)
            return found
        made = _new_pool(target, address)
        _pools[key] = made
        if len(_pools) > MAX_POOLS:
            _pools.popitem(last=False)[1].close()
        return made


def _new_pool(target: Target, address: str) -> HTTPConnectionPool:
    from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, Timeout

    timeout = Timeout(connect=CONNECT_TIMEOUT_S, read=READ_TIMEOUT_S)
    if target.scheme == "http":  # 127.0.0.1 of a local stack, which alone may be http
        return HTTPConnectionPool(address, target.port, timeout=timeout, maxsize=AT_ONCE)
    trusted = address == LOOPBACK  # a test server with a self-signed certificate
    return HTTPSConnectionPool(
        address,
        target.port,
        timeout=timeout,
        maxsize=AT_ONCE,
        cert_reqs="CERT_NONE" if trusted else "CERT_REQUIRED",
        assert_hostname=False if trusted else target.host,
        server_hostname=None if trusted else target.host,
    )
