"""Erasure and exports (contract §3), with the deployment's state machines."""

from __future__ import annotations

import io
import json
import zipfile
from functools import partial
from typing import Any

import httpx

from tests.e2e.people import PASSWORD, Town
from tests.e2e.tools import eventually, log_of, problem


def _is_gone(town: Town, table: str, canary: str) -> bool:
    return not town.stores(table, canary)


def test_an_erased_person_is_gone_and_the_log_of_others_stays_dense(town: Town) -> None:
    # given somebody who has written to somebody else
    ann, bob = town.people("ann", "bob")
    group = bob.group_with(ann)
    ann.send(group, "canary of the erased one")
    last = len(log_of(bob, group))
    # when they ask to be erased
    problem(ann.call("DELETE", "/users/me", {"password": "not the password"}), 401, "invalid_credentials")
    asked = ann.call("DELETE", "/users/me", {"password": PASSWORD})
    assert asked.status_code == 202
    assert "erased_at" in asked.json()
    # then they are signed out at once, and soon erased (the local stack has no grace period)
    problem(ann.get("/users/me"), 401, "token_revoked")
    eventually(lambda: bob.get(f"/users/{ann.id}").json().get("display_name") == "deleted user", within_s=60.0)
    events = log_of(bob, group)
    assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
    assert len(events) > last
    assert "canary of the erased one" not in json.dumps(events)
    for table in ("events", "credentials", "directory", "sessions", "users", "sends", "search"):
        for canary in (ann.username, "canary of the erased one"):
            eventually(partial(_is_gone, town, table, canary))
    login = town.http.post("/auth/login", json={"identifier": ann.username, "password": PASSWORD})
    problem(login, 401, "invalid_credentials")


def test_an_export_comes_as_a_zip(town: Town) -> None:
    eve = town.person("eve")
    begun = eve.ok("POST", "/users/me/exports", {})
    problem(eve.post("/users/me/exports", {}), 429, "rate_limited")

    def ready() -> Any:
        found = eve.ok("GET", f"/users/me/exports/{begun['id']}")
        return found if found["status"] == "ready" else None

    export = eventually(ready, within_s=60.0)
    content = httpx.get(str(export["url"])).content
    assert len(content) == export["size"]
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert json.loads(archive.read("profile.json"))[0]["username"] == eve.username
    assert [each["id"] for each in eve.ok("GET", "/users/me/exports")["items"]] == [begun["id"]]


def test_there_is_nothing_to_restore_without_an_erasure(town: Town) -> None:
    problem(town.person("mia").post("/users/me/restore"), 409, "conflict")
