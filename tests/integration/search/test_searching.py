"""Search: results and their visibility."""

from __future__ import annotations

from typing import Any

import pytest

from conversations import service as conversations
from kernel import clock
from kernel.caller import Caller
from kernel.errors import InvalidCursor, NotFound
from messages import service as messages
from messages.changes import reactions
from search import messages as source
from search import model, service
from search import store as index
from tests.integration import desk, rooms
from tests.integration.following import follow
from tests.mls import ciphertext
from tests.tools import rows


def page(who: Caller, q: str, *, limit: int = 50, cursor: str | None = None, **filters: Any) -> Any:
    return service.find(
        user_id=who.user_id, query=model.parse(q, **filters), sources=[source.find], limit=limit, page=cursor
    )


def found(who: Caller, q: str, **filters: Any) -> list[str | None]:
    """The texts that somebody finds, once the index has followed."""
    follow()
    return [item["text"] for item in page(who, q, **filters).items]


def test_words_and_prefixes_find_messages_newest_first() -> None:
    ada, bob = rooms.people("ada", "bob")
    tea = rooms.group(ada, bob)
    for text in ("Lunch tomorrow?", "No lunch for me", "Dinner then"):
        rooms.send(ada, tea, text)
    assert found(bob, "lun") == ["No lunch for me", "Lunch tomorrow?"]
    assert found(bob, "tomorrow LUNCH") == ["Lunch tomorrow?"]
    assert found(bob, "breakfast") == []


def test_a_result_is_the_message_as_the_caller_sees_it() -> None:
    ada, bob = rooms.people("ada", "bob")
    tea = rooms.group(ada, bob)
    sent = rooms.send(ada, tea, "Lunch?")
    reactions.react(caller=bob, conversation_id=tea, message_id=sent["id"], emoji="👍", added=True)
    follow()
    (item,) = page(bob, "lunch").items
    assert item == {
        "kind": "message",
        **messages.get(caller=bob, conversation_id=tea, message_id=sent["id"]),
    }
    assert item["reactions"] == [{"emoji": "👍", "count": 1, "mine": True}]


def test_all_conversations_are_searched_and_merged_by_time() -> None:
    ada, bob, eve = rooms.people("ada", "bob", "eve")
    tea, talk = rooms.group(ada, bob), rooms.direct(ada, eve)
    with clock.held(clock.now()) as advance:
        for n in range(6):
            advance(10)
            rooms.send(ada, talk if n % 2 else tea, f"word {n}")
        assert found(ada, "word") == [f"word {n}" for n in reversed(range(6))]
        assert found(bob, "word") == ["word 4", "word 2", "word 0"]


def test_results_are_filtered_by_conversation_sender_and_time() -> None:
    ada, bob = rooms.people("ada", "bob")
    tea, talk = rooms.group(ada, bob), rooms.direct(ada, bob)
    with clock.held(clock.now()) as advance:
        rooms.send(ada, tea, "word by ada")
        advance(1_000)
        middle = clock.now()
        rooms.send(bob, tea, "word by bob")
        rooms.send(bob, talk, "word in private")
        follow()
        assert found(ada, "word", conversation_id=tea) == ["word by bob", "word by ada"]
        assert found(ada, "word", sender_id=ada.user_id) == ["word by ada"]
        assert found(ada, "word", before=middle) == ["word by ada"]
        assert found(ada, "word", before=middle + 1, conversation_id=tea) == ["word by bob", "word by ada"]
        assert found(ada, "word", sender_id="usr_unknown") == []


def test_an_edit_is_found_by_its_new_words_only() -> None:
    ada, bob = rooms.people("ada", "bob")
    tea = rooms.group(ada, bob)
    sent = rooms.send(ada, tea, "apples")
    follow()
    messages.edit(caller=ada, conversation_id=tea, message_id=sent["id"], text="pears")
    assert [item["text"] for item in page(bob, "apples").items] == []  # before the index has followed
    assert found(bob, "apples") == []
    assert found(bob, "pears") == ["pears"]


def test_a_deleted_message_is_found_no_more_not_even_before_the_index_knows() -> None:
    ada, bob = rooms.people("ada", "bob")
    tea = rooms.group(ada, bob)
    sent = rooms.send(ada, tea, "apples")
    follow()
    messages.delete(caller=ada, conversation_id=tea, message_id=sent["id"])
    assert page(bob, "apples").items == []
    follow()
    assert rows("search") == []


def test_a_message_that_disappears_is_gone_at_its_millisecond_however_late_the_index_is() -> None:
    ada, bob = rooms.people("ada", "bob")
    tea = rooms.group(ada, bob, settings={"disappearing_seconds": 60})
    with clock.held(clock.now()) as advance:
        rooms.send(ada, tea, "apples")
        assert found(bob, "apples") == ["apples"]
        advance(59_999)
        assert [item["text"] for item in page(bob, "apples").items] == ["apples"]
        advance(1)
        assert page(bob, "apples").items == []
        advance(72 * clock.HOUR)
        assert page(bob, "apples").items == []


