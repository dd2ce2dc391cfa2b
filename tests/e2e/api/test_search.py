"""Search on the deployed stack: from the log through the stream into the index, and its visibility (contract §5)."""

from __future__ import annotations

import secrets
import time
from typing import Any

import pytest

from tests.e2e import drive
from tests.e2e.people import Person, Town
from tests.e2e.tools import eventually, pages, problem

SOON_S = 10.0


@pytest.fixture(scope="module")
def eve(town: Town) -> Person:
    return town.person("eve")


def found(who: Person, q: str, **filters: Any) -> list[str]:
    return [item["text"] for item in who.ok("GET", "/search", params={"q": q, **filters})["items"]]


def await_found(who: Person, q: str, wanted: list[str], **filters: Any) -> None:
    eventually(lambda: found(who, q, **filters) == wanted, within_s=SOON_S)


def word() -> str:
    """A word that no other test uses."""
    return f"w{secrets.token_hex(6)}"


def test_a_message_is_found_within_seconds_by_words_and_prefixes(ada: Person, bob: Person, tea: str) -> None:
    mark = word()
    sent = ada.send(tea, f"Žluťoučký kůň {mark} 明日の東京都")
    started = time.monotonic()
    await_found(bob, mark, [sent["text"]])
    assert time.monotonic() - started < SOON_S
    for q in (mark[:9].upper(), f"zlut {mark}", f"KUN {mark}", f"{mark} 東京", f"京都 {mark}"):
        assert found(bob, q) == [sent["text"]], q
    for q in (mark[1:], f"{mark} horse", f"{mark} 東大"):
        assert found(bob, q) == [], q


def test_a_result_is_the_whole_message_and_says_what_it_is(ada: Person, bob: Person, tea: str) -> None:
    mark = word()
    message = f"/conversations/{tea}/messages/{ada.send(tea, mark)['id']}"
    bob.ok("PUT", f"{message}/reactions/👍")
    await_found(bob, mark, [mark])
    (item,) = bob.ok("GET", "/search", params={"q": mark})["items"]
    assert item == {"kind": "message", **bob.ok("GET", message)}
    assert [(each["count"], each["mine"]) for each in item["reactions"]] == [(1, True)]


def test_edits_and_deletions_are_seen(ada: Person, bob: Person, tea: str) -> None:
    mark, other = word(), word()
    sent = ada.send(tea, mark)
    await_found(bob, mark, [mark])
    at = f"/conversations/{tea}/messages/{sent['id']}"
    ada.ok("PATCH", at, {"text": other})
    assert found(bob, mark) == []
    await_found(bob, other, [other])
    ada.ok("DELETE", at)
    assert found(bob, other) == []


def test_filters_by_conversation_sender_and_time(ada: Person, bob: Person, tea: str) -> None:
    mark = word()
    direct = ada.direct_with(bob)
    first = ada.send(tea, f"{mark} 1")
    second = bob.send(tea, f"{mark} 2")
    ada.send(direct, f"{mark} 3")
    await_found(ada, mark, [f"{mark} 3", f"{mark} 2", f"{mark} 1"])
    assert found(ada, mark, conversation_id=tea) == [f"{mark} 2", f"{mark} 1"]
    assert found(ada, mark, **{"from": bob.id}) == [f"{mark} 2"]
    assert found(ada, mark, before=second["created_at"]) == [f"{mark} 1"]
    assert found(ada, mark, before=first["created_at"]) == []
    assert found(ada, mark, has="file") == found(ada, f"{mark} has:file") == []


def test_only_those_who_may_see_a_message_find_it(ada: Person, bob: Person, eve: Person, tea: str) -> None:
    mark = word()
    ada.send(tea, mark)
    await_found(bob, mark, [mark])
    assert found(eve, mark) == []
    problem(eve.get("/search", params={"q": mark, "conversation_id": tea}), 404, "not_found")
    ada.ok("POST", f"/conversations/{tea}/members", {"user_ids": [eve.id]})
    assert found(eve, mark) == []  # a newcomer does not find older messages
    ada.ok("DELETE", f"/conversations/{tea}/members/{bob.id}")
    assert found(bob, mark) == []
    problem(bob.get("/search", params={"q": mark, "conversation_id": tea}), 404, "not_found")


def test_pages_hold_everything_once_newest_first(ada: Person, bob: Person, tea: str) -> None:
    mark = word()
    for n in range(7):
        ada.send(tea, f"{mark} {n}")
    eventually(lambda: len(found(bob, mark)) == 7, within_s=SOON_S)
    read = [[item["text"] for item in page] for page in pages(bob, "/search", q=mark, limit=3)]
    assert [text for page in read for text in page] == [f"{mark} {n}" for n in reversed(range(7))]
    assert max(map(len, read)) == 3
    cursor = bob.ok("GET", "/search", params={"q": mark, "limit": 3})["next_cursor"]
    problem(ada.get("/search", params={"q": mark, "limit": 3, "cursor": cursor}), 400, "invalid_cursor")
    problem(bob.get("/search", params={"q": "other", "limit": 3, "cursor": cursor}), 400, "invalid_cursor")


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({}, "q"),
        ({"q": " … "}, "q"),
        ({"q": "x" * 201}, "q"),
        ({"q": "x\0"}, "q"),
        ({"q": "x", "before": "yesterday"}, "before"),
        ({"q": "x", "before": "2026-11-22T21:24:05"}, "before"),
        ({"q": "x", "has": "money"}, "has"),
        ({"q": "x", "limit": "0"}, "limit"),
        ({"q": "x", "from": ""}, "from"),
    ],
)
def test_a_wrong_query_is_refused(ada: Person, query: dict[str, str], field: str) -> None:
    problem(ada.get("/search", params=query), 400, "validation_failed", field=field)


@pytest.mark.parametrize("conversation_id", ["cnv_01kb0000000000000000000000", "x", "../x"])
def test_an_unknown_conversation_is_not_found(ada: Person, conversation_id: str) -> None:
    problem(ada.get("/search", params={"q": "x", "conversation_id": conversation_id}), 404, "not_found")


def test_a_file_is_found_by_its_name_by_whom_it_is_shared_with(ada: Person, bob: Person, eve: Person) -> None:
    mark = word()
    file = drive.upload(ada, b"plan", name=f"Überblick {mark}.txt")
    ada.ok("POST", f"/drive/files/{file['id']}/shares", {"user_id": bob.id, "role": "viewer"})
    for who, ids in ((ada, [file["id"]]), (bob, [file["id"]]), (eve, [])):
        items = who.ok("GET", "/search", params={"q": f"uberb {mark}"})["items"]
        assert [(each["kind"], each["id"]) for each in items] == [("file", each) for each in ids]
