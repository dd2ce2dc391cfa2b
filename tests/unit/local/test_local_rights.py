"""The rights of functions beside the calls that a local cloud saw: what nobody used, and what is told of it."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from infra.local import rights
from infra.local.parity import rights as recorded_rights
from infra.local.rights import Right
from kernel import ids

TABLE = "arn:aws:dynamodb:us-east-1:1:table/stack-users"
KEY = "arn:aws:kms:us-east-1:1:key/k"


def call(action: str, resource: str = TABLE, *, role: str = "r", keyring: str | None = None) -> dict[str, Any]:
    return {"role": role, "action": action, "resource": resource, "keyring": keyring, "allowed": True}


@pytest.mark.parametrize(
    ("right", "made", "used"),
    [
        (Right("F", "dynamodb:GetItem", TABLE), call("dynamodb:GetItem"), True),
        (Right("F", "dynamodb:GetItem", TABLE), call("dynamodb:PutItem"), False),
        (Right("F", "dynamodb:GetItem", TABLE), call("dynamodb:GetItem", f"{TABLE}/index/by_name"), False),
        (Right("F", "sqs:SendMessage*", "queue"), call("sqs:SendMessage", "queue"), True),
        (Right("F", "s3:GetObject", "bucket/avatars/*"), call("s3:GetObject", "bucket/avatars/*"), True),
        (Right("F", "s3:GetObject", "bucket/avatars/*"), call("s3:GetObject", "bucket/files/x"), False),
        (Right("F", "kms:Decrypt", KEY, "cursors"), call("kms:Decrypt", KEY, keyring="cursors"), True),
        (Right("F", "kms:Decrypt", KEY, "factors"), call("kms:Decrypt", KEY, keyring="cursors"), False),
    ],
)
def test_a_right_is_used_by_a_call_that_it_allows(right: Right, made: dict[str, Any], used: bool) -> None:
    assert rights.unused({right: {"r"}}, [made]) == ([] if used else [right])


def test_a_right_that_functions_share_is_used_by_one_of_them_and_by_nobody_who_has_it_not() -> None:
    shared = Right("CallRight", "dynamodb:GetItem", TABLE)
    assert rights.unused({shared: {"a", "b"}}, [call("dynamodb:GetItem", role="b")]) == []
    assert rights.unused({shared: {"a", "b"}}, [call("dynamodb:GetItem", role="c")]) == [shared]


def test_a_policy_grants_each_action_on_each_resource_and_a_key_for_each_ring() -> None:
    document = {
        "Statement": [
            {"Effect": "Allow", "Action": ["a:One", "a:Two"], "Resource": ["x", "y"]},
            {"Action": "kms:Decrypt", "Resource": KEY, "Condition": {"StringEquals": {rights.KEYRING: ["p", "q"]}}},
        ]
    }
    granted = list(rights.rights_in("F", document))
    assert len(granted) == 6
    assert {right.keyring for right in granted} == {None, "p", "q"}


@pytest.mark.parametrize(
    ("reason", "known"),
    [
        ({"owner": "Calls", "action": "chime:*", "on": "*"}, True),
        ({"owner": "*", "action": "chime:CreateMeeting", "on": "*"}, True),
        ({"owner": "Drive", "action": "chime:*", "on": "*"}, False),
        ({"owner": "Calls", "action": "s3:*", "on": "*"}, False),
        ({"owner": ["Drive", "Calls"], "action": ["s3:*", "chime:*"], "on": ["meeting"]}, True),
        ({"owner": ["Drive", "Losses"], "action": "chime:*", "on": "*"}, False),
    ],
)
def test_a_reason_is_for_the_rights_that_it_names(reason: dict[str, Any], known: bool) -> None:
    assert rights.explained("Calls", "chime:CreateMeeting", "meeting", [reason]) is known


def test_a_kind_of_call_is_kept_once_whatever_ids_it_names(tmp_path: Path) -> None:
    kept = {
        recorded_rights.line_of(
            SimpleNamespace(
                principal_arn="arn:aws:sts::1:assumed-role/role/session",
                action="s3:PutObject",
                resource_arn=f"arn:aws:s3:::stack-drive-000000000000/files/{ids.new('fil')}/1",
                service_context={},
            ),
            allowed=True,
        )
        for _ in range(3)
    }
    assert len(kept) == 1
    assert "stack-drive-000000000000/files/*/1" in kept.pop()
