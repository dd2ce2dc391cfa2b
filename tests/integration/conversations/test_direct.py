"""Direct conversations: one per pair of people, and the effects of a block."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from conversations import service
from kernel.caller import Caller
from kernel.errors import Forbidden, NotFound, ValidationFailed
from kernel.transactions import Cancelled, Transaction
from log import api as log
from log.model import Event
from tests.integration.rooms import direct, people, send, whole_log
from tests.tools import rows
from users import relations


def _create(who: Caller, *user_ids: str) -> tuple[str, bool]:
    made, new = service.create(
        caller=who, kind="direct", member_ids=list(user_ids), name=None, description=None, settings={}
    )
    return made["id"], new


def test_two_people_have_one_direct_conversation_whoever_asks() -> None:
    ada, bob = people("ada", "bob")
    first, new = _create(ada, bob.user_id)
    assert new
    assert _create(bob, ada.user_id) == (first, False)
    assert _create(ada, bob.user_id, ada.user_id) == (first, False)


def test_nobody_owns_a_direct_conversation() -> None:
    ada, bob = people("ada", "bob")
    conversation_id = direct(ada, bob)
    for who in (ada, bob):
        shown = service.get(caller=who, conversation_id=conversation_id)
        assert (shown["type"], shown["role"], shown["member_count"]) == ("direct", "member", 2)


def test_of_many_who_ask_at_once_one_makes_it() -> None:
    ada, bob = people("ada", "bob")
    with ThreadPoolExecutor(8) as threads:
        asking = [(ada, bob.user_id), (bob, ada.user_id)] * 8
        results = list(threads.map(lambda ask: _create(*ask), asking))
    assert len({conversation_id for conversation_id, _ in results}) == 1
    assert [new for _, new in results].count(True) == 1
    heads = [row for row in rows("conversations") if row["part"] == "head"]
    assert len(heads) == 1
    assert len(rows("members")) == 2
    assert len(rows("events")) == 1


def test_who_meets_another_s_transaction_gets_the_conversation_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """DynamoDB carries out one of two transactions about the same pair and turns the other away for its sake."""
    ada, bob = people("ada", "bob")
    committed, found = Transaction.commit, list[str]()

    def commit(transaction: Transaction) -> None:
        if not found:
            found.append("")
            found[0] = _create(bob, ada.user_id)[0]
            raise Cancelled({}, contended=True)
        committed(transaction)

    monkeypatch.setattr(Transaction, "commit", commit)
    assert _create(ada, bob.user_id) == (found[0], False)


@pytest.mark.parametrize("count", [0, 2])
def test_a_direct_conversation_is_with_exactly_one_other(count: int) -> None:
    ada, bob, cyd = people("ada", "bob", "cyd")
    with pytest.raises(ValidationFailed):
        _create(ada, *[bob.user_id, cyd.user_id][:count])


def test_with_oneself_there_is_none() -> None:
    (ada,) = people("ada")
    with pytest.raises(ValidationFailed):
        _create(ada, ada.user_id)


def test_with_an_unknown_person_there_is_none() -> None:
    (ada,) = people("ada")
    with pytest.raises(NotFound):
        _create(ada, "usr_01kb0000000000000000000009")


def test_a_direct_conversation_has_nothing_to_change_and_does_not_end() -> None:
    ada, bob = people("ada", "bob")
    conversation_id = direct(ada, bob)
    with pytest.raises(Forbidden):
        service.change(caller=ada, conversation_id=conversation_id, fields={"name": "x"})
    with pytest.raises(Forbidden):
        service.delete(caller=ada, conversation_id=conversation_id)


# --- blocks ---------------------------------------------------------------------------------------------------


def test_who_blocks_somebody_cannot_start_a_conversation_with_them() -> None:
    ada, bob = people("ada", "bob")
    relations.block(user_id=ada.user_id, other_id=bob.user_id)
    with pytest.raises(Forbidden) as refusal:
        _create(ada, bob.user_id)
    assert refusal.value.stable_code == "blocked"


def test_who_is_blocked_finds_nobody() -> None:
    ada, bob = people("ada", "bob")
    relations.block(user_id=bob.user_id, other_id=ada.user_id)
    with pytest.raises(NotFound):
        _create(ada, bob.user_id)


def test_a_block_stops_messages_both_ways_and_lifting_it_lets_them_through() -> None:
    ada, bob = people("ada", "bob")
    conversation_id = direct(ada, bob)
    service.note_block(ada.user_id, bob.user_id, True)
    with pytest.raises(Forbidden):
        send(ada, conversation_id, "one")
    with pytest.raises(NotFound):
        send(bob, conversation_id, "two")
    service.note_block(ada.user_id, bob.user_id, False)
    send(bob, conversation_id, "three")
    assert [event.text for event in whole_log(conversation_id)[1:]] == ["three"]


def test_two_blocks_are_lifted_one_by_one() -> None:
    ada, bob = people("ada", "bob")
    conversation_id = direct(ada, bob)
    service.note_block(ada.user_id, bob.user_id, True)
    service.note_block(bob.user_id, ada.user_id, True)
    service.note_block(ada.user_id, bob.user_id, False)
    with pytest.raises(NotFound):
        send(ada, conversation_id)
    with pytest.raises(Forbidden):
        send(bob, conversation_id)


def test_a_block_without_a_conversation_is_fine() -> None:
    ada, bob = people("ada", "bob")
    service.note_block(ada.user_id, bob.user_id, True)
    assert rows("conversations") == []


def test_a_block_set_while_the_conversation_is_being_made_is_not_missed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The block found no direct conversation to note itself in, as the conversation was created afterwards."""
    ada, bob = people("ada", "bob")
    written = log.stage_event

    def stage_event(transaction: Transaction, event: Event) -> None:
        relations.block(user_id=bob.user_id, other_id=ada.user_id)
        service.note_block(bob.user_id, ada.user_id, True)
        written(transaction, event)

    monkeypatch.setattr(log, "stage_event", stage_event)
    with pytest.raises(NotFound):
        _create(ada, bob.user_id)
    assert rows("conversations") == []
