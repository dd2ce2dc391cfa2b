"""The API document, its routes, and their answers (contract §11; R27)."""

from __future__ import annotations

import openapi_spec_validator
import pytest

from infra import documents
from kernel.http import Route
from tests.e2e.answers import Answers
from tests.e2e.people import Town


def routes() -> dict[str, Route]:
    """Every route of the code by its name, such as `GET /users/me`."""
    return {f"{route.method} {route.path}": route for app in documents.apps() for route in app.routes}


@pytest.fixture(scope="module")
def answers(town: Town) -> Answers:
    return town.answers


def test_the_served_document_is_a_valid_one_of_version_3_1(answers: Answers) -> None:
    assert answers.document["openapi"].startswith("3.1")
    openapi_spec_validator.validate(answers.document)


def test_the_served_document_tells_of_every_route_and_of_no_other(answers: Answers) -> None:
    assert answers.routes == routes().keys()


def test_the_document_says_which_routes_are_public(answers: Answers) -> None:
    for name, route in routes().items():
        method, path = name.split()
        assert (answers.document["paths"][path][method.lower()]["security"] == []) is route.public, name


def test_health_touches_nothing_and_readiness_everything(town: Town) -> None:
    assert town.http.get("/health").json().keys() == {"status", "version"}
    ready = town.http.get("/health/ready")
    assert (ready.status_code, ready.json()["status"]) == (200, "ok")
    assert {"dynamodb", "s3", "sqs", "states", "ses", "sockets", "redis"} <= ready.json()["checks"].keys()
