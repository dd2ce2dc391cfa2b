"""REST APIs of the local cloud answer like API Gateway in the points that the driver corrects."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from infra.local.parity import http
from infra.local.stack import Stack
from tests.infra import local_cloud
from tests.tools import template

URI = "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/{}/invocations"


# as SAM writes it
PREFLIGHT: dict[str, Any] = {
    "x-amazon-apigateway-integration": {
        "type": "mock",
        "requestTemplates": {"application/json": '{\n  "statusCode" : 200\n}\n'},
        "responses": {
            "default": {
                "statusCode": "200",
                "responseParameters": {"method.response.header.Access-Control-Allow-Origin": "'https://chat.example'"},
                "responseTemplates": {"application/json": "{}\n"},
            }
        },
    },
    "responses": {"200": {"headers": {"Access-Control-Allow-Origin": {"type": "string"}}}},
}


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    home: Path = tmp_path_factory.mktemp("cloud")
    with local_cloud.running(local_cloud.instance(home)) as running:
        yield running


def _responses() -> dict[str, Any]:
    """The gateway responses of the template, in the form that SAM writes into the API's document."""
    given = template("template.yaml")["Resources"]["RestApi"]["Properties"]["GatewayResponses"]
    return {
        kind: {
            "statusCode": str(each["StatusCode"]),
            "responseTemplates": each["ResponseTemplates"],
            "responseParameters": {
                f"gatewayresponse.header.{name}": value
                for name, value in each["ResponseParameters"]["Headers"].items()
                if isinstance(value, str)
            },
        }
        for kind, each in given.items()
    }


@pytest.fixture(scope="module")
def url(cloud: Stack) -> str:
    return _deployed(cloud)


def _deployed(cloud: Stack) -> str:
    """Deploy a stack with an API of two routes, `/slow` and `/boom`, and our gateway responses."""
    paths: dict[str, Any] = {
        f"/{name}": {
            "post": {
                "x-amazon-apigateway-integration": {
                    "type": "aws_proxy",
                    "httpMethod": "POST",
                    "uri": URI.format(local_cloud.add_function(cloud, name)),
                },
                "responses": {},
            }
        }
        for name in ("slow", "boom")
    }
    paths["/slow"]["options"] = PREFLIGHT
    body = {
        "openapi": "3.0.1",
        "info": {"title": "rest", "version": "1"},
        "paths": paths,
        "x-amazon-apigateway-gateway-responses": _responses(),
    }
    resources = {
        "Api": {"Type": "AWS::ApiGateway::RestApi", "Properties": {"Name": "rest", "Body": body}},
        "Deployment": {"Type": "AWS::ApiGateway::Deployment", "Properties": {"RestApiId": {"Ref": "Api"}}},
        "Stage": {
            "Type": "AWS::ApiGateway::Stage",
            "Properties": {"RestApiId": {"Ref": "Api"}, "DeploymentId": {"Ref": "Deployment"}, "StageName": "v1"},
        },
    }
    formation = cloud.client("cloudformation")
    formation.create_stack(StackName="rest", TemplateBody=json.dumps({"Resources": resources}))
    formation.get_waiter("stack_create_complete").wait(StackName="rest", WaiterConfig={"Delay": 1})
    (api,) = cloud.client("apigateway").get_rest_apis()["items"]
    return f"http://127.0.0.1:{cloud.instance.port}/_aws/execute-api/{api['id']}/v1"


def _post(url: str, body: bytes = b"{}") -> tuple[int, dict[str, str], dict[str, Any]]:
    request = urllib.request.Request(url, data=body, method="POST")
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, dict(answer.headers.items()), json.loads(answer.read())
    except urllib.error.HTTPError as refused:
        with refused:
            headers = {name.lower(): value for name, value in refused.headers.items()}
            return refused.code, headers, json.loads(refused.read())


def test_a_throttled_function_is_a_problem_that_says_when_to_come_again(cloud: Stack, url: str) -> None:
    assert _post(f"{url}/slow")[0] == 200
    cloud.client("lambda").put_function_concurrency(FunctionName="slow", ReservedConcurrentExecutions=0)
    try:
        status, headers, problem = _post(f"{url}/slow")
    finally:
        cloud.client("lambda").delete_function_concurrency(FunctionName="slow")
    assert (status, problem["code"], problem["status"]) == (503, "dependency_unavailable", 503)
    assert headers["content-type"] == "application/problem+json"
    assert int(headers["retry-after"]) >= 1
    assert problem["request_id"] == headers["x-request-id"]


def test_beyond_the_account_s_quota_a_call_is_refused_at_once_and_counted(tmp_path: Path) -> None:
    with local_cloud.running(replace(local_cloud.instance(tmp_path / "home"), quota=1)) as small:
        slow = f"{_deployed(small)}/slow"
        with ThreadPoolExecutor(1) as other:
            first = other.submit(_post, slow, b'{"sleep": 3}')
            time.sleep(1)
            asked = time.monotonic()
            status, headers, problem = _post(slow)
            assert time.monotonic() - asked < 1
            assert (status, problem["code"]) == (503, "dependency_unavailable")
            assert int(headers["retry-after"]) >= 1
            assert first.result()[0] == 200
        now = datetime.now(UTC)
        found = small.client("cloudwatch").get_metric_statistics(
            Namespace="AWS/Lambda",
            MetricName="Throttles",
            Dimensions=[{"Name": "FunctionName", "Value": "slow"}],
            StartTime=now - timedelta(minutes=5),
            EndTime=now + timedelta(minutes=1),
            Period=60,
            Statistics=["Sum"],
        )
        assert sum(each["Sum"] for each in found["Datapoints"]) == 1
        assert _post(slow)[0] == 200


def test_a_function_that_failed_is_a_problem_without_its_exception(url: str) -> None:
    status, headers, problem = _post(f"{url}/boom")
    assert (status, problem["code"]) == (503, "dependency_unavailable")
    assert headers["content-type"] == "application/problem+json"
    assert "secret detail" not in json.dumps(problem)


def test_a_body_that_is_too_large_for_a_function_is_refused_and_not_to_be_tried_again(url: str) -> None:
    largest = b'{"sleep": 0, "filling": "%s"}'
    assert _post(f"{url}/slow", largest % (b"x" * 5_900_000))[0] == 200
    for size in (6_300_000, 10_600_000):
        status, headers, problem = _post(f"{url}/slow", largest % (b"x" * size))
        assert (status, problem["code"], problem["status"]) == (413, "payload_too_large", 413)
        assert headers["content-type"] == "application/problem+json"
        assert "retry-after" not in headers


def test_a_path_parameter_arrives_as_the_client_wrote_it() -> None:
    def build() -> dict[str, Any]:
        return {"requestContext": {"identity": {}}, "pathParameters": {"emoji": "👍", "id": "msg_1"}}

    event = http._with_the_address_and_the_path_as_sent(build)()
    assert event["pathParameters"] == {"emoji": "%F0%9F%91%8D", "id": "msg_1"}


def test_a_preflight_has_the_headers_of_the_document(url: str) -> None:
    with urllib.request.urlopen(urllib.request.Request(f"{url}/slow", method="OPTIONS"), timeout=10) as answer:
        assert answer.headers["Access-Control-Allow-Origin"] == "https://chat.example"


def test_what_is_no_route_is_a_problem(url: str) -> None:
    status, headers, problem = _post(f"{url}/nowhere")
    assert (status, problem["code"], headers["content-type"]) == (404, "not_found", "application/problem+json")
