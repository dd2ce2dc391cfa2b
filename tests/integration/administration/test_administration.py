from __future__ import annotations

import json
from typing import Any

import pytest

from accounts import passwords, signin
from accounts.app import app as accounts
from accounts.model import InvalidCredentials
from administration import service
from administration.app import app
from conversations import service as conversations
from infra import admin as command
from kernel import clock
from kernel.caller import Caller
from messages import service as messages
from messages.schemas import MessageFields
from moderation import service as moderation
from tests.helpers import Person, Reply, ask, someone
from tests.integration import desk
from tests.tools import template
from users.app import app as users

PASSWORD = "four lilac otters"
REASON = "sends advertisements to everybody"


@pytest.fixture(autouse=True)
def _quick_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "COST", 4)


@pytest.fixture
def admin() -> Person:
    person = someone("root_of_all")
    service.give_role(user_id=person.user_id, role="admin", by=None)
    return person


def registered(name: str) -> dict[str, Any]:
    body = {"email": f"{name}@example.com", "username": name, "password": PASSWORD, "display_name": name.title()}
    answer: dict[str, Any] = ask(accounts, "POST", "/auth/register", body=body).body
    return answer


def login(name: str, password: str = PASSWORD) -> Reply:
    return ask(accounts, "POST", "/auth/login", body={"identifier": name, "password": password})


def do(who: Person, act: str, user_id: str, body: Any = None) -> Reply:
    return ask(app, "POST", f"/admin/users/{{user_id}}/{act}", {"user_id": user_id}, token=who.token, body=body)


def look(who: Person | None, path: str, params: dict[str, str] | None = None, **query: str) -> Reply:
    return ask(app, "GET", path, params, token=who.token if who else None, query=query or None)


# --- who may --------------------------------------------------------------------------------------------------

ROUTES = [
    ("GET", "/admin/users"),
    ("GET", "/admin/users/{user_id}"),
    ("POST", "/admin/users/{user_id}/ban"),
    ("POST", "/admin/users/{user_id}/unban"),
    ("POST", "/admin/users/{user_id}/sign-out"),
    ("POST", "/admin/users/{user_id}/role"),
    ("GET", "/admin/stats"),
    ("GET", "/admin/reports"),
    ("GET", "/admin/audit"),
    ("GET", "/admin/audit/proof"),
]


@pytest.mark.parametrize(
    ("method", "path"),
    [pytest.param(*each, marks=pytest.mark.attack(12 if each[0] == "POST" else 4)) for each in ROUTES],
)
def test_for_everybody_else_there_is_no_such_route(admin: Person, method: str, path: str) -> None:
    bob = someone("bob")
    given = {"user_id": bob.user_id} if "{" in path else None
    gateway = template("template.yaml")["Resources"]["RestApi"]["Properties"]["GatewayResponses"]
    text = gateway["MISSING_AUTHENTICATION_TOKEN"]["ResponseTemplates"]["application/json"]
    unknown = json.loads(text.replace("$context.requestId", "request-1"))
    for token in (bob.token, "no.token.atall", None, f"{bob.token}x"):
        bodies: list[Any] = [{}, '{"broken', None] if method == "POST" else [None]
        for body in bodies:
            reply = ask(app, method, path, given, token=token, body=body)
            assert (reply.status, reply.body) == (404, unknown)
            assert "www-authenticate" not in reply.headers


def test_who_loses_the_role_loses_the_routes_at_once(admin: Person) -> None:
    second = someone("second")
    assert do(admin, "role", second.user_id, {"role": "admin"}).body["role"] == "admin"
    assert look(second, "/admin/users").status == 200
    do(admin, "role", second.user_id, {"role": "user"})
    assert look(second, "/admin/users").status == 404


@pytest.mark.parametrize("act", ["ban", "role"])
def test_nobody_bans_or_demotes_themselves(admin: Person, act: str) -> None:
    body = {"reason": REASON} if act == "ban" else {"role": "user"}
    assert do(admin, act, admin.user_id, body).status == 409


# --- looking --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("q", ["bo", "BOB", "bob@example.com", "Bob"])
def test_people_are_found_by_name_or_address(admin: Person, q: str) -> None:
    bob = someone("bob")
    someone("eve")
    found = look(admin, "/admin/users", q=q).body["items"]
    assert [(each["id"], each["email"], each["state"]) for each in found] == [
        (bob.user_id, "bob@example.com", "active")
    ]


