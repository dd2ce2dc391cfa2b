"""The functions that may decrypt each keyring, by the policies of the templates."""

from __future__ import annotations

import re
from typing import Any

import pytest

from kernel import keyrings
from tests.infra.deployed import functions
from tests.tools import template

RIGHTS = template("infra/rights.yaml")["Resources"]
OPENERS = {
    "tokens": {"SignInFunction", "SessionsFunction"},
    "refresh_tokens": {"SignInFunction", "SessionsFunction"},
    "factors": {"SignInFunction"},
    "key_log": {"KeysFunction"},
    "web_push": {"NotificationsFunction", "PushFunction"},
    "edge": {"KeyringsFunction"},  # which passes it to CloudFront
    "canary": {"CanaryFunction"},
}


def _statements(function: Any) -> list[dict[str, Any]]:
    """The statements of a function's own policies and of its named rights."""
    found: list[dict[str, Any]] = []
    for policy in function.properties.get("Policies") or []:
        found += policy.get("Statement", [])
        named = re.search(r"(?:Rights\.Outputs\.)?(\w+?)(?:Right)?$", policy.get("Ref") or policy.get("Fn::GetAtt", ""))
        if named and f"{named[1]}Right" in RIGHTS:
            found += RIGHTS[f"{named[1]}Right"]["Properties"]["PolicyDocument"]["Statement"]
    return found


def _opened_by(function: Any) -> set[str]:
    conditions = [each.get("Condition", {}).get("StringEquals", {}) for each in _statements(function)]
    return {ring for each in conditions for ring in each.get("kms:EncryptionContext:keyring", [])}


@pytest.mark.parametrize("ring", sorted(OPENERS))
def test_a_ring_is_opened_by_those_who_need_it_and_nobody_else(ring: str) -> None:
    assert {name for name, each in functions().items() if ring in _opened_by(each)} == OPENERS[ring]


def test_no_right_to_decrypt_goes_beyond_a_ring_of_this_stack_or_files() -> None:
    for function in functions().values():
        for statement in _statements(function):
            actions = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
            if "kms:Decrypt" in actions:
                given = statement["Condition"]["StringEquals"].keys()
                assert given in ({"kms:EncryptionContext:stack", "kms:EncryptionContext:keyring"}, {"kms:ViaService"})


def test_only_one_function_writes_rings() -> None:
    writers = {
        name
        for name, each in functions().items()
        for statement in _statements(each)
        if "keyrings" in str(statement["Resource"]) and "dynamodb:PutItem" in statement["Action"]
    }
    assert writers == {"KeyringsFunction"}


def test_the_stack_makes_every_ring() -> None:
    made = template("infra/workflows.yaml")["Resources"]["Keyrings"]["Properties"]["Rings"]
    assert made == list(keyrings.RINGS)


def test_whoever_answers_http_may_read_rings() -> None:
    """A client's address behind CloudFront is accepted by a key of the ring `edge` (kernel/origin.py)."""
    answering = {
        name: each
        for name, each in functions().items()
        if any(event["Type"] == "Api" for event in each.properties.get("Events", {}).values())
    }
    assert len(answering) > 15
    without = {
        name
        for name, each in answering.items()
        if not any("keyrings" in str(it["Resource"]) and "dynamodb:GetItem" in it["Action"] for it in _statements(each))
    }
    assert without == set()
