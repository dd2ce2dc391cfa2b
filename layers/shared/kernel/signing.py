"""Signs requests to AWS: botocore's SigV4 over plain headers, with a key kept for the day.

For each request botocore's signer derives the key, which is the same for a day, and makes three e-mail messages of its
headers: two thirds of the cost of a signature. What is signed, and how, remains botocore's.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import sha256
from typing import Any

from botocore.auth import SIGNED_HEADERS_BLACKLIST, SigV4Auth


@lru_cache(maxsize=8)
def _key(secret: str, day: str, region: str, service: str) -> bytes:
    """The key that signs the requests of one day to one service."""
    key = f"AWS4{secret}".encode()
    for part in (day, region, service, "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    return key


_UNSIGNED = frozenset(SIGNED_HEADERS_BLACKLIST)  # what a request may lose or change on its way, such as its trace


class _Headers(dict[str, str]):
    """Headers by their lower-case names, one value each, with the method that the signer calls."""

    def get_all(self, name: str) -> list[str]:
        return [self[name]]


@dataclass(slots=True)
class _Request:
    """The fields of a request that the signer reads."""

    method: str
    url: str
    headers: dict[str, str]
    body: bytes
    params: None = None
    context: dict[str, Any] = field(default_factory=dict)
    to_sign: _Headers | None = None  # the headers when they were complete but for the signature


class _Signer(SigV4Auth):
    def headers_to_sign(self, request: Any) -> Any:
        """The headers that botocore signs, too. The signer asks twice."""
        if request.to_sign is None:
            request.to_sign = _Headers(
                (lower, value) for name, value in request.headers.items() if (lower := name.lower()) not in _UNSIGNED
            )
        return request.to_sign

    def canonical_query_string(self, _request: Any) -> str:
        """Empty, as the query of all requests."""
        return ""

    def payload(self, request: Any) -> str:
        return sha256(request.body).hexdigest()

    def signature(self, string_to_sign: str, request: Any) -> str:
        own: Any = self  # its types lack two fields
        day = request.context["timestamp"][:8]
        key = _key(own.credentials.secret_key, day, own._region_name, own._service_name)
        return hmac.digest(key, string_to_sign.encode(), "sha256").hex()


def signed(
    credentials: Any,
    service: str,
    region: str,
    *,
    method: str,
    host: str,
    path: str,
    body: bytes,
    headers: Mapping[str, str] | None = None,
) -> dict[str, str]:
    """The headers of a request to AWS with its signature, which covers all that do not change on the way.

    `path` is as in the URL, whose query is empty. Values of `headers` have no double spaces. Refreshes `credentials` if
    needed.
    """
    request = _Request(method, f"https://{host}{path}", {**(headers or {}), "Host": host}, body)
    signer: Any = _Signer(credentials.get_frozen_credentials(), service, region)
    signer.add_auth(request)
    return request.headers
