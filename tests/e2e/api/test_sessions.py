"""Sessions: refreshing, ending, listing; which access tokens are accepted (contract §2; R13, R14, R34, R35).

The end of the 30 s in which a refresh may be repeated is tested in the unit tests, which control the clock.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.e2e.live import refused
from tests.e2e.people import BearerIssued, Person, Town
from tests.e2e.tools import at_once, eventually, operators_client, problem
from tests.support import deployed_functions


def refresh(town: Town, token: str) -> httpx.Response:
    return town.http.post("/auth/refresh", json={"refresh_token": token})


def bearer(town: Town, token: str) -> httpx.Response:
    return town.http.get("/users/me", headers={"Authorization": f"Bearer {token}"})


# --- refreshing -----------------------------------------------------------------------------------------------


def test_a_refresh_rotates_both_tokens_within_the_session(town: Town, ada: Person) -> None:
    device = ada.another_session()
    renewed = refresh(town, device.tokens["refresh_token"]).json()["tokens"]
    assert renewed["session_id"] == device.session_id
    assert renewed["refresh_token"] != device.tokens["refresh_token"]
    assert bearer(town, renewed["access_token"]).json()["id"] == ada.id
    # the previous access token is valid until it expires
    assert device.get("/users/me").status_code == 200


def test_fifty_refreshes_at_once_get_one_successor(town: Town, ada: Person) -> None:
    device = ada.another_session()
    answers = at_once([lambda: refresh(town, device.tokens["refresh_token"])] * 50)
    assert {answer.status_code for answer in answers} == {200}
    (successor,) = {answer.json()["tokens"]["refresh_token"] for answer in answers}
    assert refresh(town, successor).status_code == 200


def test_a_refresh_token_used_again_ends_the_session_and_tells_its_owner(town: Town) -> None:
    # given a session that was refreshed twice, with a socket
    bob = town.person("bob")
    first = bob.tokens["refresh_token"]
    second = refresh(town, first).json()["tokens"]["refresh_token"]
    latest = refresh(town, second).json()["tokens"]
    with bob.live() as socket:
        # when the first refresh token is used again
        problem(refresh(town, first), 401, "refresh_reused")
        # then the whole session has ended: socket, access, refresh
        assert socket.expect("session.revoked")["data"]["session_id"] == bob.session_id
        socket.wait_closed()
    problem(bearer(town, latest["access_token"]), 401, "token_revoked")
    problem(refresh(town, latest["refresh_token"]), 401, "token_revoked")
    # and an e-mail says so
    eventually(lambda: "ended for safety" in " ".join(mail["Subject"] for mail in town.mails_to(bob.email)))


def test_reuse_ends_one_session_and_no_other(town: Town, ada: Person) -> None:
    device = ada.another_session()
    second = refresh(town, device.tokens["refresh_token"]).json()["tokens"]["refresh_token"]
    refresh(town, second)
    problem(refresh(town, device.tokens["refresh_token"]), 401, "refresh_reused")
    assert ada.get("/users/me").status_code == 200


@pytest.mark.parametrize("token", ["x", "a.b.c.d.e", "usr_1.ses_1.0.secret.mac", "ü" * 20, "." * 5])
def test_a_made_up_refresh_token_is_refused(town: Town, token: str) -> None:
    problem(refresh(town, token), 401, "unauthenticated")


def test_every_character_of_a_refresh_token_counts(town: Town, ada: Person) -> None:
    token = ada.tokens["refresh_token"]
    for at in range(0, len(token), 9):
        other = token[:at] + ("A" if token[at] != "A" else "B") + token[at + 1 :]
        assert refresh(town, other).status_code == 401, at
    assert ada.get("/users/me").status_code == 200


# --- ending ---------------------------------------------------------------------------------------------------


@pytest.fixture(params=["with Redis", "without Redis"])
def redis_or_none(request: pytest.FixtureRequest, endpoints: dict[str, str]) -> Iterator[None]:
    """The functions called below, with the stack's Redis or as in a deployment without Redis."""
    names = [f"{endpoints['stack']}-{each}" for each in ("Sessions", "Users", "Conversations", "Messages", "Realtime")]
    changes = {"REDIS_URL": ""} if request.param == "without Redis" else {}
    with deployed_functions.changed(operators_client(endpoints, "lambda"), names if changes else [], changes):
        yield


