"""The checker of vote histories finds each kind of violation."""

from __future__ import annotations

import pytest

from tests.vote_histories import Answer, Choice, Done, Step, carry_out, explained, plan


def _done(kind: str, called: int, answered: int, answer: Answer, wanted: Choice = (), person: int = 1) -> Done:
    return Done(Step(kind, person, wanted), called, answered, answer)


def _vote(option: int, called: int, answered: int, result: str = "ok") -> Done:
    return _done("vote", called, answered, (result, (option,) if result == "ok" else None), (option,))


def test_votes_one_after_another_are_explained() -> None:
    history = [_vote(0, 1, 2), _vote(1, 3, 4), _done("look", 5, 6, ("ok", (1,)))]
    assert explained(history, 1, final=False, last=(1,))


def test_votes_at_once_may_have_come_in_any_order() -> None:
    history = [_vote(0, 1, 9), _vote(1, 2, 8)]
    assert explained(history, 1, final=False, last=(0,))
    assert explained(history, 1, final=False, last=(1,))


@pytest.mark.parametrize(
    ("history", "last"),
    [
        ([_vote(0, 1, 2), _vote(1, 3, 4)], (0,)),  # the later vote was lost
        ([_vote(0, 1, 2), _done("look", 3, 4, ("ok", ()))], (0,)),  # an old state was shown
        ([_vote(0, 1, 2)], ()),  # an acknowledged vote is not there
        ([_done("close", 1, 2, ("ok", None), person=0), _vote(0, 3, 4)], (0,)),  # a vote after the end
        ([_vote(0, 1, 2, "closed")], ()),  # refused without an end
    ],
)
def test_what_cannot_be_explained_is_not(history: list[Done], last: Choice) -> None:
    assert not explained(history, 1, final=False, last=last)


def test_a_final_vote_that_was_changed_is_not_explained() -> None:
    history = [_vote(0, 1, 2), _vote(1, 3, 4)]
    assert explained(history, 1, final=False, last=(1,))
    assert not explained(history, 1, final=True, last=(1,))
    assert explained([_vote(0, 1, 2), _vote(1, 3, 4, "final")], 1, final=True, last=(0,))


def test_a_look_may_not_go_back_behind_another() -> None:
    history = [_vote(0, 1, 10), _done("look", 2, 3, ("ok", (0,))), _done("look", 4, 5, ("ok", ()))]
    assert not explained(history, 1, final=False, last=(0,))


def test_the_same_seed_plans_the_same() -> None:
    assert plan(7) == plan(7) != plan(8)


def test_a_history_has_every_step_once() -> None:
    wanted = plan(3)
    found = carry_out(wanted, lambda _: ("ok", None))
    assert sorted(map(repr, (done.step for done in found))) == sorted(map(repr, sum(wanted.devices, ())))
