"""The drive's bucket of the template: private, encrypted, versioned, logged, with lifecycle rules."""

from __future__ import annotations

from typing import Any

import pytest

from tests.tools import template

DRIVE = template("infra/drive.yaml")["Resources"]
BUCKETS = {name: each["Properties"] for name, each in DRIVE.items() if each["Type"] == "AWS::S3::Bucket"}
BUCKET = BUCKETS["Bucket"]


@pytest.mark.parametrize("name", BUCKETS)
def test_nothing_in_a_bucket_is_public(name: str) -> None:
    assert set(BUCKETS[name]["PublicAccessBlockConfiguration"].values()) == {True}
    assert BUCKETS[name]["OwnershipControls"] == {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}


@pytest.mark.parametrize("name", BUCKETS)
def test_in_the_cloud_a_bucket_is_spoken_to_over_tls_only(name: str) -> None:
    policies = [
        each["Properties"]["PolicyDocument"]["Statement"]
        for each in DRIVE.values()
        if each["Type"] == "AWS::S3::BucketPolicy" and each["Properties"]["Bucket"] == {"Ref": name}
    ]
    refused = [each for statements in policies for each in statements if each["Effect"] == "Deny"]
    assert [each["Condition"] for each in refused] == [{"Bool": {"aws:SecureTransport": "false"}}]


def test_files_are_encrypted_under_the_key_of_the_deployment_which_rotates() -> None:
    (rule,) = BUCKET["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert rule["ServerSideEncryptionByDefault"] == {
        "SSEAlgorithm": "aws:kms",
        "KMSMasterKeyID": {"Ref": "KeyArn"},
    }
    assert template("infra/data.yaml")["Resources"]["Key"]["Properties"]["EnableKeyRotation"] is True


def test_files_are_versioned_and_who_touches_them_is_logged() -> None:
    assert BUCKET["VersioningConfiguration"] == {"Status": "Enabled"}
    given, logs, _ = BUCKET["LoggingConfiguration"]["Fn::If"]
    assert (given, logs["DestinationBucketName"]) == ("IsCloud", {"Ref": "AccessLogs"})


def test_other_origins_than_those_configured_are_not_answered() -> None:
    given, cors, without = BUCKET["CorsConfiguration"]["Fn::If"]
    assert (given, without) == ("HasOrigins", {"Ref": "AWS::NoValue"})
    assert [each["AllowedOrigins"] for each in cors["CorsRules"]] == [{"Fn::Split": [",", {"Ref": "CorsOrigins"}]}]


def test_what_is_left_over_goes_by_itself() -> None:
    rules: dict[str, Any] = {each["Id"]: each for each in BUCKET["LifecycleConfiguration"]["Rules"]}
    assert rules["unfinished"]["AbortIncompleteMultipartUpload"] == {"DaysAfterInitiation": 2}
    assert rules["leftovers"]["NoncurrentVersionExpiration"] == {"NoncurrentDays": 30}
    assert {each["Status"] for each in rules.values()} == {"Enabled"}


def test_what_expires_is_deleted_and_not_kept_as_an_old_version_for_another_month() -> None:
    """In a bucket with versions an expiration hides the object only ("Expiring objects" of the S3 guide)."""
    expiring = [each for each in BUCKET["LifecycleConfiguration"]["Rules"] if "ExpirationInDays" in each]
    assert {each["Prefix"] for each in expiring} >= {"exports/", "keys/welcomes/"}
    for each in expiring:
        assert each.get("NoncurrentVersionExpiration") == {"NoncurrentDays": 1}, each["Id"]
