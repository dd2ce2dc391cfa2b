"""Whatever comes as a body, a query, headers or a frame of a socket is answered, by our own error if not read (R41)."""

from __future__ import annotations

import importlib
import json
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st
from pydantic import BaseModel

from infra import documents
from infra.documents import openapi
from kernel import websocket
from kernel.caller import Authenticator, Caller
from kernel.errors import Problem, Unauthenticated, ValidationFailed
from kernel.http import App
from kernel.schema import Count, Input, JsonObject, Paging, parse_json, parse_query
from tests.helpers import CONTEXT, rest_event
from tests.tools import socket_event

with_keys = examples(suppress_health_check=[HealthCheck.function_scoped_fixture])
ADA = Caller("usr_1", "ses_1", "L0SM9cOFvHcCIhw=")
NUMBERS = st.sampled_from(["NaN", "Infinity", "-Infinity", "1e999", "-1e999", "1e-999", "9" * 400, "-0", "1.0", "01"])
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)


@cache
def _models() -> tuple[list[type[BaseModel]], list[type[BaseModel]]]:
    """What routes and actions take: of JSON, and of queries."""
    for name in documents.ACTIONS:
        importlib.import_module(name)
    routes = [route for app in documents.apps() for route in app.routes]
    bodies = [route.body for route in routes if route.body] + [each.frame for each in websocket.ACTIONS.values()]
    queries = [route.query for route in routes if route.query]
    return list(dict.fromkeys(bodies)), list(dict.fromkeys(queries))


def _fields(model: type[BaseModel]) -> list[str]:
    return [field.alias or name for name, field in model.model_fields.items()]


@with_keys
@given(data=st.data())
def test_any_json_is_a_body_or_refused(data: st.DataObject) -> None:
    model = data.draw(st.sampled_from(_models()[0]))
    fields = data.draw(st.dictionaries(st.sampled_from([*_fields(model), "other"]), VALUES, max_size=6))
    raw = json.dumps(fields)
    if data.draw(st.booleans()):
        raw = raw.replace("null", data.draw(NUMBERS))
    try:
        read = parse_json(model, raw)
    except Problem:
        return
    json.dumps(read.model_dump(mode="json"), allow_nan=False)


@with_keys
@given(data=st.data(), raw=st.binary(max_size=200) | st.text('{}[]":,0123456789.eE+-ntf\\u ', max_size=200))
def test_any_bytes_are_a_body_or_refused(data: st.DataObject, raw: str | bytes) -> None:
    with pytest.raises(Problem):
        parse_json(data.draw(st.sampled_from([each for each in _models()[0] if _required(each)])), raw)


def _required(model: type[BaseModel]) -> bool:
    return any(field.is_required() for field in model.model_fields.values())


@with_keys
@given(data=st.data())
def test_any_query_is_read_or_refused(data: st.DataObject) -> None:
    model = data.draw(st.sampled_from(_models()[1]))
    texts = st.text(st.characters(), max_size=60) | st.from_regex(r"-?\d{1,60}(\.\d+)?", fullmatch=True)
    values = st.dictionaries(st.sampled_from([*_fields(model), "other"]), texts | st.lists(texts), max_size=6)
    try:
        parse_query(model, data.draw(values))
    except ValidationFailed:
        return


# --- numbers and depth ----------------------------------------------------------------------------------------


class Free(Input):
    value: JsonObject


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999", "[[NaN]]", '{"a": [1, -1e999]}'])
def test_free_json_holds_numbers_that_every_parser_reads(number: str) -> None:
    with pytest.raises(ValidationFailed):
        parse_json(Free, f'{{"value": {{"x": {number}}}}}')


@pytest.mark.parametrize("depth", [17, 150, 10_000])
def test_json_has_an_end_of_its_depth(depth: int) -> None:
    with pytest.raises(Problem):
        parse_json(Free, '{"value": {"x": ' + "[" * depth + "]" * depth + "}}")


def test_every_number_that_comes_in_has_bounds() -> None:
    """A store keeps 38 digits, JavaScript counts to 2^53, and a number without an end is none."""
    for name in documents.ACTIONS:
        importlib.import_module(name)
    http = openapi.document(documents.apps(), version="1")
    inputs = [
        (f"{method} {path}", part)
        for path, methods in http["paths"].items()
        for method, operation in methods.items()
        for part in (operation.get("parameters", []), operation.get("requestBody", {}))
    ]
    frames = [(name, action.frame.model_json_schema()) for name, action in websocket.ACTIONS.items()]
    without = [
        f"{where}: {found}"
        for where, part in [*inputs, *frames]
        for found in _unbounded(part, http["components"]["schemas"])
    ]
    assert without == []


def _unbounded(part: Any, schemas: dict[str, Any]) -> Iterator[str]:
    if isinstance(part, list):
        for each in part:
            yield from _unbounded(each, schemas)
    if not isinstance(part, dict):
        return
    bounds = {"maximum", "exclusiveMaximum", "enum", "const"}
    if part.get("type") in ("integer", "number") and not bounds & part.keys():
        yield json.dumps(part)
    reference = str(part.get("$ref", ""))
    if reference.startswith("#/components/schemas/"):
        yield from _unbounded(schemas[reference.rpartition("/")[2]], schemas)
    for each in part.values():
        yield from _unbounded(each, schemas)


# --- whole calls ----------------------------------------------------------------------------------------------


class Counted(Input):
    count: Count = 0
    more: JsonObject = {}


def _nobody(token: str) -> Caller:
    raise Unauthenticated


@cache
def _app() -> App:
    app = App("counting", authenticate=Authenticator(_nobody, lambda caller, _: caller))

    @app.post("/counts/{count_id}", body=Counted, query=Paging, public=True, status=204)
    def count(count_id: str, body: Counted, query: Paging) -> None:
        """Count."""

    @app.get("/counts", query=Paging)
    def counts(caller: Caller) -> None:
        """The counts."""

    return app


HEADERS = st.sampled_from(
    ["Content-Type", "Authorization", "X-Forwarded-For", "Origin", "Accept", "Range", "If-None-Match", "Cookie", "Host"]
)


@with_keys
@given(
    named=st.text(st.characters(), min_size=1, max_size=40),
    headers=st.dictionaries(HEADERS, st.text(st.characters(), max_size=60) | st.just("Bearer x"), max_size=4),
    query=st.dictionaries(st.sampled_from(["limit", "cursor", "x"]), st.text(st.characters(), max_size=20), max_size=3),
    body=st.none() | st.text(st.characters(), max_size=60) | st.just('{"count": 1}'),
    coded=st.booleans(),
)
def test_any_call_is_answered_by_no_error_of_ours(
    named: str, headers: dict[str, str], query: dict[str, str], body: str | None, coded: bool
) -> None:
    event = rest_event("POST", "/counts/{count_id}", {"count_id": named}, body=body, headers=headers, query=query)
    answer = _app()({**event, "isBase64Encoded": coded}, CONTEXT)
    assert answer["statusCode"] < 500
    guarded = _app()(rest_event("GET", "/counts", headers=headers), CONTEXT)
    assert guarded["statusCode"] == 401


@with_keys
@given(frame=st.text(st.characters(), max_size=200) | VALUES.map(json.dumps))
def test_any_frame_is_answered_once_with_an_error_of_its_own(frame: str) -> None:
    answer = websocket.unknown_action(socket_event(ADA, frame), CONTEXT)
    problem = json.loads(answer["body"])
    assert (problem["type"], answer["statusCode"]) == ("error", 200)
    assert problem["problem"]["status"] < 500
