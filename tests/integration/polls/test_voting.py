"""Votes: one per person however requests race, a tally that equals them, and an end to the millisecond (R28)."""

from __future__ import annotations

import contextlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from conversations import service as conversations
from kernel import breakers, clock
from kernel.errors import Conflict, Forbidden, NotFound, ValidationFailed
from polls import service, store
from polls.model import PollClosed, VoteFinal
from tests.integration.polls.ballot_boxes import (
    ask,
    assert_tally_equals_votes,
    counts,
    look,
    option,
    parts,
    retract,
    vote,
)
from tests.integration.rooms import add, direct, group, people, remove, whole_log
from tests.tools import captured_lines


def _kinds(conversation_id: str) -> list[str]:
    return [event.type for event in whole_log(conversation_id)]


def test_a_vote_counts_and_is_in_the_log() -> None:
    ada, bob = people("ada", "bob")
    poll = ask(ada, conversation_id := group(ada, bob))
    after = vote(bob, poll, "Tea")
    assert counts(after) == {"Tea": 1, "Coffee": 0, "Water": 0}
    assert (after["total_voters"], after["my_votes"]) == (1, option(poll, "Tea"))
    assert look(ada, poll)["my_votes"] == []
    assert _kinds(conversation_id)[1:] == ["message.created", "poll.created", "poll.voted"]
    assert_tally_equals_votes(poll["id"])


def test_another_vote_takes_the_place_of_the_first() -> None:
    ada, bob = people("ada", "bob")
    poll = ask(ada, group(ada, bob), multiple=True)
    vote(bob, poll, "Tea", "Water")
    after = vote(bob, poll, "Water", "Coffee")
    assert counts(after) == {"Tea": 0, "Coffee": 1, "Water": 1}
    assert after["total_voters"] == 1
    assert_tally_equals_votes(poll["id"])


def test_the_same_vote_again_changes_nothing() -> None:
    (ada,) = people("ada")
    poll = ask(ada, conversation_id := group(ada))
    first = vote(ada, poll, "Tea")
    assert vote(ada, poll, "Tea") == first
    assert _kinds(conversation_id).count("poll.voted") == 1


def test_a_vote_taken_back_is_not_counted() -> None:
    ada, bob = people("ada", "bob")
    poll = ask(ada, conversation_id := group(ada, bob))
    vote(bob, poll, "Tea")
    retract(bob, poll)
    retract(bob, poll)
    after = look(bob, poll)
    assert (counts(after), after["total_voters"], after["my_votes"]) == ({"Tea": 0, "Coffee": 0, "Water": 0}, 0, [])
    assert _kinds(conversation_id).count("poll.voted") == 2
    assert parts(poll["id"])[1] == []


@pytest.mark.parametrize(
    ("fields", "chosen"),
    [
        ({}, ["Tea", "Coffee"]),
        ({"multiple": True, "max_choices": 2}, ["Tea", "Coffee", "Water"]),
    ],
)
def test_more_than_may_be_chosen_is_refused(fields: dict[str, object], chosen: list[str]) -> None:
    (ada,) = people("ada")
    poll = ask(ada, group(ada), **fields)
    with pytest.raises(ValidationFailed):
        vote(ada, poll, *chosen)


def test_an_option_of_another_poll_is_refused() -> None:
    (ada,) = people("ada")
    conversation_id = group(ada)
    poll, other = ask(ada, conversation_id), ask(ada, conversation_id, client_id="p-2")
    with pytest.raises(ValidationFailed):
        service.vote(caller=ada, poll_id=poll["id"], option_ids=option(other, "Tea"))


def test_an_option_named_twice_counts_once() -> None:
    (ada,) = people("ada")
    poll = ask(ada, group(ada))
    after = service.vote(caller=ada, poll_id=poll["id"], option_ids=option(poll, "Tea", "Tea"))
    assert counts(after)["Tea"] == 1


def test_a_final_vote_stays() -> None:
    (ada,) = people("ada")
    poll = ask(ada, group(ada), allow_change=False)
    first = vote(ada, poll, "Tea")
    with pytest.raises(VoteFinal):
        vote(ada, poll, "Coffee")
    with pytest.raises(VoteFinal):
        retract(ada, poll)
    assert vote(ada, poll, "Tea") == first