@pytest.mark.usefixtures("redis_or_none")
def test_logging_out_ends_every_way_in_within_a_second(town: Town, ada: Person) -> None:
    # given a device with a socket, a ticket for another socket, and calls by which all functions know its session
    device = ada.another_session()
    conversation = device.group_with()
    message = device.send(conversation, "hello")
    calls: list[Callable[[], httpx.Response]] = [
        lambda: device.get("/users/me"),
        lambda: device.get("/auth/sessions"),
        lambda: device.get("/conversations"),
        lambda: device.get(f"/conversations/{conversation}/messages/{message['id']}"),
        lambda: device.post("/realtime/tickets"),
    ]
    assert all(call().is_success for call in calls)
    url, ticket = device.ticket()
    with device.live() as socket:
        # when it logs out
        assert device.post("/auth/logout").status_code == 204
        # then all of them are refused, and the socket is told and closed
        for call in calls:
            problem(call(), 401, "token_revoked")
        assert socket.expect("session.revoked")["data"]["reason"] == "logout"
        socket.wait_closed()
    problem(refresh(town, device.tokens["refresh_token"]), 401, "token_revoked")
    assert refused(url, f"?ticket={ticket}") == 401
    assert ada.get("/users/me").status_code == 200


def test_logging_out_everywhere_ends_all_sessions(town: Town) -> None:
    phone = town.person("carol")
    laptop = phone.another_session()
    with phone.live() as one, laptop.live() as two:
        assert laptop.post("/auth/logout-all").status_code == 204
        for device, socket in ((phone, one), (laptop, two)):
            problem(device.get("/users/me"), 401, "token_revoked")
            socket.expect("session.revoked", session_id=device.session_id)
            socket.wait_closed()
    assert phone.another_session().get("/users/me").status_code == 200


def test_the_list_shows_each_session_and_which_one_asks(town: Town) -> None:
    phone = town.person("dora")
    laptop = phone.another_session()
    seen = {each["session_id"]: each for each in laptop.ok("GET", "/auth/sessions")["items"]}
    assert list(seen) == [laptop.session_id, phone.session_id]
    assert [each["current"] for each in seen.values()] == [True, False]
    assert all(each["ip"] for each in seen.values())


def test_the_list_comes_in_pages(town: Town, ada: Person) -> None:
    device = ada.another_session()
    first = device.ok("GET", "/auth/sessions", params={"limit": 1})
    assert [each["session_id"] for each in first["items"]] == [device.session_id]
    rest = device.ok("GET", "/auth/sessions", params={"limit": 100, "cursor": first["next_cursor"]})
    assert ada.session_id in [each["session_id"] for each in rest["items"]]
    assert rest["next_cursor"] is None


def test_one_session_can_end_another_of_the_same_person(town: Town, ada: Person) -> None:
    lost = ada.another_session()
    with lost.live() as socket:
        assert ada.delete(f"/auth/sessions/{lost.session_id}").status_code == 204
        socket.expect("session.revoked", session_id=lost.session_id)
        socket.wait_closed()
    problem(lost.get("/users/me"), 401, "token_revoked")
    assert lost.session_id not in [each["session_id"] for each in ada.ok("GET", "/auth/sessions")["items"]]
    problem(ada.delete(f"/auth/sessions/{lost.session_id}"), 404, "not_found")


def test_nobody_ends_a_session_of_somebody_else(town: Town, ada: Person) -> None:
    other = town.person("mallory")
    problem(other.delete(f"/auth/sessions/{ada.session_id}"), 404, "not_found")
    assert ada.get("/users/me").status_code == 200


