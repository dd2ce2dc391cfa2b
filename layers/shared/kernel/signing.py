"""Signs requests to AWS: botocore's SigV4 over plain headers.

botocore builds an e-mail message from a request's headers, and two more while signing: half the cost of a signature.
The signing itself remains botocore's.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from botocore.auth import SIGNED_HEADERS_BLACKLIST, SigV4Auth


class _Headers(dict[str, str]):
    """Headers by their lower-case names, one value each, with the method that the signer calls."""

    def get_all(self, name: str) -> list[str]:
        return [self[name]]


class _Signer(SigV4Auth):
    def headers_to_sign(self, request: Any) -> Any:
        named = ((name.lower(), value) for name, value in request.headers.items())
        return _Headers((name, value) for name, value in named if name not in SIGNED_HEADERS_BLACKLIST)


@dataclass(slots=True)
class _Request:
    """The fields of a request that the signer reads; the hash of the body is among the headers."""

    method: str
    url: str
    headers: dict[str, str]
    params: None = None
    context: dict[str, Any] = field(default_factory=dict)


def signed(
    credentials: Any, service: str, region: str, *, method: str, url: str, headers: dict[str, str], body: bytes
) -> dict[str, str]:
    """The headers of a request to AWS with its signature.

    `headers` must include `Host`. Refreshes `credentials` if needed.
    """
    request = _Request(method, url, {**headers, "X-Amz-Content-SHA256": sha256(body).hexdigest()})
    signer: Any = _Signer(credentials.get_frozen_credentials(), service, region)
    signer.add_auth(request)
    return request.headers
