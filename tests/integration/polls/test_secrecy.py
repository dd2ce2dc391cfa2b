"""Hidden results and secret votes are in no answer, frame, job, row or log line (R28)."""

from __future__ import annotations

import json
from typing import Any

import pytest

from conversations import service as conversations
from conversations import sync
from kernel.caller import Caller
from kernel.errors import Forbidden
from messages import service as messages
from polls import app, service
from polls.actions import vote as vote_action
from realtime.consumers import fanout
from tests.helpers import CONTEXT, someone
from tests.helpers import ask as request
from tests.integration.polls.ballot_boxes import ask, counts, look, option, vote
from tests.integration.rooms import add, group, open_socket, people, seen
from tests.management import Management
from tests.tools import captured_lines, jobs, queue_event, rows, socket_event


def _online(*callers: Caller) -> None:
    for who in callers:
        open_socket(who)


def _deliver() -> list[dict[str, Any]]:
    """Run the jobs of the queue; returns them."""
    done = []
    while waiting := jobs():
        assert fanout.handler(queue_event(*waiting), CONTEXT) == {"batchItemFailures": []}
        done += waiting
    return done


def _polls_in(value: Any) -> list[dict[str, Any]]:
    """Every poll anywhere inside an answer."""
    if isinstance(value, list):
        return [poll for each in value for poll in _polls_in(each)]
    if not isinstance(value, dict):
        return []
    own = [value] if "total_voters" in value else []
    return own + [poll for each in value.values() for poll in _polls_in(each)]


def _everywhere(who: Caller, conversation_id: str, poll: dict[str, Any]) -> list[dict[str, Any]]:
    """The poll wherever this person can find it."""
    messages_page = messages.list_messages(
        caller=who, conversation_id=conversation_id, before=None, after=None, limit=50, page=None
    )
    answers = [
        look(who, poll),
        service.list_polls(caller=who, conversation_id=conversation_id, state=None, limit=50, after=None).items,
        messages_page.items,
        messages.get(caller=who, conversation_id=conversation_id, message_id=poll["message_id"]),
        conversations.get(caller=who, conversation_id=conversation_id),
        seen(who, conversation_id),
        sync.missed(caller=who, cursors={conversation_id: 0}).conversations,
    ]
    found = [_polls_in(answer) for answer in answers]
    assert all(found), "every answer shows the poll"
    return [each for polls in found for each in polls]


@pytest.mark.parametrize(
    ("results", "bob_sees", "cleo_sees"), [("live", 1, 1), ("after_vote", 1, None), ("after_close", None, None)]
)
def test_each_reader_sees_what_results_says_wherever_they_look(
    management: Management, results: str, bob_sees: int | None, cleo_sees: int | None
) -> None:
    ada, bob, cleo = people("ada", "bob", "cleo")
    conversation_id = group(ada, bob, cleo)
    _online(bob, cleo)
    poll = ask(ada, conversation_id, results=results)
    _deliver()
    answer = vote(bob, poll, "Tea")
    _deliver()
    assert (counts(answer)["Tea"], answer["total_voters"]) == (bob_sees, bob_sees)
    for who, sees in ((bob, bob_sees), (cleo, cleo_sees)):
        contexts = _everywhere(who, conversation_id, poll)
        assert {(counts(each)["Tea"], each["total_voters"]) for each in contexts} == {(sees, sees)}
        (voted,) = [frame for frame in management.frames(who.user_id) if frame["type"] == "poll.voted"]
        assert voted["data"]["total_voters"] == sees
        assert voted["data"]["my_votes"] == (option(poll, "Tea") if who is bob else [])
    service.close(caller=ada, poll_id=poll["id"])
    _deliver()
    for who in (bob, cleo):
        assert {each["total_voters"] for each in _everywhere(who, conversation_id, poll)} == {1}
        (closed,) = [frame for frame in management.frames(who.user_id) if frame["type"] == "poll.closed"]
        assert (closed["data"]["state"], closed["data"]["total_voters"]) == ("closed", 1)


def test_who_takes_a_vote_back_sees_no_results_any_more() -> None:
    ada, bob, cleo = people("ada", "bob", "cleo")
    poll = ask(ada, group(ada, bob, cleo), results="after_vote")
    vote(cleo, poll, "Tea")
    assert vote(bob, poll, "Tea")["total_voters"] == 2
    service.retract(caller=bob, poll_id=poll["id"])
    assert look(bob, poll)["total_voters"] is None


@pytest.mark.parametrize(("results", "named"), [("live", True), ("after_vote", False), ("after_close", False)])
def test_the_log_does_not_tell_who_has_voted_where_that_is_hidden(results: str, named: bool) -> None:
    ada, bob = people("ada", "bob")
    conversation_id = group(ada, bob)
    vote(bob, ask(ada, conversation_id, results=results), "Tea")
    (told,) = [event for event in seen(ada, conversation_id) if event["type"] == "poll.voted"]
    assert told["actor_id"] == (bob.user_id if named else "anonymous")


