"""Each right is defined once and used, and no role has more policies than AWS allows."""

from __future__ import annotations

import json
from collections import Counter
from functools import cache

from infra import translated
from tests.infra.deployed import functions, resources
from tests.tools import template

# AWS: quota "Managed policies attached to an IAM role" (IAM and STS quotas)
POLICIES_OF_A_ROLE = 10
PRODUCTION = {"Environment": "prod", "CallSfu": "chime", "DomainName": "example.com"}


@cache
def _production() -> dict[str, translated.Resource]:
    return translated.deployment(PRODUCTION)


def test_no_role_has_more_policies_than_aws_attaches() -> None:
    roles = {
        path: len(each.properties.get("ManagedPolicyArns", ()))
        for path, each in _production().items()
        if each.kind == "AWS::IAM::Role"
    }
    assert len(roles) > len(functions())
    assert {path: count for path, count in roles.items() if count > POLICIES_OF_A_ROLE} == {}


def test_every_right_is_needed_by_a_function() -> None:
    attached = json.dumps([each.properties for each in _production().values() if each.kind == "AWS::IAM::Role"])
    assert [right for right in resources()["infra/rights.yaml"] if f"<Rights.{right}>" not in attached] == []


def test_every_right_can_be_had_by_the_other_templates() -> None:
    handed_out = {each["Value"]["Ref"] for each in template("infra/rights.yaml")["Outputs"].values()}
    assert handed_out == resources()["infra/rights.yaml"].keys()


def test_a_role_is_given_no_right_twice() -> None:
    for path, each in _production().items():
        given: Counter[str] = Counter(each.properties.get("ManagedPolicyArns", ()))
        assert [arn for arn, times in given.items() if times > 1] == [], path