def test_encrypted_messages_are_never_indexed() -> None:
    ada, bob = rooms.people("ada", "bob")
    tea = rooms.group(ada, bob, settings={"encrypted": True})
    rooms.say(ada, tea, None, client_id="1", type="encrypted", ciphertext=ciphertext(tea))
    follow()
    assert rows("search") == []


def test_strangers_and_former_members_find_nothing() -> None:
    ada, bob, eve = rooms.people("ada", "bob", "eve")
    tea = rooms.group(ada, bob)
    rooms.send(ada, tea, "apples")
    assert found(bob, "apples") == ["apples"]
    rooms.remove(ada, tea, bob)
    for outsider in (bob, eve):
        assert page(outsider, "apples").items == []
        with pytest.raises(NotFound):
            page(outsider, "apples", conversation_id=tea)


@pytest.mark.parametrize("history_visible", [False, True])
def test_a_newcomer_finds_what_they_may_see(history_visible: bool) -> None:
    ada, bob, eve = rooms.people("ada", "bob", "eve")
    tea = rooms.group(ada, bob, settings={"history_visible": history_visible})
    rooms.send(ada, tea, "apples before")
    rooms.add(ada, tea, eve)
    rooms.send(ada, tea, "apples after")
    assert found(eve, "apples") == ["apples after", "apples before"][: 1 + history_visible]


def test_a_deleted_conversation_is_searched_no_more() -> None:
    ada, bob = rooms.people("ada", "bob")
    tea = rooms.group(ada, bob)
    rooms.send(ada, tea, "apples")
    follow()
    conversations.delete(caller=ada, conversation_id=tea)
    assert page(ada, "apples").items == page(bob, "apples").items == []


def test_pages_hold_everything_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(index, "FIRST_PAGE_ITEMS", 4)
    monkeypatch.setattr(index, "PAGE_ITEMS", 7)
    ada, bob = rooms.people("ada", "bob")
    contexts = [rooms.group(ada, bob) for _ in range(3)]
    with clock.held(clock.now()) as advance:
        for n in range(40):
            advance(n % 3)  # several messages at the same millisecond
            rooms.send(ada, contexts[n % 3], f"word{n % 2} {n}")
        follow()
        for q, wanted in (("word", 40), ("word0", 20), ("word1", 20)):
            for limit in (3, 7, 100):
                texts, cursor = [], None
                while True:
                    answer = page(bob, q, limit=limit, cursor=cursor)
                    assert len(answer.items) <= limit
                    texts += [item["text"] for item in answer.items]
                    cursor = answer.next_cursor
                    if cursor is None:
                        break
                numbers = [int(text.split()[1]) for text in texts]
                assert len(set(numbers)) == len(numbers) == wanted


def test_a_search_that_takes_too_long_answers_what_it_has_and_leads_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(index, "FIRST_PAGE_ITEMS", 2)
    monkeypatch.setattr(index, "PAGE_ITEMS", 2)
    monkeypatch.setattr(source, "MAX_PAGES", 3)
    ada, bob = rooms.people("ada", "bob")
    tea = rooms.group(ada, bob)
    with clock.held(clock.now()) as advance:
        for n in range(20):
            advance(1)
            rooms.send(ada, tea, "needle" if n in (0, 10) else f"hay {n}", client_id=str(n))
        follow()
        texts, cursor, answers = [], None, 0
        while answers < 10:
            answer = page(bob, "needle", cursor=cursor)
            texts += [item["seq"] for item in answer.items]
            cursor, answers = answer.next_cursor, answers + 1
            if cursor is None:
                break
    assert texts == [12, 2]
    assert 2 <= answers < 10


def test_a_cursor_is_good_for_its_caller_and_query_only() -> None:
    ada, bob = rooms.people("ada", "bob")
    tea = rooms.group(ada, bob)
    for n in range(3):
        rooms.send(ada, tea, f"word {n}")
    follow()
    cursor = page(ada, "word", limit=1).next_cursor
    assert cursor is not None
    assert page(ada, "word", limit=1, cursor=cursor).items
    for who, q, filters in (
        (bob, "word", {}),
        (ada, "wor", {}),
        (ada, "word", {"sender_id": ada.user_id}),
        (ada, "word", {"conversation_id": tea}),
    ):
        with pytest.raises(InvalidCursor):
            page(who, q, limit=1, cursor=cursor, **filters)


def test_messages_are_found_by_the_names_of_their_files_and_by_having_any() -> None:
    ada, bob = rooms.people("ada", "bob")
    tea = rooms.group(ada, bob)
    rooms.send(ada, tea, "the report is coming")
    file_id = desk.put(ada, name="Jahresbericht-Überblick.txt", conversation_id=tea)
    rooms.say(ada, tea, None, client_id="one", attachment_ids=[file_id])
    follow()
    for q in ("jahresb", "UBERBLICK txt", "has:file", "jahresbericht has:file"):
        (item,) = page(bob, q).items
        assert [file["id"] for file in item["attachments"]] == [file_id], q
    assert page(bob, "report has:file").items == []
    assert found(bob, "report") == ["the report is coming"]
