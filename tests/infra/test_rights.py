"""Each right is defined once and used, and no role has more policies than AWS allows."""

from __future__ import annotations

import fnmatch
import json
import re
import tomllib
from collections import Counter
from collections.abc import Iterator
from functools import cache

import pytest
from privacy import tables

from infra import translated
from infra.local import rights
from infra.local.rights import Right
from tests.infra.deployed import functions, resources
from tests.tools import template

# AWS: quota "Managed policies attached to an IAM role" (IAM and STS quotas)
POLICIES_OF_A_ROLE = 10
PRODUCTION = {
    "Environment": "prod",
    "CallSfu": "chime",
    "DomainName": "example.com",
    "AiProvider": "bedrock",
    "AiKeySecretArn": "arn:aws:secretsmanager:us-east-1:123456789012:secret:key",
    "AiTranscriptions": "transcribe",
    "CacheMode": "serverless",  # SAM adds the right to network interfaces
}
UNREACHED = tomllib.loads(rights.UNREACHED.read_text())["unreached"]


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


def test_no_policy_is_larger_than_aws_takes() -> None:
    """IAM counts all characters but white space: 6,144 of a managed policy, 10,240 of all of a role together ("IAM and
    STS quotas"). Names in angle brackets stand for ARNs, of which 150 characters are long."""

    def size(document: object) -> int:
        return len(re.sub(r"\s", "", re.sub(r"<[^>]*>", "x" * 150, json.dumps(document))))

    for path, each in _production().items():
        if each.kind == "AWS::IAM::ManagedPolicy":
            assert size(each.properties["PolicyDocument"]) <= 6_144, path
        if each.kind == "AWS::IAM::Role":
            assert sum(size(policy["PolicyDocument"]) for policy in each.properties.get("Policies", ())) <= 10_240, path


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


@cache
def _granted() -> list[Right]:
    """Every right in a policy of the deployment; resources that only AWS knows are names in angle brackets."""
    return [right for path, each in _production().items() for right in _rights_of(path, each)]


def _rights_of(path: str, each: translated.Resource) -> Iterator[Right]:
    owner = path.rpartition(".")[2]
    if each.kind == "AWS::IAM::ManagedPolicy":
        yield from rights.rights_in(owner, each.properties["PolicyDocument"])
    if each.kind == "AWS::IAM::Role":
        for policy in each.properties.get("Policies", ()):
            yield from rights.rights_in(owner.removesuffix("FunctionRole"), policy["PolicyDocument"])


@pytest.mark.parametrize("reason", UNREACHED, ids=lambda each: each["reason"][:40])
def test_a_reason_for_an_unused_right_ends_with_the_right(reason: dict[str, str | list[str]]) -> None:
    def explains(right: Right) -> bool:
        on = right.keyring or right.resource
        reason_here = {**reason, "on": "*"} if "<" in on else reason
        return rights.explained(right.owner, right.action, on, [reason_here])

    assert any(explains(right) for right in _granted())


def test_a_model_may_be_named_by_itself_or_by_either_kind_of_inference_profile() -> None:
    """AiModels takes what Converse takes as `modelId`. A global profile leads to models without a Region in their ARN
    ("Prerequisites for inference profiles" of the Bedrock guide)."""
    bedrock = [right.resource for right in _granted() if right.action == "bedrock:InvokeModel"]
    for arn in (
        "arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-lite-v1:0",
        "arn:aws:bedrock:::foundation-model/amazon.nova-lite-v1:0",
        "arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.amazon.nova-lite-v1:0",
        "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/a1b2c3",
    ):
        assert any(fnmatch.fnmatchcase(arn, each) for each in bedrock), arn


def test_a_meeting_may_be_used_whether_or_not_its_arn_has_a_region() -> None:
    """IAM's list of Chime's resources has none in it ("Actions, resources, and condition keys for Amazon Chime"), the
    `MeetingArn` of CreateMeeting's answer has one."""
    on_meetings = {right.resource for right in _granted() if right.action == "chime:CreateAttendee"}
    for region in ("", "us-east-1"):
        arn = f"arn:aws:chime:{region}:123456789012:meeting/2b3c4d5e"
        assert any(fnmatch.fnmatchcase(arn, each) for each in on_meetings), arn


def test_every_call_may_free_the_key_of_an_answer_that_is_not_kept() -> None:
    """Powertools deletes the record of a call that raises; without the right each refusal under a key is a 503."""
    on_answers = {
        right.action for right in _granted() if right.owner == "CallRight" and right.resource.endswith("-idempotency")
    }
    assert on_answers == {f"dynamodb:{each}Item" for each in ("Get", "Put", "Update", "Delete")}


def test_who_publishes_changes_of_members_may_sign_the_addresses_of_their_avatars() -> None:
    avatars = [right for right in _granted() if right.resource.endswith("/avatars/*")]
    signs = {right.owner for right in avatars if right.action == "s3:GetObject"}
    assert {"ShowPeopleRight", "Erase"} <= signs


def test_erasure_may_scan_the_tables_of_its_rules_and_those_that_no_index_leads_to() -> None:
    scanned = {
        right.resource.rpartition("/secureconnect-")[2]
        for right in _granted()
        if (right.owner, right.action) == ("Erase", "dynamodb:Scan")
    }
    assert scanned == tables.RULES.keys() | {"reactions", "sends"}
