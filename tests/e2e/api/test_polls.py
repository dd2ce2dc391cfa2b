"""Polls on the deployed stack: votes, secrecy, the end to the millisecond and by the machine (contract §6, R28)."""

from __future__ import annotations

import os
import secrets
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest

from tests.e2e.people import Person
from tests.e2e.tools import at_once, eventually, everything, log_of, pages, problem
from tests.vote_histories import OPTIONS, Answer, Choice, Step, carry_out, explained, plan

# In CI as many concurrent votes as the local cloud runs without starting further processes; SC_VOTES_AT_ONCE for R28's.
AT_ONCE = int(os.environ.get("SC_VOTES_AT_ONCE", "16"))
HISTORIES = int(os.environ.get("SC_VOTE_HISTORIES_E2E", "5"))
FIRST_SEED = int(os.environ.get("SC_VOTE_SEED", "1"))


@pytest.fixture
def tea(ada: Person, bob: Person, cleo: Person) -> str:
    """A group of Ada (owner), Bob and Cleo, new for each test."""
    return ada.group_with(bob, cleo)


def ask(who: Person, conversation_id: str, **fields: Any) -> dict[str, Any]:
    poll: dict[str, Any] = who.ok("POST", f"/conversations/{conversation_id}/polls", question(**fields))
    return poll


def question(**fields: Any) -> dict[str, Any]:
    return {"client_id": secrets.token_hex(8), "question": "Tea or coffee?", "options": ["Tea", "Coffee"], **fields}


def option(poll: dict[str, Any], *texts: str) -> list[str]:
    return [each["id"] for text in texts for each in poll["options"] if each["text"] == text]


def vote(who: Person, poll: dict[str, Any], *texts: str) -> Any:
    return who.put(f"/polls/{poll['id']}/vote", {"option_ids": option(poll, *texts)})


def look(who: Person, poll: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = who.ok("GET", f"/polls/{poll['id']}")
    return found


def counts(poll: dict[str, Any]) -> list[int | None]:
    return [each["votes"] for each in poll["options"]]


def in_s(seconds: float) -> str:
    return (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat(timespec="milliseconds").replace("+00:00", "Z")


# --- asking and voting ----------------------------------------------------------------------------------------


def test_a_poll_is_asked_voted_on_and_seen_by_all(ada: Person, bob: Person, tea: str) -> None:
    poll = ask(ada, tea, multiple=True, max_choices=2)
    assert (poll["state"], poll["creator_id"], counts(poll)) == ("open", ada.id, [0, 0])
    after = vote(bob, poll, "Coffee").json()
    assert (counts(after), after["total_voters"], after["my_votes"]) == ([0, 1], 1, option(poll, "Coffee"))
    (message,) = bob.ok("GET", f"/conversations/{tea}/messages")["items"]
    assert (message["type"], message["id"], message["poll"]) == ("poll", poll["message_id"], after)
    assert [event["type"] for event in log_of(bob, tea)][1:] == ["message.created", "poll.created", "poll.voted"]
    assert ada.ok("GET", f"/conversations/{tea}")["last_message"]["poll"]["total_voters"] == 1
    (voter,) = ada.ok("GET", f"/polls/{poll['id']}/voters", params={"option_id": option(poll, "Coffee")[0]})["items"]
    assert (voter["user"]["id"], voter["option_ids"]) == (bob.id, option(poll, "Coffee"))
    bob.ok("DELETE", f"/polls/{poll['id']}/vote")
    assert look(bob, poll)["total_voters"] == 0


def test_the_same_client_id_makes_one_poll(ada: Person, tea: str) -> None:
    body = question(closes_at=in_s(600))
    answers = at_once([partial(ada.post, f"/conversations/{tea}/polls", body)] * 6)
    assert sorted(answer.status_code for answer in answers) == [200] * 5 + [201]
    assert len({answer.json()["id"] for answer in answers}) == 1
    other = ada.post(f"/conversations/{tea}/polls", {**body, "question": "Else?"})
    problem(other, 422, "idempotency_mismatch")


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"options": ["one"]}, "options"),
        ({"options": ["Tea", "Tea"]}, "options"),
        ({"options": [str(n) for n in range(21)]}, "options"),
        ({"question": "x" * 501}, "question"),
        ({"closes_at": "yesterday"}, "closes_at"),
        ({"closes_at": "2020-01-01T00:00:00Z"}, "closes_at"),
        ({"results": "never"}, "results"),
        ({"colour": "blue"}, "colour"),
    ],
)
def test_what_cannot_be_asked_is_named(ada: Person, tea: str, fields: dict[str, Any], field: str) -> None:
    problem(ada.post(f"/conversations/{tea}/polls", question(**fields)), 400, "validation_failed", field=field)


