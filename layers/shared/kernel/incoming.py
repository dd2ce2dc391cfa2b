"""What of a request views and the app read: its metadata, the bearer token and the body, checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from chalice.app import Request

from kernel import origin
from kernel.config import config
from kernel.errors import MalformedJson, PayloadTooLarge, Unauthenticated, UnsupportedMediaType


@dataclass(frozen=True, slots=True)
class Incoming:
    """The request's metadata for views; `address` is the caller's IP address."""

    request_id: str
    address: str
    headers: dict[str, str]
    query: dict[str, Any]
    base_url: str = ""  # the URL of the API that was called, without a final slash

    @classmethod
    def of(cls, request: Request) -> Incoming:
        headers = {name.lower(): value for name, value in request.headers.items()}
        query: dict[str, Any] = {}
        if request.query_params is not None:
            for name in request.query_params:
                values = request.query_params.getlist(name)
                query[name] = values[0] if len(values) == 1 else values
        identity = request.context.get("identity") or {}
        return cls(
            request_id=str(request.context.get("requestId", "")),
            address=origin.address_in(identity.get("sourceIp"), headers),
            headers=headers,
            query=query,
            base_url=_base_url(request.context),
        )


def _base_url(context: Mapping[str, Any]) -> str:
    """The URL of the API that was called, from the gateway's context, because clients may send any Host."""
    domain, stage = context.get("domainName"), context.get("stage", "")
    if config().aws_endpoint_url and context.get("apiId"):
        return f"{config().aws_endpoint_url}/_aws/execute-api/{context['apiId']}/{stage}"
    if not domain:
        return config().public_url
    return f"https://{domain}/{stage}" if ".execute-api." in str(domain) else f"https://{domain}"


def raw_body(request: Request, limit: int) -> bytes:
    """The body; raises MalformedJson, and PayloadTooLarge above `limit` bytes."""
    try:
        raw = request.raw_body
    except (UnicodeEncodeError, ValueError) as error:
        raise MalformedJson from error
    if len(raw) > limit:
        raise PayloadTooLarge
    return raw if isinstance(raw, bytes) else raw.encode()


def require_json(request: Incoming) -> None:
    """Raises UnsupportedMediaType unless the body is JSON in UTF-8, or says nothing of itself."""
    media_type, *parameters = request.headers.get("content-type", "application/json").lower().split(";")
    named = [each.strip() for each in parameters]
    charsets = {each.removeprefix("charset=").strip('"') for each in named if each.startswith("charset=")}
    if media_type.strip() != "application/json" or not charsets <= {"", "utf-8"}:
        raise UnsupportedMediaType


def bearer_token(request: Incoming) -> str:
    """The bearer token of a request; raises Unauthenticated without one."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise Unauthenticated
    return token.strip()
