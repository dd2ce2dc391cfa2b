"""Conventions of every route: errors, headers, idempotency, cursors, odd input (contract §1; R8, R41).

`answers.py` checks, for all answers of all tests, the headers, the agreement with the document, and that no internals
are shown. The positive cases of CORS are in the unit tests, because the local stack has no web client and allows no
origin.
"""

from __future__ import annotations

import json
import secrets
from base64 import urlsafe_b64decode
from typing import Any

import httpx
import pytest

from tests.e2e.people import BearerIssued, Person, Town
from tests.e2e.tools import at_once, everything, problem

NOBODY = "usr_01aaaaaaaaaaaaaaaaaaaaaaaa"
NOWHERE = "cnv_01aaaaaaaaaaaaaaaaaaaaaaaa"
EXPIRED_S = 15 * 60 + 30
JSON = {"Content-Type": "application/json"}


@pytest.fixture(scope="module")
def tea(ada: Person, bob: Person) -> str:
    """A group of Ada (owner) and Bob."""
    return ada.group_with(bob)


def raw(person: Person, method: str, path: str, content: bytes, **headers: str) -> httpx.Response:
    """A call with exactly these bytes as its body."""
    return person.call(method, path, content=content, headers={**JSON, **headers})


def new_group(**fields: Any) -> dict[str, Any]:
    return {"type": "group", "member_ids": [], "name": secrets.token_hex(8), **fields}


# --- errors ---------------------------------------------------------------------------------------------------


def test_every_code_of_an_error_has_its_status(
    town: Town, ada: Person, bob: Person, tea: str, bearer_issued: BearerIssued
) -> None:
    messages = f"/conversations/{tea}/messages"
    mine, deleted = ada.send(tea, "mine"), ada.send(tea, "deleted")
    ada.ok("DELETE", f"{messages}/{deleted['id']}")
    gone = ada.another_session()
    gone.ok("POST", "/auth/logout")
    for emoji in (chr(0x1F600 + n) for n in range(20)):
        ada.ok("PUT", f"{messages}/{mine['id']}/reactions/{emoji}")
    sent = {"client_id": secrets.token_hex(8), "text": "hi"}
    ada.ok("POST", messages, sent)
    answers = [
        (400, "validation_failed", ada.post(messages, {"client_id": "x", "txet": "hi"})),
        (400, "malformed_json", raw(ada, "POST", messages, b'{"client_id": ')),
        (400, "invalid_cursor", ada.get("/conversations", params={"cursor": "x"})),
        (401, "unauthenticated", town.http.get("/users/me")),
        (401, "token_expired", ada.get("/users/me", headers=bearer_issued(ada, EXPIRED_S))),
        (401, "token_revoked", gone.get("/users/me")),
        (403, "forbidden", bob.patch(f"{messages}/{mine['id']}", {"text": "ours"})),
        (404, "not_found", ada.get(f"/conversations/{NOWHERE}")),
        (409, "too_many_reactions", ada.put(f"{messages}/{mine['id']}/reactions/🍵")),
        (410, "gone", ada.patch(f"{messages}/{deleted['id']}", {"text": "back"})),
        (413, "payload_too_large", raw(ada, "POST", messages, json.dumps({"text": "x" * 300_000}).encode())),
        (415, "unsupported_media_type", raw(ada, "POST", messages, b"<x/>", **{"Content-Type": "text/xml"})),
        (422, "idempotency_mismatch", ada.post(messages, {**sent, "text": "ho"})),
    ]
    for status, code, answer in answers:
        body = problem(answer, status, code)
        assert body["type"].endswith(code)
        assert body["title"]
        assert body["detail"]


def test_an_unknown_field_is_refused_by_its_name_wherever_it_stands(ada: Person, tea: str) -> None:
    for method, path, body, field in (
        ("POST", "/conversations", new_group(colour="blue"), "colour"),
        ("POST", "/conversations", new_group(settings={"colour": "blue"}), "settings.colour"),
        ("PATCH", "/users/me", {"settings": {"colour": "blue"}}, "settings.colour"),
        ("PUT", f"/conversations/{tea}/me", {"colour": "blue"}, "colour"),
        ("POST", "/sync", {"cursors": {}, "colour": "blue"}, "colour"),
    ):
        problem(ada.call(method, path, body), 400, "validation_failed", field=field)


