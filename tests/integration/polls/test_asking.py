"""Asking: a poll stands in the log once, whoever repeats it, and its machine is started with it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from conversations import service as conversations
from kernel import after_commit, aws, clock, config, workflows
from kernel.errors import DependencyUnavailable, Forbidden, Gone, NotFound, RateLimited, Unprocessable, ValidationFailed
from messages import service as messages
from operations.consumers import follow_ups
from polls import service, store
from tests.helpers import CONTEXT
from tests.integration.polls.ballot_boxes import ask, ask_again, look, option, parts, vote
from tests.integration.rooms import add, direct, group, people, remove, say, seen, send, whole_log
from tests.tools import rows


def _executions() -> dict[str, str]:
    """The state of each poll's machine, by poll."""
    arn = config.config().state_machine("poll-closing")
    found = aws.client("stepfunctions").list_executions(stateMachineArn=arn)["executions"]
    return {each["name"]: each["status"] for each in found}


def test_a_poll_is_a_message_and_an_event() -> None:
    ada, bob = people("ada", "bob")
    conversation_id = group(ada, bob)
    poll = ask(ada, conversation_id, multiple=True, max_choices=2)
    assert [each["text"] for each in poll["options"]] == ["Tea", "Coffee", "Water"]
    assert (poll["state"], poll["total_voters"], poll["my_votes"], poll["max_choices"]) == ("open", 0, [], 2)
    message, created = seen(bob, conversation_id)[1:]
    assert (message["type"], message["data"]["type"], message["data"]["text"]) == (
        "message.created",
        "poll",
        "Tea or coffee?",
    )
    assert message["data"]["id"] == poll["message_id"]
    assert message["data"]["poll"] == poll
    assert (created["type"], created["actor_id"], created["data"]) == ("poll.created", ada.user_id, poll)
    assert conversations.get(caller=bob, conversation_id=conversation_id)["unread_count"] == 1


def test_the_same_client_id_again_gets_the_first_poll() -> None:
    (ada,) = people("ada")
    conversation_id = group(ada)
    with clock.held(clock.now()) as advance:
        first, new = ask_again(ada, conversation_id, closes_at=clock.now() + 1_000)
        advance(30 * clock.DAY)
        again, new_again = ask_again(ada, conversation_id, closes_at=clock.now() - 30 * clock.DAY + 1_000)
    assert (new, new_again) == (True, False)
    assert again == {**first, "state": "closed", "closed_at": first["closes_at"]}
    assert len(whole_log(conversation_id)) == 3
    assert list(_executions()) == [first["id"]]


def test_the_same_client_id_many_times_at_once_makes_one_poll() -> None:
    (ada,) = people("ada")
    conversation_id = group(ada)
    with ThreadPoolExecutor(8) as threads:
        results = list(threads.map(lambda _: ask_again(ada, conversation_id), range(16)))
    assert [new for _, new in results].count(True) == 1
    assert len({poll["id"] for poll, _ in results}) == 1
    assert len(rows("polls")) == 2


@pytest.mark.parametrize("other", [{"question": "Else?"}, {"anonymous": True}, {"closes_at": 4_000_000_000_000}])
def test_a_client_id_stands_for_one_poll(other: dict[str, Any]) -> None:
    (ada,) = people("ada")
    conversation_id = group(ada)
    ask(ada, conversation_id)
    with pytest.raises(Unprocessable):
        ask(ada, conversation_id, **({**other, "closes_at": clock.now() + 5_000} if "closes_at" in other else other))


def test_a_client_id_of_a_message_is_not_one_of_a_poll() -> None:
    (ada,) = people("ada")
    conversation_id = group(ada)
    say(ada, conversation_id, client_id="p-1")
    with pytest.raises(Unprocessable):
        ask(ada, conversation_id)
    ask(ada, conversation_id, client_id="p-2")
    with pytest.raises(Unprocessable):
        say(ada, conversation_id, client_id="p-2")


def test_a_time_that_is_over_is_refused_and_starts_nothing() -> None:
    (ada,) = people("ada")
    with pytest.raises(ValidationFailed):
        ask(ada, group(ada), closes_at=clock.now() - 1)
    assert _executions() == {}


def test_who_may_not_ask_starts_nothing() -> None:
    ada, eve = people("ada", "eve")
    with pytest.raises(NotFound):
        ask(eve, group(ada), closes_at=clock.now() + 60_000)
    assert _executions() == {}


def test_no_poll_is_made_that_nobody_would_close(settings: pytest.MonkeyPatch) -> None:
    (ada,) = people("ada")
    conversation_id = group(ada)
    settings.setenv("STATE_MACHINES", "arn:aws:states:us-east-1:123456789012:stateMachine:gone-")
    config.config.cache_clear()
    with pytest.raises(DependencyUnavailable):
        ask(ada, conversation_id, closes_at=clock.now() + 60_000)
    assert len(whole_log(conversation_id)) == 1
    ask(ada, conversation_id)


