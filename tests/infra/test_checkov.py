"""Checkov's findings are compared with the exceptions, and the exceptions' statements about the templates are true."""

from __future__ import annotations

import tomllib

import pytest

from infra import translated
from infra.local import checkov

FOUND = {"CKV_1": {"Queue", "Table"}}


def test_a_finding_without_a_reason_is_told_by_its_resource() -> None:
    assert checkov.judged(FOUND, {"CKV_1": {"resources": ["Queue"]}}) == ["CKV_1 fails for Table"]


@pytest.mark.parametrize("resources", [["*"], ["Queue", "Table"]])
def test_what_has_a_reason_is_left(resources: list[str]) -> None:
    assert checkov.judged(FOUND, {"CKV_1": {"resources": resources}}) == []


def test_an_exception_that_nothing_needs_is_told() -> None:
    (whole,) = checkov.judged({}, {"CKV_1": {"resources": ["*"]}})
    assert whole.startswith("CKV_1 fails nowhere any more")
    (one,) = checkov.judged(FOUND, {"CKV_1": {"resources": ["Queue", "Table", "Gone"]}})
    assert "Gone" in one


def test_each_exception_has_resources_and_a_reason() -> None:
    for check, exception in tomllib.loads(checkov.EXCEPTIONS.read_text()).items():
        assert exception.keys() == {"resources", "reason"}, check
        assert exception["resources"], check
        assert len(str(exception["reason"])) > 40, check


def test_every_queue_is_encrypted_by_sqs() -> None:
    deployed = translated.deployment({"Environment": "prod"}).values()
    queues = [each for each in deployed if each.kind == "AWS::SQS::Queue"]
    assert len(queues) > 20
    assert [each.path for each in queues if each.properties.get("SqsManagedSseEnabled") not in (True, "true")] == []


def test_with_a_domain_of_its_own_the_page_is_spoken_to_by_tls_1_2() -> None:
    given = {
        "Environment": "prod",
        "WebDomainName": "chat.example",
        "WebCertificateArn": "arn:aws:acm:x:1:certificate/y",
    }
    distribution = translated.deployment(given)["Web.Distribution"]
    certificate = distribution.properties["DistributionConfig"]["ViewerCertificate"]
    assert certificate["MinimumProtocolVersion"] == "TLSv1.2_2021"
