"""Platform administration and the audit log (contract §11)."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from tests.e2e import drive
from tests.e2e.people import PASSWORD, Person, Town
from tests.e2e.tools import eventually, problem

REASON = "sends advertisements to everybody"


@pytest.fixture(scope="module")
def admin(town: Town, endpoints_file: Path) -> Person:
    """A person made a platform admin by the deployment's command."""
    person = town.person("root")
    command = [sys.executable, "-m", "infra.admin", person.username]
    done = subprocess.run(
        command, env=os.environ | {"SC_ENDPOINTS": str(endpoints_file)}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return person


def test_public_links_of_a_banned_person_are_gone_until_the_ban_is_lifted(town: Town, admin: Person) -> None:
    ada = town.person("ada")
    link = ada.ok("POST", f"/drive/files/{drive.upload(ada, b'hello')['id']}/links", {})
    path = f"/drive/links/{link['token']}"
    assert town.http.get(path).status_code == 200

    admin.ok("POST", f"/admin/users/{ada.id}/ban", {"reason": REASON})
    problem(town.http.get(path), 410, "gone")

    admin.ok("POST", f"/admin/users/{ada.id}/unban")
    assert town.http.get(path).status_code == 200


def test_a_ban_ends_the_account_s_invitations_until_it_is_lifted(town: Town, admin: Person) -> None:
    ada, bob = town.people("ada", "bob")
    token = ada.ok("POST", f"/conversations/{ada.group_with()}/invitations", {})["token"]
    admin.ok("POST", f"/admin/users/{ada.id}/ban", {"reason": REASON})
    problem(bob.get(f"/invitations/{token}"), 410, "gone")
    problem(bob.post(f"/invitations/{token}/accept"), 410, "gone")

    admin.ok("POST", f"/admin/users/{ada.id}/unban")
    assert bob.ok("POST", f"/invitations/{token}/accept")["state"] == "joined"


def test_the_command_has_made_an_admin(admin: Person) -> None:
    assert admin.ok("GET", "/users/me")["role"] == "admin"
    found = admin.ok("GET", "/admin/users", params={"q": admin.username})["items"]
    assert [each["id"] for each in found] == [admin.id]


def test_a_ban_ends_sessions_and_sockets_within_a_second(town: Town, admin: Person) -> None:
    # given somebody with a session and a socket
    bob = town.person("bob")
    with bob.live() as socket:
        # when they are banned
        banned = admin.ok("POST", f"/admin/users/{bob.id}/ban", {"reason": REASON})
        started = time.monotonic()
        # then both end within a second
        socket.wait_closed(within_s=1.0)
        problem(bob.get("/users/me"), 401, "token_revoked")
        assert time.monotonic() - started < 1.0
    assert banned["state"] == "banned"
    # and only a sign-in with the right password gets the reason
    right = town.http.post("/auth/login", json={"identifier": bob.username, "password": PASSWORD})
    problem(right, 403, "account_banned")
    assert right.json()["until"] is None
    wrong = town.http.post("/auth/login", json={"identifier": bob.username, "password": "not the password"})
    problem(wrong, 401, "invalid_credentials")
    # until the ban is lifted
    admin.ok("POST", f"/admin/users/{bob.id}/unban")
    assert bob.another_session().get("/users/me").status_code == 200


def test_an_admin_signs_somebody_out(town: Town, admin: Person) -> None:
    eve = town.person("eve")
    (found,) = admin.ok("GET", "/admin/users", params={"q": eve.email})["items"]
    admin.ok("POST", f"/admin/users/{found['id']}/sign-out")
    eventually(lambda: eve.get("/users/me").status_code == 401)


def test_an_admin_gives_the_role_and_takes_it_back(town: Town, admin: Person) -> None:
    eve = town.person("eve")
    problem(eve.get("/admin/users"), 404, "not_found")
    admin.ok("POST", f"/admin/users/{eve.id}/role", {"role": "admin"})
    assert eve.get("/admin/users").status_code == 200
    admin.ok("POST", f"/admin/users/{eve.id}/role", {"role": "user"})
    problem(eve.get("/admin/users"), 404, "not_found")


def test_for_everybody_else_the_routes_answer_as_unknown_routes_do(town: Town, admin: Person) -> None:
    mallory = town.person("mallory")
    unknown = httpx.get(f"{town.http_url}/nowhere", timeout=30).json()
    for method, path in [
        ("GET", "/admin/users"),
        ("GET", f"/admin/users/{admin.id}"),
        ("POST", f"/admin/users/{admin.id}/ban"),
        ("GET", "/admin/audit"),
        ("GET", "/admin/audit/proof"),
    ]:
        for answer in (mallory.call(method, path, {}), town.http.request(method, path)):
            assert answer.status_code == 404
            assert {**answer.json(), "request_id": ""} == {**unknown, "request_id": ""}


def test_an_export_of_the_log_is_checked_offline(town: Town, admin: Person, tmp_path: Path) -> None:
    # given acts, and an export of the whole log with its proof
    carl = town.person("carl")
    admin.ok("POST", f"/admin/users/{carl.id}/ban", {"reason": REASON})
    proof = admin.ok("GET", "/admin/audit/proof")
    entries, cursor = [], None
    while True:
        page = admin.ok("GET", "/admin/audit", params={"limit": 100} | ({"cursor": cursor} if cursor else {}))
        entries += page["items"]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    (ban,) = admin.ok("GET", "/admin/audit", params={"target": carl.id, "action": "user.banned"})["items"]
    assert (ban["actor"], ban["details"]["reason"]) == (admin.id, REASON)
    acts = admin.ok("GET", "/admin/audit", params={"actor": admin.id, "action": "user.banned"})["items"]
    assert ban in acts
    # then the program accepts it, and finds a changed entry
    export, kept = tmp_path / "export.json", tmp_path / "proof.json"
    export.write_text(json.dumps(entries))
    kept.write_text(json.dumps(proof))
    check = [sys.executable, "-m", "infra.verify_audit", str(export), str(kept)]
    assert subprocess.run(check, check=False).returncode == 0
    export.write_text(json.dumps(entries).replace(REASON, "no reason at all"))
    assert subprocess.run(check, check=False).returncode == 1