def test_several_wrong_fields_are_all_named(town: Town) -> None:
    answer = town.http.post("/auth/register", json={"email": "x", "username": "X", "password": "x", "age": 7})
    fields = {error["field"] for error in problem(answer, 400, "validation_failed")["errors"]}
    assert fields == {"email", "username", "password", "display_name", "age"}


def test_what_one_may_not_know_of_looks_like_what_does_not_exist(ada: Person, bob: Person, town: Town) -> None:
    stranger = town.person("eve")
    group = ada.group_with(bob)
    message = ada.send(group, "hi")["id"]
    for theirs, none in (
        (f"/conversations/{group}", f"/conversations/{NOWHERE}"),
        (f"/conversations/{group}/events", f"/conversations/{NOWHERE}/events"),
        (f"/conversations/{group}/messages/{message}", f"/conversations/{NOWHERE}/messages/{message}"),
    ):
        bodies = [problem(stranger.get(path), 404, "not_found") for path in (theirs, none)]
        assert [{**body, "request_id": ""} for body in bodies] == [{**bodies[0], "request_id": ""}] * 2


def test_a_limit_is_told_before_and_after_it_is_reached(town: Town) -> None:
    person = town.person("hasty")
    for left in range(9, -1, -1):
        answer = person.post("/auth/email/resend")
        assert (answer.status_code, answer.headers["ratelimit-remaining"]) == (202, str(left))
        assert answer.headers["ratelimit-limit"] == "10"
        assert 0 < int(answer.headers["ratelimit-reset"]) <= 3600
    refused = person.post("/auth/email/resend")
    problem(refused, 429, "rate_limited")
    assert (refused.headers["ratelimit-limit"], refused.headers["ratelimit-remaining"]) == ("10", "0")
    assert 0 < int(refused.headers["retry-after"]) <= 3600
    assert person.get("/users/me").status_code == 200


# --- headers --------------------------------------------------------------------------------------------------


def test_every_answer_has_an_id_of_its_own(ada: Person) -> None:
    ids = {ada.get("/users/me").headers["x-request-id"] for _ in range(3)}
    ids |= {ada.get("/conversations/x").headers["x-request-id"]}
    assert len(ids) == 4


def test_a_foreign_origin_is_allowed_nothing_on_answers_errors_and_preflights(town: Town, ada: Person) -> None:
    origin = {"Origin": "https://evil.example"}
    preflight = httpx.options(
        f"{town.http_url}/users/me", headers={**origin, "Access-Control-Request-Method": "GET"}, timeout=30
    )
    answers = [ada.get("/users/me", headers=origin), town.http.get("/users/me", headers=origin), preflight]
    for answer in answers:
        allowed = answer.headers.get("access-control-allow-origin", "")
        assert allowed not in ("*", "https://evil.example", "null")
        assert "access-control-allow-credentials" not in answer.headers


def test_the_web_client_s_origin_is_allowed_on_answers_errors_and_preflights(
    town: Town, ada: Person, endpoints: dict[str, str]
) -> None:
    web = httpx.URL(endpoints["web_url"])
    page = {"Origin": f"{web.scheme}://{web.netloc.decode()}"}
    asked = {
        "Access-Control-Request-Method": "PATCH",
        "Access-Control-Request-Headers": "authorization,idempotency-key",
    }
    preflight = httpx.options(f"{town.http_url}/users/me", headers={**page, **asked}, timeout=30)
    assert preflight.status_code == 200
    assert "PATCH" in preflight.headers["access-control-allow-methods"].split(",")
    allowed = preflight.headers["access-control-allow-headers"].lower().split(",")
    assert {"authorization", "content-type", "idempotency-key", "x-link-password"} <= set(allowed)
    for answer in (preflight, ada.get("/users/me", headers=page), town.http.get("/users/me", headers=page)):
        assert answer.headers["access-control-allow-origin"] == page["Origin"]


# --- idempotency ----------------------------------------------------------------------------------------------


def test_a_key_gets_the_first_answer_again(ada: Person) -> None:
    key, body = secrets.token_hex(16), new_group()
    first = ada.post("/conversations", body, headers={"Idempotency-Key": key})
    again = ada.post("/conversations", body, headers={"Idempotency-Key": key})
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.json() == first.json()
    assert "idempotent-replayed" not in first.headers
    assert again.headers["idempotent-replayed"] == "true"
    assert again.headers["x-request-id"] != first.headers["x-request-id"]
    assert [each["name"] for each in everything(ada, "/conversations")].count(body["name"]) == 1


