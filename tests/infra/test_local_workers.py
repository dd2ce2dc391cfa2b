"""The local cloud's execution environments behave like Lambda's in the points that the driver corrects."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from infra.local.stack import Stack
from tests.infra import local_cloud


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with local_cloud.running(local_cloud.instance(tmp_path_factory.mktemp("cloud"))) as running:
        yield running


def test_an_environment_outlives_an_exception_and_names_its_class(cloud: Stack) -> None:
    local_cloud.add_function(cloud, "boom")
    first, second = (local_cloud.invoke(cloud, "boom", {}) for _ in range(2))
    assert first["errorType"] == "LookupError"
    assert int(second["errorMessage"].split()[-1]) == int(first["errorMessage"].split()[-1]) + 1


def test_each_call_has_a_context_of_its_own_and_all_are_of_one_class(cloud: Stack) -> None:
    local_cloud.add_function(cloud, "context_of")
    first, second = (local_cloud.invoke(cloud, "context_of", wait_s) for wait_s in (0.0, 0.5))
    assert first["name"] == second["name"] == "context_of"
    assert first["id"] != second["id"]
    assert second["kinds"] == 1
    assert 0 < second["left_ms"] <= first["left_ms"] - 250


def test_a_function_does_not_see_the_developers_packages(cloud: Stack) -> None:
    local_cloud.add_function(cloud, "modules")
    assert local_cloud.invoke(cloud, "modules", ["json", "handlers", "pytest", "boto3"]) == ["json", "handlers"]


def test_a_function_imports_from_its_layers_which_are_unpacked_once(cloud: Stack) -> None:
    layer = local_cloud.add_layer(cloud, "shelf", {"python/on_the_shelf.py": ""})
    for name in ("modules_one", "modules_two"):
        local_cloud.add_function(cloud, name, handler="modules", layers=[layer])
        assert local_cloud.invoke(cloud, name, ["on_the_shelf"]) == ["on_the_shelf"]
    unpacked = cloud.instance.home / "tmp" / "layers"
    assert len(list(unpacked.iterdir())) == 1


def test_the_log_of_a_call_has_all_its_lines_and_no_others(cloud: Stack) -> None:
    local_cloud.add_function(cloud, "say")
    for _ in range(2):
        local_cloud.invoke(cloud, "say", {})
    streams = cloud.client("logs").describe_log_streams(logGroupName="/aws/lambda/say")["logStreams"]
    for stream in streams:
        events = cloud.client("logs").get_log_events(
            logGroupName="/aws/lambda/say", logStreamName=stream["logStreamName"], startFromHead=True
        )["events"]
        begun, *said, ended, report = [event["message"] for event in events]
        assert said == ["first", "last"]
        assert (begun.split()[0], ended.split()[0], report.split()[0]) == ("START", "END", "REPORT")
    assert len(streams) == 2


def test_beyond_the_account_s_quota_functions_are_throttled_at_once(tmp_path: Path) -> None:
    with local_cloud.running(replace(local_cloud.instance(tmp_path / "home"), quota=1)) as small:
        local_cloud.add_function(small, "slow")
        held = json.dumps({"body": json.dumps({"sleep": 4})})
        client = small.client("lambda")

        def ask() -> str:
            try:
                return "FunctionError" if "FunctionError" in client.invoke(FunctionName="slow", Payload=held) else "ran"
            except ClientError as error:
                return str(error.response["Error"]["Code"])

        with ThreadPoolExecutor(2) as both:
            answers = sorted(each.result() for each in [both.submit(ask) for _ in range(2)])
        assert answers == ["TooManyRequestsException", "ran"]