def test_pages_have_everybody_once(admin: Person) -> None:
    everybody = {admin.user_id, *(someone(f"person{n}").user_id for n in range(6))}
    found, cursor = [], None
    while True:
        page = look(admin, "/admin/users", limit="3", **({"cursor": cursor} if cursor else {})).body
        found += [each["id"] for each in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert len(found) == len(everybody)
    assert set(found) == everybody


def test_people_are_listed_by_state(admin: Person) -> None:
    bob, _ = someone("bob"), someone("eve")
    do(admin, "ban", bob.user_id, {"reason": REASON})
    assert [each["username"] for each in look(admin, "/admin/users", state="banned").body["items"]] == ["bob"]
    active = look(admin, "/admin/users", state="active").body["items"]
    assert sorted(each["username"] for each in active) == ["eve", "root_of_all"]


def test_one_person_is_shown_and_an_unknown_one_is_not_found(admin: Person) -> None:
    bob = someone("bob")
    assert look(admin, "/admin/users/{user_id}", {"user_id": bob.user_id}).body["username"] == "bob"
    for unknown in ("usr_00000000000000000000000000", "nonsense"):
        assert look(admin, "/admin/users/{user_id}", {"user_id": unknown}).status == 404
        assert do(admin, "ban", unknown, {"reason": REASON}).status == 404
        assert do(admin, "sign-out", unknown).status == 404


# --- bans -----------------------------------------------------------------------------------------------------


def test_a_ban_ends_sessions_and_is_told_after_a_right_password_only(admin: Person) -> None:
    bob = registered("bob")
    with clock.held(clock.now()):
        until = clock.rfc3339(clock.now() + clock.HOUR)
        banned = do(admin, "ban", bob["user"]["id"], {"reason": REASON, "until": until})
        live = ask(users, "GET", "/users/me", token=bob["tokens"]["access_token"])
        renewed = ask(accounts, "POST", "/auth/refresh", body={"refresh_token": bob["tokens"]["refresh_token"]})
        right, wrong = login("bob"), login("bob", "not the password")

    assert (banned.status, banned.body["state"], banned.body["ban"]["until"]) == (200, "banned", until)
    assert (live.code, renewed.code) == ("token_revoked", "token_revoked")
    assert (right.status, right.code, right.body["until"]) == (403, "account_banned", until)
    assert (wrong.status, wrong.code) == (401, "invalid_credentials")


def test_a_ban_ends_with_its_time_or_when_it_is_lifted(admin: Person) -> None:
    bob = registered("bob")["user"]["id"]
    with clock.held(clock.now()) as advance:
        do(admin, "ban", bob, {"reason": REASON, "until": clock.rfc3339(clock.now() + clock.MINUTE)})
        advance(clock.MINUTE)
        assert login("bob").status == 200
        assert do(admin, "ban", bob, {"reason": REASON}).body["ban"]["until"] is None
        advance(400 * clock.DAY)
        assert login("bob").code == "account_banned"
    assert do(admin, "unban", bob).body["state"] == "active"
    assert login("bob").status == 200


def test_right_passwords_of_a_banned_account_do_not_lock_it(admin: Person) -> None:
    bob = registered("bob")["user"]["id"]
    do(admin, "ban", bob, {"reason": REASON})
    assert [login("bob").code for _ in range(7)] == ["account_banned"] * 7


def test_a_sign_in_under_way_while_the_ban_comes_is_refused(admin: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    bob = registered("bob")["user"]["id"]
    right = passwords.matches

    def slowly(password: str, kept: str | None) -> bool:
        do(admin, "ban", bob, {"reason": REASON})
        return right(password, kept)

    monkeypatch.setattr(passwords, "matches", slowly)
    with pytest.raises(InvalidCredentials):
        signin.login(identifier="bob", password=PASSWORD, device_name=None, ip="192.0.2.1")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"reason": "too short"}, "reason"),
        ({"reason": "x" * 501}, "reason"),
        ({"reason": REASON, "until": "2020-01-01T00:00:00Z"}, "until"),
        ({"reason": REASON, "until": "tomorrow"}, "until"),
        ({}, "reason"),
    ],
)
def test_a_ban_needs_a_reason_and_a_time_to_come(admin: Person, body: dict[str, Any], field: str) -> None:
    refused = do(admin, "ban", someone("bob").user_id, body)
    assert (refused.status, refused.body["errors"][0]["field"]) == (400, field)


def test_signing_somebody_out_ends_their_sessions(admin: Person) -> None:
    bob = someone("bob")
    assert do(admin, "sign-out", bob.user_id).status == 204
    assert ask(users, "GET", "/users/me", token=bob.token).code == "token_revoked"


# --- the log --------------------------------------------------------------------------------------------------


