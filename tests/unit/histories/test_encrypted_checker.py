"""The checker of encrypted histories finds what it is there to find: each test breaks a good history in one way."""

from __future__ import annotations

import pytest

from secureconnect_client.encryption.changes import Change
from tests.e2e.histories.encrypted_checker import EncryptedEvidence, Reader, Sealed, violations
from tests.e2e.histories.encrypted_shown import Said, Shown, shown
from tests.e2e.histories.evidence import Logged, Room

ADA, BOB, CYD = (("ada", "phone", "aa"), ("bob", "phone", "bb"), ("cyd", "phone", "cc"))


@pytest.fixture
def history() -> EncryptedEvidence:
    """Ada begins with Bob, who reads m1; Cyd comes in at epoch 2, and m2 is for all three."""
    room = Room("cnv_1", ("ada", "bob"), history_visible=False)
    room.log = [Logged(1, "conversation.created", "ada"), Logged(5, "member.added", "ada", "cyd")]
    evidence = EncryptedEvidence(room, said={"c1": Said("one"), "c2": Said("two")}, acknowledged={"c1": 4, "c2": 7})
    evidence.commits = [0, 1]
    evidence.messages = [Sealed(4, 1, "ada", "c1", "msg_1"), Sealed(7, 2, "bob", "c2", "msg_2")]
    evidence.readers = [
        Reader("ada", ADA, entered=[0], read={4: Shown("one"), 7: Shown("two")}),
        Reader("bob", BOB, entered=[1], read={4: Shown("one"), 7: Shown("two")}),
        Reader("cyd", CYD, entered=[2], read={7: Shown("two")}),
    ]
    for epoch, inside in enumerate([{ADA}, {ADA, BOB}, {ADA, BOB, CYD}]):
        evidence.views[epoch]["ada"] = frozenset(inside)
    return evidence


def test_a_good_history_is_good(history: EncryptedEvidence) -> None:
    assert violations(history) == []


def test_a_member_who_did_not_read_is_named(history: EncryptedEvidence) -> None:
    del history.readers[1].read[4]
    assert violations(history) == ["c1 at 4, epoch 1 is not read by bob, who was a member then"]


def test_who_lost_its_keys_or_never_came_in_has_to_read_nothing(history: EncryptedEvidence) -> None:
    history.readers[1].read, history.readers[2].read = {}, {}
    history.readers[1].is_lost, history.readers[2].entered = True, []
    assert violations(history) == []


def test_who_was_taken_out_and_came_back_needs_to_read_what_came_after(history: EncryptedEvidence) -> None:
    history.readers[1].read = {}
    history.views[2]["ada"] = frozenset({ADA, CYD})
    assert violations(history) == ["c1 at 4, epoch 1 is not read by bob, who was a member then"]


def test_who_has_left_the_conversation_has_no_log_to_read(history: EncryptedEvidence) -> None:
    history.room.log.append(Logged(8, "member.removed", "ada", "bob"))
    history.readers[1].read = {}
    assert violations(history) == []


@pytest.mark.parametrize("by", ["reading", "stealing"])
def test_a_reader_who_was_no_member_is_named(history: EncryptedEvidence, by: str) -> None:
    cyd = history.readers[2]
    if by == "reading":
        cyd.read[4] = Shown("one")
    else:
        cyd.stolen[4] = "one"
    assert violations(history) == ["c1 at 4, epoch 1 is read by cyd, who was no member then"]


def test_somebody_who_has_left_and_is_still_in_the_group_is_named(history: EncryptedEvidence) -> None:
    history.room.log.append(Logged(6, "member.removed", "ada", "bob"))
    found = violations(history)
    assert found == ["c2 at 7, epoch 2 is said to a group that bob is in, who was no member of the conversation then"]


def test_another_text_is_named(history: EncryptedEvidence) -> None:
    history.readers[1].read[7] = Shown("three")
    assert [each[:33] for each in violations(history)] == ["c2 at 7, epoch 2 reads Shown(text"]