def test_a_sign_in_of_somebody_else_is_ended_by_the_letter_alone(town: Town) -> None:
    # given a person's session, and one that a stranger has begun on a new device
    eve = town.person("eve")
    stranger = eve.another_session(device_name="phone")
    token = town.code_in_letter(eve.email, "A sign-in from a new device")
    with stranger.live() as socket:
        # when the token of the e-mail is sent, without signing in
        assert town.http.post("/auth/sessions/disown", json={"token": token}).status_code == 204
        # then the stranger's session and socket have ended, and nothing else
        assert socket.expect("session.revoked")["data"]["reason"] == "disowned"
        socket.wait_closed()
    problem(stranger.get("/users/me"), 401, "token_revoked")
    problem(refresh(town, stranger.tokens["refresh_token"]), 401, "token_revoked")
    assert eve.get("/users/me").status_code == 200
    problem(town.http.post("/auth/sessions/disown", json={"token": token}), 400, "invalid_token")


# --- access tokens --------------------------------------------------------------------------------------------


def _part(value: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def _forgeries(town: Town, token: str) -> dict[str, str]:
    """Forged variants of this token, all of which must be refused; the whole corpus is in the unit tests."""
    head, body, signature = token.split(".")
    header = jwt.get_unverified_header(token)
    claims = jwt.decode(token, options={"verify_signature": False})
    key = next(key for key in town.http.get("/.well-known/jwks.json").json()["keys"] if key["kid"] == header["kid"])
    public: Any = jwt.PyJWK(key).key
    ours = ec.generate_private_key(ec.SECP256R1())
    pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    unsigned = f"{_part({**header, 'alg': 'HS256'})}.{body}"
    # PyJWT refuses a public key as an HMAC secret, so this forgery is made by hand
    mac = base64.urlsafe_b64encode(hmac.digest(pem, unsigned.encode(), hashlib.sha256)).rstrip(b"=").decode()
    return {
        "no signature": f"{head}.{body}.",
        "alg none": f"{_part({**header, 'alg': 'none'})}.{body}.",
        "the public key as an HMAC secret": f"{unsigned}.{mac}",
        "another key under our kid": jwt.encode(claims, ours, algorithm="ES256", headers={"kid": header["kid"]}),
        "another key under a foreign kid": jwt.encode(claims, ours, algorithm="ES256", headers={"kid": "mine"}),
        "another key that comes along": jwt.encode(
            claims, ours, algorithm="ES256", headers={"jwk": jwt.algorithms.ECAlgorithm.to_jwk(ours.public_key(), True)}
        ),
        "changed claims": f"{head}.{_part({**claims, 'exp': claims['exp'] + 9999})}.{signature}",
        "a changed signature": f"{head}.{body}.{signature[:-4]}AAAA",
        "truncated": token[:-1],
        "two parts": f"{head}.{body}",
        "empty parts": "..",
        "no token": "x",
    }


@pytest.mark.attack(12)
def test_forged_access_tokens_are_refused(town: Town, ada: Person) -> None:
    for kind, token in _forgeries(town, ada.tokens["access_token"]).items():
        answer = bearer(town, token)
        assert problem(answer, 401, "unauthenticated"), kind
        assert answer.headers["www-authenticate"].startswith("Bearer"), kind


def test_an_access_token_is_good_for_fifteen_minutes_and_then_expired_everywhere(
    town: Town, ada: Person, bearer_issued: BearerIssued
) -> None:
    device = ada.another_session()
    assert device.get("/users/me", headers=bearer_issued(device, 14 * 60)).status_code == 200
    old = bearer_issued(device, 15 * 60 + 30)
    for method, path in (("GET", "/users/me"), ("POST", "/realtime/tickets"), ("POST", "/auth/logout")):
        answer = device.call(method, path, headers=old)
        problem(answer, 401, "token_expired")
        assert answer.headers["www-authenticate"].startswith("Bearer")
    # the session is live, and issues another token
    renewed = refresh(town, device.tokens["refresh_token"]).json()["tokens"]
    assert bearer(town, renewed["access_token"]).status_code == 200


@pytest.mark.attack
@pytest.mark.parametrize("header", ["", "Bearer", "Basic YTpi", "token"])
def test_without_a_bearer_token_there_is_no_access(town: Town, header: str) -> None:
    problem(town.http.get("/users/me", headers={"Authorization": header}), 401, "unauthenticated")


def test_a_refresh_token_or_a_ticket_is_no_access_token(town: Town, ada: Person) -> None:
    for token in (ada.tokens["refresh_token"], ada.ticket()[1]):
        problem(bearer(town, token), 401, "unauthenticated")