def test_a_key_with_another_body_is_a_mismatch(ada: Person, bob: Person) -> None:
    key = {"Idempotency-Key": secrets.token_hex(16)}
    ada.ok("POST", "/conversations", new_group(), headers=key)
    problem(ada.post("/conversations", new_group(), headers=key), 422, "idempotency_mismatch")
    # the same key of another person is independent
    assert bob.post("/conversations", new_group(), headers=key).status_code == 201


def test_a_refused_call_leaves_its_key_free(ada: Person) -> None:
    key = {"Idempotency-Key": secrets.token_hex(16)}
    refused = ada.post("/conversations", new_group(member_ids=[NOBODY]), headers=key)
    problem(refused, 400, "validation_failed", field="member_ids")
    assert ada.post("/conversations", new_group(), headers=key).status_code == 201


def test_a_key_used_at_once_does_it_once(ada: Person) -> None:
    key, body = {"Idempotency-Key": secrets.token_hex(16)}, new_group()
    answers = at_once([lambda: ada.post("/conversations", body, headers=key)] * 8)
    assert {answer.status_code for answer in answers} <= {201, 409}
    assert len({answer.json()["id"] for answer in answers if answer.status_code == 201}) == 1
    assert [each["name"] for each in everything(ada, "/conversations")].count(body["name"]) == 1


def test_a_key_has_one_to_sixty_four_characters(ada: Person) -> None:
    for key in (secrets.token_hex(32), f"a key/with: {secrets.token_hex(8)}"):
        assert ada.post("/conversations", new_group(), headers={"Idempotency-Key": key}).status_code == 201
    for wrong in ("", "x" * 65):
        answer = ada.post("/conversations", new_group(), headers={"Idempotency-Key": wrong})
        problem(answer, 400, "validation_failed", field="Idempotency-Key")


def test_a_key_holds_for_registering_too(town: Town) -> None:
    name = f"idem_{secrets.token_hex(6)}"
    body = {
        "email": f"{name}@example.com",
        "username": name,
        "password": "correct horse battery",
        "display_name": "Idem",
    }
    key = {"Idempotency-Key": secrets.token_hex(16)}
    first, again = (town.http.post("/auth/register", json=body, headers=key) for _ in range(2))
    assert (first.status_code, again.status_code, again.json()) == (201, 201, first.json())
    other = town.http.post("/auth/register", json={**body, "username": f"{name}x"}, headers=key)
    problem(other, 422, "idempotency_mismatch")


# --- cursors --------------------------------------------------------------------------------------------------


def test_a_cursor_changed_in_any_place_is_refused(ada: Person, tea: str) -> None:
    path = f"/conversations/{tea}/events"
    ada.send(tea, "one more event than a page takes")
    cursor = ada.ok("GET", path, params={"limit": 1})["next_cursor"]
    for at in range(len(cursor)):
        changed = cursor[:at] + ("A" if cursor[at] != "A" else "B") + cursor[at + 1 :]
        problem(ada.get(path, params={"limit": 1, "cursor": changed}), 400, "invalid_cursor")
    for wrong in (cursor[:-1], cursor + "A", cursor + "=", cursor[1:], "=", "é", "", "x" * 1_024, "x" * 1_025):
        problem(ada.get(path, params={"limit": 1, "cursor": wrong}), 400, "invalid_cursor")
    assert ada.get(path, params={"limit": 1, "cursor": cursor}).status_code == 200


def test_a_cursor_is_bound_to_its_reader_and_its_list(ada: Person, bob: Person, tea: str) -> None:
    other = ada.group_with(bob)
    for group in (tea, other):
        ada.send(group, "one")
        ada.send(group, "two")
    kinds = ("events", "messages", "members")
    cursors = {
        kind: ada.ok("GET", f"/conversations/{tea}/{kind}", params={"limit": 1})["next_cursor"] for kind in kinds
    }
    assert all(cursors.values())
    for kind in kinds:
        mine = {"limit": 1, "cursor": cursors[kind]}
        problem(bob.get(f"/conversations/{tea}/{kind}", params=mine), 400, "invalid_cursor")
        problem(ada.get(f"/conversations/{other}/{kind}", params=mine), 400, "invalid_cursor")
        for another in set(kinds) - {kind}:
            problem(ada.get(f"/conversations/{tea}/{another}", params=mine), 400, "invalid_cursor")
        problem(ada.get("/conversations", params=mine), 400, "invalid_cursor")