def test_acts_of_admins_and_sign_ins_are_in_the_log(admin: Person) -> None:
    bob = registered("bob")["user"]["id"]
    login("bob")
    login("bob", "not the password")
    login("nobody at all", "a secret in the wrong field")
    do(admin, "ban", bob, {"reason": REASON})
    login("bob")
    do(admin, "unban", bob)
    do(admin, "role", bob, {"role": "admin"})
    do(admin, "sign-out", bob)
    look(admin, "/admin/users/{user_id}", {"user_id": bob})

    log = look(admin, "/admin/audit", limit="100").body["items"]

    acts = [(each["action"], each["actor"], each["target"]) for each in reversed(log)]
    assert acts[1:] == [
        ("account.registered", bob, bob),
        ("sign_in.accepted", bob, bob),
        ("sign_in.refused", None, bob),
        ("sign_in.refused", None, None),
        ("user.banned", admin.user_id, bob),
        ("sign_in.refused", None, bob),
        ("user.unbanned", admin.user_id, bob),
        ("user.role_changed", admin.user_id, bob),
        ("user.signed_out", admin.user_id, bob),
        ("user.viewed", admin.user_id, bob),
    ]
    assert [each for each in ("wrong field", "nobody at all") if each in str(log)] == []
    assert log[-2]["ip"] == "203.0.113.7"


def test_the_log_is_filtered_and_proved(admin: Person) -> None:
    bob = someone("bob")
    do(admin, "ban", bob.user_id, {"reason": REASON})
    do(admin, "unban", bob.user_id)
    banned = look(admin, "/admin/audit", action="user.banned", target=bob.user_id, actor=admin.user_id).body["items"]
    nothing = look(admin, "/admin/audit", to="2020-01-01T00:00:00Z").body["items"]
    proof = look(admin, "/admin/audit/proof").body
    assert [each["details"] for each in banned] == [{"reason": REASON, "until": None}]
    assert nothing == []
    assert proof["head_hash"] == look(admin, "/admin/audit").body["items"][0]["hash"]
    assert look(admin, "/admin/audit", None, **{"from": "soon"}).status == 400


def test_the_command_makes_an_admin_and_takes_the_role_back() -> None:
    bob = someone("bob")
    assert bob.user_id in command.give("bob", role="admin")
    assert look(bob, "/admin/users").status == 200
    command.give("bob@example.com", role="user")
    assert look(bob, "/admin/users").status == 404
    with pytest.raises(SystemExit, match="nobody"):
        command.give("nobody", role="admin")


# --- figures and reports --------------------------------------------------------------------------------------


def test_figures_are_of_each_day(admin: Person) -> None:
    today = clock.rfc3339(clock.now())[:10]
    bob = someone("bob")
    place = conversations.create(
        caller=Caller(bob.user_id, bob.session_id),
        kind="group",
        member_ids=[admin.user_id],
        name="Plans",
        description=None,
        settings={},
    )[0]["id"]
    draft = MessageFields(client_id="1", text="hello").message()
    messages.send(caller=Caller(bob.user_id, bob.session_id), conversation_id=place, message=draft)

    desk.put(Caller(bob.user_id, bob.session_id), b"hello")
    desk.begin(Caller(bob.user_id, bob.session_id), b"these bytes never come")

    figures = look(admin, "/admin/stats").body
    one_day = look(admin, "/admin/stats", None, **{"from": "2026-01-01", "to": "2026-01-01"}).body

    assert figures["complete"] is True
    assert len(figures["items"]) == 30
    assert figures["items"][-1] == {
        "day": today, "users": 2, "active": 2, "messages": 1, "calls": 0, "storage": 5, "ai_spend": 0.0,
    }  # fmt: skip
    assert [(each["day"], each["users"]) for each in one_day["items"]] == [("2026-01-01", 0)]
    for wrong in ({"from": "soon"}, {"from": "2026-02-01", "to": "2026-01-01"}, {"from": "2020-01-01"}):
        assert look(admin, "/admin/stats", None, **wrong).status == 400


def test_a_report_that_a_group_hands_on_is_seen_with_its_message(admin: Person) -> None:
    ann, bob, eve = someone("ann"), someone("bob"), someone("eve")
    owner = Caller(ann.user_id, ann.session_id)
    place = conversations.create(
        caller=owner,
        kind="group",
        member_ids=[bob.user_id, eve.user_id],
        name="Plans",
        description=None,
        settings={},
    )[0]["id"]
    draft = MessageFields(client_id="1", text="something vile").message()
    sent, _ = messages.send(caller=Caller(eve.user_id, eve.session_id), conversation_id=place, message=draft)
    report, _ = moderation.report(
        caller=Caller(bob.user_id, bob.session_id), conversation_id=place, message_id=sent["id"], reason="vile"
    )
    assert look(admin, "/admin/reports").body["items"] == []

    moderation.decide(
        caller=owner, conversation_id=place, report_id=report.id, decision="escalated", delete_message=False
    )

    (seen,) = look(admin, "/admin/reports").body["items"]
    assert (seen["id"], seen["state"], seen["message"]["text"]) == (report.id, "escalated", "something vile")