def test_starting_a_machine_twice_is_starting_it_once() -> None:
    for _ in range(2):
        workflows.start("poll-closing", "pol_1", {"poll_id": "pol_1"})
    assert _executions() == {"pol_1": "RUNNING"}
    for _ in range(2):
        workflows.stop("poll-closing", "pol_1")
    workflows.stop("poll-closing", "never_there")
    assert _executions() == {"pol_1": "ABORTED"}


# --- who may --------------------------------------------------------------------------------------------------


def test_admins_alone_ask_where_the_group_says_so() -> None:
    ada, bob = people("ada", "bob")
    conversation_id = group(ada, bob, settings={"who_can_create_polls": "admins"})
    with pytest.raises(Forbidden):
        ask(bob, conversation_id)
    vote(bob, ask(ada, conversation_id), "Tea")


def test_who_may_not_send_may_not_ask_but_vote() -> None:
    ada, bob = people("ada", "bob")
    conversation_id = group(ada, bob, settings={"who_can_send": "admins"})
    with pytest.raises(Forbidden):
        ask(bob, conversation_id)
    assert vote(bob, ask(ada, conversation_id), "Tea")["total_voters"] == 1


@pytest.mark.parametrize("fields", [{}, {"closes_at": clock.parse("2100-01-01T00:00:00Z")}])
@pytest.mark.parametrize("change", [{"who_can_create_polls": "admins"}, {"encrypted": True}])
def test_a_repeat_gets_its_poll_whatever_is_forbidden_since(change: dict[str, Any], fields: dict[str, Any]) -> None:
    ada, bob = people("ada", "bob")
    conversation_id = group(ada, bob)
    with clock.held(clock.parse("2099-12-31T00:00:00Z")):
        poll = ask(bob, conversation_id, **fields)
        conversations.change(caller=ada, conversation_id=conversation_id, fields={"settings": change})
        assert ask_again(bob, conversation_id, **fields) == (poll, False)
        with pytest.raises(Forbidden):
            ask_again(bob, conversation_id, client_id="other", **fields)


@pytest.mark.parametrize("fields", [{}, {"closes_at": clock.parse("2100-01-01T00:00:00Z")}])
def test_a_repeat_gets_its_poll_though_a_block_came_since(fields: dict[str, Any]) -> None:
    ada, bob = people("ada", "bob")
    conversation_id = direct(ada, bob)
    with clock.held(clock.parse("2099-12-31T00:00:00Z")):
        poll = ask(bob, conversation_id, **fields)
        conversations.note_block(ada.user_id, bob.user_id, True)
        assert ask_again(bob, conversation_id, **fields) == (poll, False)
        with pytest.raises(NotFound):
            ask_again(bob, conversation_id, client_id="other", **fields)


def test_an_encrypted_conversation_takes_no_polls() -> None:
    ada, bob = people("ada", "bob")
    with pytest.raises(Forbidden) as refused:
        ask(ada, group(ada, bob, settings={"encrypted": True}))
    assert refused.value.stable_code == "encrypted_conversation"


def test_asking_takes_a_turn_under_slow_mode_and_voting_does_not() -> None:
    ada, bob = people("ada", "bob")
    conversation_id = group(ada, bob, settings={"slow_mode_seconds": 60})
    poll = ask(bob, conversation_id)
    with pytest.raises(RateLimited):
        send(bob, conversation_id)
    assert ask_again(bob, conversation_id) == (poll, False)
    vote(bob, poll, "Tea")


# --- looking --------------------------------------------------------------------------------------------------


def _texts(polls: list[dict[str, Any]]) -> list[str]:
    return [poll["question"] for poll in polls]


def test_the_polls_of_a_conversation_come_in_pages_newest_first() -> None:
    ada, bob = people("ada", "bob")
    conversation_id = group(ada, bob)
    made = []
    for number in range(7):
        made.append(ask(ada, conversation_id, client_id=str(number), question=str(number)))
    for poll in made[::2]:
        service.close(caller=ada, poll_id=poll["id"])
    vote(bob, made[5], "Tea")

    def listed(state: Any, limit: int) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        cursor = None
        while True:
            page = service.list_polls(
                caller=bob, conversation_id=conversation_id, state=state, limit=limit, after=cursor
            )
            assert len(page.items) <= limit
            found += page.items
            if (cursor := page.next_cursor) is None:
                return found

    for limit in (1, 2, 3, 7, 100):
        assert _texts(listed(None, limit)) == list("6543210")
        assert _texts(listed("open", limit)) == list("531")
        assert _texts(listed("closed", limit)) == list("6420")
    assert listed("open", 3)[0] == look(bob, made[5])


