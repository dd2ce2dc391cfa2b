"""The API document, the routes it tells of, and what they answer (contract §11; R27)."""

from __future__ import annotations

import secrets
from typing import Any

import httpx
import openapi_spec_validator
import pytest

from infra import documents
from kernel.http import Route
from tests.e2e.answers import Answers
from tests.e2e.people import PASSWORD, Person, Town


def routes() -> dict[str, Route]:
    """Every route of the code by its name, such as `GET /users/me`."""
    return {f"{route.method} {route.path}": route for app in documents.apps() for route in app.routes}


@pytest.fixture(scope="module")
def answers(town: Town) -> Answers:
    """A check of its own, to see which routes have succeeded in here."""
    return Answers(town.http_url)


@pytest.fixture(scope="module")
def ada(town: Town, answers: Answers) -> Any:
    """Somebody whose answers are counted in `answers`."""
    made = town.person("ada")
    with httpx.Client(base_url=town.http_url, timeout=60.0, event_hooks={"response": [answers.check]}) as http:
        made.http = http
        yield made


def test_the_served_document_is_a_valid_one_of_version_3_1(answers: Answers) -> None:
    assert answers.document["openapi"].startswith("3.1")
    openapi_spec_validator.validate(answers.document)


def test_the_served_document_tells_of_every_route_and_of_no_other(answers: Answers) -> None:
    assert answers.routes == routes().keys()


def test_the_document_says_which_routes_are_public(answers: Answers) -> None:
    for name, route in routes().items():
        method, path = name.split()
        assert (answers.document["paths"][path][method.lower()]["security"] == []) is route.public, name


def test_health_touches_nothing_and_readiness_everything(town: Town) -> None:
    assert town.http.get("/health").json().keys() == {"status", "version"}
    ready = town.http.get("/health/ready")
    assert (ready.status_code, ready.json()["status"]) == (200, "ok")
    assert {"dynamodb", "redis"} <= ready.json()["checks"].keys()


def test_every_route_answers_as_the_document_says(town: Town, answers: Answers, ada: Person) -> None:
    # when each route of the document is called with success
    bob, cleo = town.people("bob", "cleo")
    _visit_public_routes(town, ada)
    _visit_users(ada, bob)
    _visit_conversations(ada, bob, cleo)
    _visit_messages(ada, bob)
    _visit_sessions(ada)
    # then none is left out (that each answer is as described was checked when it came)
    assert answers.routes - answers.succeeded == set()


def _visit_public_routes(town: Town, ada: Person) -> None:
    name = f"tour_{secrets.token_hex(6)}"
    body = {"email": f"{name}@example.com", "username": name, "password": PASSWORD, "display_name": "Tour"}
    for path in ("/health", "/health/ready", "/openapi.json", "/.well-known/jwks.json"):
        assert ada.http.get(path).is_success
    assert ada.http.post("/auth/register", json=body).status_code == 201
    signed_in = ada.http.post("/auth/login", json={"identifier": name, "password": PASSWORD, "device_name": "Tour"})
    refresh_token = signed_in.json()["tokens"]["refresh_token"]
    assert ada.http.post("/auth/refresh", json={"refresh_token": refresh_token}).is_success
    verification = town.code_in_letter(body["email"], "Verify your e-mail address")
    assert ada.http.post("/auth/email/verify", json={"token": verification}).is_success
    assert ada.http.post("/auth/password/forgot", json={"email": body["email"]}).is_success
    reset = town.code_in_letter(body["email"], "Reset your password")
    assert ada.http.post("/auth/password/reset", json={"token": reset, "new_password": PASSWORD}).is_success