def test_a_cursor_of_messages_goes_on_with_the_list_it_came_from(ada: Person) -> None:
    group = ada.group_with()
    for number in range(3):
        ada.send(group, str(number))
    path = f"/conversations/{group}/messages"
    cursor = ada.ok("GET", path, params={"limit": 1, "before": 4})["next_cursor"]
    for other in ({"before": 3}, {"after": 1}, {"before": 4, "after": 1}):
        answer = ada.get(path, params={"limit": 1, "cursor": cursor, **other})
        problem(answer, 400, "validation_failed" if len(other) > 1 else "invalid_cursor")
    for same in ({"before": 4}, {}):
        assert [each["text"] for each in ada.ok("GET", path, params={"limit": 1, "cursor": cursor, **same})["items"]]


def test_a_cursor_goes_on_with_the_parameters_it_came_from(ada: Person, bob: Person) -> None:
    group = ada.group_with(bob)
    for number in range(4):
        ada.send(group, str(number))
    for path, name in ((f"/conversations/{group}/events", "after"), (f"/conversations/{group}/receipts", "seq")):
        cursor = ada.ok("GET", path, params={"limit": 1, name: 1})["next_cursor"]
        problem(ada.get(path, params={"limit": 1, name: 2, "cursor": cursor}), 400, "invalid_cursor")
        for same in ({name: 1}, {}):
            assert len(ada.ok("GET", path, params={"limit": 1, "cursor": cursor, **same})["items"]) == 1


@pytest.mark.parametrize("path", ["/devices", "/users/me/exports", "/auth/passkeys"])
def test_a_list_of_one_page_takes_no_cursor_either(ada: Person, path: str) -> None:
    for wrong in ("abc", "A" * 60):
        problem(ada.get(path, params={"cursor": wrong}), 400, "invalid_cursor")


def test_a_cursor_shows_no_key(ada: Person, bob: Person, tea: str) -> None:
    cursor = ada.ok("GET", f"/conversations/{tea}/members", params={"limit": 1})["next_cursor"]
    inside = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
    for secret in (ada.id, bob.id, tea, "usr_", "cnv_"):
        assert secret.encode() not in inside
        assert secret not in cursor


# --- odd input ------------------------------------------------------------------------------------------------

DEEP = b"[" * 20_000 + b"]" * 20_000


@pytest.mark.parametrize(
    ("content", "status", "code"),
    [
        (b"", 400, "malformed_json"),
        (b"   ", 400, "malformed_json"),
        (b"{", 400, "malformed_json"),
        (b'{"client_id": "x", "text": "hi"}}', 400, "malformed_json"),
        (b"{'client_id': 'x'}", 400, "malformed_json"),
        (b"\xff\xfe\x00{", 400, "malformed_json"),
        (b'\xef\xbb\xbf{"client_id": "x", "text": "hi"}', 400, "malformed_json"),
        (b'{"client_id": "x", "text": "\\ud800"}', 400, "malformed_json"),
        (b'{"client_id": "x", "text": "\\ud83d"}', 400, "malformed_json"),
        (b'{"client_id": "x", "text": NaN}', 400, "validation_failed"),
        (b'{"client_id": "x", "text": "a\\u0000b"}', 400, "validation_failed"),
        (b'{"client_id": "x\\u0000", "text": "hi"}', 400, "validation_failed"),
        (b'{"client_id": "x", "text": "a\x00b"}', 400, "malformed_json"),
        (b"null", 400, "validation_failed"),
        (b"[]", 400, "validation_failed"),
        (b'"text"', 400, "validation_failed"),
        (b"1e999", 400, "validation_failed"),
        (b"{}", 400, "validation_failed"),
        (DEEP, 400, "malformed_json"),
        (b'{"client_id": "x", "text": "hi", "metadata": {"a": ' + DEEP + b"}}", 400, "malformed_json"),
        (b'{"client_id": "x", "text": "hi", "metadata": {"a": 1e999}}', 400, "validation_failed"),
        (b'{"client_id": "x", "text": "' + b"x" * 262_144 + b'"}', 413, "payload_too_large"),
        (b"x" * 1_048_576, 413, "payload_too_large"),
    ],
    ids=lambda value: repr(value[:40]) if isinstance(value, bytes) else str(value),
)
def test_an_odd_body_is_refused_and_leaves_nothing(ada: Person, content: bytes, status: int, code: str) -> None:
    group = ada.group_with()
    problem(raw(ada, "POST", f"/conversations/{group}/messages", content), status, code)
    assert ada.ok("GET", f"/conversations/{group}")["last_seq"] == 1