@pytest.fixture
def patient(redis: object, settings: pytest.MonkeyPatch) -> None:
    """Races that the machine of the tests may take longer over than a function may: moto does one thing at a time.

    One process stands here for as many as there are votes, so each call it makes at once is one of another's.
    """
    store.find("pol_nobody")  # so that the breaker of the table is there
    for breaker in breakers.every().values():
        settings.setattr(breaker, "limits", replace(breaker.limits, at_once=1_000))


# --- races ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("anonymous", [False, True])
@pytest.mark.usefixtures("patient")
def test_sixty_four_votes_of_one_person_at_once_count_once(anonymous: bool) -> None:
    ada, bob = people("ada", "bob")
    poll = ask(ada, conversation_id := group(ada, bob), anonymous=anonymous)
    with ThreadPoolExecutor(64) as threads:
        answers = list(threads.map(lambda n: vote(bob, poll, ["Tea", "Coffee", "Water"][n % 3]), range(64)))
    after = look(bob, poll)
    assert all(answer["total_voters"] == 1 for answer in answers)
    assert after["total_voters"] == 1
    assert sum(count or 0 for count in counts(after).values()) == 1
    assert len(parts(poll["id"])[1]) == 1
    assert_tally_equals_votes(poll["id"])
    assert [event.seq for event in whole_log(conversation_id)] == list(range(1, len(whole_log(conversation_id)) + 1))


@pytest.mark.usefixtures("patient")
def test_many_people_voting_at_once_are_all_counted() -> None:
    ada, *others = people("ada", *(f"voter{n}" for n in range(40)))
    poll = ask(ada, group(ada, *others), multiple=True)
    with ThreadPoolExecutor(40) as threads:
        list(threads.map(lambda n: vote(others[n], poll, *["Tea", "Coffee"][: 1 + n % 2]), range(40)))
    after = look(ada, poll)
    assert (counts(after), after["total_voters"]) == ({"Tea": 40, "Coffee": 20, "Water": 0}, 40)
    assert_tally_equals_votes(poll["id"])


def test_a_final_vote_is_one_of_those_that_raced() -> None:
    (ada,) = people("ada")
    poll = ask(ada, group(ada), allow_change=False)

    def try_to(text: str) -> str | None:
        try:
            vote(ada, poll, text)
        except VoteFinal:
            return None
        return text

    with ThreadPoolExecutor(16) as threads:
        won = {text for text in threads.map(try_to, ["Tea", "Coffee"] * 8) if text}
    assert len(won) == 1
    assert look(ada, poll)["my_votes"] == option(poll, *won)


# --- the end --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("ms", "counted"), [(-1, True), (0, False), (1, False), (72 * clock.HOUR, False)])
def test_a_vote_is_late_from_the_very_millisecond(ms: int, counted: bool) -> None:
    (ada,) = people("ada")
    with clock.held(clock.now()) as advance:
        poll = ask(ada, group(ada), closes_at=clock.now() + 1_000)
        advance(1_000 + ms)
        if counted:
            assert vote(ada, poll, "Tea")["total_voters"] == 1
        else:
            with pytest.raises(PollClosed):
                vote(ada, poll, "Tea")
            with pytest.raises(PollClosed):
                retract(ada, poll)
            assert look(ada, poll)["total_voters"] == 0
        assert_tally_equals_votes(poll["id"])


def test_no_vote_stands_in_the_log_at_or_after_the_end() -> None:
    (ada,) = people("ada")
    with clock.held(clock.now()) as advance:
        poll = ask(ada, conversation_id := group(ada), closes_at=clock.now() + 5)
        for text in ["Tea", "Coffee"] * 4:
            with contextlib.suppress(PollClosed):
                vote(ada, poll, text)
            advance(1)
        closes_at = poll["closes_at"]
        assert all(event.at < closes_at for event in whole_log(conversation_id) if event.type == "poll.voted")


def test_late_votes_are_counted_as_a_metric() -> None:
    from kernel import telemetry
    from tests.helpers import CONTEXT

    (ada,) = people("ada")
    poll = ask(ada, group(ada))
    service.close(caller=ada, poll_id=poll["id"])
    with captured_lines() as lines, telemetry.call("test", CONTEXT), pytest.raises(PollClosed):
        vote(ada, poll, "Tea")
    assert lines.only["LateVotesRefused"] == [1.0]


