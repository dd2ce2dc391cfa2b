"""The checker of encrypted histories finds what it is there to find: each test breaks a good history in one way."""

from __future__ import annotations

import pytest

from tests.e2e.histories.encrypted_checker import EncryptedEvidence, Reader, Sealed, violations
from tests.e2e.histories.evidence import Logged, Room

ADA, BOB, CYD = (("ada", "phone", "aa"), ("bob", "phone", "bb"), ("cyd", "phone", "cc"))


@pytest.fixture
def history() -> EncryptedEvidence:
    """Ada begins with Bob, who reads m1; Cyd comes in at epoch 2, and m2 is for all three."""
    room = Room("cnv_1", ("ada", "bob"), history_visible=False)
    room.log = [Logged(1, "conversation.created", "ada"), Logged(5, "member.added", "ada", "cyd")]
    evidence = EncryptedEvidence(room, said={"c1": "one", "c2": "two"}, acknowledged={"c1": 4, "c2": 7})
    evidence.commits = [0, 1]
    evidence.messages = [Sealed(4, 1, "ada", "c1"), Sealed(7, 2, "bob", "c2")]
    evidence.readers = [
        Reader("ada", ADA, entered=[0], read={4: "one", 7: "two"}),
        Reader("bob", BOB, entered=[1], read={4: "one", 7: "two"}),
        Reader("cyd", CYD, entered=[2], read={7: "two"}),
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
    (cyd.read if by == "reading" else cyd.stolen)[4] = "one"
    assert violations(history) == ["c1 at 4, epoch 1 is read by cyd, who was no member then"]


def test_somebody_who_has_left_and_is_still_in_the_group_is_named(history: EncryptedEvidence) -> None:
    history.room.log.append(Logged(6, "member.removed", "ada", "bob"))
    found = violations(history)
    assert found == ["c2 at 7, epoch 2 is said to a group that bob is in, who was no member of the conversation then"]


def test_another_text_is_named(history: EncryptedEvidence) -> None:
    history.readers[1].read[7] = "three"
    assert violations(history) == ["c2 at 7, epoch 2 reads 'three' to bob"]


def test_a_fork_is_named(history: EncryptedEvidence) -> None:
    history.views[1]["bob"] = frozenset({BOB})
    assert any("forked at epoch 1" in each for each in violations(history))


def test_a_hole_among_the_epochs_is_named(history: EncryptedEvidence) -> None:
    history.commits = [0, 2]
    assert violations(history) == ["the log's commits are of the epochs [0, 2]"]


def test_a_message_that_is_lost_or_comes_twice_is_named(history: EncryptedEvidence) -> None:
    history.messages.append(Sealed(9, 2, "bob", "c2"))
    history.readers = []
    assert len(violations(history)) == 2
    history.messages = history.messages[1:2]
    assert violations(history) == ["c1 was acknowledged as 4, the log has it at None"]