def test_what_cannot_be_voted_is_refused(ada: Person, bob: Person, tea: str) -> None:
    poll, final = ask(ada, tea), ask(ada, tea, allow_change=False)
    problem(vote(bob, poll, "Tea", "Coffee"), 400, "validation_failed", field="option_ids")
    problem(bob.put(f"/polls/{poll['id']}/vote", {"option_ids": ["opt_x"]}), 400, "validation_failed")
    problem(bob.put(f"/polls/{poll['id']}/vote", {"option_ids": []}), 400, "validation_failed", field="option_ids")
    vote(bob, final, "Tea")
    problem(vote(bob, final, "Coffee"), 409, "vote_final")
    problem(bob.delete(f"/polls/{final['id']}/vote"), 409, "vote_final")
    problem(bob.post(f"/polls/{poll['id']}/options", {"text": "Milk"}), 403, "forbidden")
    problem(bob.put("/polls/pol_x/vote", {"option_ids": ["opt_x"]}), 404, "not_found")
    problem(bob.get(f"/conversations/{tea}/polls", params={"state": "half"}), 400, "validation_failed", field="state")
    problem(bob.get(f"/conversations/{tea}/polls", params={"cursor": "x"}), 400, "invalid_cursor")


def test_options_are_added_where_the_poll_allows_it(ada: Person, bob: Person, tea: str) -> None:
    poll = ask(ada, tea, allow_add_options=True)
    longer = bob.ok("POST", f"/polls/{poll['id']}/options", {"text": "Milk"})
    assert [each["text"] for each in longer["options"]] == ["Tea", "Coffee", "Milk"]
    problem(ada.post(f"/polls/{poll['id']}/options", {"text": "Milk"}), 400, "validation_failed", field="text")
    assert counts(vote(ada, longer, "Milk").json()) == [0, 0, 1]


def test_polls_are_listed_by_their_state(ada: Person, bob: Person, tea: str) -> None:
    made = [ask(ada, tea, question=str(n)) for n in range(5)]
    for poll in made[:2]:
        ada.ok("POST", f"/polls/{poll['id']}/close")
    path = f"/conversations/{tea}/polls"
    assert [each["question"] for each in everything(bob, path, state="open", limit=2)] == ["4", "3", "2"]
    assert [each["question"] for each in everything(bob, path, state="closed")] == ["1", "0"]
    assert [len(page) for page in pages(bob, path, limit=2)] == [2, 2, 1]


def test_admins_ask_where_the_group_says_so(ada: Person, bob: Person, tea: str) -> None:
    ada.ok("PATCH", f"/conversations/{tea}", {"settings": {"who_can_create_polls": "admins"}})
    problem(bob.post(f"/conversations/{tea}/polls", question()), 403, "forbidden")
    ask(ada, tea)


def test_a_former_member_has_no_poll_any_more(ada: Person, bob: Person, tea: str) -> None:
    poll = ask(ada, tea)
    vote(bob, poll, "Tea")
    ada.ok("DELETE", f"/conversations/{tea}/members/{bob.id}")
    for answer in (vote(bob, poll, "Coffee"), bob.delete(f"/polls/{poll['id']}/vote"), bob.get(f"/polls/{poll['id']}")):
        problem(answer, 404, "not_found")
    assert counts(look(ada, poll)) == [1, 0]


def test_a_poll_goes_with_its_message(ada: Person, bob: Person, tea: str) -> None:
    poll = ask(ada, tea)
    vote(bob, poll, "Tea")
    ada.ok("DELETE", f"/conversations/{tea}/messages/{poll['message_id']}")
    problem(bob.get(f"/polls/{poll['id']}"), 404, "not_found")
    assert [event["data"] for event in log_of(bob, tea) if event["type"] == "poll.voted"] == [None]


# --- races (R28) ----------------------------------------------------------------------------------------------


def test_many_votes_of_one_person_at_once_count_once(ada: Person, bob: Person, tea: str) -> None:
    poll = ask(ada, tea)
    with ThreadPoolExecutor(AT_ONCE) as threads:
        answers = list(threads.map(lambda n: vote(bob, poll, ["Tea", "Coffee"][n % 2]), range(AT_ONCE)))
    assert {answer.status_code for answer in answers} == {200}
    after = look(bob, poll)
    assert (after["total_voters"], sum(count or 0 for count in counts(after))) == (1, 1)