def test_jobs_carry_no_poll() -> None:
    ada, bob = people("ada", "bob")
    poll = ask(ada, group(ada, bob), results="after_close")
    vote(bob, poll, "Tea")
    waiting = jobs()
    assert {job["kind"] for job in waiting} == {"personal"}
    assert poll["id"] not in str(waiting)


def test_newcomers_are_told_of_votes_without_the_poll() -> None:
    ada, bob = people("ada", "bob")
    conversation_id = group(ada)
    poll = ask(ada, conversation_id)
    add(ada, conversation_id, bob)
    vote(ada, poll, "Tea")
    told = [event for event in seen(bob, conversation_id) if event["type"] == "poll.voted"]
    assert [event["data"] for event in told] == [None]


# --- secret votes ---------------------------------------------------------------------------------------------


def test_nothing_kept_of_a_secret_vote_names_the_voter(management: Management) -> None:
    ada, bob = people("ada", "bob")
    conversation_id = group(ada, bob)
    _online(ada)
    poll = ask(ada, conversation_id, anonymous=True)
    with captured_lines() as lines:
        vote(bob, poll, "Tea")
        vote(bob, poll, "Coffee")
        done = _deliver()
    kept = json.dumps([*rows("polls"), *(row for row in rows("events") if row["seq"] > 3), *done], default=str)
    assert bob.user_id not in kept
    assert bob.user_id not in json.dumps(management.frames(ada.user_id))
    assert [event["actor_id"] for event in seen(ada, conversation_id)][3:] == ["anonymous"] * 2
    assert all(option_id not in lines.text for option_id in option(poll, "Tea", "Coffee"))
    (row,) = [row for row in rows("polls") if row["part"].startswith("vote#")]
    assert set(row) == {"poll_id", "part", "chosen"}
    with pytest.raises(Forbidden) as refused:
        service.voters(caller=ada, poll_id=poll["id"], option_id=None, limit=50, after=None)
    assert refused.value.stable_code == "anonymous_poll"


def test_a_secret_vote_may_be_changed_and_is_known_to_its_voter() -> None:
    ada, bob = people("ada", "bob")
    poll = ask(ada, group(ada, bob), anonymous=True)
    vote(bob, poll, "Tea")
    after = vote(bob, poll, "Coffee")
    assert (counts(after), after["total_voters"]) == ({"Tea": 0, "Coffee": 1, "Water": 0}, 1)
    assert look(bob, poll)["my_votes"] == option(poll, "Coffee")
    assert look(ada, poll)["my_votes"] == []
    service.retract(caller=bob, poll_id=poll["id"])
    assert look(ada, poll)["total_voters"] == 0


def test_a_pseudonym_is_of_one_poll_only() -> None:
    (ada,) = people("ada")
    conversation_id = group(ada)
    for client_id in ("p-1", "p-2"):
        vote(ada, ask(ada, conversation_id, anonymous=True, client_id=client_id), "Tea")
    parts = {row["part"] for row in rows("polls") if row["part"].startswith("vote#")}
    assert len(parts) == 2


# --- lines and sockets ----------------------------------------------------------------------------------------


def test_lines_of_votes_name_neither_poll_nor_option() -> None:
    ada = someone("ada")
    caller = Caller(ada.user_id, ada.session_id)
    poll = ask(caller, group(caller), anonymous=True)
    with captured_lines() as lines:
        body = {"option_ids": option(poll, "Tea")}
        reply = request(app.app, "PUT", "/polls/{poll_id}/vote", {"poll_id": poll["id"]}, body=body, token=ada.token)
    assert reply.status == 200
    assert poll["id"] not in lines.text
    assert body["option_ids"][0] not in lines.text
    assert lines.only["Votes"] == [1.0]


def test_a_vote_over_the_socket_is_acknowledged_with_the_poll() -> None:
    ada, bob = people("ada", "bob")
    poll = ask(ada, group(ada, bob), results="after_close")
    frame = {"action": "vote", "id": "1", "poll_id": poll["id"], "option_ids": option(poll, "Tea")}
    answer = json.loads(vote_action.handler(socket_event(bob, frame), CONTEXT)["body"])
    assert (answer["type"], answer["data"]["my_votes"]) == ("ack", option(poll, "Tea"))
    assert answer["data"]["total_voters"] is None
    service.close(caller=ada, poll_id=poll["id"])
    answer = json.loads(vote_action.handler(socket_event(bob, frame), CONTEXT)["body"])
    assert (answer["type"], answer["problem"]["code"]) == ("error", "poll_closed")