def test_polls_and_votes_are_counted_as_metrics() -> None:
    from kernel import telemetry
    from tests.helpers import CONTEXT

    (ada,) = people("ada")
    context = group(ada)
    with captured_lines() as lines, telemetry.call("test", CONTEXT):
        poll = ask(ada, context)
        vote(ada, poll, "Tea")
        service.close(caller=ada, poll_id=poll["id"])
    assert [lines.only[name] for name in ("PollsCreated", "Votes", "PollsClosed")] == [[1.0]] * 3


# --- who may --------------------------------------------------------------------------------------------------


def test_only_members_vote() -> None:
    ada, bob, eve = people("ada", "bob", "eve")
    poll = ask(ada, conversation_id := group(ada, bob))
    with pytest.raises(NotFound):
        vote(eve, poll, "Tea")
    vote(bob, poll, "Tea")
    remove(ada, conversation_id, bob)
    for attempt in (lambda: vote(bob, poll, "Coffee"), lambda: retract(bob, poll), lambda: look(bob, poll)):
        with pytest.raises(NotFound):
            attempt()
    assert counts(look(ada, poll))["Tea"] == 1


def test_who_came_later_does_not_know_of_it() -> None:
    ada, bob = people("ada", "bob")
    poll = ask(ada, conversation_id := group(ada))
    add(ada, conversation_id, bob)
    with pytest.raises(NotFound):
        look(bob, poll)
    with pytest.raises(NotFound):
        vote(bob, poll, "Tea")


def test_a_block_stops_votes_in_a_direct_conversation() -> None:
    ada, bob = people("ada", "bob")
    poll = ask(ada, conversation_id := direct(ada, bob))
    conversations.note_block(ada.user_id, bob.user_id, True)
    with pytest.raises(Forbidden) as refused:
        vote(ada, poll, "Tea")
    assert refused.value.stable_code == "blocked"
    with pytest.raises(NotFound):
        vote(bob, poll, "Tea")
    with pytest.raises(NotFound):
        ask(bob, conversation_id, client_id="p-2")


@pytest.mark.parametrize("poll_id", ["pol_x", "msg_01kb0000000000000000000000", "", "pol_01kb0000000000000000000000"])
def test_there_is_no_such_poll(poll_id: str) -> None:
    (ada,) = people("ada")
    with pytest.raises(NotFound):
        service.vote(caller=ada, poll_id=poll_id, option_ids=["opt_1"])


# --- adding options -------------------------------------------------------------------------------------------


def test_an_added_option_can_be_chosen() -> None:
    ada, bob = people("ada", "bob")
    poll = ask(ada, conversation_id := group(ada, bob), allow_add_options=True)
    longer = service.add_option(caller=bob, poll_id=poll["id"], text="Milk")
    assert [each["text"] for each in longer["options"]] == ["Tea", "Coffee", "Water", "Milk"]
    assert counts(vote(ada, longer, "Milk"))["Milk"] == 1
    assert "poll.updated" in _kinds(conversation_id)


def test_options_are_added_only_where_the_poll_allows_it() -> None:
    (ada,) = people("ada")
    poll = ask(ada, group(ada))
    with pytest.raises(Forbidden):
        service.add_option(caller=ada, poll_id=poll["id"], text="Milk")


def test_an_option_is_added_once_however_many_try() -> None:
    (ada,) = people("ada")
    poll = ask(ada, group(ada), allow_add_options=True)

    def try_to(_: int) -> bool:
        try:
            service.add_option(caller=ada, poll_id=poll["id"], text="Milk")
        except ValidationFailed:
            return False
        return True

    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(try_to, range(8))).count(True) == 1


def test_there_are_twenty_options_at_most() -> None:
    (ada,) = people("ada")
    poll = ask(ada, group(ada), allow_add_options=True, options=[str(n) for n in range(19)])
    service.add_option(caller=ada, poll_id=poll["id"], text="19")
    with pytest.raises(Conflict) as refused:
        service.add_option(caller=ada, poll_id=poll["id"], text="20")
    assert refused.value.stable_code == "too_many_options"
