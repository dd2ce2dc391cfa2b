"""Reservations of functions by environment and quota, and the message for an account whose quota is too small."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from functools import cache

import boto3
import pytest
from botocore.stub import ANY, Stubber

from infra import generate, reservations, translated
from tests.infra.deployed import functions, of_type

FUNCTION = "AWS::Serverless::Function"

QUOTAS = [quota for quota in reservations.QUOTAS if quota >= reservations.COUNTED_FOR]


@cache
def _reserved(environment: str, quota: int = 1_000) -> dict[str, int]:
    found = reservations.asked_by({"Environment": environment, "ConcurrencyQuota": str(quota)}, "sc")
    return {name.removeprefix("sc-"): count for name, count in found.items()}


def test_the_templates_have_the_figures_of_the_table() -> None:
    for path in generate.templates():
        written = (generate.ROOT / path).read_text()
        assert reservations.mapping(written) in written or "Reserved:" not in written, f"{path}: make check writes it"


def test_everybody_in_the_table_is_a_function_that_takes_its_figure_from_it() -> None:
    listed = {name for kind, row in reservations.table().items() if kind != "shares" for name in row}
    assert {f"{name}Function" for name in listed} <= functions().keys()
    missing = listed - _reserved("prod").keys()
    assert all("Condition" in of_type(FUNCTION)[f"{name}Function"] for name in missing), missing


@pytest.mark.parametrize("quota", QUOTAS)
def test_production_leaves_what_aws_wants_unreserved(quota: int) -> None:
    assert 0 < sum(_reserved("prod", quota).values()) <= quota - reservations.UNRESERVED


def test_a_larger_quota_widens_the_bulkheads_but_for_what_runs_alone() -> None:
    small, large = _reserved("prod", 1_000), _reserved("prod", 10_000)
    for name, count in small.items():
        assert large[name] == 1 if name in reservations.table()["alone"] else large[name] >= 10 * count


@pytest.mark.parametrize("environment", ["dev", "staging"])
def test_outside_production_only_what_must_be_capped_is(environment: str) -> None:
    rows = reservations.table()
    assert _reserved(environment).keys() <= rows["alone"].keys() | rows["capped"].keys()
    assert {"SignIn", "Mail", "DriveSweep", "EraseExpired"} <= _reserved(environment).keys()
    assert sum(_reserved(environment).values()) <= 100


def test_the_local_cloud_has_the_bulkheads_of_production() -> None:
    """And the canary's, which can be called by hand there."""
    assert _reserved("local") == _reserved("prod") | {"Canary": 1}


def test_a_new_account_can_be_deployed_to_without_any() -> None:
    assert _reserved("dev", 10) == {}


@pytest.mark.parametrize("quota", QUOTAS)
def test_queues_are_followed_within_what_is_reserved(quota: int) -> None:
    """All queues of a function together stay within its reservation, so that a flood in one spares the others."""
    deployed = translated.deployment({"Environment": "prod", "AiMeaning": "on", "ConcurrencyQuota": str(quota)})
    together: Counter[str] = Counter()
    for each in deployed.values():
        if each.kind == "AWS::Lambda::EventSourceMapping" and "ScalingConfig" in each.properties:
            most = int(each.properties["ScalingConfig"]["MaximumConcurrency"])
            assert most >= 2, "AWS takes no less"
            together[
                each.properties["FunctionName"].strip("<>").rpartition(".")[2].removesuffix("FunctionAliaslive")
            ] += most
    assert {"Fanout", "Mail", "Index", "Follow", "Meaning"} <= together.keys()
    column = reservations.column(quota)
    assert all(most <= column[name] for name, most in together.items()), together


# --- before a deployment --------------------------------------------------------------------------------------


@pytest.fixture
def account() -> Iterator[Stubber]:
    client = boto3.client("lambda", region_name="us-east-1", aws_access_key_id="x", aws_secret_access_key="x")
    with Stubber(client) as stub:
        yield stub


def _holds(account: Stubber, *, limit: int, unreserved: int, own: int = 0) -> None:
    account.add_response(
        "get_account_settings",
        {"AccountLimit": {"ConcurrentExecutions": limit, "UnreservedConcurrentExecutions": unreserved}},
    )
    if limit != unreserved:
        answer = {"ReservedConcurrentExecutions": own} if own else {}
        account.add_response("get_function_concurrency", answer, {"FunctionName": ANY})


def test_an_account_with_room_is_not_refused(account: Stubber) -> None:
    _holds(account, limit=1_000, unreserved=1_000)
    assert reservations.checked(account.client, {"sc-Messages": 900}) is None


def test_what_the_stack_has_reserved_itself_counts_as_room(account: Stubber) -> None:
    _holds(account, limit=1_000, unreserved=100, own=900)
    assert reservations.checked(account.client, {"sc-Messages": 900}) is None


def test_an_account_without_room_is_told_what_to_ask_for(account: Stubber) -> None:
    _holds(account, limit=1_000, unreserved=900)
    refused = reservations.checked(account.client, {"sc-Messages": 900})
    assert refused
    assert "quota is 1000, other functions have reserved 100" in refused
    assert "Ask for 1100 in Service Quotas" in refused


def test_who_reserves_nothing_needs_no_room(account: Stubber) -> None:
    _holds(account, limit=10, unreserved=10)
    assert reservations.checked(account.client, {}) is None
