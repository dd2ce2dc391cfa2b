"""Readiness (R27): each dependency is asked for real, within 1 s in all, and breakers are shown as they are."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from kernel import aws, config, sockets
from operations import readiness
from operations.app import app
from tests.helpers import ask
from tests.support.silent import hanging
from tests.tools import give_up

ENDPOINTS = {
    "sqs": "AWS_ENDPOINT_URL_SQS",
    "s3": "AWS_ENDPOINT_URL_S3",
    "states": "AWS_ENDPOINT_URL_SFN",
    "ses": "AWS_ENDPOINT_URL_SESV2",
    "encryption": "AWS_ENDPOINT_URL_KMS",
    "secrets": "AWS_ENDPOINT_URL_SECRETS_MANAGER",
    "dynamodb": "AWS_ENDPOINT_URL_DYNAMODB",
}
BREAKERS = {
    "sqs": ("sqs", ""),
    "s3": ("s3", ""),
    "states": ("stepfunctions", ""),
    "encryption": ("kms", ""),
    "secrets": ("secretsmanager", ""),
    "dynamodb.log": ("dynamodb", "log"),
}


@pytest.fixture(autouse=True)
def _key_and_secret(cloud: object, settings: pytest.MonkeyPatch) -> None:
    """What the Operations function is told to ask KMS and Secrets Manager for (template.yaml)."""
    settings.setenv("KEY_ARN", aws.client("kms").create_key()["KeyMetadata"]["Arn"])
    made = aws.client("secretsmanager").create_secret(Name="turn", SecretString="{}")
    settings.setenv("READY_SECRET_ARN", made["ARN"])
    config.config.cache_clear()


def _states(report: dict[str, Any]) -> dict[str, str]:
    """The checks' states but that of mail, for which moto has no answer (the local stack has one)."""
    return {name: check["status"] for name, check in report["checks"].items() if name != "ses"}


def test_every_dependency_that_answers_is_well() -> None:
    states = _states(readiness.report())
    assert states.pop("redis") == states.pop("sockets") == "off"
    assert set(states.values()) == {"ok"}
    assert len(states) == 9


@pytest.mark.parametrize("name", ENDPOINTS)
def test_what_hangs_is_told_within_a_second(name: str, settings: pytest.MonkeyPatch) -> None:
    readiness.report()  # clients are made
    with hanging(settings, ENDPOINTS[name]):
        for service in ("sqs", "s3", "stepfunctions", "sesv2", "kms", "secretsmanager", "dynamodb"):
            aws.client(service)
        started = time.perf_counter()
        reply = ask(app, "GET", "/health/ready")
        took_s = time.perf_counter() - started
    assert took_s < 1.5  # on a machine that does other things as well
    assert reply.body["checks"][name]["status"] == "failed"
    vital = name == "dynamodb"
    assert (reply.status, reply.body["status"]) == ((503, "down") if vital else (200, "degraded"))
    well = {other for other in ENDPOINTS if other != name} - {"ses"}
    assert {_states(reply.body)[other] for other in well} == {"ok"}


def test_a_socket_endpoint_that_hangs_is_told(settings: pytest.MonkeyPatch) -> None:
    settings.setenv("SOCKET_API_ID", "api")
    with hanging(settings, "AWS_ENDPOINT_URL"):
        settings.setattr(readiness, "_dependencies", _only_sockets())
        report = readiness.report()
    assert report["checks"]["sockets"]["status"] == "failed"


def _only_sockets() -> Any:
    every = readiness._dependencies

    return lambda: {"sockets": every()["sockets"]}


@pytest.mark.parametrize("name", BREAKERS)
def test_an_open_breaker_is_shown_and_closes_when_the_dependency_answers(name: str) -> None:
    breaker = aws.breaker_of(*BREAKERS[name])
    give_up(breaker)
    assert breaker.state == "open"
    check = readiness.report()["checks"][name]
    assert (check["status"], check["breaker"], breaker.state) == ("ok", "closed", "closed")


def test_a_dependency_that_goes_on_hanging_is_shown_with_its_breaker_open(settings: pytest.MonkeyPatch) -> None:
    with hanging(settings, "AWS_ENDPOINT_URL_SQS"):
        states = [readiness.report()["checks"]["sqs"]["breaker"] for _ in range(4)]
    assert states[0] == "closed"
    assert states[-1] == "open"


def test_it_names_no_address_and_no_resource(settings: pytest.MonkeyPatch) -> None:
    with hanging(settings, "AWS_ENDPOINT_URL_SQS", "AWS_ENDPOINT_URL_S3"):
        text = json.dumps(readiness.report())
    here = config.config()
    for secret in (here.stack, here.blob_bucket, "127.0.0.1", "amazonaws", "Error"):
        assert secret not in text
    assert sockets.breaker.state == "closed"
