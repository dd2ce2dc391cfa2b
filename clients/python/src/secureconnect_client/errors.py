"""The client's exceptions, and the reading of problem+json (RFC 9457). This module never retries."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import httpx

# Codes for answers without a problem document, such as API Gateway's own.
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
    """The base of all errors that this client raises on purpose."""


class NotSignedIn(SecureConnectError):
    """The call needs a session and the store has none."""


class TransportFailed(SecureConnectError):
    """There was no answer: the network failed or a time limit passed. The call may have been carried out."""


class ConnectionLost(SecureConnectError):
    """The socket closed, or did not answer, before the acknowledgement."""


class FrameRefused(ConnectionLost):
    """The socket is open, but the server could not handle a frame now; try again after a moment."""


class HandshakeRefused(ConnectionLost):
    """The server did not open the socket.

    The status is 401 for an invalid, used or expired ticket, and 429 for too many connections.
    """

    def __init__(self, status: int, *, retry_after: float | None = None) -> None:
        super().__init__(f"the handshake was refused with {status}")
        self.status = status
        self.retry_after = retry_after


@dataclass(frozen=True, slots=True)
class FieldError:
    """An error of one field in a `validation_failed` answer."""

    field: str
    message: str


class ApiError(SecureConnectError):
    """An error answered by the service; `code` is the stable name to check.

    `retry_after` is in seconds. `documented` is False for an answer without a problem document, such as API
    Gateway's own.
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
        """Whether the same request may succeed later."""
        return self.status in (408, 429) or self.status >= 500

    @classmethod
    def from_problem(
        cls, problem: Mapping[str, Any], *, status: int = 500, retry_after: float | None = None
    ) -> ApiError:
        """Read a problem document; missing fields and those of a wrong type are omitted."""
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
        """Read an HTTP answer with status 400 or more."""
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
    """The seconds of a Retry-After header, in either of its forms (RFC 9110, 10.2.3)."""
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
