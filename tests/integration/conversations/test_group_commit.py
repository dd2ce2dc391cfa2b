"""Group commit: concurrent writers share transactions; each gets a seq, an answer and a message of their own."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from conversations import plans
from conversations.model import MEMBER_IDS_MAX
from kernel import cache
from kernel.caller import Caller
from kernel.transactions import RightMissing, Transaction
from log import api as log
from log import append_queue, group_commit
from log.append_queue import AppendTicket
from log.group_commit import Batch
from log.model import LogHead
from messages import typing_notice
from polls import service as polls
from polls import store
from polls.model import PollClosed
from realtime.jobs import FRAMES
from tests.integration.polls.ballot_boxes import ask, assert_tally_equals_votes, look, vote
from tests.integration.rooms import group, open_socket, people, send, whole_log, work
from tests.management import Management, serving
from tests.tools import jobs

WRITERS = 12


@pytest.fixture(autouse=True)
def _a_crowd(redis: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Everybody has met somebody before, and nobody is impatient: moto answers one request at a time, and slowly."""
    monkeypatch.setattr(append_queue._busy, "get", lambda _key: True)
    monkeypatch.setattr(cache, "TICK_S", 5.0)
    monkeypatch.setattr(append_queue, "STALL_S", 20.0)
    monkeypatch.setattr(append_queue, "ANSWER_WAIT_S", 20.0)
    monkeypatch.setattr(group_commit, "MAX_AGE_MS", 60_000)


