"""Files among the results of search."""

from __future__ import annotations

from typing import Any

from drive.sharing import service as sharing
from kernel import clock
from kernel.caller import Caller
from search import model, service
from search.app import SOURCES
from tests.integration import desk, rooms
from tests.integration.following import follow


def _page(who: Caller, q: str, *, limit: int = 50, cursor: str | None = None, **filters: Any) -> Any:
    follow()
    wanted = model.parse(q, **filters)
    return service.find(user_id=who.user_id, query=wanted, sources=SOURCES, limit=limit, page=cursor)


def _found(who: Caller, q: str, **filters: Any) -> list[tuple[str, str]]:
    return [(item["kind"], item["id"]) for item in _page(who, q, **filters).items]


def _shared(owner: Caller, file_id: str, other: Caller) -> str:
    made = sharing.share(
        caller=owner, node_id=file_id, file=True, user_id=other.user_id, conversation_id=None, role="viewer"
    )
    return str(made["id"])


def test_one_s_own_files_are_found_by_words_and_prefixes_of_their_names() -> None:
    ada, bob = rooms.people("ada", "bob")
    file_id = desk.put(ada, name="Jahresbericht-Überblick 2026.txt")
    for q in ("jahresb", "UBERBLICK", "2026 überb", "txt"):
        assert _found(ada, q) == [("file", file_id)], q
        assert _found(bob, q) == [], q
    assert _found(ada, "bericht") == []
    (item,) = _page(ada, "jahresb").items
    assert (item["name"], item["state"], item["owner_id"]) == (
        "Jahresbericht-Überblick 2026.txt",
        "ready",
        ada.user_id,
    )


def test_what_was_shared_with_somebody_is_found_until_it_is_taken_back() -> None:
    ada, bob = rooms.people("ada", "bob")
    file_id = desk.put(ada, name="plan.txt")
    share_id = _shared(ada, file_id, bob)
    assert _found(bob, "plan") == [("file", file_id)]
    sharing.unshare(caller=ada, node_id=file_id, share_id=share_id, file=True)
    assert _found(bob, "plan") == []


def test_messages_and_files_come_together_newest_first_page_by_page() -> None:
    ada, bob = rooms.people("ada", "bob")
    tea = rooms.group(ada, bob)
    with clock.held(clock.now()) as advance:
        made = []
        for n in range(3):
            advance(10)
            made.append(("message", rooms.send(ada, tea, f"plan {n}")["id"]))
            advance(10)
            made.append(("file", desk.put(ada, name=f"plan {n}.txt")))
        assert _found(ada, "plan") == made[::-1]
        assert _found(bob, "plan") == [each for each in made[::-1] if each[0] == "message"]
        found, cursor = [], None
        for _ in range(10):
            page = _page(ada, "plan", limit=2, cursor=cursor)
            found += [(item["kind"], item["id"]) for item in page.items]
            cursor = page.next_cursor
            if cursor is None:
                break
        assert (found, cursor) == (made[::-1], None)


def test_filters_hold_for_files() -> None:
    ada, bob = rooms.people("ada", "bob")
    tea = rooms.group(ada, bob)
    with clock.held(clock.now()) as advance:
        mine = desk.put(ada, name="plan.txt")
        advance(10)
        middle = clock.now()
        theirs = desk.put(bob, name="plan.txt")
        _shared(bob, theirs, ada)
        here = desk.put(ada, name="plan.txt", conversation_id=tea)
    assert set(_found(ada, "plan")) == {("file", mine), ("file", theirs), ("file", here)}
    assert _found(ada, "plan", sender_id=bob.user_id) == [("file", theirs)]
    assert _found(ada, "plan", conversation_id=tea) == [("file", here)]
    assert _found(ada, "plan", before=middle) == [("file", mine)]
    assert _found(ada, "has:file") == []


def test_what_is_not_ready_is_not_found() -> None:
    (ada,) = rooms.people("ada")
    desk.begin(ada, name="plan.txt")
    assert _found(ada, "plan") == []