def test_many_people_voting_at_once_are_all_counted(ada: Person, crowd: list[Person]) -> None:
    poll = ask(ada, ada.group_with(*crowd))
    answers = at_once([partial(vote, each, poll, "Tea") for each in crowd])
    assert {answer.status_code for answer in answers} == {200}
    assert (look(ada, poll)["total_voters"], counts(look(ada, poll))) == (len(crowd), [len(crowd), 0])
    assert len(everything(ada, f"/polls/{poll['id']}/voters", limit=10)) == len(crowd)


def _do(everybody: list[Person], poll: dict[str, Any], step: Step) -> Answer:
    who, path = everybody[step.person], f"/polls/{poll['id']}"
    ids = [each["id"] for each in poll["options"]]
    match step.kind:
        case "vote":
            answer = who.put(f"{path}/vote", {"option_ids": [ids[n] for n in step.wanted]})
        case "retract":
            answer = who.delete(f"{path}/vote")
        case "close":
            answer = who.post(f"{path}/close")
        case _:
            answer = who.get(path)
    if answer.status_code == 409:
        return {"poll_closed": "closed", "vote_final": "final"}[answer.json()["code"]], None
    assert answer.is_success, answer.text
    if step.kind in ("retract", "close"):
        return "ok", None
    seen = answer.json()
    state = "closed" if step.kind == "look" and seen["state"] == "closed" else "ok"
    return state, _choice(seen, ids)


def _choice(poll: dict[str, Any], ids: list[str]) -> Choice:
    return tuple(n for n, option_id in enumerate(ids) if option_id in poll["my_votes"])


@pytest.mark.parametrize("seed", range(FIRST_SEED, FIRST_SEED + HISTORIES))
def test_votes_of_many_devices_have_one_order(ada: Person, bob: Person, cleo: Person, tea: str, seed: int) -> None:
    everybody, wanted = [ada, bob, cleo], plan(seed)
    poll = ask(ada, tea, options=[str(n) for n in range(OPTIONS)], **wanted.rules)
    ids = [each["id"] for each in poll["options"]]
    history = carry_out(wanted, partial(_do, everybody, poll))
    ada.ok("POST", f"/polls/{poll['id']}/close")
    lasts = [_choice(look(who, poll), ids) for who in everybody]
    for person, last in enumerate(lasts):
        assert explained(history, person, final=wanted.final, last=last), f"SC_VOTE_SEED={seed}: {history}"
    after = look(ada, poll)
    assert counts(after) == [sum(n in last for last in lasts) for n in range(OPTIONS)]
    assert after["total_voters"] == sum(1 for last in lasts if last)


# --- secrecy --------------------------------------------------------------------------------------------------


def test_two_viewers_see_different_tallies_on_their_sockets(ada: Person, bob: Person, cleo: Person, tea: str) -> None:
    with bob.live() as at_bob, cleo.live() as at_cleo:
        poll = ask(ada, tea, results="after_vote")
        for live in (at_bob, at_cleo):
            assert live.expect("message.created", conversation_id=tea)["data"]["poll"]["id"] == poll["id"]
            assert live.expect("poll.created", conversation_id=tea)["data"] == poll
        mine = at_bob.ok("vote", poll_id=poll["id"], option_ids=option(poll, "Tea"))
        assert (counts(mine), mine["total_voters"]) == ([1, 0], 1)
        seen_by_bob = at_bob.expect("poll.voted", conversation_id=tea)["data"]
        seen_by_cleo = at_cleo.expect("poll.voted", conversation_id=tea)["data"]
        assert (seen_by_bob["total_voters"], seen_by_bob["my_votes"]) == (1, option(poll, "Tea"))
        assert (seen_by_cleo["total_voters"], counts(seen_by_cleo), seen_by_cleo["my_votes"]) == (None, [None] * 2, [])
        ada.ok("POST", f"/polls/{poll['id']}/close")
        assert at_cleo.expect("poll.closed", conversation_id=tea)["data"]["total_voters"] == 1
        refusal = at_bob.ask("vote", poll_id=poll["id"], option_ids=option(poll, "Tea"))
        assert (refusal["type"], refusal["problem"]["code"]) == ("error", "poll_closed")
        malformed = at_bob.ask("vote", poll_id=poll["id"])
        assert (malformed["type"], malformed["problem"]["code"]) == ("error", "validation_failed")