@pytest.fixture
def batches(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many people's events each committed batch held."""
    sizes: list[int] = []
    commit = Batch.commit

    def counted(batch: Batch) -> bool:
        if written := commit(batch):
            sizes.append(len(batch.numbers))
        return written

    monkeypatch.setattr(Batch, "commit", counted)
    return sizes


def _at_once(conversation_id: str, work: Callable[[int], Any]) -> list[Any]:
    """`work(0)` …, all of which find somebody in turn before them."""
    first = AppendTicket(conversation_id, until=time.monotonic() + 60)
    with ThreadPoolExecutor(WRITERS) as threads:
        with first:
            waiting = [threads.submit(work, number) for number in range(WRITERS)]
            time.sleep(1.0)
        return [each.result() for each in waiting]


def test_messages_sent_at_once_share_a_transaction_and_each_has_its_own_place(batches: list[int]) -> None:
    senders = people(*(f"p{n:02}" for n in range(WRITERS)))
    conversation_id = group(*senders)
    sent = _at_once(conversation_id, lambda n: send(senders[n], conversation_id, f"from {n}"))
    events = {event.seq: event for event in whole_log(conversation_id)}
    assert sorted(events) == list(range(1, WRITERS + 2))
    assert [(events[each["seq"]].actor_id, events[each["seq"]].text) for each in sent] == [
        (sender.user_id, f"from {n}") for n, sender in enumerate(senders)
    ]
    assert max(batches) > 1


def test_one_client_id_at_once_makes_one_message(batches: list[int]) -> None:
    (ada,) = people("ada")
    conversation_id = group(ada)
    sent = _at_once(conversation_id, lambda _: send(ada, conversation_id, "once", client_id="the-same"))
    assert {each["seq"] for each in sent} == {2}
    assert len(whole_log(conversation_id)) == 2


def test_votes_at_once_share_a_transaction_and_the_tally_equals_them(batches: list[int]) -> None:
    voters = people(*(f"p{n:02}" for n in range(WRITERS)))
    poll = ask(voters[0], conversation_id := group(*voters))
    options = ["Tea", "Coffee", "Water"]
    _at_once(conversation_id, lambda n: vote(voters[n], poll, options[n % 3]))
    assert look(voters[0], poll)["total_voters"] == WRITERS
    assert_tally_equals_votes(poll["id"])
    assert [event.type for event in whole_log(conversation_id)].count("poll.voted") == WRITERS
    assert max(batches) > 1


def test_votes_of_one_person_at_once_count_once() -> None:
    (ada,) = people("ada")
    poll = ask(ada, conversation_id := group(ada))
    options = ["Tea", "Coffee", "Water"]
    _at_once(conversation_id, lambda n: vote(ada, poll, options[n % 3]))
    assert look(ada, poll)["total_voters"] == 1
    assert_tally_equals_votes(poll["id"])


def test_a_batch_that_fails_leaves_nobody_without_an_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every one of them, as where somebody outside of the queue writes faster than a batch goes from hand to hand."""
    failures: list[str] = []

    def failing(batch: Batch) -> bool:
        failures.append(batch.base.conversation_id)
        return False

    monkeypatch.setattr(Batch, "commit", failing)
    senders = people(*(f"p{n:02}" for n in range(WRITERS)))
    conversation_id = group(*senders)
    _at_once(conversation_id, lambda n: send(senders[n], conversation_id, "hello"))
    assert [event.seq for event in whole_log(conversation_id)] == list(range(1, WRITERS + 2))
    assert failures


def test_whose_batch_was_committed_by_somebody_who_died_then_gets_the_message_it_made(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(append_queue, "ANSWER_WAIT_S", 0.2)
    monkeypatch.setattr(AppendTicket, "answer", lambda *_: None)  # the committer ends before it can say so
    senders = people(*(f"p{n:02}" for n in range(WRITERS)))
    conversation_id = group(*senders)
    sent = _at_once(conversation_id, lambda n: send(senders[n], conversation_id, f"from {n}"))
    assert sorted(each["seq"] for each in sent) == list(range(2, WRITERS + 2))
    assert [event.seq for event in whole_log(conversation_id)] == list(range(1, WRITERS + 2))


def test_a_vote_that_stands_is_no_late_one_where_nobody_could_say_that_it_does(monkeypatch: pytest.MonkeyPatch) -> None:
    """The process that committed the vote ended, and the poll was closed before the voter's retry."""
    voters = people(*(f"p{n:02}" for n in range(WRITERS)))
    poll = ask(voters[0], conversation_id := group(*voters))
    committed: list[int] = []
    commit, lost = Batch.commit, threading.Event()

    def counted(batch: Batch) -> bool:
        if written := commit(batch):
            committed.extend(batch.numbers)
        return written

    def unheard(ticket: AppendTicket) -> None:
        number, ticket._number = ticket.number, 0
        while number not in committed:
            time.sleep(0.01)
        if not lost.is_set():
            lost.set()
            polls.close(caller=voters[0], poll_id=poll["id"])

    monkeypatch.setattr(Batch, "commit", counted)
    monkeypatch.setattr(AppendTicket, "wait_for_answer", unheard)
    answers = _at_once(conversation_id, lambda n: _vote_or_late(voters[n], poll))
    assert lost.is_set()
    voted = [look(voter, poll)["my_votes"] != [] for voter in voters]
    assert [answer == "ok" for answer in answers] == voted
    assert_tally_equals_votes(poll["id"])


def _vote_or_late(voter: Caller, poll: dict[str, Any]) -> str:
    try:
        vote(voter, poll, "Tea")
    except PollClosed:
        return "closed"
    return "ok"


def test_what_was_committed_for_others_is_published_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    """The votes of one person cannot share a transaction: each one's batch is committed by the next in turn."""
    told: list[int] = []
    monkeypatch.setattr(plans, "publish_events", lambda _, events, **__: told.extend(event.seq for event in events))
    (ada,) = people("ada")
    poll = ask(ada, conversation_id := group(ada))
    told.clear()
    _at_once(conversation_id, lambda n: vote(ada, poll, ["Tea", "Coffee", "Water"][n % 3]))
    assert sorted(told) == [event.seq for event in whole_log(conversation_id) if event.type == "poll.voted"]


@pytest.mark.parametrize("others", [1, MEMBER_IDS_MAX])
def test_who_sent_types_no_more_whoever_has_committed_the_message(
    others: int, batches: list[int], settings: pytest.MonkeyPatch
) -> None:
    senders, (bob, *more) = people(*(f"p{n:02}" for n in range(WRITERS))), people(*(f"q{n:02}" for n in range(others)))
    conversation_id = group(bob, *more, *senders)
    open_socket(bob, "bob-1")
    with serving(settings) as management:
        for sender in senders:
            typing_notice.typing(caller=sender, conversation_id=conversation_id, is_typing=True)
        _settle()
        seen = _typing(management)
        _at_once(conversation_id, lambda n: send(senders[n], conversation_id, f"from {n}"))
        _settle()
        told = _typing(management)[len(seen) :]
    assert seen  # in a large conversation one of them
    assert sorted(told) == sorted((user_id, False) for user_id, _ in seen)
    assert max(batches) > 1


def _settle() -> None:
    """Have the frames delivered that wait; reminders of typing come too late to count here."""
    waiting = [job for job in jobs() if job["kind"] in FRAMES]
    if waiting:
        work(*waiting)


def _typing(management: Management) -> list[tuple[str, bool]]:
    told = [each["data"] for each in management.frames("bob-1") if each["type"] == "typing"]
    return [(data["user_id"], data["typing"]) for data in told]


def test_what_two_write_to_one_record_does_not_go_together() -> None:
    put = {"kind": "put", "record": "a", "sum": None}
    counted = {"kind": "count", "record": "b", "sum": "same"}
    (ada,) = people("ada")
    head = log.head(group(ada))
    batch = Batch(base=head, head=head, writes=[put, counted])
    assert batch.has_room_for([counted])
    assert not batch.has_room_for([put])
    assert not batch.has_room_for([{**counted, "sum": "another condition"}])


def test_a_batch_that_takes_long_is_full(monkeypatch: pytest.MonkeyPatch) -> None:
    (ada,) = people("ada")
    head = log.head(group(ada))
    batch = Batch(base=head, head=head)
    assert not batch.is_full
    monkeypatch.setattr(group_commit, "MAX_AGE_MS", -1)
    assert batch.is_full


def test_steps_of_one_counter_are_one_write() -> None:
    (ada,) = people("ada")
    poll = ask(ada, group(ada))
    vote(ada, poll, "Tea")
    transaction = Transaction()
    found = store.find(poll["id"])
    assert found is not None
    store.stage_vote(transaction, found, "usr_a", before=(), after=(found.options[0].id,), at=1)
    store.stage_vote(transaction, found, "usr_b", before=(), after=(found.options[0].id,), at=1)
    transaction.commit()
    after = store.find(poll["id"])
    assert after is not None
    assert (after.tally.voters, after.tally.counts[found.options[0].id]) == (3, 3)


def test_a_batch_that_its_committer_has_no_right_to_goes_back_to_its_people(monkeypatch: pytest.MonkeyPatch) -> None:
    """The function that removes members may not write messages: it refuses a batch and answers its own call."""

    def refused(_transaction: Transaction) -> None:
        raise RightMissing

    head = LogHead("cnv_x", last_seq=1, last_message_seq=1, last_at=0, access_seq=1)
    monkeypatch.setattr(Transaction, "commit", refused)
    assert not Batch(base=head, head=head).commit()
