"""Calls handlers in this process like API Gateway and queues do, with the sample events of events/."""

from __future__ import annotations

import importlib
import io
import json
from collections.abc import Mapping
from contextlib import redirect_stdout
from copy import deepcopy
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from perf.people import Person
from perf.template import ROOT, functions


@dataclass(frozen=True, slots=True)
class Reply:
    """A function's answer: its status and text."""

    status: int
    text: str

    @property
    def size(self) -> int:
        return len(self.text.encode())

    def json(self) -> Any:
        return json.loads(self.text)


class Journal(io.StringIO):
    """Receives the functions' log lines, counts their bytes, and lists the invoked functions."""

    def __init__(self) -> None:
        super().__init__()
        self.log_bytes = 0
        self.invoked: list[str] = []

    def write(self, text: str) -> int:
        self.log_bytes += len(text.encode())
        return len(text)

    def clear(self) -> None:
        self.log_bytes, self.invoked = 0, []


JOURNAL = Journal()


class _Context:
    """The Lambda context of an invocation."""

    aws_request_id = "5e1f6c1e-0000-4000-8000-00000000000f"
    function_name = "measured"
    memory_limit_in_mb = 512
    invoked_function_arn = "arn:aws:lambda:us-east-1:000000000000:function:measured"

    def get_remaining_time_in_millis(self) -> int:
        return 60_000  # long enough for a busy machine


@lru_cache(maxsize=64)
def _sample(function_id: str) -> dict[str, Any]:
    event: dict[str, Any] = json.loads((ROOT / "events" / f"{function_id}.json").read_text())
    return event


@lru_cache(maxsize=64)
def _handler(function_id: str) -> Any:
    module, _, name = functions()[function_id].handler.rpartition(".")
    return getattr(importlib.import_module(module), name)


def invoke(function_id: str, event: dict[str, Any]) -> Any:
    """Call a function's handler; its log lines go to the journal."""
    JOURNAL.invoked.append(function_id)
    with redirect_stdout(JOURNAL):
        return _handler(function_id)(event, _Context())


def http(
    function_id: str,
    route: str,
    caller: Person | None = None,
    *,
    path: Mapping[str, str] | None = None,
    query: Mapping[str, str] | None = None,
    body: Any = None,
) -> Reply:
    """A request such as `http("MessagesFunction", "GET /conversations/{conversation_id}/messages", ada, path=…)`."""
    method, _, resource = route.partition(" ")
    event = deepcopy(_sample(function_id))
    headers = {"Host": "api.example.com", "Content-Type": "application/json", "User-Agent": "perf"}
    if caller is not None:
        headers["Authorization"] = f"Bearer {caller.access_token}"
    full = resource
    for name, value in (path or {}).items():
        full = full.replace(f"{{{name}}}", value)
    event |= {
        "resource": resource,
        "path": full,
        "httpMethod": method,
        "headers": headers,
        "multiValueHeaders": {name: [value] for name, value in headers.items()},
        "queryStringParameters": dict(query) if query else None,
        "multiValueQueryStringParameters": {name: [value] for name, value in query.items()} if query else None,
        "pathParameters": dict(path) if path else None,
        "body": None if body is None else json.dumps(body),
    }
    event["requestContext"] |= {"resourcePath": resource, "httpMethod": method, "path": f"/v1{full}"}
    answer = invoke(function_id, event)
    return Reply(answer["statusCode"], answer["body"])


def frame(function_id: str, caller: Person, connection_id: str, body: Mapping[str, Any]) -> Reply:
    """A client's frame on a socket; `action` and `id` are added to `body`."""
    event = deepcopy(_sample(function_id))
    context = event["requestContext"]
    context["connectionId"] = connection_id
    context["authorizer"] = _identity(caller)
    event["body"] = json.dumps({"action": context["routeKey"], "id": "1", **body})
    text = invoke(function_id, event)["body"]
    problem = json.loads(text).get("problem") or {}
    return Reply(problem.get("status", 200), text)


def open_socket(caller: Person, ticket: str, connection_id: str) -> Reply:
    """Run the connect authorizer, then `$connect`."""
    event = deepcopy(_sample("AuthorizeFunction"))
    event["queryStringParameters"] = {"ticket": ticket}
    invoke("AuthorizeFunction", event)
    event = deepcopy(_sample("ConnectFunction"))
    event["requestContext"] |= {"connectionId": connection_id, "authorizer": _identity(caller)}
    return Reply(invoke("ConnectFunction", event)["statusCode"], "")


def _identity(caller: Person) -> dict[str, str]:
    return {"principalId": caller.user_id, "user_id": caller.user_id, "session_id": caller.session_id}


def job(*bodies: str, to: str = "FanoutFunction") -> Reply:
    """Handle jobs of the fan-out queue, or of another function's queue, in one batch."""
    event = deepcopy(_sample(to))
    record = event["Records"][0]
    event["Records"] = [{**record, "messageId": f"m{n}", "body": body} for n, body in enumerate(bodies)]
    failures = invoke(to, event)["batchItemFailures"]
    return Reply(500 if failures else 200, "")


def dispatch(*images: Mapping[str, Any]) -> Reply:
    """Handle the stream's records of new events, stored as `images`, in one batch."""
    event = deepcopy(_sample("DispatchFunction"))
    record = event["Records"][0]
    event["Records"] = [{**record, "dynamodb": record["dynamodb"] | _about(image)} for image in images]
    failures = invoke("DispatchFunction", event)["batchItemFailures"]
    return Reply(500 if failures else 200, "")


def _about(image: Mapping[str, Any]) -> dict[str, Any]:
    return {"Keys": {name: image[name] for name in ("conversation_id", "seq")}, "NewImage": dict(image)}