def test_hidden_results_are_nowhere(ada: Person, bob: Person, cleo: Person, tea: str) -> None:
    poll = ask(ada, tea, results="after_close")
    vote(bob, poll, "Tea")
    vote(cleo, poll, "Tea")
    for who in (ada, bob):
        problem(who.get(f"/polls/{poll['id']}/voters"), 403, "results_hidden")
        answers = [
            look(who, poll),
            who.ok("GET", f"/conversations/{tea}/polls")["items"][0],
            who.ok("GET", f"/conversations/{tea}/messages")["items"][0]["poll"],
            who.ok("GET", "/conversations", params={"limit": 1})["items"][0]["last_message"]["poll"],
            *(event["data"] for event in log_of(who, tea) if event["type"].startswith("poll.")),
            *(
                event["data"]
                for each in who.ok("POST", "/sync", {"cursors": {tea: 1}})["conversations"]
                if each["conversation"]["id"] == tea
                for event in each["events"]
                if event["type"].startswith("poll.")
            ),
        ]
        assert len(answers) >= 8
        assert all((each["total_voters"], counts(each)) == (None, [None, None]) for each in answers)
    ada.ok("POST", f"/polls/{poll['id']}/close")
    assert counts(look(bob, poll)) == [2, 0]


def test_a_secret_vote_names_nobody(ada: Person, bob: Person, tea: str) -> None:
    with ada.live() as at_ada:
        poll = ask(ada, tea, anonymous=True)
        vote(bob, poll, "Tea")
        assert vote(bob, poll, "Coffee").json()["my_votes"] == option(poll, "Coffee")
        told = at_ada.expect("poll.voted", conversation_id=tea)
        assert bob.id not in str(told)
    votes = [event for event in log_of(ada, tea) if event["type"] == "poll.voted"]
    assert [event["actor_id"] for event in votes] == ["anonymous"] * 2
    assert bob.id not in str(votes)
    assert look(ada, poll)["total_voters"] == 1
    problem(ada.get(f"/polls/{poll['id']}/voters"), 403, "anonymous_poll")


# --- the end --------------------------------------------------------------------------------------------------


def _ms(instant: str) -> float:
    return datetime.fromisoformat(instant).timestamp() * 1_000


def test_a_poll_ends_by_itself_to_the_millisecond(ada: Person, bob: Person, tea: str) -> None:
    vote(bob, ask(ada, tea), "Tea")  # start the processes before the time is measured
    with ada.live() as at_ada:
        poll = ask(ada, tea, closes_at=in_s(4))
        end = _ms(poll["closes_at"])
        accepted, refused = 0, 0
        while not refused:
            assert time.time() * 1_000 < end + 15_000, "no vote was refused"
            asked = time.time() * 1_000
            answer = vote(bob, poll, ["Tea", "Coffee"][accepted % 2])
            if answer.status_code == 200:
                accepted += 1
                assert asked < end, f"a vote {asked - end:.1f} ms after the end was counted"
            else:
                problem(answer, 409, "poll_closed")
                refused += 1
                assert time.time() * 1_000 >= end, "a vote was refused before the end"
        assert accepted >= 1
        closed = at_ada.expect("poll.closed", conversation_id=tea)
        assert (closed["data"]["state"], closed["data"]["closed_at"]) == ("closed", poll["closes_at"])
    events = log_of(ada, tea)
    (closing,) = [event for event in events if event["type"] == "poll.closed"]
    assert closing["actor_id"] == ada.id
    assert _ms(closing["at"]) >= end
    last_poll = max(event["seq"] for event in events if event["type"] == "poll.created")
    votes = [event for event in events if event["type"] == "poll.voted" and event["seq"] > last_poll]
    assert len(votes) == accepted
    assert all(_ms(event["at"]) < end and event["seq"] < closing["seq"] for event in votes)
    assert look(ada, poll)["total_voters"] == 1


def test_closing_by_hand_comes_once_and_the_machine_adds_nothing(ada: Person, bob: Person, tea: str) -> None:
    poll = ask(bob, tea, closes_at=in_s(1.5))
    end = _ms(poll["closes_at"])
    answers = at_once([partial(who.post, f"/polls/{poll['id']}/close") for who in (ada, bob) * 3])
    assert {answer.status_code for answer in answers} == {200}
    closed_at = look(ada, poll)["closed_at"]
    assert _ms(closed_at) <= end
    eventually(lambda: time.time() * 1_000 > end + 1_500)
    assert [event["type"] for event in log_of(ada, tea)].count("poll.closed") == 1
    assert look(ada, poll)["closed_at"] == closed_at


def test_only_its_creator_and_admins_close_a_poll(ada: Person, bob: Person, cleo: Person, tea: str) -> None:
    poll = ask(bob, tea)
    problem(cleo.post(f"/polls/{poll['id']}/close"), 403, "forbidden")
    assert ada.ok("POST", f"/polls/{poll['id']}/close")["state"] == "closed"
