"""The index of meaning follows the log, and its search shows what the caller may read."""

from __future__ import annotations

import pytest

from assistant import meaning_index, meaning_search, meaning_store
from assistant import settings as ai_settings
from assistant.embedded import meaning
from conversations import service as conversations
from kernel import clock
from kernel.caller import Caller
from messages import service as messages
from messages.api import erase_message
from messages.consumers import erase_expired
from tests.helpers import CONTEXT
from tests.integration import rooms
from tests.integration.assistant import desk
from tests.integration.following import follow

pytestmark = pytest.mark.skipif(not meaning.is_present(), reason="the layer of meaning is not installed")


@pytest.fixture(autouse=True)
def _on(settings: pytest.MonkeyPatch) -> None:
    settings.setenv("AI_MEANING", "on")
    ai_settings.settings.cache_clear()


def _index(conversation_id: str) -> int:
    return meaning_index.index((conversation_id, event.seq) for event in rooms.whole_log(conversation_id))


def _found(who: Caller, q: str, conversation_id: str | None = None) -> list[tuple[str, list[str]]]:
    follow()
    items = meaning_search.search(who, q=q, conversation_id=conversation_id, limit=3)["items"]
    return [(each["text"], each["found_by"]) for each in items]


def test_meaning_finds_what_shares_no_word_and_words_stand_beside() -> None:
    ada, bob = rooms.people("ada", "bob")
    tea = desk.group(ada, bob)
    desk.say(tea, (ada, "The launch was postponed to March"), (bob, "Who brings the cake?"), (bob, "My keyboard broke"))
    _index(tea)
    assert _found(ada, "release delayed", tea)[0] == ("The launch was postponed to March", ["meaning"])
    assert ("Who brings the cake?", ["meaning", "words"]) in _found(ada, "cake")


def test_a_vector_is_one_write_unit_and_goes_with_its_message() -> None:
    ada, bob = rooms.people("ada", "bob")
    tea = desk.group(ada, bob)
    (sent,) = desk.say(tea, (ada, "A secret about the launch"))
    assert _index(tea) == 1
    (vector,) = meaning_store.newest(tea, first=1).values()
    assert len(vector) == 384
    messages.edit(caller=ada, conversation_id=tea, message_id=sent["id"], text="Nothing but the weather")
    _index(tea)
    assert list(meaning_store.newest(tea, first=1).values()) != [vector]
    messages.delete(caller=ada, conversation_id=tea, message_id=sent["id"])
    for _ in range(2):  # told twice (R25)
        _index(tea)
    assert meaning_store.newest(tea, first=1) == {}


def test_without_ai_help_nothing_is_indexed_and_switching_it_off_deletes_all() -> None:
    ada, bob = rooms.people("ada", "bob")
    tea, off = desk.group(ada, bob), rooms.group(ada, bob)
    for place in (tea, off):
        desk.say(place, (ada, "The launch was postponed"))
    assert _index(off) == 0
    assert _index(tea) == 1
    conversations.change(caller=ada, conversation_id=tea, fields={"settings": {"ai_enabled": False}})
    meaning_index.apply_settings([tea])
    assert meaning_store.newest(tea, first=1) == {}
    conversations.change(caller=ada, conversation_id=tea, fields={"settings": {"ai_enabled": True}})
    meaning_index.apply_settings([tea])
    assert len(meaning_store.newest(tea, first=1)) == 1


def test_who_came_later_or_is_elsewhere_finds_nothing() -> None:
    ada, bob, cid, eve = rooms.people("ada", "bob", "cid", "eve")
    tea = desk.group(ada, bob)
    desk.switched_on(cid, eve)
    desk.say(tea, (ada, "The launch was postponed"))
    rooms.add(ada, tea, cid)
    _index(tea)
    for who in (cid, eve):
        assert _found(who, "launch postponed") == []


def test_without_the_index_words_alone_find_and_the_answer_says_so(settings: pytest.MonkeyPatch) -> None:
    settings.setenv("AI_MEANING", "off")
    ai_settings.settings.cache_clear()
    ada, bob = rooms.people("ada", "bob")
    tea = desk.group(ada, bob)
    desk.say(tea, (ada, "The launch was postponed"))
    follow()
    answer = meaning_search.search(ada, q="launch", conversation_id=tea, limit=3)
    assert answer["model"] == "words"
    assert [each["found_by"] for each in answer["items"]] == [["words"]]


@pytest.mark.parametrize("how", ["expired", "erased", "encrypted"])
def test_a_vector_goes_with_its_message_however_that_ends(how: str) -> None:
    ada, bob = rooms.people("ada", "bob")
    tea = desk.group(ada, bob, disappearing_seconds=60)
    with clock.held(clock.now()) as advance:
        (sent,) = desk.say(tea, (ada, "The launch was postponed"))
        _index(tea)
        assert list(meaning_store.newest(tea, first=1)) == [sent["seq"]]
        if how == "expired":
            advance(61 * clock.SECOND)
            assert _found(ada, "release delayed", tea) == []  # from its millisecond on, whenever its row goes
            erase_expired.handler({}, CONTEXT)
        elif how == "erased":
            erase_message(tea, sent["seq"])
        else:
            conversations.change(caller=ada, conversation_id=tea, fields={"settings": {"encrypted": True}})
        for _ in range(2):  # told twice (R25)
            meaning_index.apply_settings([tea])
            _index(tea)
        assert meaning_store.newest(tea, first=1) == {}
