"""Erasure and exports (contract §3), with the deployment's state machines."""

from __future__ import annotations

import io
import json
import secrets
import zipfile
from typing import Any

import httpx
from privacy import tables

from tests.e2e import lives, places
from tests.e2e.people import PASSWORD, Person, Town
from tests.e2e.tools import eventually, log_of, messages_at, problem


def _exported(who: Person) -> zipfile.ZipFile:
    begun = who.ok("POST", "/users/me/exports", {})
    problem(who.post("/users/me/exports", {}), 429, "rate_limited")

    def ready() -> Any:
        found = who.ok("GET", f"/users/me/exports/{begun['id']}")
        return found if found["status"] == "ready" else None

    export = eventually(ready, within_s=60.0)
    content = httpx.get(str(export["url"])).content
    assert len(content) == export["size"]
    assert [each["id"] for each in who.ok("GET", "/users/me/exports")["items"]] == [begun["id"]]
    return zipfile.ZipFile(io.BytesIO(content))


def _places_with(endpoints: dict[str, str], *texts: str) -> set[str]:
    """The indexes, queues (at most 10 messages of each) and keys of Redis that contain one of these texts."""
    found = [each(endpoints) for each in (places.indexes, places.queues, places.cache)]
    return {place for part in found for place, content in part.items() if any(text in content for text in texts)}


def test_a_person_takes_their_whole_life_along_and_is_erased(town: Town, endpoints: dict[str, str]) -> None:
    # given somebody who has filled whatever there is
    life = lives.lived(town)
    ann, bob, group = life.ann, life.bob, life.group
    canaries = (life.canary, ann.username, ann.email)
    assert len(town.tables_with(*canaries)) > 12
    kinds = {place.split()[0] for place in _places_with(endpoints, ann.id)}
    assert kinds >= {"index", "cache"}  # proves that the scan finds what is there; in queues nothing waits
    before = log_of(bob, group)

    # when they export it, then the export holds what they have said, whom they know, and their files
    with _exported(ann) as archive:
        kinds = {kind for kinds in tables.EXPORTED.values() for kind in kinds}
        held = {kind: json.loads(archive.read(f"{kind}.json")) for kind in kinds}
        files = {
            name.rpartition("/")[2]: archive.read(name) for name in archive.namelist() if name.startswith("files/")
        }
    assert (held["profile"][0]["username"], held["profile"][0]["bio"]) == (ann.username, life.canary)
    assert httpx.get(held["profile"][0]["avatar_url"]).status_code == 200
    # a reaction of another person is shown in the group that they are in, and in none that they have left
    assert [each["reactions"][0]["count"] for each in held["messages"] if each["reactions"]] == [1]
    assert {each["conversation_id"] for each in held["messages"]} >= {group}
    assert (len(held["contacts"]), len(held["blocks"])) == (1, 1)
    assert {each["id"] for each in held["files"]} == set(life.file_ids)
    assert files[f"{life.canary}.txt"] == life.canary.encode()
    assert files.keys() == {f"{life.canary}.{kind}" for kind in ("txt", "png", "ogg")}
    # and there is something of every kind, with all that they have written anywhere
    assert {kind for kind, items in held.items() if not items} == set()
    written = (
        "messages",
        "earlier_texts",
        "drafts",
        "scheduled",
        "polls",
        "poll_options",
        "presence",
        "passkeys",
        "reports",
        "folders",
    )
    assert {kind for kind in written if life.canary not in json.dumps(held[kind])} == set()
    assert "export.requested" in {each["action"] for each in held["security_log"]}

    # when they ask to be erased
    problem(ann.call("DELETE", "/users/me", {"password": "not the password"}), 401, "invalid_credentials")
    asked = ann.call("DELETE", "/users/me", {"password": PASSWORD})
    assert asked.status_code == 202
    assert "erased_at" in asked.json()
    # then they are signed out at once, and soon erased (the local stack has no grace period)
    problem(ann.get("/users/me"), 401, "token_revoked")
    eventually(lambda: bob.get(f"/users/{ann.id}").json().get("display_name") == "deleted user", within_s=60.0)
    login = town.http.post("/auth/login", json={"identifier": ann.username, "password": PASSWORD})
    problem(login, 401, "invalid_credentials")
    # nothing is left of them in any table, index, queue, cache or bucket
    eventually(lambda: town.tables_with(*canaries) == set(), within_s=30.0, every_s=1.0)
    assert _places_with(endpoints, *canaries) == set()
    own = [f"{place}/{ann.id}/" for place in ("avatars", "exports", "keys/backups")]
    of_files = [f"{place}/{file_id}/" for place in ("files", "thumbnails") for file_id in life.file_ids]
    assert town.blobs_below(*own, *of_files) == []
    # and the others keep their log, dense and with its seqs
    events = log_of(bob, group)
    assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
    assert len(events) > len(before)
    # a process may show a name that it has read in the last 30 s
    eventually(lambda: life.canary not in json.dumps(log_of(bob, group)), within_s=40.0, every_s=1.0)


def test_there_is_nothing_to_restore_without_an_erasure(town: Town) -> None:
    problem(town.person("mia").post("/users/me/restore"), 409, "conflict")


def test_votes_and_reactions_in_a_group_that_one_has_left_go_with_the_account_and_nobody_can_add_it(town: Town) -> None:
    ann, bob = town.people("ann", "bob")
    group = bob.group_with(ann)
    message = bob.send(group, "What do you think?")
    asked = {"client_id": secrets.token_hex(8), "question": "Tea?", "options": ["Yes", "No"], "results": "live"}
    poll = bob.ok("POST", f"/conversations/{group}/polls", asked)
    ann.ok("PUT", messages_at(group, f"/{message['id']}/reactions/👍"))
    ann.ok("PUT", f"/polls/{poll['id']}/vote", {"option_ids": [poll["options"][0]["id"]]})
    ann.ok("DELETE", f"/conversations/{group}/members/{ann.id}")
    with bob.live() as live:
        ann.ok("DELETE", "/users/me", {"password": PASSWORD})
        eventually(lambda: bob.get(f"/users/{ann.id}").json().get("display_name") == "deleted user", within_s=60.0)
        assert bob.ok("GET", messages_at(group, f"/{message['id']}"))["reactions"] == []
        assert bob.ok("GET", f"/polls/{poll['id']}")["total_voters"] == 0
        eventually(lambda: {"reaction.removed", "poll.voted"} <= {each["type"] for each in live.events})
    added = bob.ok("POST", f"/conversations/{group}/members", {"user_ids": [ann.id]})
    assert added == {"added": [], "skipped": [ann.id]}
    problem(bob.post("/conversations", {"type": "direct", "member_ids": [ann.id]}), 404, "not_found")
    problem(bob.post(f"/contacts/{ann.id}"), 404, "not_found")
