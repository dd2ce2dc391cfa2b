"""The index follows the log, with changes delivered repeatedly and in any order (R25)."""

from __future__ import annotations

import random

import pytest

from infra import reindex
from log import api as log
from messages import service as messages
from messages.changes import reactions
from messages.reading import receipts
from search import indexing, store
from search.consumers import index
from tests.conftest import STACK
from tests.integration import rooms
from tests.integration.following import follow, told
from tests.tools import rows


def _history() -> None:
    """Messages, edits, deletions, reactions and other events in two conversations."""
    ada, bob = rooms.people("ada", "bob")
    for context in (rooms.group(ada, bob), rooms.direct(ada, bob)):
        sent = [rooms.send(ada, context, f"text number {n}", client_id=f"{context}{n}") for n in range(6)]
        messages.edit(caller=ada, conversation_id=context, message_id=sent[1]["id"], text="another text")
        messages.edit(caller=ada, conversation_id=context, message_id=sent[1]["id"], text="a third text")
        messages.edit(caller=ada, conversation_id=context, message_id=sent[2]["id"], text="…")
        messages.delete(caller=ada, conversation_id=context, message_id=sent[3]["id"])
        reactions.react(caller=bob, conversation_id=context, message_id=sent[4]["id"], emoji="👍", added=True)


def _index() -> list[tuple[str, str, str]]:
    return sorted((row["conversation_id"], row["moment"], row["words"]) for row in rows("search"))


def test_the_index_has_an_item_for_each_message_with_words() -> None:
    _history()
    follow()
    per_conversation = [words for _, _, words in _index()][:4]
    assert per_conversation == [" text number 0 ", " a third text ", " text number 4 ", " text number 5 "]
    assert len(_index()) == 8


@pytest.mark.parametrize("seed", range(20))
def test_changes_that_come_one_to_five_times_in_any_order_give_the_same_index(seed: int) -> None:
    _history()
    follow()
    wanted = _index()
    for row in rows("search"):
        store.write([], [(row["conversation_id"], *store._parsed(row["moment"]))])
    chance = random.Random(seed)
    records = [record for record in told() for _ in range(chance.randint(1, 5))]
    chance.shuffle(records)
    while records:
        size = chance.randint(1, 12)
        follow(records=records[:size], behind=chance.random() < 0.5)
        records = records[size:]
    assert _index() == wanted


def test_a_change_between_looking_and_writing_is_seen() -> None:
    ada, bob = rooms.people("ada", "bob")
    tea = rooms.group(ada, bob)
    sent = rooms.send(ada, tea, "before")
    write = store.write
    written: list[object] = []

    def late(*arguments: object) -> None:
        if not written:
            messages.edit(caller=ada, conversation_id=tea, message_id=sent["id"], text="after")
        written.append(arguments)
        write(*arguments)  # type: ignore[arg-type]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(store, "write", late)
        indexing.index([(tea, sent["seq"])])
    assert [words for _, _, words in _index()] == [" after "]


def test_reactions_and_other_events_cost_the_index_nothing() -> None:
    ada, bob = rooms.people("ada", "bob")
    tea = rooms.group(ada, bob)
    sent = rooms.send(ada, tea, "hello")
    before = len(told())
    reactions.react(caller=bob, conversation_id=tea, message_id=sent["id"], emoji="👍", added=True)
    receipts.mark_read(caller=bob, conversation_id=tea, seq=2)
    later = told()[before:]
    assert later
    follow(index.handler, later)
    assert rows("search") == []


def test_a_message_costs_one_item() -> None:
    ada, bob = rooms.people("ada", "bob")
    tea = rooms.group(ada, bob)
    sent = rooms.send(ada, tea, "one two three four five six seven")
    assert indexing.index([(tea, sent["seq"])]) == 1
    assert indexing.words_of(log.events(tea, sent["seq"], sent["seq"])[0]) is not None


def test_the_index_is_rebuilt_from_the_log() -> None:
    _history()
    follow()
    wanted = _index()
    for row in rows("search"):
        store.write([], [(row["conversation_id"], *store._parsed(row["moment"]))])
    assert reindex.main(["--stack", STACK]) == 0
    assert _index() == wanted


def test_one_conversation_is_rebuilt_alone() -> None:
    _history()
    first = min(row["conversation_id"] for row in rows("events"))
    assert reindex.rebuild(first, 0, rate=1_000_000) == 6
    assert {conversation_id for conversation_id, _, _ in _index()} == {first}