def _visit_users(ada: Person, bob: Person) -> None:
    ada.ok("GET", "/users/me")
    ada.ok("PATCH", "/users/me", {"bio": "On tour", "settings": {"last_seen": "nobody"}})
    assert ada.ok("GET", "/users", params={"q": bob.username})["items"]
    ada.ok("GET", f"/users/{bob.id}")
    ada.ok("POST", f"/contacts/{bob.id}")
    assert ada.ok("GET", "/contacts")["items"]
    ada.ok("DELETE", f"/contacts/{bob.id}")
    bob.ok("POST", f"/contacts/{ada.id}")
    ada.ok("POST", f"/contacts/{bob.id}/accept")
    ada.ok("PUT", "/presence", {"status": "away", "text": "On tour"})
    assert ada.ok("GET", "/presence", params={"user_ids": f"{ada.id},{bob.id}"})["items"]
    ada.ok("PUT", f"/users/me/blocks/{bob.id}")
    assert ada.ok("GET", "/users/me/blocks")["items"]
    ada.ok("DELETE", f"/users/me/blocks/{bob.id}")


def _visit_conversations(ada: Person, bob: Person, cleo: Person) -> None:
    group = ada.group_with(bob)
    place = f"/conversations/{group}"
    sent = ada.send(group, "hi", mentions=[bob.id], metadata={"a": [1]})
    message = f"{place}/messages/{sent['id']}"
    ada.ok("PATCH", message, {"text": "hello"})
    ada.ok("PUT", f"{message}/reactions/👍")
    assert ada.ok("GET", message)["reactions"]
    assert ada.ok("GET", f"{place}/messages")["items"]
    ada.ok("DELETE", f"{message}/reactions/👍")
    ada.ok("POST", f"{place}/read", {"seq": 2})
    ada.ok("POST", f"{place}/typing", {"typing": True})
    ada.ok("PUT", f"{place}/me", {"muted_until": "2030-01-01T00:00:00Z"})
    ada.ok("POST", f"{place}/members", {"user_ids": [cleo.id]})
    ada.ok("PATCH", f"{place}/members/{cleo.id}", {"role": "admin"})
    assert ada.ok("GET", f"{place}/members")["items"]
    assert ada.ok("GET", f"{place}/receipts")["items"]
    ada.ok("DELETE", f"{place}/members/{cleo.id}")
    ada.ok("PATCH", place, {"name": "Tour", "settings": {"disappearing_seconds": 60}})
    ada.ok("DELETE", message)
    ada.ok("GET", place)
    assert ada.ok("GET", "/conversations")["items"]
    # an event of every kind
    assert len({event["type"] for event in ada.ok("GET", f"{place}/events")["items"]}) == 10
    assert ada.ok("POST", "/sync", {"cursors": {}})["conversations"]
    ada.ok("POST", "/realtime/tickets")
    ada.ok("DELETE", place)


def _visit_messages(ada: Person, bob: Person) -> None:
    group = ada.group_with(bob)
    place = f"/conversations/{group}"
    sent = ada.send(group, f"hi @{bob.username} and @all")
    message, pin = f"{place}/messages/{sent['id']}", f"{place}/pins/{sent['id']}"
    bob.send(group, "in its thread", thread_root=sent["id"])
    assert ada.ok("GET", f"{message}/thread")["items"]
    ada.ok("PATCH", message, {"text": "hello"})
    assert ada.ok("GET", f"{message}/edits")["items"]
    ada.ok("PUT", pin)
    assert ada.ok("GET", f"{place}/pins")["items"]
    ada.ok("DELETE", pin)
    source = {"conversation_id": group, "message_id": sent["id"]}
    assert ada.ok("POST", f"{place}/messages", {"client_id": "forwarded", "forward": source})["forwarded_from"]
    ada.ok("PUT", f"{place}/draft", {"text": "unsaid"})
    ada.ok("GET", f"{place}/draft")
    assert ada.ok("GET", "/drafts")["items"]
    ada.ok("DELETE", f"{place}/draft")


def _visit_sessions(ada: Person) -> None:
    other = ada.another_session()
    assert ada.ok("GET", "/auth/sessions")["items"]
    ada.ok("DELETE", f"/auth/sessions/{other.session_id}")
    ada.ok("POST", "/auth/email/resend")
    ada.ok("POST", "/auth/password/change", {"current_password": PASSWORD, "new_password": PASSWORD + "!"})
    ada.another_session(PASSWORD + "!").ok("POST", "/auth/logout")
    ada.ok("POST", "/auth/logout-all")
    assert ada.get("/users/me").status_code == 401