def test_a_list_shows_nothing_from_before_ones_time() -> None:
    ada, bob = people("ada", "bob")
    conversation_id = group(ada)
    ask(ada, conversation_id)
    add(ada, conversation_id, bob)
    later = ask(ada, conversation_id, client_id="p-2")
    page = service.list_polls(caller=bob, conversation_id=conversation_id, state=None, limit=50, after=None)
    assert ([poll["id"] for poll in page.items], page.next_cursor) == ([later["id"]], None)


def test_the_voters_of_an_option_come_in_pages_by_person() -> None:
    ada, *others = people("ada", "bob", "cleo", "dan")
    poll = ask(ada, group(ada, *others), multiple=True)
    for each in others:
        vote(each, poll, "Tea", "Water")
    vote(ada, poll, "Coffee")
    (tea,) = option(poll, "Tea")
    found, cursor = [], None
    while True:
        page = service.voters(caller=ada, poll_id=poll["id"], option_id=tea, limit=2, after=cursor)
        found += page.items
        if (cursor := page.next_cursor) is None:
            break
    assert [each["user"].id for each in found] == sorted(each.user_id for each in others)
    assert all(each["option_ids"] == option(poll, "Tea", "Water") for each in found)
    everybody = service.voters(caller=ada, poll_id=poll["id"], option_id=None, limit=50, after=None)
    assert len(everybody.items) == 4


def test_the_voters_of_an_unknown_option_are_refused() -> None:
    ada, bob = people("ada", "bob")
    conversation_id = group(ada, bob)
    poll, other = ask(ada, conversation_id), ask(ada, conversation_id, client_id="p-2")
    (elsewhere,) = option(other, "Tea")
    for option_id in (elsewhere, "opt_unknown"):
        with pytest.raises(ValidationFailed) as refused:
            service.voters(caller=ada, poll_id=poll["id"], option_id=option_id, limit=50, after=None)
        assert [each.field for each in refused.value.errors] == ["option_id"]


# --- going ----------------------------------------------------------------------------------------------------


def test_a_poll_goes_with_its_message() -> None:
    ada, bob = people("ada", "bob")
    conversation_id = group(ada, bob)
    poll = ask(ada, conversation_id)
    vote(bob, poll, "Tea")
    messages.delete(caller=ada, conversation_id=conversation_id, message_id=poll["message_id"])
    assert rows("polls") == []
    with pytest.raises(NotFound):
        look(bob, poll)
    with pytest.raises(NotFound):
        vote(bob, poll, "Tea")
    with pytest.raises(Gone):
        ask(ada, conversation_id)
    tombstone, *rest = seen(bob, conversation_id)[1:]
    assert (tombstone["data"]["text"], tombstone["data"]["poll"]) == (None, None)
    assert {event["type"]: event["data"] for event in rest if event["type"].startswith("poll.")} == {
        "poll.created": None,
        "poll.voted": None,
    }
    assert "Tea" not in str(rows("events"))


def test_a_poll_is_out_of_reach_with_its_conversation() -> None:
    ada, bob = people("ada", "bob")
    conversation_id = group(ada, bob)
    poll = ask(ada, conversation_id)
    conversations.delete(caller=ada, conversation_id=conversation_id)
    with pytest.raises(NotFound):
        look(bob, poll)


def test_what_a_former_member_chose_still_counts() -> None:
    ada, bob = people("ada", "bob")
    conversation_id = group(ada, bob)
    poll = ask(ada, conversation_id)
    vote(bob, poll, "Tea")
    remove(ada, conversation_id, bob)
    assert look(ada, poll)["total_voters"] == len(parts(poll["id"])[1]) == 1


def test_a_poll_between_two_people() -> None:
    ada, bob = people("ada", "bob")
    poll = ask(ada, direct(ada, bob))
    assert vote(bob, poll, "Tea")["total_voters"] == 1


def test_votes_that_could_not_be_forgotten_with_their_message_are_forgotten_by_the_sweep(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ada, bob = people("ada", "bob")
    poll = ask(ada, group(ada, bob))
    vote(bob, poll, "Tea")
    forget = store.forget_votes

    def away(_poll_id: str) -> None:
        raise DependencyUnavailable

    monkeypatch.setattr(store, "forget_votes", away)
    messages.delete(caller=ada, conversation_id=poll["conversation_id"], message_id=poll["message_id"])
    monkeypatch.setattr(store, "forget_votes", forget)
    assert [row["part"].partition("#")[0] for row in rows("polls")] == ["vote"]

    with clock.held(clock.now() + after_commit.GRACE_MS + clock.SECOND):
        assert follow_ups.handler({}, CONTEXT) == {"done": 1, "failed": 0}

    assert rows("polls") == rows("follow_ups") == []