def test_bytes_that_are_no_utf_8_never_get_in_as_such(ada: Person) -> None:
    """API Gateway replaces them before a function sees them; without it they are refused."""
    content = b'{"client_id": "' + secrets.token_hex(8).encode() + b'", "text": "\xff\xfe"}'
    answer = raw(ada, "POST", f"/conversations/{ada.group_with()}/messages", content)
    if answer.status_code == 201:
        assert answer.json()["text"] == "\ufffd\ufffd"
    else:
        problem(answer, 400, "malformed_json")


def test_a_large_body_of_the_right_shape_is_taken(ada: Person, tea: str) -> None:
    people = json.dumps({"user_ids": [f"usr_{n:036}" for n in range(1_000)]}).encode()
    answer = raw(ada, "POST", f"/conversations/{tea}/members", people)
    assert (answer.status_code, len(answer.json()["skipped"])) == (200, 1_000)


@pytest.mark.parametrize(
    "media_type",
    ["text/plain", "application/x-www-form-urlencoded", "application/json; charset=utf-16", "multipart/form-data", "x"],
)
def test_a_body_that_is_not_called_json_is_refused(ada: Person, tea: str, media_type: str) -> None:
    content = json.dumps({"client_id": secrets.token_hex(8), "text": "hi"}).encode()
    answer = raw(ada, "POST", f"/conversations/{tea}/messages", content, **{"Content-Type": media_type})
    problem(answer, 415, "unsupported_media_type")


@pytest.mark.parametrize(
    "media_type", ["application/json", "application/json; charset=utf-8", 'APPLICATION/JSON;charset="UTF-8"']
)
def test_json_may_be_called_so_in_several_ways(ada: Person, tea: str, media_type: str) -> None:
    content = json.dumps({"client_id": secrets.token_hex(8), "text": "hi"}).encode()
    answer = raw(ada, "POST", f"/conversations/{tea}/messages", content, **{"Content-Type": media_type})
    assert answer.status_code == 201


ODD_IDS = [
    "x",
    "cnv_",
    "CNV_01AAAAAAAAAAAAAAAAAAAAAAAA",
    "cnv_%00",
    "%F0%9F%92%A9",
    "cnv_" + "a" * 200,
    "..%3b",
    NOBODY,
]


@pytest.mark.parametrize("odd", ODD_IDS, ids=lambda odd: odd[:20])
def test_an_id_of_a_wrong_shape_is_not_found(ada: Person, tea: str, odd: str) -> None:
    message = {"client_id": secrets.token_hex(8), "text": "hi"}
    for method, path, body in (
        ("GET", f"/conversations/{odd}", None),
        ("PATCH", f"/conversations/{odd}", {"name": "x"}),
        ("DELETE", f"/conversations/{odd}", None),
        ("GET", f"/conversations/{odd}/events", None),
        ("GET", f"/conversations/{odd}/members", None),
        ("GET", f"/conversations/{odd}/messages", None),
        ("GET", f"/conversations/{odd}/receipts", None),
        ("POST", f"/conversations/{odd}/messages", message),
        ("POST", f"/conversations/{odd}/read", {"seq": 1}),
        ("POST", f"/conversations/{odd}/typing", {"typing": True}),
        ("PUT", f"/conversations/{odd}/me", {"pinned": True}),
        ("GET", f"/conversations/{tea}/messages/{odd}", None),
        ("PATCH", f"/conversations/{tea}/messages/{odd}", {"text": "x"}),
        ("DELETE", f"/conversations/{tea}/messages/{odd}", None),
        ("PUT", f"/conversations/{tea}/messages/{odd}/reactions/👍", None),
        ("DELETE", f"/conversations/{tea}/members/{odd}", None),
        ("PATCH", f"/conversations/{tea}/members/{odd}", {"role": "admin"}),
        ("DELETE", f"/auth/sessions/{odd}", None),
        ("GET", f"/users/{odd}", None),
        ("PUT", f"/users/me/blocks/{odd}", None),
        ("POST", f"/contacts/{odd}", None),
        ("POST", f"/contacts/{odd}/accept", None),
    ):
        problem(ada.call(method, path, body), 404, "not_found")


def test_queries_of_a_wrong_kind_are_named(ada: Person) -> None:
    for query in ("limit=0", "limit=101", "limit=-1", "limit=1.5", "limit=x", "limit=", "limit=1&limit=2", "limit=%00"):
        problem(ada.get(f"/conversations?{query}"), 400, "validation_failed", field="limit")
    assert ada.get("/conversations?unknown=1&limit=1").status_code == 200
