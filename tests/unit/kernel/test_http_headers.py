"""What every answer to an HTTP call says beside its body, and what is logged and measured of it."""

from __future__ import annotations

import pytest

from kernel import config
from kernel.answers import SECURITY_HEADERS
from kernel.http import PER_ACCOUNT, App
from kernel.telemetry import NO_ANSWER_MS
from tests.helpers import ADDRESS, CONTEXT, ask, rest_event
from tests.tools import Lines
from tests.unit.kernel.notes_app import CANARY, ORIGIN, notes_app

pytestmark = pytest.mark.usefixtures("settings", "no_sockets")


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
    assert "notes_app.py" in lines.only["exception"]


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
    reply = ask(notes_app(), "GET", path, token="enrolling")
    assert (reply.status, reply.body["code"]) == (403, "second_factor_required")


def test_a_caller_who_has_to_enrol_a_factor_is_let_to_the_routes_that_do_it() -> None:
    assert ask(notes_app(), "GET", "/factors", token="enrolling").body == {"enrolling": True}
