"""What every HTTP route has around its view, seen through proxy events."""

from __future__ import annotations

import json
from base64 import b64encode
from typing import Any

import pytest

from kernel.caller import Authenticator
from kernel.http import MAX_BODY_BYTES, App
from tests.helpers import CONTEXT, Reply, ask, rest_event
from tests.tools import Lines
from tests.unit.kernel.notes_app import CANARY, authenticate, send

pytestmark = pytest.mark.usefixtures("settings", "no_sockets")


# --- answers --------------------------------------------------------------------------------------------------


def test_a_view_gets_the_caller_and_the_body(app: App) -> None:
    reply = ask(app, "POST", "/notes", body={"text": "hello"}, token="good")
    assert (reply.status, reply.body) == (201, {"text": "usr_ada: hello"})
    assert reply.headers["content-type"] == "application/json"


def test_a_view_gets_its_path_parameters(app: App) -> None:
    assert ask(app, "GET", "/notes/{note_id}", {"note_id": "not_1"}, token="good").body == {"text": "not_1"}


@pytest.mark.parametrize("given", ["%F0%9F%91%8D", "👍"])
def test_a_path_parameter_is_decoded_whether_or_not_the_gateway_did_so(app: App, given: str) -> None:
    """A REST API hands path parameters to a Lambda proxy integration as they were written (aws/chalice 511 and 688),
    while it decodes those of the query; a local cloud decodes both."""
    assert ask(app, "GET", "/notes/{note_id}", {"note_id": given}, token="good").body == {"text": "👍"}


def test_a_view_gets_its_query(app: App) -> None:
    assert ask(app, "GET", "/notes", query={"limit": "7"}, token="good").body == {"text": "7"}


def test_a_parameter_given_twice_is_refused_where_one_is_meant(app: App) -> None:
    event = rest_event("GET", "/notes", query={"limit": "7"}, token="good")
    event["multiValueQueryStringParameters"] = {"limit": ["7", "8"]}
    assert app(event, CONTEXT)["statusCode"] == 400


def test_a_view_gets_the_address_and_headers_in_lower_case(app: App) -> None:
    reply = ask(app, "GET", "/headers", token="good", headers={"X-Thing": "7"})
    assert reply.body["address"] == "203.0.113.7"
    assert reply.body["headers"]["x-thing"] == "7"


def test_an_answer_without_a_body_has_none(app: App) -> None:
    reply = ask(app, "DELETE", "/notes/{note_id}", {"note_id": "not_1"}, token="good")
    assert (reply.status, reply.body) == (204, None)


def test_a_view_may_choose_status_and_headers(app: App) -> None:
    reply = ask(app, "PUT", "/notes", token="good")
    assert (reply.status, reply.headers["x-place"]) == (202, "7")


def test_a_body_of_any_script_comes_through(app: App) -> None:
    text = "Grüße 你好 👩‍👩‍👧 \u202e"
    assert ask(app, "POST", "/notes", body={"text": text}, token="good").body["text"].endswith(text)


def test_a_body_in_base_64_is_decoded(app: App) -> None:
    reply = send(app, body=b64encode(b'{"text": "hello"}').decode(), isBase64Encoded=True)
    assert reply.status == 201


# --- who calls ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "Bearer",
        "Bearer ",
        "good",
        "Basic good",
        "Token good",
        "Bearer bad",
        "Bearer good 2",
        "Bearer\tgood",
    ],
)
def test_without_a_good_token_a_call_is_refused(app: App, header: str | None) -> None:
    headers = {} if header is None else {"Authorization": header}
    reply = ask(app, "POST", "/notes", body={"text": "hello"}, headers=headers)
    assert (reply.status, reply.code) == (401, "unauthenticated")
    assert reply.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize("header", ["Bearer good", "bearer good", "BEARER  good "])
def test_the_scheme_is_read_in_any_case(app: App, header: str) -> None:
    reply = ask(app, "POST", "/notes", body={"text": "hello"}, headers={"Authorization": header})
    assert reply.status == 201


def test_the_header_name_is_read_in_any_case(app: App) -> None:
    reply = ask(app, "POST", "/notes", body={"text": "hello"}, headers={"AUTHORIZATION": "Bearer good"})
    assert reply.status == 201


def test_a_public_route_needs_no_token(app: App) -> None:
    assert app(rest_event("GET", "/open"), CONTEXT)["statusCode"] == 200


def test_who_calls_is_asked_before_the_body_is_read(app: App) -> None:
    assert ask(app, "POST", "/notes", body="{", headers={}).status == 401


# --- what is refused ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("note_id", ["x" * 201, "é" * 33, "a b" * 20, "\0" * 40])
def test_a_path_parameter_that_can_be_no_id_is_not_found(app: App, note_id: str) -> None:
    reply = ask(app, "GET", "/notes/{note_id}", {"note_id": note_id}, token="good")
    assert (reply.status, reply.code) == (404, "not_found")


def test_a_body_above_the_maximum_is_too_large(app: App) -> None:
    overhead = len(json.dumps({"text": ""}))
    assert ask(app, "POST", "/notes", body={"text": "x" * (MAX_BODY_BYTES - overhead)}, token="good").status == 201
    reply = ask(app, "POST", "/notes", body={"text": "x" * (MAX_BODY_BYTES - overhead + 1)}, token="good")
    assert (reply.status, reply.code) == (413, "payload_too_large")


