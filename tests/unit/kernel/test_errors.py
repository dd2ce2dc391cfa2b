"""Problems: every class declares a status and a stable code."""

from __future__ import annotations

import pytest

from kernel import errors
from kernel.errors import FieldError, Problem, ValidationFailed

CONTRACT = {
    "validation_failed": 400,
    "invalid_cursor": 400,
    "malformed_json": 400,
    "unauthenticated": 401,
    "token_revoked": 401,
    "forbidden": 403,
    "second_factor_required": 403,
    "not_found": 404,
    "conflict": 409,
    "gone": 410,
    "payload_too_large": 413,
    "unsupported_media_type": 415,
    "idempotency_mismatch": 422,
    "account_locked": 423,
    "rate_limited": 429,
    "internal": 500,
    "dependency_unavailable": 503,
    "timeout": 504,
}
CLASSES = [each for each in vars(errors).values() if isinstance(each, type) and issubclass(each, Problem)]


def test_the_codes_are_those_of_the_contract() -> None:
    assert {each.code: each.status for each in CLASSES} == CONTRACT


@pytest.mark.parametrize("kind", CLASSES)
def test_every_problem_can_be_told(kind: type[Problem]) -> None:
    told = kind().as_dict("r-1")
    assert told["request_id"] == "r-1"
    assert told["title"]
    assert told["detail"]


def test_a_problem_names_the_wrong_field() -> None:
    problem = ValidationFailed.of("seq", "must be positive")
    assert problem.errors == (FieldError("seq", "must be positive"),)
    assert problem.as_dict("r")["errors"] == [{"field": "seq", "message": "must be positive"}]


def test_what_is_unavailable_says_when_to_come_again() -> None:
    assert errors.DependencyUnavailable().retry_after_s == 2
