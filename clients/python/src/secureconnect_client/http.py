"""HTTP exchanges with time limits and retries. This module knows no sessions, tokens or resources.

A request is retried if a repetition is harmless: its method is idempotent, it has an Idempotency-Key or a
`client_id`, or the caller says so. It is retried on 429, 502, 503 and 504, without an answer, and on a 409
with a Retry-After (the first try may still be in progress). Waits are full jitter on top of a Retry-After; an
answer with one above `MAX_RETRY_AFTER_S` raises ApiError instead.
"""

from __future__ import annotations

import asyncio
import functools
import random
import ssl
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote

import httpx

from secureconnect_client.backoff import Backoff
from secureconnect_client.errors import ApiError, TransportFailed
from secureconnect_client.version import USER_AGENT

RETRY_STATUSES: Final = frozenset({429, 502, 503, 504})
IDEMPOTENT_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS", "PUT", "DELETE"})
MAX_RETRY_AFTER_S: Final = 20.0
# The service answers within 10 s; API Gateway gives up after 29 s.
DEFAULT_TIMEOUT: Final = httpx.Timeout(20.0, connect=5.0)
DEFAULT_BACKOFF: Final = Backoff(base_s=0.2, cap_s=5.0)


def segment(value: str) -> str:
    """A percent-encoded path segment, because emoji are not URL-safe."""
    return quote(value, safe="")


class Http:
    """HTTP requests to one base URL."""

    def __init__(
        self,
        base_url: str,
        *,
        transport: httpx.AsyncBaseTransport | None = None,
        timeout: httpx.Timeout = DEFAULT_TIMEOUT,
        tries: int = 4,
        backoff: Backoff = DEFAULT_BACKOFF,
        rng: random.Random | None = None,
    ) -> None:
        self._client = httpx.AsyncClient(
            base_url=base_url,
            transport=transport,
            verify=_tls(),
            timeout=timeout,
            headers={"User-Agent": USER_AGENT, "Accept": "application/json"},
        )
        self._tries = tries
        self._backoff = backoff
        self._rng = rng or random.Random()

    async def exchange(
        self,
        method: str,
        path: str,
        *,
        json: Any = None,
        params: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        retry: bool | None = None,
    ) -> httpx.Response:
        """Send a request; returns the answer if it is 2xx.

        Raises ApiError for any other, TransportFailed without one.
        """
        if retry is None:
            retry = is_repeatable(method, json=json, headers=headers or {})
        attempt = 0
        while True:
            try:
                return await self._once(method, path, json=json, params=params, headers=headers)
            except ApiError as error:
                if not (retry and _may_pass(error)) or attempt + 1 >= self._tries:
                    raise
                pause = self._backoff.delay(attempt, self._rng, retry_after=error.retry_after)
            except TransportFailed:
                if not retry or attempt + 1 >= self._tries:
                    raise
                pause = self._backoff.delay(attempt, self._rng)
            attempt += 1
            await asyncio.sleep(pause)

    async def _once(self, method: str, path: str, **request: Any) -> httpx.Response:
        request["params"] = {k: v for k, v in (request["params"] or {}).items() if v is not None}
        try:
            response = await self._client.request(method, path, **request)
        except httpx.TransportError as error:
            raise TransportFailed(f"{method} {path}: {type(error).__name__}") from error
        if not response.is_success:
            raise ApiError.from_response(response)
        return response

    async def close(self) -> None:
        await self._client.aclose()


@functools.cache
def _tls() -> ssl.SSLContext:
    """A shared TLS context, because reading the certificates takes longer than a request."""
    return httpx.create_ssl_context()


def _may_pass(error: ApiError) -> bool:
    under_way = error.status == 409 and error.retry_after is not None
    return (error.status in RETRY_STATUSES or under_way) and (error.retry_after or 0) <= MAX_RETRY_AFTER_S


def is_repeatable(method: str, *, json: Any, headers: Mapping[str, str]) -> bool:
    """Whether sending a request twice has the same effect as sending it once."""
    if method.upper() in IDEMPOTENT_METHODS or "idempotency-key" in {each.lower() for each in headers}:
        return True
    return isinstance(json, Mapping) and bool(json.get("client_id"))


def content(response: httpx.Response) -> Any:
    """The JSON of an answer, None for an empty one. Raises TransportFailed for an answer that is not JSON."""
    if not response.content:
        return None
    try:
        return response.json()
    except ValueError as error:
        raise TransportFailed(f"the answer of {response.request.url.path} is not JSON") from error
