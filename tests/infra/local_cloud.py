"""A separate MiniStack, started as the driver starts it, with small functions and a WebSocket API."""

import json
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from infra.local import services
from infra.local.config import Instance, python_runtime
from infra.local.stack import Stack
from tests.support.zips import zipped

CODE = """
import json, sys, time

count = 0

def authorize(event, context):
    print("{}")
    ticket = (event["queryStringParameters"] or {}).get("ticket")
    if ticket == "bad":
        raise Exception("Unauthorized")
    if ticket == "broken":
        raise Exception("something else")
    effect = "Deny" if ticket == "deny" else "Allow"
    statement = {"Action": "execute-api:Invoke", "Effect": effect, "Resource": event["methodArn"]}
    return {"principalId": "p", "policyDocument": {"Version": "2012-10-17", "Statement": [statement]}}

def connect(event, context):
    print("{}")
    return {"statusCode": int((event["queryStringParameters"] or {}).get("status", 200))}

def slow(event, context):
    print("{}")
    body = json.loads(event["body"])
    began = time.time()
    time.sleep(body.get("sleep", 0))
    return {"statusCode": 200, "body": json.dumps({"n": body.get("n"), "began": began, "ended": time.time()})}

def follow(event, context):
    print("followed", *(record["dynamodb"]["Keys"]["id"]["S"] for record in event["Records"]))

def say(event, context):
    print("first")
    print("last", end="")

kinds = set()

def context_of(event, context):
    time.sleep(event)
    kinds.add(type(context))
    left_ms = context.get_remaining_time_in_millis()
    return {"name": context.function_name, "id": context.aws_request_id, "left_ms": left_ms, "kinds": len(kinds)}

def boom(event, context):
    global count
    count += 1
    raise LookupError(f"secret detail {count}")

def modules(event, context):
    import importlib.util
    return [name for name in event if importlib.util.find_spec(name)]
"""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def instance(home: Path) -> Instance:
    return Instance(name="default", port=free_port(), redis_port=free_port(), home=home)


@contextmanager
def running(of: Instance) -> Iterator[Stack]:
    services.prepare(of)
    daemon = services.cloud(of)
    daemon.start(wait_s=services.START_WAIT_S)
    try:
        cloud = Stack(of)
        trust = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
        document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
        iam = cloud.client("iam")
        with suppress(iam.exceptions.EntityAlreadyExistsException):
            iam.create_role(RoleName="any", AssumeRolePolicyDocument=document)
        yield cloud
    finally:
        daemon.stop(wait_s=services.STOP_WAIT_S)


def add_layer(cloud: Stack, name: str, files: dict[str, str]) -> str:
    published = cloud.client("lambda").publish_layer_version(LayerName=name, Content={"ZipFile": zipped(files)})
    return str(published["LayerVersionArn"])


def add_function(cloud: Stack, name: str, *, handler: str = "", layers: Sequence[str] = ()) -> str:
    """Create a function whose handler is the one of its name in CODE, or `handler`."""
    created = cloud.client("lambda").create_function(
        FunctionName=name,
        Runtime=python_runtime(),
        Handler=f"handlers.{handler or name}",
        Role="arn:aws:iam::000000000000:role/any",
        Code={"ZipFile": zipped({"handlers.py": CODE})},
        Layers=list(layers),
        Timeout=10,
    )
    return str(created["FunctionArn"])


def add_socket_api(cloud: Stack) -> str:
    """Create a WebSocket API with an authorizer, $connect and the routes `slow` and `boom`. Returns its URL."""
    gateway = cloud.client("apigatewayv2")
    api = gateway.create_api(Name="sockets", ProtocolType="WEBSOCKET", RouteSelectionExpression="$request.body.action")[
        "ApiId"
    ]
    uri = "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/{}/invocations"
    authorizer = gateway.create_authorizer(
        ApiId=api,
        Name="ticket",
        AuthorizerType="REQUEST",
        AuthorizerUri=uri.format(add_function(cloud, "authorize")),
        IdentitySource=["route.request.querystring.ticket"],
    )["AuthorizerId"]
    for route, function in (("$connect", "connect"), ("slow", "slow"), ("boom", "boom")):
        integration = gateway.create_integration(
            ApiId=api, IntegrationType="AWS_PROXY", IntegrationUri=uri.format(add_function(cloud, function))
        )["IntegrationId"]
        authorization: dict[str, Any] = (
            {"AuthorizationType": "CUSTOM", "AuthorizerId": authorizer} if route == "$connect" else {}
        )
        gateway.create_route(ApiId=api, RouteKey=route, Target=f"integrations/{integration}", **authorization)
    gateway.create_stage(ApiId=api, StageName="v1", AutoDeploy=True)
    return cloud.instance.execute_api(api, scheme="ws")


def invoke(cloud: Stack, function: str, payload: Any) -> Any:
    answer = cloud.client("lambda").invoke(FunctionName=function, Payload=json.dumps(payload))
    return json.loads(answer["Payload"].read())
