"""The API documents are current, well-formed and complete."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import jsonschema
import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from conversations.ping_frame import Ping
from infra import documents, generate
from infra.documents import asyncapi, openapi
from kernel import websocket
from kernel.errors import ValidationFailed
from kernel.http import App, Route

OPENAPI = documents.ROOT / "docs/api/openapi.json"
ASYNCAPI = documents.ROOT / "docs/api/asyncapi.json"
CONTRACT_ACTIONS = {
    "sendMessage", "editMessage", "deleteMessage", "react", "markRead", "typing", "vote", "sync", "ping", "setPresence",
    "watchPresence",
    "signal", "callHeartbeat", "aiCancel",
}  # fmt: skip
CONTRACT_EVENTS = {
    "message.created", "message.updated", "message.deleted", "reaction.added", "reaction.removed",
    "conversation.created", "conversation.updated", "conversation.deleted", "member.added", "member.removed",
    "member.updated", "poll.created", "poll.updated", "poll.voted", "poll.closed",
    "file.ready", "file.rejected",
    "receipt.updated", "draft.updated", "preferences.updated", "scheduled.failed",
    "notification", "typing", "presence", "session.revoked", "reconnect", "pong",
    "join_request.created", "join_request.updated", "report.created", "report.updated",
    "ai.delta", "ai.done",
    "call.ringing", "call.updated", "call.answered_elsewhere", "call.ended", "call.signal",
    "keys.changed", "keys.low", "mls.change", "mls.commit", "mls.proposal", "mls.welcome",
}  # fmt: skip
# Keywords of JSON Schema and OpenAPI that check nothing.
ANNOTATIONS = {
    "title", "description", "default", "examples", "discriminator", "contentEncoding", "contentMediaType",
    "contentSchema",
}  # fmt: skip
TYPES = {
    "type": "typing",
    "conversation_id": "cnv_1",
    "at": "2026-11-22T21:24:05.123Z",
    "data": {"user_id": "usr_1", "typing": True},
}

pytestmark = pytest.mark.usefixtures("settings", "no_sockets")


def test_a_route_that_no_template_has_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    assert documents.undeployed() == []
    monkeypatch.setattr(generate, "templates", dict)
    missing = documents.undeployed()
    assert len(missing) == sum(len(app.routes) for app in documents.apps())
    assert "GET /users/me of users.app.app" in missing


@pytest.fixture(scope="module")
def http() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(OPENAPI.read_text())
    return found


@pytest.fixture(scope="module")
def socket() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(ASYNCAPI.read_text())
    return found


def _routes() -> list[Route]:
    apps: list[App] = documents.apps()
    return [route for app in apps for route in app.routes]


def _references(part: Any) -> Iterator[str]:
    if isinstance(part, dict):
        if isinstance(part.get("$ref"), str):
            yield part["$ref"]
        for inner in part.values():
            yield from _references(inner)
    elif isinstance(part, list):
        for inner in part:
            yield from _references(inner)


def _schemas(document: Any) -> Iterator[Any]:
    """Each schema of a document, without those inside of it."""
    if isinstance(document, dict):
        for key, value in document.items():
            yield from (
                value.values() if key == "schemas" else [value] if key in ("schema", "payload") else _schemas(value)
            )
    elif isinstance(document, list):
        for each in document:
            yield from _schemas(each)


def _keywords(schema: Any) -> Iterator[str]:
    """The keywords of a schema and of those inside of it, without extensions."""
    if isinstance(schema, dict):
        for keyword, value in schema.items():
            if keyword.startswith("x-"):
                continue
            yield keyword
            if keyword in ("properties", "$defs"):
                yield from _keywords(list(value.values()))
            elif keyword not in ("default", "const", "enum", "examples", "discriminator"):
                yield from _keywords(value)
    elif isinstance(schema, list):
        for each in schema:
            yield from _keywords(each)


def _at(document: dict[str, Any], reference: str) -> Any:
    found: Any = document
    for step in reference.removeprefix("#/").split("/"):
        found = found[step.replace("~1", "/").replace("~0", "~")]
    return found


def test_the_documents_are_those_of_the_code() -> None:
    stale = [path.name for path, text in documents.documents().items() if path.read_text() != text]
    assert stale == [], "run `make openapi`"


# --- OpenAPI --------------------------------------------------------------------------------------------------


def test_the_openapi_document_is_valid(http: dict[str, Any]) -> None:
    assert http["openapi"] == "3.1.0"
    assert [error.message for error in OpenAPIV31SpecValidator(http).iter_errors()] == []


def test_every_route_is_documented_and_nothing_else(http: dict[str, Any]) -> None:
    documented = {(method.upper(), path) for path, operations in http["paths"].items() for method in operations}
    assert documented == {(route.method, route.path) for route in _routes()}


def test_every_keyword_of_a_schema_is_one_of_json_schema(http: dict[str, Any], socket: dict[str, Any]) -> None:
    known = ANNOTATIONS | set(jsonschema.Draft202012Validator.VALIDATORS)
    used = {word for document in (http, socket) for schema in _schemas(document) for word in _keywords(schema)}
    assert {"minLength", "propertyNames"} <= used
    assert used - known == set()


def test_every_reference_leads_somewhere(http: dict[str, Any]) -> None:
    references = set(_references(http))
    assert references
    assert all(_at(http, reference) for reference in references)


def test_operation_ids_are_unique(http: dict[str, Any]) -> None:
    ids = [operation["operationId"] for operations in http["paths"].values() for operation in operations.values()]
    assert len(ids) == len(set(ids))


def test_every_operation_has_a_summary_that_is_a_sentence(http: dict[str, Any]) -> None:
    summaries = [operation["summary"] for operations in http["paths"].values() for operation in operations.values()]
    assert all(re.search(r" .*[.:…]$", summary) for summary in summaries)


def test_every_path_parameter_is_declared(http: dict[str, Any]) -> None:
    for path, operations in http["paths"].items():
        for operation in operations.values():
            declared = {each["name"] for each in operation["parameters"] if each["in"] == "path"}
            assert declared == set(re.findall(r"{(\w+)}", path))


def test_public_routes_alone_need_no_token(http: dict[str, Any]) -> None:
    for route in _routes():
        security = http["paths"][route.path][route.method.lower()]["security"]
        assert security == ([] if route.public else [{"bearer": []}])


def test_every_post_takes_an_idempotency_key(http: dict[str, Any]) -> None:
    for operations in http["paths"].values():
        for method, operation in operations.items():
            takes = any(each["name"] == "Idempotency-Key" for each in operation["parameters"])
            assert takes == (method == "post")


def test_every_list_comes_in_pages(http: dict[str, Any]) -> None:
    lists = 0
    for path, operations in http["paths"].items():
        answer = operations.get("get", {}).get("responses", {}).get("200", {})
        shown = json.dumps([answer, *_models_in(http, answer)])
        if '"next_cursor"' in shown:
            lists += 1
            assert {"limit", "cursor"} <= {each["name"] for each in operations["get"]["parameters"]}, path
    assert lists > 40


def _models_in(http: dict[str, Any], answer: Any) -> list[Any]:
    """The models that an answer refers to directly."""
    names = re.findall(r'"#/components/schemas/(\w+)"', json.dumps(answer))
    return [http["components"]["schemas"][name] for name in names]


def test_errors_are_problem_documents(http: dict[str, Any]) -> None:
    for operations in http["paths"].values():
        for operation in operations.values():
            for status, answer in operation["responses"].items():
                if int(status) >= 400 and "content" in answer:
                    assert answer["content"].keys() <= {"application/problem+json", "application/json"}


def test_whatever_any_route_may_fail_with_is_told_of_each(http: dict[str, Any]) -> None:
    for path, methods in http["paths"].items():
        for method, operation in methods.items():
            assert {"429", "500", "503", "504"} <= operation["responses"].keys(), f"{method} {path}"


def test_the_problem_schema_takes_what_a_problem_tells(http: dict[str, Any]) -> None:
    schema = http["components"]["schemas"]["Problem"]
    jsonschema.validate(ValidationFailed.of("name", "is missing").as_dict("r-1"), schema)


def test_what_refuses_unknown_fields_says_so(http: dict[str, Any]) -> None:
    body = http["paths"]["/conversations/{conversation_id}/messages"]["post"]["requestBody"]
    schema = _at(http, body["content"]["application/json"]["schema"]["$ref"])
    assert schema["additionalProperties"] is False


def test_the_document_is_made_the_same_every_time() -> None:
    first, second = (json.dumps(openapi.document(documents.apps(), version="1")) for _ in range(2))
    assert first == second


# --- AsyncAPI -------------------------------------------------------------------------------------------------


def test_the_asyncapi_document_names_the_actions_of_the_contract(socket: dict[str, Any]) -> None:
    assert socket["asyncapi"] == "3.0.0"
    received = {each["$ref"].rpartition("/")[2] for each in socket["operations"]["receive"]["messages"]}
    assert received == CONTRACT_ACTIONS


def test_the_asyncapi_document_names_the_events_of_the_contract(socket: dict[str, Any]) -> None:
    sent = {each["$ref"].rpartition("/")[2] for each in socket["operations"]["send"]["messages"]}
    events = {f"event.{name}" for name in CONTRACT_EVENTS}
    assert sent == events | {"error", "batch"} | {f"{action}.ack" for action in CONTRACT_ACTIONS}


def test_every_reference_of_the_asyncapi_document_leads_somewhere(socket: dict[str, Any]) -> None:
    assert all(_at(socket, reference) is not None for reference in set(_references(socket)))


def test_every_payload_is_a_json_schema(socket: dict[str, Any]) -> None:
    for message in socket["components"]["messages"].values():
        jsonschema.Draft202012Validator.check_schema(message["payload"])


@pytest.mark.parametrize(
    ("name", "frame"),
    [
        ("ping", {"action": "ping", "id": "1"}),
        ("ping", {"action": "ping", "id": "1", "cursors": {"cnv_1": 7}}),
        (
            "sendMessage",
            {"action": "sendMessage", "id": "1", "conversation_id": "cnv_1", "client_id": "1", "text": "a"},
        ),
        ("typing", {"action": "typing", "id": "1", "conversation_id": "cnv_1", "typing": True}),
        ("typing.ack", {"type": "ack", "id": "1", "data": None}),
        ("event.typing", TYPES),
        ("error", {"type": "error", "id": None, "problem": {}}),
        ("batch", {"type": "batch", "events": [TYPES]}),
    ],
)
def test_a_good_frame_fits_its_payload(socket: dict[str, Any], name: str, frame: dict[str, Any]) -> None:
    schema = {**socket["components"]["messages"][name]["payload"], "components": socket["components"]}
    jsonschema.validate(frame, schema)


@pytest.mark.parametrize(
    ("name", "frame"),
    [
        ("ping", {"action": "ping", "id": "1", "colour": "red"}),
        ("sendMessage", {"action": "sendMessage", "id": "1", "text": "a"}),
        ("sendMessage.ack", {"type": "ack", "id": "1", "data": None}),
        ("batch", {"type": "batch", "events": [{"type": "unheard of"}]}),
    ],
)
def test_a_wrong_frame_does_not_fit(socket: dict[str, Any], name: str, frame: dict[str, Any]) -> None:
    schema = {**socket["components"]["messages"][name]["payload"], "components": socket["components"]}
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(frame, schema)


def test_the_order_in_which_actions_were_loaded_does_not_matter() -> None:
    actions = {name: websocket.Action(name, Ping, None, "Ping.") for name in ("ping", "pang")}
    first, second = (
        asyncapi.document(dict(each), {}, version="1") for each in (actions.items(), [*actions.items()][::-1])
    )
    assert json.dumps(first) == json.dumps(second)


def test_an_action_of_its_own_makes_a_document() -> None:
    action = websocket.Action("ping", Ping, None, "Ping.")
    made = asyncapi.document({"ping": action}, {"pong": None}, version="1")
    assert made["components"]["messages"].keys() == {"ping", "ping.ack", "error", "event.pong", "batch"}
