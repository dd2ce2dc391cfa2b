"""Answers to HTTP requests: a view's result or a problem as status, text and headers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel

from kernel.config import config
from kernel.errors import Problem, RateLimited, Unauthenticated
from kernel.limiter import LimitExceeded

SECURITY_HEADERS = {
    "Strict-Transport-Security": "max-age=63072000; includeSubDomains",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "X-XSS-Protection": "0",
    "Referrer-Policy": "no-referrer",
}


@dataclass(frozen=True, slots=True)
class Answer:
    """A view's result with a status or headers other than the route's own."""

    body: Any = None
    status: int | None = None
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class FirstAnswer:
    """The answer to the first call with an Idempotency-Key, as JSON values."""

    body: Any
    headers: dict[str, str]


def rendered(result: Any, *, status: int, returns: type[BaseModel] | None) -> dict[str, Any]:
    """A view's result as `{status, text, headers}`, with the route's status and model; JSON values for a replay."""
    answer = result if isinstance(result, Answer) else Answer(result)
    text = ""
    if returns is not None and answer.body is not None:
        text = returns.model_validate(answer.body).model_dump_json()
    elif isinstance(answer.body, str):
        text = answer.body
    elif answer.body is not None:
        text = json.dumps(answer.body)
    headers = {"Content-Type": "application/json", **answer.headers} if text else dict(answer.headers)
    return {"status": answer.status or status, "text": text, "headers": headers}


def first_answer(result: Mapping[str, Any]) -> FirstAnswer:
    """The first answer for an Idempotency-Key, from what `rendered` returned."""
    return FirstAnswer(json.loads(result["text"]) if result["text"] else None, result["headers"])


def problem_answer(problem: Problem, request_id: str) -> tuple[int, str, dict[str, str]]:
    """Status, body and headers for a problem (RFC 9457)."""
    headers = {"Content-Type": "application/problem+json"}
    if problem.retry_after_s is not None:
        headers["Retry-After"] = str(problem.retry_after_s)
    if isinstance(problem, LimitExceeded):
        headers |= problem.allowance.headers()
    elif problem.status == RateLimited.status and problem.retry_after_s is not None:
        # by slow mode or a budget: the headers of the route's own limit would say that calls are left
        headers |= {"RateLimit-Remaining": "0", "RateLimit-Reset": str(problem.retry_after_s)}
    if problem.status == Unauthenticated.status:
        headers["WWW-Authenticate"] = "Bearer"
    return problem.status, json.dumps(problem.as_dict(request_id)), headers


def common_headers(request_id: str, origin: str) -> dict[str, str]:
    """The headers of every answer: those for security, and for an allowed `origin` those for browsers."""
    headers = {**SECURITY_HEADERS, "X-Request-Id": request_id, "Cache-Control": "no-store"}
    if origin and origin in config().cors_origins:
        headers |= {
            "Access-Control-Allow-Origin": origin,
            "Access-Control-Expose-Headers": "X-Request-Id, Retry-After, Idempotent-Replayed, RateLimit-Limit, "
            "RateLimit-Remaining, RateLimit-Reset",
            "Vary": "Origin",
        }
    return headers