@pytest.mark.parametrize(
    "media_type",
    [
        "text/plain",
        "application/xml",
        "multipart/form-data",
        "application/json; charset=latin-1",
        "application/json; Charset=UTF-16",
        "application/json; v=1; charset=utf-16",
        "x",
    ],
)
def test_a_body_of_another_media_type_is_refused(app: App, media_type: str) -> None:
    reply = ask(app, "POST", "/notes", body={"text": "x"}, token="good", headers={"Content-Type": media_type})
    assert (reply.status, reply.code) == (415, "unsupported_media_type")


@pytest.mark.parametrize(
    "media_type",
    [
        "application/json",
        "APPLICATION/JSON",
        "application/json;charset=UTF-8",
        'application/json; charset="utf-8"',
        "application/json; charset=utf-8; v=1",
        "application/json;",
    ],
)
def test_json_in_utf_8_is_taken(app: App, media_type: str) -> None:
    reply = ask(app, "POST", "/notes", body={"text": "x"}, token="good", headers={"Content-Type": media_type})
    assert reply.status == 201


@pytest.mark.parametrize("body", ["", "{", "nul", '{"text": "\ud800"}', '{"text": "\\ud800"}', "[" * 100_000])
def test_a_body_that_is_no_json_is_malformed(app: App, body: str) -> None:
    reply = send(app, body=body)
    assert (reply.status, reply.code) == (400, "malformed_json")


def test_a_body_that_is_no_base_64_is_malformed(app: App) -> None:
    assert send(app, body="é%%%", isBase64Encoded=True).code == "malformed_json"


def test_a_body_that_is_missing_is_malformed(app: App) -> None:
    assert send(app, body=None).code == "malformed_json"


def test_a_post_of_which_all_may_be_left_out_may_come_without_a_body(app: App) -> None:
    path = ("/notes/{note_id}/rename", {"note_id": "1"})
    assert ask(app, "POST", *path, token="good").body == {"text": "untitled"}
    assert ask(app, "POST", *path, body="", token="good").body == {"text": "untitled"}
    assert ask(app, "POST", *path, body=" ", token="good").code == "malformed_json"


@pytest.mark.parametrize(("method", "resource"), [("DELETE", "/notes/{note_id}"), ("PUT", "/notes")])
def test_a_route_without_fields_takes_no_other_body_than_an_empty_one(app: App, method: str, resource: str) -> None:
    def sent(**given: Any) -> Reply:
        return ask(app, method, resource, {"note_id": "n1"}, token="good", **given)

    assert [sent().status, sent(body={}).status] == [sent().status] * 2
    assert sent().status < 300
    refused = sent(body={"text": "x"})
    assert (refused.status, refused.body["errors"][0]["field"]) == (400, "text")
    assert sent(body="{").code == "malformed_json"
    assert sent(body="text", headers={"Content-Type": "text/plain"}).code == "unsupported_media_type"


def test_a_hidden_app_answers_strangers_as_an_unknown_route_does() -> None:
    app = App("hidden", authenticate=Authenticator(authenticate, lambda caller, _: caller), hidden=True)

    @app.get("/secret")
    def secret() -> Any:
        """Hide."""

    answer = ask(app, "GET", "/secret", token="bad")
    assert (answer.status, answer.code, answer.body["detail"]) == (404, "not_found", "There is no such route.")


def test_an_unknown_field_is_named(app: App) -> None:
    reply = ask(app, "POST", "/notes", body={"text": "x", "colour": "red"}, token="good")
    assert (reply.status, reply.code) == (400, "validation_failed")
    assert [error["field"] for error in reply.body["errors"]] == ["colour"]


# --- problems -------------------------------------------------------------------------------------------------


def test_a_problem_document_has_its_seven_members(app: App) -> None:
    reply = ask(app, "GET", "/mine", token="good")
    assert reply.headers["content-type"] == "application/problem+json"
    assert reply.body == {
        "type": "urn:secureconnect:problem:blocked",
        "title": "Forbidden",
        "status": 403,
        "detail": "Not yours.",
        "code": "blocked",
        "request_id": "request-1",
        "errors": [],
    }


def test_a_problem_says_when_to_come_again(app: App) -> None:
    reply = ask(app, "GET", "/busy", token="good")
    assert (reply.status, reply.code, reply.headers["retry-after"]) == (503, "dependency_unavailable", "7")


def test_who_met_others_each_time_is_told_to_come_again(app: App, lines: Lines) -> None:
    reply = ask(app, "GET", "/crowded", token="good")
    assert (reply.status, reply.code, reply.headers["retry-after"]) == (503, "dependency_unavailable", "1")
    assert CANARY not in json.dumps(reply.body)
    assert lines.only["cause"].startswith("Cancelled")


@pytest.mark.parametrize("path", ["/boom", "/wrong"])
def test_an_unexpected_exception_is_told_without_its_trace(app: App, path: str) -> None:
    answer = app(rest_event("GET", path, token="good"), CONTEXT)
    assert answer["statusCode"] == 500
    assert json.loads(answer["body"])["code"] == "internal"
    for told in (CANARY, "Traceback", "LookupError", "test_http", "pydantic"):
        assert told not in answer["body"]
