"""The errors that callers may get: classes with a status and a stable code, mapped to problem+json in one place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, ClassVar


@dataclass(frozen=True, slots=True)
class FieldError:
    """A validation error of one field of a request."""

    field: str
    message: str


class Problem(Exception):
    """The base of all expected errors (RFC 9457). Subclasses declare `status`, `code` and a default `detail`."""

    status: ClassVar[int] = 500
    code: ClassVar[str] = "internal"
    detail: ClassVar[str] = "Something went wrong on our side."

    def __init__(
        self,
        detail: str | None = None,
        *,
        code: str | None = None,
        errors: Sequence[FieldError] = (),
        retry_after_s: int | None = None,
        more: Mapping[str, Any] | None = None,
    ) -> None:
        self.text = detail or self.detail
        self.stable_code = code or self.code
        self.errors = tuple(errors)
        self.retry_after_s = retry_after_s
        self.more = dict(more or {})
        super().__init__(f"{self.stable_code}: {self.text}")

    def as_dict(self, request_id: str) -> dict[str, Any]:
        """The problem document; `type` is a URN of the code, `title` the status phrase, and `more` adds members."""
        return {
            "type": f"urn:secureconnect:problem:{self.stable_code}",
            "title": HTTPStatus(self.status).phrase,
            "status": self.status,
            "detail": self.text,
            "code": self.stable_code,
            "request_id": request_id,
            "errors": [{"field": error.field, "message": error.message} for error in self.errors],
            **self.more,
        }


class ValidationFailed(Problem):
    status, code, detail = (
        400,
        "validation_failed",
        "The request has fields that are missing, unknown or wrong.",
    )

    @classmethod
    def of(cls, field: str, message: str) -> ValidationFailed:
        """A validation error of one field."""
        return cls(f"{field}: {message}", errors=(FieldError(field, message),))


class MalformedJson(Problem):
    status, code, detail = 400, "malformed_json", "The body is not valid JSON."


class InvalidCursor(Problem):
    status, code, detail = 400, "invalid_cursor", "This cursor was not made for this caller and this list."


class Unauthenticated(Problem):
    status, code, detail = 401, "unauthenticated", "A valid access token is needed."


class TokenRevoked(Unauthenticated):
    code, detail = "token_revoked", "This session has ended; sign in again."


class Forbidden(Problem):
    status, code, detail = 403, "forbidden", "You may not do this."


class SecondFactorRequired(Forbidden):
    code, detail = "second_factor_required", "A second factor is demanded of you: add one, then you may do the rest."


class NotFound(Problem):
    status, code, detail = 404, "not_found", "There is no such thing, or you may not know of it."


class Conflict(Problem):
    status, code, detail = 409, "conflict", "The state of things does not allow this now."


class Gone(Problem):
    status, code, detail = 410, "gone", "This is no longer there."


class PayloadTooLarge(Problem):
    status, code, detail = 413, "payload_too_large", "The body is too large."


class UnsupportedMediaType(Problem):
    status, code, detail = 415, "unsupported_media_type", "The body must be application/json in UTF-8."


class Unprocessable(Problem):
    status, code, detail = (
        422,
        "idempotency_mismatch",
        "The same key or client_id was used for another request.",
    )


class Locked(Problem):
    status, code, detail = (
        423,
        "account_locked",
        "Too many failed sign-ins; this account is locked for a while.",
    )


class RateLimited(Problem):
    status, code, detail = 429, "rate_limited", "Too many requests."


class Internal(Problem):
    pass


class DependencyUnavailable(Problem):
    status, code, detail = (
        503,
        "dependency_unavailable",
        "A part of the service does not answer now; try again.",
    )

    def __init__(self, detail: str | None = None, *, retry_after_s: int = 2) -> None:
        super().__init__(detail, retry_after_s=retry_after_s)


class Timeout(Problem):
    status, code, detail = 504, "timeout", "The request took too long."


class Collided(Exception):
    """A store's write was not done because of concurrent changes or throttling.

    Callers that expect it retry or raise an error of their own; otherwise the client is told to try again.
    """


def as_problem(error: Exception) -> Problem | None:
    """The problem to answer for an expected error; None for an unexpected one."""
    if isinstance(error, Collided):
        problem = DependencyUnavailable("Too many changes at once; try again.", retry_after_s=1)
        problem.__cause__ = error
        return problem
    return error if isinstance(error, Problem) else None
