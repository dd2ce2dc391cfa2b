"""Closing a poll, by its state machine or by hand, with exactly one event."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from conversations import members
from conversations import service as conversations
from kernel import aws, clock, config
from kernel.errors import Forbidden
from polls import service
from polls.consumers import close_poll
from polls.model import PollClosed
from tests.helpers import CONTEXT
from tests.integration.polls.ballot_boxes import ask, due, look, vote
from tests.integration.rooms import group, people, remove, whole_log
from tests.tools import captured_lines


def _closings(conversation_id: str) -> list[Any]:
    return [event for event in whole_log(conversation_id) if event.type == "poll.closed"]


def test_the_machine_closes_a_poll_once_its_time_is_over() -> None:
    ada, bob = people("ada", "bob")
    conversation_id = group(ada, bob)
    with clock.held(clock.now()) as advance:
        poll = ask(ada, conversation_id, closes_at=clock.now() + 60_000)
        assert due(poll) == {"done": False, "closes_at": clock.rfc3339(poll["closes_at"])}
        advance(60_000)
        for _ in range(3):
            assert due(poll) == {"done": True, "closes_at": None}
        (closing,) = _closings(conversation_id)
        assert (closing.actor_id, closing.at) == (ada.user_id, poll["closes_at"])
        after = look(bob, poll)
        assert (after["state"], after["closed_at"]) == ("closed", poll["closes_at"])


def test_the_machine_s_function_counts_and_logs_what_it_did() -> None:
    (ada,) = people("ada")
    with clock.held(clock.now()) as advance:
        poll = ask(ada, group(ada), closes_at=clock.now() + 1)
        advance(1)
        with captured_lines() as lines:
            assert close_poll.handler({"poll_id": poll["id"]}, CONTEXT)["done"] is True
    assert (lines.only["function"], lines.only["PollsClosed"], lines.only["done"]) == ("polls.close", [1.0], True)


def test_a_poll_of_somebody_who_left_is_closed_as_well() -> None:
    ada, bob = people("ada", "bob")
    conversation_id = group(ada, bob)
    with clock.held(clock.now()) as advance:
        poll = ask(bob, conversation_id, closes_at=clock.now() + 10)
        remove(ada, conversation_id, bob)
        advance(10)
        due(poll)
    assert len(_closings(conversation_id)) == 1


def test_the_machine_finds_nothing_to_do_where_the_poll_or_its_conversation_is_gone() -> None:
    (ada,) = people("ada")
    conversation_id = group(ada)
    with clock.held(clock.now()) as advance:
        poll = ask(ada, conversation_id, closes_at=clock.now() + 10)
        advance(10)
        conversations.delete(caller=ada, conversation_id=conversation_id)
        assert due(poll)["done"] is True
    assert due({"id": "pol_01kb0000000000000000000000"})["done"] is True


def test_closing_by_hand_stops_the_machine_and_is_for_good() -> None:
    ada, bob = people("ada", "bob")
    conversation_id = group(ada, bob)
    poll = ask(bob, conversation_id, closes_at=clock.now() + 60_000)
    closed = service.close(caller=bob, poll_id=poll["id"])
    assert closed["state"] == "closed"
    assert service.close(caller=ada, poll_id=poll["id"]) == closed
    arn = config.config().state_machine("poll-closing").replace("stateMachine", "execution")
    stopped = aws.client("stepfunctions").describe_execution(executionArn=f"{arn}:{poll['id']}")
    assert stopped["status"] == "ABORTED"
    with pytest.raises(PollClosed):
        vote(bob, poll, "Tea")
    with pytest.raises(PollClosed):
        service.add_option(caller=bob, poll_id=poll["id"], text="Milk")
    (closing,) = _closings(conversation_id)
    assert closing.actor_id == bob.user_id


def test_a_machine_that_cannot_be_stopped_does_not_undo_the_closing(settings: pytest.MonkeyPatch) -> None:
    (ada,) = people("ada")
    conversation_id = group(ada)
    poll = ask(ada, conversation_id, closes_at=clock.now() + 60_000)
    settings.setenv("STATE_MACHINES", "arn:aws:states:us-east-1:123456789012:nonsense-")
    config.config.cache_clear()
    with captured_lines():
        assert service.close(caller=ada, poll_id=poll["id"])["state"] == "closed"


def test_only_its_creator_and_admins_close_a_poll() -> None:
    ada, bob, cleo = people("ada", "bob", "cleo")
    conversation_id = group(ada, bob, cleo)
    poll = ask(ada, conversation_id)
    with pytest.raises(Forbidden):
        service.close(caller=bob, poll_id=poll["id"])
    members.change_role(caller=ada, conversation_id=conversation_id, user_id=bob.user_id, role="admin")
    assert service.close(caller=bob, poll_id=poll["id"])["state"] == "closed"


@pytest.mark.usefixtures("redis")
def test_a_poll_is_closed_once_however_many_hands_and_machines_race() -> None:
    ada, bob = people("ada", "bob")
    conversation_id = group(ada, bob)
    poll = ask(ada, conversation_id, closes_at=clock.now() + 150)
    acts = [lambda: service.close(caller=ada, poll_id=poll["id"]), lambda: due(poll)] * 8

    def voting() -> None:
        for text in ("Tea", "Coffee") * 4:
            try:
                vote(bob, poll, text)
            except PollClosed:
                return

    with ThreadPoolExecutor(18) as threads:
        running = [threads.submit(act) for act in [voting, *acts, voting]]
        for each in running:
            each.result()
    due(poll)
    (closing,) = _closings(conversation_id)
    assert all(event.seq < closing.seq for event in whole_log(conversation_id) if event.type == "poll.voted")
