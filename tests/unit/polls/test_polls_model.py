"""Polls: visibility of the tally, valid votes, and closing times."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from kernel import clock
from kernel.errors import Conflict, Forbidden, ValidationFailed
from polls.model import ANONYMOUS, MAX_OPEN_MS, NewPoll, Option, Poll, PollClosed, Tally, VoteFinal, steps
from polls.voting_schemas import NewPollIn as NewPollIn

NOW = 1_795_000_000_000
OPTIONS = (Option("opt_a", "Tea"), Option("opt_b", "Coffee"), Option("opt_c", "Water"))


def _poll(**fields: Any) -> Poll:
    whole = Poll(
        id="pol_1",
        conversation_id="cnv_1",
        message_id="msg_1",
        message_seq=2,
        creator_id="usr_1",
        question="?",
        options=OPTIONS,
        multiple=False,
        max_choices=1,
        anonymous=False,
        results="live",
        allow_change=True,
        allow_add_options=False,
        created_at=NOW,
        tally=Tally({"opt_a": 2, "opt_b": 1}, voters=3),
    )
    return replace(whole, **fields)


def _numbers(view: dict[str, Any]) -> list[int | None]:
    return [*(option["votes"] for option in view["options"]), view["total_voters"]]


SHOWN, HIDDEN = [2, 1, 0, 3], [None] * 4


@pytest.mark.parametrize(
    ("results", "voted", "closed", "seen"),
    [
        ("live", False, False, SHOWN),
        ("live", True, True, SHOWN),
        ("after_vote", False, False, HIDDEN),
        ("after_vote", True, False, SHOWN),
        ("after_vote", False, True, SHOWN),
        ("after_close", False, False, HIDDEN),
        ("after_close", True, False, HIDDEN),
        ("after_close", False, True, SHOWN),
    ],
)
@pytest.mark.parametrize("by_time", [False, True])
def test_the_tally_is_for_whom_results_says(
    results: Any, voted: bool, closed: bool, seen: list[int | None], by_time: bool
) -> None:
    poll = _poll(results=results)
    if closed:
        poll = replace(poll, closes_at=NOW) if by_time else replace(poll, tally=replace(poll.tally, closed_at=NOW))
    view = poll.view(("opt_a",) if voted else (), NOW)
    assert _numbers(view) == seen
    assert view["my_votes"] == (["opt_a"] if voted else [])


@pytest.mark.parametrize(("now", "state"), [(NOW + 999, "open"), (NOW + 1_000, "closed"), (NOW + 1_001, "closed")])
def test_a_poll_is_over_at_its_time_itself(now: int, state: str) -> None:
    poll = _poll(closes_at=NOW + 1_000)
    assert poll.state(now) == state
    assert poll.closed_at(now) == (None if state == "open" else NOW + 1_000)
    if state == "closed":
        with pytest.raises(PollClosed):
            poll.require_open(now)


def test_closing_by_hand_comes_before_the_time() -> None:
    poll = _poll(closes_at=NOW + 1_000, tally=Tally(closed_at=NOW + 5))
    assert poll.view((), NOW + 5_000)["closed_at"] == NOW + 5


@pytest.mark.parametrize(
    ("max_choices", "chosen"),
    [(1, []), (1, ["opt_a", "opt_b"]), (2, ["opt_a", "opt_b", "opt_c"]), (3, ["opt_a", "opt_x"]), (1, ["Tea"])],
)
def test_what_cannot_be_chosen_is_refused(max_choices: int, chosen: list[str]) -> None:
    with pytest.raises(ValidationFailed) as refused:
        _poll(max_choices=max_choices).choice(chosen)
    assert refused.value.errors[0].field == "option_ids"


def test_a_choice_is_a_set_in_the_polls_order() -> None:
    assert _poll(max_choices=3).choice(["opt_c", "opt_a", "opt_c"]) == ("opt_a", "opt_c")


def test_a_final_vote_may_be_cast_and_repeated_but_not_changed() -> None:
    poll = _poll(allow_change=False)
    poll.require_change((), ("opt_a",))
    poll.require_change(("opt_a",), ("opt_a",))
    for after in (("opt_b",), ()):
        with pytest.raises(VoteFinal):
            poll.require_change(("opt_a",), after)


Choices = some.sets(some.sampled_from(["opt_a", "opt_b", "opt_c"])).map(lambda chosen: tuple(sorted(chosen)))


@given(some.lists(some.tuples(some.integers(0, 4), Choices), max_size=30))
def test_the_tally_equals_a_recount_after_any_votes(history: list[tuple[int, tuple[str, ...]]]) -> None:
    tally = Tally()
    votes: dict[int, tuple[str, ...]] = {}
    for person, after in history:
        tally = tally.changed(votes.get(person, ()), after)
        votes[person] = after
    recount = {option.id: sum(option.id in chosen for chosen in votes.values()) for option in OPTIONS}
    assert {option.id: tally.counts.get(option.id, 0) for option in OPTIONS} == recount
    assert tally.voters == sum(1 for chosen in votes.values() if chosen)


@given(Choices, Choices)
def test_there_and_back_is_nothing(before: tuple[str, ...], after: tuple[str, ...]) -> None:
    there, back = steps(before, after), steps(after, before)
    assert there.keys() == back.keys()
    assert all(there[option_id] + back[option_id] == 0 for option_id in there)


def test_options_are_added_where_allowed_up_to_twenty_and_once() -> None:
    with pytest.raises(Forbidden):
        _poll().with_option("Milk", "usr_1")
    poll = _poll(allow_add_options=True)
    with pytest.raises(ValidationFailed):
        poll.with_option("Tea", "usr_1")
    while len(poll.options) < 20:
        poll = poll.with_option(f"Option {len(poll.options)}", "usr_1")
    with pytest.raises(Conflict):
        poll.with_option("one too many", "usr_1")
    assert len({option.id for option in poll.options}) == 20


def test_an_added_option_loses_its_author_s_text_and_keeps_its_place() -> None:
    poll = _poll(allow_add_options=True).with_option("Milk", "usr_1").with_option("Rum", "usr_2")
    poll = poll.with_option("Gin", "usr_1")
    after = poll.without_texts_of("usr_1")
    assert [each.id for each in after.options] == [each.id for each in poll.options]
    texts = [each.text for each in after.options]
    assert texts == ["Tea", "Coffee", "Water", "deleted option 4", "Rum", "deleted option 6"]
    assert set(after.added_by.values()) == {"usr_2"}
    assert after.without_texts_of("usr_1") == after


def test_voters_are_shown_neither_for_secret_votes_nor_before_the_results() -> None:
    for poll, code in (
        (_poll(anonymous=True), "anonymous_poll"),
        (_poll(results="after_close"), "results_hidden"),
        (_poll(results="after_vote"), "results_hidden"),
    ):
        with pytest.raises(Forbidden) as refused:
            poll.require_voters((), NOW)
        assert refused.value.stable_code == code
    _poll(results="after_vote").require_voters(("opt_a",), NOW)


# --- what is asked --------------------------------------------------------------------------------------------

ASKED: dict[str, Any] = {"client_id": "p-1", "question": "Tea or coffee?", "options": ["Tea", "Coffee"]}


def _asked(**fields: Any) -> NewPoll:
    return NewPollIn.model_validate({**ASKED, **fields}).poll()


@pytest.mark.parametrize(
    "fields",
    [
        {"question": ""},
        {"question": "x" * 501},
        {"question": "nul\0"},
        {"options": ["one"]},
        {"options": [str(n) for n in range(21)]},
        {"options": ["Tea", "Tea"]},
        {"options": ["Tea", ""]},
        {"options": ["Tea", "x" * 201]},
        {"options": ["Tea", 5]},
        {"max_choices": 2},
        {"multiple": True, "max_choices": 0},
        {"multiple": True, "max_choices": 3},
        {"results": "never"},
        {"closes_at": "tomorrow"},
        {"closes_at": "2026-11-22T21:24:05"},
        {"closes_at": 1_795_000_000_000},
        {"anonymous": "yes"},
        {"colour": "blue"},
        {"client_id": ""},
        {"client_id": "x" * 65},
    ],
)
def test_what_cannot_be_asked_is_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        _asked(**fields)


@pytest.mark.parametrize(
    ("fields", "most"),
    [
        ({}, 1),
        ({"max_choices": 1}, 1),
        ({"multiple": True}, 2),
        ({"multiple": True, "max_choices": 1}, 1),
        ({"multiple": True, "allow_add_options": True}, 20),
        ({"multiple": True, "max_choices": 5, "allow_add_options": True}, 5),
    ],
)
def test_how_many_may_be_chosen(fields: dict[str, Any], most: int) -> None:
    assert _asked(**fields).most == most


def test_options_are_kept_as_they_were_typed() -> None:
    assert _asked(options=["tea", "Coffee"]).options == ("tea", "Coffee")


def test_the_closing_time_keeps_its_milliseconds_whatever_its_zone() -> None:
    assert _asked(closes_at="2026-11-22T23:24:05.123999+02:00").closes_at == clock.parse("2026-11-22T21:24:05.123Z")


@pytest.mark.parametrize(("closes_at", "fits"), [(0, False), (1, True), (MAX_OPEN_MS, True), (MAX_OPEN_MS + 1, False)])
def test_a_poll_closes_in_the_future_and_within_a_year(closes_at: int, fits: bool) -> None:
    draft = replace(_asked(), closes_at=NOW + closes_at)
    if fits:
        draft.require_time(NOW)
    else:
        with pytest.raises(ValidationFailed):
            draft.require_time(NOW)


def test_another_poll_has_another_fingerprint() -> None:
    drafts = [_asked(), _asked(anonymous=True), _asked(options=["Tea", "Milk"]), _asked(question="Tea?")]
    assert len({draft.fingerprint for draft in drafts}) == len(drafts)
    assert _asked().fingerprint == _asked(multiple=False, results="live").fingerprint


def test_nobody_is_called_anonymous() -> None:
    assert not ANONYMOUS.startswith("usr_")