def test_a_fork_is_named(history: EncryptedEvidence) -> None:
    history.views[1]["bob"] = frozenset({BOB})
    assert any("forked at epoch 1" in each for each in violations(history))


def test_a_hole_among_the_epochs_is_named(history: EncryptedEvidence) -> None:
    history.commits = [0, 2]
    assert violations(history) == ["the log's commits are of the epochs [0, 2]"]


def test_a_message_that_is_lost_or_comes_twice_is_named(history: EncryptedEvidence) -> None:
    history.messages.append(Sealed(9, 2, "bob", "c2", "msg_3"))
    history.readers = []
    assert len(violations(history)) == 2
    history.messages = history.messages[1:2]
    assert violations(history) == ["c1 was acknowledged as 4, the log has it at None"]


@pytest.fixture
def edited(history: EncryptedEvidence) -> EncryptedEvidence:
    """Ada edits m1 in epoch 1, which Cyd never sees."""
    history.changed["e1"], history.acknowledged["e1"] = Change("msg_1", edit="uno"), None
    history.changes.append(Sealed(6, 1, "ada", "e1"))
    for reader in history.readers[:2]:
        reader.read[4] = Shown("uno", edited=True)
    return history


def test_a_history_with_a_change_is_good(edited: EncryptedEvidence) -> None:
    assert violations(edited) == []


def test_a_device_that_did_not_apply_a_change_is_named(edited: EncryptedEvidence) -> None:
    edited.readers[1].read[4] = Shown("one")
    (wrong,) = violations(edited)
    assert wrong.startswith("c1 at 4, epoch 1 reads Shown(text='one'")
    assert "to bob, not Shown(text='uno'" in wrong


def test_who_lost_its_keys_needs_to_have_no_change_but_invents_none(edited: EncryptedEvidence) -> None:
    bob = edited.readers[1]
    bob.is_lost, bob.read[4] = True, Shown("one")
    assert violations(edited) == []
    for invented in (Shown("eins"), Shown("one", reactions=frozenset({("x", "ada")}))):
        bob.read[4] = invented
        assert violations(edited) == [f"c1 at 4, epoch 1 reads {invented} to bob, which nobody made"]


def test_a_reader_of_a_change_who_was_no_member_is_named(edited: EncryptedEvidence) -> None:
    edited.readers[2].stolen[6] = "{}"
    assert violations(edited) == ["e1 at 6, epoch 1 is read by cyd, who was no member then"]


def test_an_acknowledged_change_that_is_lost_is_named(edited: EncryptedEvidence) -> None:
    edited.acknowledged["e2"] = None
    assert violations(edited) == ["e2 was acknowledged as None, the log has it at None"]


def test_changes_count_by_the_rules() -> None:
    text, poll = Said("tea"), Said("Tea?", multiple=False)

    def after(said: Said, *changes: tuple[str, Change]) -> Shown:
        return shown(said, sender_id="ada", changes=changes)

    edit, heart, vote = Change("m", edit="coffee"), Change("m", react="x"), Change("m", vote=(1,))
    assert after(text, ("ada", edit)) == Shown("coffee", edited=True)
    assert after(text, ("bob", edit), ("ada", vote), ("ada", Change("m", close=True))) == Shown("tea")
    assert after(poll, ("ada", edit)) == Shown("Tea?")
    assert after(
        text, ("bob", heart), ("bob", heart), ("ada", heart), ("bob", Change("m", react="x", remove=True))
    ) == (Shown("tea", reactions=frozenset({("x", "ada")})))
    assert after(poll, ("bob", vote), ("bob", Change("m", vote=(0, 1))), ("ada", Change("m", vote=(3,)))) == (
        Shown("Tea?", votes=frozenset({("bob", 1)}))
    )
    assert after(poll, ("bob", vote), ("bob", Change("m", vote=()))) == Shown("Tea?")
    assert after(poll, ("bob", Change("m", close=True)), ("ada", Change("m", close=True)), ("bob", vote)) == (
        Shown("Tea?", closed=True)
    )
