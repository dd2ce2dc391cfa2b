"""The local cloud's CloudFormation behaves like AWS's in the points that the driver corrects."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from infra.local.stack import Stack
from tests.infra import local_cloud

CAPABILITIES = ["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"]
TABLE = {"Table": {"Type": "AWS::Serverless::SimpleTable"}}
QUEUE = {"Queue": {"Type": "AWS::SQS::Queue"}}


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with local_cloud.running(local_cloud.instance(tmp_path_factory.mktemp("cloud"))) as running:
        running.client("s3").create_bucket(Bucket="templates")
        yield running


def deploy(cloud: Stack, name: str, resources: dict[str, Any], outputs: dict[str, Any]) -> dict[str, str]:
    """Create or update a stack and return its outputs."""
    formation = cloud.client("cloudformation")
    body = json.dumps({"Resources": resources, "Outputs": {key: {"Value": value} for key, value in outputs.items()}})
    known = cloud.describe(name)
    act, done = ("update", "stack_update_complete") if known else ("create", "stack_create_complete")
    getattr(formation, f"{act}_stack")(StackName=name, TemplateBody=body, Capabilities=CAPABILITIES)
    formation.get_waiter(done).wait(StackName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 20})
    return Stack(cloud.instance, name).outputs()


def nested(cloud: Stack, key: str, resources: dict[str, Any]) -> dict[str, Any]:
    """A nested stack with the SAM transform and its table's ARN as an output."""
    arn = {"TableArn": {"Value": {"Fn::GetAtt": ["Table", "Arn"]}}}
    body = {"Transform": "AWS::Serverless-2016-10-31", "Resources": resources, "Outputs": arn}
    cloud.client("s3").put_object(Bucket="templates", Key=key, Body=json.dumps(body).encode())
    url = f"https://s3.amazonaws.com/templates/{key}"
    return {"Inner": {"Type": "AWS::CloudFormation::Stack", "Properties": {"TemplateURL": url}}}


def test_a_nested_template_may_use_the_sam_transform_and_keeps_its_outputs_when_updated(cloud: Stack) -> None:
    outputs = {"Arn": {"Fn::GetAtt": ["Inner", "Outputs.TableArn"]}}
    first = deploy(cloud, "outer", nested(cloud, "one.json", TABLE), outputs)
    second = deploy(cloud, "outer", nested(cloud, "two.json", TABLE | QUEUE), outputs)
    assert ":table/" in first["Arn"]
    assert second == first


@pytest.mark.parametrize("limit", [7, 3, None])
def test_a_template_limits_the_concurrency_of_a_function(cloud: Stack, limit: int | None) -> None:
    trust = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    role = {"AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": [trust]}}
    function = {
        "Runtime": "python3.11",
        "Handler": "index.handler",
        "Role": {"Fn::GetAtt": ["Role", "Arn"]},
        "Code": {"ZipFile": "def handler(event, context): return 1"},
        **({"ReservedConcurrentExecutions": limit} if limit is not None else {}),
    }
    resources = {
        "Role": {"Type": "AWS::IAM::Role", "Properties": role},
        "Function": {"Type": "AWS::Lambda::Function", "Properties": function},
    }
    name = deploy(cloud, "limited", resources, {"Name": {"Ref": "Function"}})["Name"]
    found = cloud.client("lambda").get_function_concurrency(FunctionName=name)
    assert found.get("ReservedConcurrentExecutions") == limit
