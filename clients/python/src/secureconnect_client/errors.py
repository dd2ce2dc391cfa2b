"""What can go wrong, as exceptions. Owns the reading of problem+json (RFC 9457); never retries anything."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import httpx

# What an answer without a problem document means: API Gateway's own answers look like that.
_CODES = {
    400: "validation_failed",
    401: "unauthenticated",
    403: "forbidden",
    404: "not_found",
    408: "timeout",
    409: "conflict",
    410: "gone",
    413: "payload_too_large",
    415: "unsupported_media_type",
    429: "rate_limited",
    503: "dependency_unavailable",
    504: "timeout",
}


class SecureConnectError(Exception):
    """Base of everything this client raises on purpose."""


class NotSignedIn(SecureConnectError):
    """The call needs a session and the store holds none."""


class TransportFailed(SecureConnectError):
    """No answer came: the network failed or a time limit passed. The call may or may not have happened."""


class ConnectionLost(SecureConnectError):
    """The socket went away, or never answered, before the acknowledgement."""


class FrameRefused(ConnectionLost):
    """The socket stands, but the server had no room for a frame: it is worth asking again after a moment."""


class HandshakeRefused(ConnectionLost):
    """The server did not open the socket: 401 for a bad, used or expired ticket, 429 when too many come."""

    def __init__(self, status: int, *, retry_after: float | None = None) -> None:
        super().__init__(f"the handshake was refused with {status}")
        self.status = status
        self.retry_after = retry_after


@dataclass(frozen=True, slots=True)
class FieldError:
    """One complaint of a `validation_failed` answer."""

    field: str
    message: str


class ApiError(SecureConnectError):
    """An answer of the service that is an error; `code` is the stable name to branch on.

    `retry_after` is in seconds. `documented` is False for an answer that was no problem document, such as
    one of API Gateway's own.
    """

    def __init__(
        self,
        *,
        status: int,
        code: str,
        detail: str = "",
        errors: tuple[FieldError, ...] = (),
        request_id: str | None = None,
        retry_after: float | None = None,
        documented: bool = True,
    ) -> None:
        super().__init__(f"{status} {code}" + (f": {detail}" if detail else ""))
        self.status = status
        self.code = code
        self.detail = detail
        self.errors = errors
        self.request_id = request_id
        self.retry_after = retry_after
        self.documented = documented

    @property
    def transient(self) -> bool:
        """Whether the same request may well succeed later."""
        return self.status in (408, 429) or self.status >= 500

    @classmethod
    def from_problem(
        cls, problem: Mapping[str, Any], *, status: int = 500, retry_after: float | None = None
    ) -> ApiError:
        """Read a problem document; fields that are missing or of a wrong type are left out."""
        given = problem.get("status")
        status = given if isinstance(given, int) else status
        code = problem.get("code")
        detail = problem.get("detail") or problem.get("title") or problem.get("message") or ""
        if retry_after is None and isinstance(problem.get("retry_after"), int | float):
            retry_after = float(problem["retry_after"])
        errors = problem.get("errors")
        return cls(
            status=status,
            code=code if isinstance(code, str) else _CODES.get(status, "internal"),
            detail=str(detail),
            errors=tuple(
                FieldError(str(each.get("field", "")), str(each.get("message", "")))
                for each in (errors if isinstance(errors, list) else [])
                if isinstance(each, Mapping)
            ),
            request_id=problem.get("request_id"),
            retry_after=retry_after,
            documented=isinstance(code, str),
        )

    @classmethod
    def from_response(cls, response: httpx.Response) -> ApiError:
        """Read an HTTP answer of 400 or more."""
        try:
            problem = response.json()
        except (json.JSONDecodeError, UnicodeDecodeError):
            problem = {}
        if not isinstance(problem, Mapping):
            problem = {}
        problem = {
            "request_id": response.headers.get("X-Request-Id"),
            **problem,
            "status": response.status_code,
        }
        return cls.from_problem(problem, retry_after=retry_after(response.headers.get("Retry-After")))


def retry_after(value: str | None, *, now: datetime | None = None) -> float | None:
    """Seconds to wait from a Retry-After header, in either of its forms (RFC 9110, 10.2.3)."""
    if value is None:
        return None
    try:
        seconds = float(value)
    except ValueError:
        try:
            when = parsedate_to_datetime(value)
        except ValueError:
            return None
        seconds = (when.replace(tzinfo=when.tzinfo or UTC) - (now or datetime.now(UTC))).total_seconds()
    return max(0.0, seconds) if math.isfinite(seconds) else None
