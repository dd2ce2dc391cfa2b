"""What tests of the kernel, conversations, messages and templates share: templates, rows, log lines, socket events."""

from __future__ import annotations

import importlib.util
import io
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import yaml
from boto3.dynamodb.types import TypeDeserializer
from moto.backends import get_backend

from kernel import aws, clock, telemetry
from kernel.breakers import Breaker
from kernel.caller import Caller
from tests.conftest import JOB_QUEUES, REGION, STACK
from tests.helpers import someone

ROOT = Path(__file__).resolve().parents[1]
ACCOUNT = "123456789012"


# --- templates and modules ------------------------------------------------------------------------------------


class _Template(yaml.SafeLoader):
    """Reads CloudFormation, its functions as mappings: `!Ref x` becomes `{"Ref": "x"}`, `!Sub x` `{"Fn::Sub": "x"}`."""


def _function(loader: yaml.SafeLoader, suffix: str, node: yaml.Node) -> dict[str, Any]:
    value: Any
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        assert isinstance(node, yaml.MappingNode)
        value = loader.construct_mapping(node, deep=True)
    return {suffix if suffix in ("Ref", "Condition") else f"Fn::{suffix}": value}


_Template.add_multi_constructor("!", _function)


def template(path: str) -> dict[str, Any]:
    """A CloudFormation template."""
    loaded: dict[str, Any] = yaml.load((ROOT / path).read_text(), _Template)
    return loaded


def module_of(name: str, path: Path) -> ModuleType:
    """The module of a file that is on no path of Python's, under a name that no other module has."""
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


# --- what is stored and queued --------------------------------------------------------------------------------


def rows(table: str) -> list[dict[str, Any]]:
    """Everything in a table, as plain values."""
    plain = TypeDeserializer().deserialize
    pages = aws.client("dynamodb").get_paginator("scan").paginate(TableName=f"{STACK}-{table}")
    return [{key: plain(value) for key, value in item.items()} for page in pages for item in page["Items"]]


def _delay_s(message: Any) -> int:
    return max(0, int(message.delayed_until - message.sent_timestamp + 500) // 1000)


def _sent_at(message: Any) -> float:
    return float(message.sent_timestamp)


def jobs() -> list[dict[str, Any]]:
    """The jobs that wait for the fan-out, in whichever of its queues, as they were sent, each with its `delay_s`; they
    are taken out."""
    queues = [get_backend("sqs")[ACCOUNT][REGION].get_queue(f"{STACK}-{name}") for name in JOB_QUEUES]
    found = sorted((message for queue in queues for message in queue._messages), key=_sent_at)
    for queue in queues:
        queue._messages.clear()
    return [{**json.loads(message.body), "delay_s": _delay_s(message)} for message in found]


# --- people and events ----------------------------------------------------------------------------------------


def caller(username: str = "ada", *, connection_id: str = "") -> Caller:
    """A new person as the services see them."""
    person = someone(username)
    return Caller(person.user_id, person.session_id, connection_id)


def socket_event(
    who: Caller, frame: Mapping[str, Any] | str, *, route: str = "", connected_at: int | None = None
) -> dict[str, Any]:
    """A WebSocket event of a frame, which is sent as it is when it is a text, else as JSON."""
    action = "" if isinstance(frame, str) else str(frame.get("action", ""))
    return {
        "requestContext": {
            "routeKey": route or action or "$default",
            "eventType": {"$connect": "CONNECT", "$disconnect": "DISCONNECT"}.get(route, "MESSAGE"),
            "connectionId": who.connection_id or "L0SM9cOFvHcCIhw=",
            "requestId": "request-2",
            "connectedAt": clock.now() if connected_at is None else connected_at,
            "authorizer": {"principalId": who.user_id, "user_id": who.user_id, "session_id": who.session_id},
        },
        "body": frame if isinstance(frame, str) else json.dumps(frame),
        "isBase64Encoded": False,
    }


def queue_event(*bodies: Any) -> dict[str, Any]:
    """An SQS event with the messages m0, m1, …; a body is sent as it is when it is a text, else as JSON."""
    return {
        "Records": [
            {"messageId": f"m{n}", "body": body if isinstance(body, str) else json.dumps(body)}
            for n, body in enumerate(bodies)
        ]
    }


def stream_event(*changes: Mapping[str, Any]) -> dict[str, Any]:
    """A DynamoDB stream's event; a change has `Keys`, `OldImage`, `NewImage` as DynamoDB writes them."""
    kinds = {(False, True): "INSERT", (True, True): "MODIFY", (True, False): "REMOVE"}
    return {
        "Records": [
            {
                "eventID": f"e{number}",
                "eventName": kinds["OldImage" in change, "NewImage" in change],
                "eventSource": "aws:dynamodb",
                "dynamodb": {"SequenceNumber": str(number), "StreamViewType": "NEW_AND_OLD_IMAGES", **change},
            }
            for number, change in enumerate(changes, 1)
        ]
    }


# --- log lines ------------------------------------------------------------------------------------------------


class Lines:
    """The structured lines that this process has written."""

    def __init__(self) -> None:
        self.stream = io.StringIO()

    @property
    def text(self) -> str:
        return self.stream.getvalue()

    @property
    def all(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.text.splitlines()]

    @property
    def only(self) -> dict[str, Any]:
        """The one line there is."""
        (line,) = self.all
        return line


@contextmanager
def captured_lines() -> Iterator[Lines]:
    """Collect what the logger writes; what it wrote to before may be closed: the output of a test that has ended."""
    telemetry.logger.cache_clear()
    found = Lines()
    handlers: list[Any] = telemetry.logger().handlers
    before = [handler.stream for handler in handlers]
    for handler in handlers:
        handler.stream = found.stream  # `setStream` would flush the one before
    try:
        yield found
    finally:
        for handler, stream in zip(handlers, before, strict=True):
            handler.stream = stream


def give_up(breaker: Breaker) -> None:
    """Open a breaker, as so many failures would."""
    for _ in range(breaker.limits.failures):
        breaker.admit()
        breaker.failed()


@contextmanager
def store_calls() -> Iterator[list[str]]:
    """The names of the calls to DynamoDB that are made inside the block, in their order."""
    made: list[str] = []

    def note(model: Any, **_: Any) -> None:
        made.append(model.name)

    events = aws.client("dynamodb").meta.events
    events.register("before-call.dynamodb", note)
    try:
        yield made
    finally:
        events.unregister("before-call.dynamodb", note)
