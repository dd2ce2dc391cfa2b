"""What every HTTP route has around its view, seen through proxy events."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import replace
from typing import Annotated, Any

import pytest
from pydantic import Field

from kernel import config
from kernel.caller import Authenticator, Caller
from kernel.errors import Conflict, DependencyUnavailable, Forbidden, RateLimited, Unauthenticated
from kernel.http import MAX_BODY_BYTES, PER_ACCOUNT, SECURITY_HEADERS, Answer, App, Incoming
from kernel.limiter import Limit
from kernel.schema import Input, Opaque, Output, Paging
from kernel.telemetry import NO_ANSWER_MS
from kernel.transactions import Cancelled
from tests.helpers import ADDRESS, CONTEXT, Reply, ask, rest_event
from tests.tools import Lines, captured_lines

CANARY = "c4n4ry"
ADA = Caller("usr_ada", "ses_ada")
ORIGIN = "https://chat.example"

pytestmark = pytest.mark.usefixtures("settings", "no_sockets")


class Note(Input):
    text: Annotated[Opaque, Field(max_length=300_000)]


class Renaming(Input):
    text: str = "untitled"


class Shown(Output):
    text: str


def _authenticate(token: str) -> Caller:
    if token not in ("good", "enrolling"):
        raise Unauthenticated
    return replace(ADA, must_enrol=token == "enrolling")


def _app() -> App:
    app = App("notes", authenticate=Authenticator(_authenticate, lambda caller, _: caller))

    @app.post("/notes", body=Note, returns=Shown, status=201)
    def make(caller: Caller, body: Note) -> Any:
        """Make."""
        return {"text": f"{caller.user_id}: {body.text}"}

    @app.post("/promised/{how}", returns=Shown, measured_as="PromiseDuration")
    def keep_promise(how: str) -> Any:
        """Keep a promise, or not."""
        if how == "broken":
            raise DependencyUnavailable
        if how == "impossible":
            raise Forbidden
        return Shown(text=how)

    @app.post("/notes/{note_id}/rename", body=Renaming, returns=Shown)
    def rename(body: Renaming) -> Any:
        """Rename."""
        return body

    @app.get("/notes/{note_id}", returns=Shown)
    def get(note_id: str) -> Any:
        """Get."""
        return Shown(text=note_id)

    @app.get("/notes", query=Paging, returns=Shown)
    def find(query: Paging) -> Any:
        """Find."""
        return {"text": str(query.limit)}

    @app.get("/headers")
    def headers(request: Incoming) -> Any:
        """Look."""
        return {"address": request.address, "headers": request.headers}

    @app.delete("/notes/{note_id}", status=204)
    def drop(note_id: str) -> None:
        """Drop."""

    @app.put("/notes", returns=Shown, other_statuses=[202])
    def later() -> Answer:
        """Take."""
        return Answer({"text": "taken"}, status=202, headers={"X-Place": "7"})

    @app.get("/factors", while_enrolling=True)
    def factors(caller: Caller) -> Any:
        """Enrol."""
        return {"enrolling": caller.must_enrol}

    @app.get("/open", public=True)
    def anybody() -> Answer:
        """Public."""
        return Answer("text", headers={"Cache-Control": "public, max-age=300"})

    @app.get("/few", limits=[Limit("few", requests=2, window_s=86_400)])
    def few() -> Any:
        """Limited."""
        return {}

    @app.get("/boom")
    def boom() -> None:
        """Fail."""
        raise LookupError(CANARY)

    @app.get("/wrong", returns=Shown)
    def wrong() -> Any:
        """Answer what the model refuses."""
        return {"text": {"inner": CANARY}}

    @app.get("/busy")
    def busy() -> None:
        """Fail as expected."""
        raise DependencyUnavailable("Later.", retry_after_s=7)

    @app.get("/crowded")
    def crowded() -> None:
        """Meet others."""
        raise Cancelled({CANARY: None}, contended=True)

    @app.get("/mine")
    def mine() -> None:
        """Refuse."""
        raise Forbidden("Not yours.", code="blocked")

    @app.get("/slow")
    def slow(caller: Caller) -> None:
        """Refuse by a limit of another kind."""
        raise RateLimited(retry_after_s=30)

    @app.get("/taken")
    def taken() -> None:
        """Refuse."""
        raise Conflict

    return app


@pytest.fixture
def app() -> App:
    return _app()


@pytest.fixture
def lines(settings: pytest.MonkeyPatch) -> Iterator[Lines]:
    with captured_lines() as found:
        yield found


def _send(app: App, **changes: Any) -> Reply:
    """POST /notes with a good body and token, the event changed as given."""
    event = rest_event("POST", "/notes", body={"text": "hello"}, token="good") | changes
    answer = app(event, CONTEXT)
    return Reply(answer["statusCode"], {k.lower(): v for k, v in answer["headers"].items()}, json.loads(answer["body"]))


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
    reply = _send(app, body=b64encode(b'{"text": "hello"}').decode(), isBase64Encoded=True)
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
    reply = _send(app, body=body)
    assert (reply.status, reply.code) == (400, "malformed_json")


def test_a_body_that_is_no_base_64_is_malformed(app: App) -> None:
    assert _send(app, body="é%%%", isBase64Encoded=True).code == "malformed_json"


def test_a_body_that_is_missing_is_malformed(app: App) -> None:
    assert _send(app, body=None).code == "malformed_json"


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
    app = App("hidden", authenticate=Authenticator(_authenticate, lambda caller, _: caller), hidden=True)

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


# --- headers --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "path", "token"),
    [("GET", "/headers", "good"), ("GET", "/headers", None), ("GET", "/mine", "good"), ("GET", "/boom", "good")],
)
def test_every_answer_has_the_security_headers(app: App, method: str, path: str, token: str | None) -> None:
    reply = ask(app, method, path, token=token)
    expected = {name.lower(): value for name, value in SECURITY_HEADERS.items()}
    assert expected.items() <= reply.headers.items()
    assert reply.headers["x-request-id"] == "request-1"
    assert reply.headers["cache-control"] == "no-store"


def test_the_security_headers_are_those_of_the_contract() -> None:
    assert SECURITY_HEADERS.keys() == {
        "Strict-Transport-Security", "Content-Security-Policy", "X-Content-Type-Options", "X-Frame-Options",
        "X-XSS-Protection", "Referrer-Policy",
    }  # fmt: skip


def test_a_route_may_let_its_answer_be_cached(app: App) -> None:
    answer = app(rest_event("GET", "/open"), CONTEXT)
    assert answer["headers"]["Cache-Control"] == "public, max-age=300"


@pytest.mark.parametrize("path", ["/headers", "/mine", "/boom"])
def test_a_configured_origin_may_read_answers_and_errors(app: App, path: str, settings: pytest.MonkeyPatch) -> None:
    settings.setenv("CORS_ORIGINS", f"https://other.example,{ORIGIN}")
    config.config.cache_clear()
    reply = ask(app, "GET", path, token="good", headers={"Origin": ORIGIN})
    assert reply.headers["access-control-allow-origin"] == ORIGIN
    assert reply.headers["vary"] == "Origin"


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", "*", f"{ORIGIN}.evil.example", ORIGIN.upper(), f"{ORIGIN}/", ""]
)
def test_another_origin_may_not(app: App, origin: str, settings: pytest.MonkeyPatch) -> None:
    settings.setenv("CORS_ORIGINS", ORIGIN)
    config.config.cache_clear()
    reply = ask(app, "GET", "/headers", token="good", headers={"Origin": origin})
    assert "access-control-allow-origin" not in reply.headers


def test_without_configured_origins_none_may(app: App) -> None:
    reply = ask(app, "GET", "/headers", token="good", headers={"Origin": ORIGIN})
    assert "access-control-allow-origin" not in reply.headers


# --- limits ---------------------------------------------------------------------------------------------------


def test_an_answer_tells_what_is_left_of_the_tightest_limit(app: App) -> None:
    reply = ask(app, "GET", "/few", token="good")
    assert (reply.headers["ratelimit-limit"], reply.headers["ratelimit-remaining"]) == ("2", "1")
    assert int(reply.headers["ratelimit-reset"]) <= 86_400


def test_an_error_tells_what_is_left_as_well(app: App) -> None:
    reply = ask(app, "GET", "/mine", token="good")
    assert reply.status == 403
    assert reply.headers["ratelimit-limit"] == str(PER_ACCOUNT.requests)


def test_above_its_limit_a_route_refuses(app: App) -> None:
    for _ in range(2):
        assert ask(app, "GET", "/few", token="good").status == 200
    reply = ask(app, "GET", "/few", token="good")
    assert (reply.status, reply.code) == (429, "rate_limited")
    assert int(reply.headers["retry-after"]) >= 1
    assert reply.headers["ratelimit-remaining"] == "0"


def test_a_refusal_by_another_limit_than_the_route_s_does_not_tell_that_calls_are_left(app: App) -> None:
    reply = ask(app, "GET", "/slow", token="good")
    assert (reply.status, reply.headers["retry-after"]) == (429, "30")
    assert (reply.headers["ratelimit-remaining"], reply.headers["ratelimit-reset"]) == ("0", "30")
    assert "ratelimit-limit" in reply.headers


# --- the line -------------------------------------------------------------------------------------------------


def test_a_call_writes_one_line_that_names_route_person_and_status(app: App, lines: Lines) -> None:
    ask(app, "POST", "/notes", body={"text": "hello"}, token="good")
    line = lines.only
    assert line["route"] == "POST /notes"
    assert (line["status"], line["user_id"], line["session_id"]) == (201, "usr_ada", "ses_ada")
    assert (line["request_id"], line["aws_request_id"]) == ("request-1", "aws-request")


def test_a_refusal_is_logged_with_its_code_below_error(app: App, lines: Lines) -> None:
    ask(app, "GET", "/mine", token="good")
    assert (lines.only["level"], lines.only["status"], lines.only["code"]) == ("INFO", 403, "blocked")


def test_an_unexpected_exception_is_logged_as_an_error_with_its_trace(app: App, lines: Lines) -> None:
    ask(app, "GET", "/boom", token="good")
    assert (lines.only["level"], lines.only["status"]) == ("ERROR", 500)
    assert "test_http.py" in lines.only["exception"]


def test_no_canary_reaches_the_log(app: App, lines: Lines) -> None:
    secret = "c4n4ry-of-a-person"
    for method, path, options in (
        ("POST", "/notes", {"body": {"text": secret}, "token": "good"}),
        ("POST", "/notes", {"body": {"text": secret, secret: 1}, "token": "good"}),
        ("POST", "/notes", {"body": {"text": [secret]}, "token": "good"}),
        ("POST", "/notes", {"body": f"{{{secret}", "token": "good"}),
        ("POST", "/notes", {"body": {"text": "x"}, "token": secret}),
        ("POST", "/notes", {"body": {"text": "x"}, "headers": {"Authorization": secret, "Cookie": secret}}),
        ("GET", "/notes", {"query": {"cursor": secret, "limit": secret}, "token": "good"}),
    ):
        ask(app, method, path, **options)
    ask(app, "GET", "/notes/{note_id}", {"note_id": secret * 20}, token="good")
    assert len(lines.all) == 8
    assert secret not in lines.text


def test_an_answer_that_its_model_refuses_is_not_logged(app: App, lines: Lines) -> None:
    assert ask(app, "GET", "/wrong", token="good").status == 500
    assert lines.only["level"] == "ERROR"
    assert CANARY not in lines.text


# --- where a call comes from ----------------------------------------------------------------------------------


@pytest.mark.parametrize("seen", ["not an address", "203.0.113.7, 10.0.0.1", "2" * 5_000, "", "<script>"])
def test_what_is_no_address_is_not_taken_for_one(app: App, seen: str) -> None:
    reply = ask(app, "GET", "/headers", token="good", address=seen)
    assert reply.body["address"] == ""


def test_the_address_is_the_one_that_the_gateway_has_seen_whatever_headers_say(app: App) -> None:
    forged = {"X-Forwarded-For": "198.51.100.1", "Forwarded": "for=198.51.100.1", "X-Real-IP": "198.51.100.1"}
    assert ask(app, "GET", "/headers", token="good", headers=forged).body["address"] == ADDRESS
    assert ask(app, "GET", "/headers", token="good", address="2001:DB8::1").body["address"] == "2001:db8::1"


@pytest.mark.parametrize("how", ["kept", "impossible"])
def test_an_answer_that_an_objective_is_about_is_measured(app: App, lines: Lines, how: str) -> None:
    ask(app, "POST", "/promised/{how}", {"how": how}, token="good")
    (took_ms,) = lines.only["PromiseDuration"]
    assert 0 <= took_ms < NO_ANSWER_MS


def test_one_that_fails_on_our_side_counts_as_one_that_nobody_waits_for(app: App, lines: Lines) -> None:
    ask(app, "POST", "/promised/{how}", {"how": "broken"}, token="good")
    assert lines.only["PromiseDuration"] == [NO_ANSWER_MS]


def test_no_other_route_is_measured(app: App, lines: Lines) -> None:
    assert ask(app, "GET", "/notes/{note_id}", {"note_id": "1"}, token="good").status == 200
    assert "_aws" not in lines.only


@pytest.mark.parametrize("path", ["/notes", "/headers", "/boom"])
def test_a_caller_who_has_to_enrol_a_factor_is_refused_before_the_view(path: str) -> None:
    reply = ask(_app(), "GET", path, token="enrolling")
    assert (reply.status, reply.body["code"]) == (403, "second_factor_required")


def test_a_caller_who_has_to_enrol_a_factor_is_let_to_the_routes_that_do_it() -> None:
    assert ask(_app(), "GET", "/factors", token="enrolling").body == {"enrolling": True}
