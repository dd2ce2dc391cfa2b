"""The driver's reports: causes of failed deployments, running servers, the functions' logs."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from infra.local import look
from infra.local.config import STACK, python_runtime
from infra.local.console import Problem
from infra.local.stack import NEVER_WORKED, Stack
from infra.local.up import DISK_NEEDED_MB, check_disk, deployment_problem
from tests.e2e.tools import eventually
from tests.infra import local_cloud

QUEUE = {"Type": "AWS::SQS::Queue"}
ODD = {"Type": "AWS::Nobody::KnowsThis"}
TAKEN = {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": "templates"}}


def inner(key: str) -> dict[str, Any]:
    """A nested stack."""
    url = f"https://s3.amazonaws.com/templates/{key}"
    return {"Type": "AWS::CloudFormation::Stack", "Properties": {"TemplateURL": url}}


FUNCTION = {
    "Type": "AWS::Lambda::Function",
    "Properties": {
        "Runtime": python_runtime(),
        "Handler": "index.handler",
        "Role": "arn:aws:iam::000000000000:role/any",
        "Code": {"ZipFile": "def handler(event, context):\n    print(event)"},
    },
}


@pytest.fixture(scope="module")
def running_cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with local_cloud.running(local_cloud.instance(tmp_path_factory.mktemp("cloud"))) as running:
        running.client("s3").create_bucket(Bucket="templates")
        yield running


@pytest.fixture
def cloud(running_cloud: Stack) -> Iterator[Stack]:
    """The cloud without a stack."""
    yield running_cloud
    running_cloud.client("cloudformation").delete_stack(StackName=STACK)
    eventually(lambda: running_cloud.describe() is None)


def deploy(cloud: Stack, resources: dict[str, Any]) -> str:
    """Create or update the instance's stack; returns its status."""
    formation, body = cloud.client("cloudformation"), json.dumps({"Resources": resources})
    act = formation.update_stack if cloud.describe() else formation.create_stack
    act(StackName=STACK, TemplateBody=body)
    eventually(lambda: not cloud.status().endswith("_IN_PROGRESS"))
    return cloud.status()


def nested(cloud: Stack, resources: dict[str, Any]) -> dict[str, Any]:
    cloud.client("s3").put_object(Bucket="templates", Key="inner", Body=json.dumps({"Resources": resources}).encode())
    return inner("inner")


def test_a_failed_deployment_names_the_resource_in_its_nested_stack_and_the_reason(cloud: Stack) -> None:
    status = deploy(cloud, {"Fine": QUEUE, "Inner": nested(cloud, {"Odd": ODD})})
    problem = deployment_problem(cloud, *cloud.failures())
    assert status in NEVER_WORKED
    assert f"stack {STACK} is {status}" in str(problem)
    assert "\n    Inner / Odd (AWS::Nobody::KnowsThis): Unsupported resource type" in str(problem)
    assert "make up" in problem.advice
    cloud.make_ready_for_deployment()  # delete an empty stack, which would block the next deployment
    assert cloud.describe() is None


def test_only_the_last_deployment_is_blamed(cloud: Stack) -> None:
    deploy(cloud, {"Fine": QUEUE})
    deploy(cloud, {"Fine": QUEUE, "Former": inner("missing")})
    deploy(cloud, {"Fine": QUEUE, "Latter": inner("missing too")})
    (failure,) = cloud.failures()
    assert failure.startswith("Latter (AWS::CloudFormation::Stack): Failed to fetch")


def test_a_resource_that_cannot_even_be_begun_is_named_with_the_reason(cloud: Stack) -> None:
    deploy(cloud, {"Fine": QUEUE})
    deploy(cloud, {"Fine": QUEUE, "Bucket": TAKEN})
    (failure,) = cloud.failures()
    assert failure.startswith("Bucket (AWS::S3::Bucket): ")
    assert "already exists" in failure
    assert "make reset" in deployment_problem(cloud, failure).advice


def test_the_logs_are_those_of_the_function_that_was_named(cloud: Stack, capsys: pytest.CaptureFixture[str]) -> None:
    deploy(cloud, {"MessagesFunction": FUNCTION, "PollsFunction": FUNCTION})
    for name in cloud.functions().values():
        local_cloud.invoke(cloud, name, "hello from " + name)
    look.logs(cloud.instance, "messages")
    said = capsys.readouterr().out
    assert "MessagesFunction             hello from" in said
    assert "PollsFunction" not in said
    with pytest.raises(Problem, match="no function 'calls'") as unknown:
        look.logs(cloud.instance, "calls")
    assert "MessagesFunction, PollsFunction" in unknown.value.advice


def test_what_runs_is_told_with_its_ports_and_addresses(cloud: Stack, capsys: pytest.CaptureFixture[str]) -> None:
    instance = cloud.instance
    instance.endpoints_file.write_text(json.dumps({"http_url": "http://here", "web_url": None}))
    assert not look.status(instance)
    said = " ".join(capsys.readouterr().out.split())
    assert f"MiniStack port {instance.port}, process " in said
    assert "Valkey not running" in said
    assert f"Stack {cloud.status()} http_url http://here web_url -" in said


def test_there_are_no_logs_of_a_cloud_that_does_not_run(tmp_path: Path) -> None:
    with pytest.raises(Problem, match="not running") as refused:
        look.logs(local_cloud.instance(tmp_path), None)
    assert "make up" in refused.value.advice


def test_too_little_disk_is_said_with_what_is_needed() -> None:
    check_disk(DISK_NEEDED_MB)
    with pytest.raises(Problem, match=f"99 MB of disk are free .* needs {DISK_NEEDED_MB}") as refused:
        check_disk(99)
    assert "make reset" in refused.value.advice
