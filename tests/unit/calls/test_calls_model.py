"""The state machine of a call."""

from __future__ import annotations

import random
from collections.abc import Callable
from functools import partial

import pytest

from calls import model
from calls.model import Call
from calls.participant import LEASE_MS, Media, MediaState
from kernel import clock
from kernel.errors import Problem

START = 1_800_000_000_000
S = clock.SECOND


def _call(*others: str, direct: bool = False, media: Media = "video") -> Call:
    return model.begin(
        call_id="cal_1",
        conversation_id="cnv_1",
        direct=direct,
        media=media,
        initiator_id="ada",
        session_id="ada-1",
        client_id="c-1",
        ringing=others,
        busy=(),
        message_id="msg_1",
        message_seq=7,
        now=START,
    )


def _direct() -> Call:
    return _call("bob", direct=True)


def _join(call: Call, who: str, at: int, *, device: str = "1", limit: int = 6) -> Call:
    return call.as_of(at).join(who, f"{who}-{device}", at, limit=limit)


def _states(call: Call) -> dict[str, str]:
    return {each.user_id: each.state for each in call.participants}


def _refusal(step: Callable[[], Call]) -> str:
    with pytest.raises(Problem) as refused:
        step()
    return refused.value.stable_code


def _sent(call: Call, who: str) -> str:
    mine = call.participant(who)
    assert mine is not None
    return mine.participant_id


# --- ringing and answering ------------------------------------------------------------------------------------


def test_a_new_call_rings_and_its_initiator_is_in_it() -> None:
    call = _direct()
    assert (call.state, _states(call)) == ("ringing", {"ada": "joined", "bob": "ringing"})


def test_the_first_answer_makes_it_active() -> None:
    call = _join(_direct(), "bob", START + 5 * S)
    assert (call.state, call.answered_at, _states(call)) == (
        "active",
        START + 5 * S,
        {"ada": "joined", "bob": "joined"},
    )


def test_the_initiator_joining_is_no_answer() -> None:
    assert _join(_direct(), "ada", START + S).state == "ringing"


def test_a_second_device_comes_too_late() -> None:
    call = _join(_direct(), "bob", START + S)
    assert _refusal(lambda: _join(call, "bob", START + S, device="2")) == "answered_elsewhere"


def test_the_same_device_may_join_again() -> None:
    call = _join(_direct(), "bob", START + S)
    again = _join(call, "bob", START + 9 * S)
    assert _sent(again, "bob") == _sent(call, "bob")
    assert again.participant("bob").until == START + 9 * S + LEASE_MS  # type: ignore[union-attr]


def test_nobody_answers_for_45_seconds() -> None:
    call = _direct()
    assert call.as_of(START + 45 * S - 1).state == "ringing"
    missed = call.as_of(START + 45 * S)
    assert (missed.state, missed.end_reason, missed.duration_s) == ("ended", "missed", 0)
    assert _states(missed) == {"ada": "left", "bob": "missed"}


def test_a_call_that_is_over_cannot_be_joined() -> None:
    assert _refusal(lambda: _join(_direct(), "bob", START + 45 * S)) == "call_ended"


def test_in_a_group_those_who_did_not_answer_have_missed_it_while_it_goes_on() -> None:
    call = _join(_join(_call("bob", "cleo"), "bob", START + S), "ada", START + 40 * S)
    later = _join(call, "bob", START + 40 * S).as_of(START + 46 * S)
    assert (later.state, _states(later)) == ("active", {"ada": "joined", "bob": "joined", "cleo": "missed"})


def test_who_missed_it_may_still_join_a_group_s_call() -> None:
    call = _join(_join(_call("bob", "cleo"), "bob", START + S), "ada", START + 40 * S)
    assert _states(_join(_join(call, "bob", START + 40 * S), "cleo", START + 50 * S))["cleo"] == "joined"


def test_one_of_two_declines() -> None:
    call = _direct().decline("bob", "bob-1", START + 3 * S)
    assert (call.state, call.end_reason, call.ended_at) == ("ended", "declined", START + 3 * S)
    assert call.decline("bob", "bob-1", START + 4 * S) == call


def test_in_a_group_it_rings_on_until_the_last_has_declined() -> None:
    call = _call("bob", "cleo").decline("bob", "bob-1", START)
    assert (call.state, _states(call)["bob"]) == ("ringing", "declined")
    assert call.decline("cleo", "cleo-1", START).end_reason == "declined"


def test_declined_on_one_device_after_another_has_answered() -> None:
    call = _join(_direct(), "bob", START + S)
    assert _refusal(lambda: call.decline("bob", "bob-2", START + 2 * S)) == "answered_elsewhere"
    assert _refusal(lambda: call.decline("bob", "bob-1", START + 2 * S)) == "conflict"


def test_who_has_declined_may_change_their_mind_in_a_group() -> None:
    call = _call("bob", "cleo").decline("bob", "bob-1", START)
    assert _states(_join(call, "bob", START + S))["bob"] == "joined"


def test_cancelled_while_ringing() -> None:
    call = _direct().leave("ada", "ada-1", START + 2 * S)
    assert (call.end_reason, _states(call)) == ("cancelled", {"ada": "left", "bob": "missed"})
    assert _direct().end("ada", START, is_admin=False).end_reason == "cancelled"


def test_the_called_one_ending_it_while_it_rings_declines() -> None:
    call = _direct().end("bob", START, is_admin=False)
    assert (call.end_reason, _states(call)["bob"]) == ("declined", "declined")


# --- leaving and coming back ----------------------------------------------------------------------------------


def test_the_last_to_leave_ends_it() -> None:
    call = _join(_direct(), "bob", START + S).leave("ada", "ada-1", START + 11 * S)
    assert call.state == "active"
    over = call.leave("bob", "bob-1", START + 21 * S)
    assert (over.state, over.end_reason, over.duration_s) == ("ended", "completed", 20)
    assert over.leave("bob", "bob-1", START + 22 * S) == over


def test_back_within_30_seconds_as_the_same_participant() -> None:
    call = _join(_direct(), "bob", START + S)
    back = _join(call.leave("bob", "bob-1", START + 2 * S), "bob", START + 31 * S)
    assert _sent(back, "bob") == _sent(call, "bob")
    assert back.polite_towards(back.participant("bob")) == call.polite_towards(call.participant("bob"))  # type: ignore[arg-type]


def test_back_later_or_on_another_device_as_a_new_one() -> None:
    call = _join(_join(_call("bob", "cleo"), "cleo", START), "bob", START + S).leave("bob", "bob-1", START + 2 * S)
    assert _sent(_join(call, "bob", START + 33 * S), "bob") != _sent(call, "bob")
    assert _sent(_join(call, "bob", START + 3 * S, device="2"), "bob") != _sent(call, "bob")


def test_two_where_one_has_hung_up_are_over_after_the_time_to_come_back() -> None:
    call = _join(_direct(), "bob", START + S).leave("ada", "ada-1", START + 2 * S)
    call = _join(call, "bob", START + 30 * S)
    assert call.as_of(START + 32 * S - 1).state == "active"
    assert call.as_of(START + 32 * S).end_reason == "completed"


def test_who_is_left_alone_has_been_in_it_until_one_moment_whoever_looks_when() -> None:
    both = _join(_direct(), "bob", START + S)
    left = both.leave("bob", "bob-1", START + 2 * S)
    lapsed = both.set_media(both.participants[0], MediaState(), START + 40 * S)
    for call, end in ((left, START + 32 * S), (lapsed, START + 46 * S)):
        assert not call.as_of(end - 1).ended
        for later in (0, 1, 5 * S):
            over = call.as_of(end + later)
            assert (over.end_reason, over.ended_at) == ("completed", end)
            assert over.participants[0].left_at == end


def test_a_lease_that_lapses_is_leaving() -> None:
    call = _join(_join(_call("bob", "cleo"), "bob", START), "cleo", START + 20 * S)
    call = _join(call, "ada", START + 20 * S)
    later = call.as_of(START + 45 * S)
    assert _states(later) == {"ada": "joined", "bob": "left", "cleo": "joined"}
    assert later.participant("bob").left_at == START  # type: ignore[union-attr]  # when last heard of


def test_one_of_two_who_vanishes_ends_it_within_a_lease() -> None:
    call = _join(_join(_direct(), "bob", START), "bob", START + 20 * S)
    assert call.as_of(START + 45 * S).end_reason == "completed"


def test_nobody_is_left_when_all_vanish() -> None:
    call = _join(_call("bob", "cleo"), "bob", START + S)
    over = call.as_of(START + 50 * S)
    assert (over.state, over.end_reason, over.ended_at) == ("ended", "completed", START + S)


def test_eight_hours_are_the_longest() -> None:
    call = _join(_call("bob"), "bob", START)
    for at in range(40, 8 * 3600, 40):
        call = _join(_join(call, "ada", START + at * S), "bob", START + at * S)
    assert call.as_of(START + model.LONGEST_MS - 1).state == "active"
    assert call.as_of(START + model.LONGEST_MS).end_reason == "timeout"


def test_ringing_is_looked_at_when_it_ends() -> None:
    due = _call("bob").next_check()
    assert due == START + model.RING_TIMEOUT_MS
    assert _call("bob").as_of(due).end_reason == "missed"


def test_a_call_that_goes_well_is_looked_at_every_42_seconds_at_most() -> None:
    call, looks, due, beats = _join(_call("bob", "cleo", "dan"), "bob", START), 0, START, 15
    call = _join(_join(call, "cleo", START), "dan", START)
    for at in range(START, START + clock.HOUR, S):
        for n, who in enumerate(("ada", "bob", "cleo", "dan")):
            if (at - START) // S % beats == 4 * n:  # not at once
                call = _join(call, who, at)
        if at >= due:
            assert call.as_of(at) == call
            looks, due = looks + 1, call.next_check()
            assert due - at >= 42 * S - S or looks == 1
    assert looks <= 3600 / 42 + 1


@pytest.mark.parametrize("last_heard_s", range(0, 46, 5))
def test_who_vanishes_is_found_gone_within_a_minute_of_the_last_sign_of_life(last_heard_s: int) -> None:
    call, due = _join(_call("bob"), "bob", START), START
    for at in range(START, START + 3 * clock.MINUTE, S):
        if at <= START + last_heard_s * S and (at - START) // S % 5 == 0:
            call = _join(call, "bob", at)
        if (at - START) // S % 15 == 0:
            call = _join(call, "ada", at)
        if at >= due:
            call = call.as_of(at)
            due = call.next_check()
            if _states(call)["bob"] == "left":
                assert at <= START + last_heard_s * S + 60 * S
                return
    raise AssertionError("nobody looked")


def test_only_who_is_in_it_leaves() -> None:
    assert _refusal(lambda: _call("bob").leave("bob", "bob-1", START)) == "not_in_call"
    assert _refusal(lambda: _call("bob").leave("ada", "ada-2", START)) == "answered_elsewhere"


def test_in_a_group_only_who_began_it_and_admins_end_it_for_all() -> None:
    call = _join(_call("bob", "cleo"), "bob", START)
    assert _refusal(lambda: call.end("bob", START, is_admin=False)) == "forbidden"
    assert call.end("bob", START, is_admin=True).end_reason == "completed"
    assert call.end("ada", START, is_admin=False).end_reason == "completed"


# --- who talks to whom ----------------------------------------------------------------------------------------


def test_a_newcomer_meets_who_was_there_in_the_order_of_joining() -> None:
    call = _join(_join(_call("bob", "cleo"), "cleo", START), "bob", START)
    bob = call.participant("bob")
    assert bob is not None
    assert call.peers(bob) == [_sent(call, "ada"), _sent(call, "cleo")]


@pytest.mark.parametrize("seed", range(20))
def test_of_any_two_exactly_one_is_polite_whatever_the_order(seed: int) -> None:
    chance = random.Random(seed)
    people = ["ada", "bob", "cleo", "dan", "eve"]
    call = _call(*people[1:])
    for turn in range(30):
        who, now = chance.choice(people), START + turn * S
        mine = call.participant(who)
        if mine is not None and mine.joined and len(call.joined) > 1:
            call = call.leave(who, f"{who}-1", now)
        else:
            call = _join(call, who, now)
    towards = {each.participant_id: set(call.polite_towards(each)) for each in call.joined}
    for one in towards:
        for other in towards:
            assert one == other or (other in towards[one]) != (one in towards[other])


def test_a_full_mesh_takes_nobody_more() -> None:
    call = _join(_call("bob", "cleo"), "bob", START, limit=2)
    assert _refusal(lambda: _join(call, "cleo", START, limit=2)) == "call_full"


def test_who_was_not_called_may_join() -> None:
    assert _states(_join(_call("bob"), "zoe", START + S))["zoe"] == "joined"


def test_media_state_is_off_before_joining_and_after_leaving() -> None:
    call = _join(_direct(), "bob", START)
    assert call.participant("bob").media == MediaState(audio=True, video=True)  # type: ignore[union-attr]
    left = call.leave("bob", "bob-1", START)
    assert left.participant("bob").media == MediaState(audio=False)  # type: ignore[union-attr]


# --- any history ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(200))
def test_no_history_leaves_a_live_call_without_participants_or_rings_beyond_45_seconds(seed: int) -> None:
    chance = random.Random(seed)
    people = ["ada", "bob", "cleo"][: chance.choice([2, 3])]
    call = _call(*people[1:], direct=len(people) == 2)
    now = START
    for _ in range(40):
        now += chance.randrange(20 * S)
        before = call
        call = call.as_of(now)
        who = chance.choice(people)
        device = f"{who}-{chance.choice('112')}"
        steps: dict[str, Callable[[], Call]] = {
            "join": partial(call.join, who, device, now, limit=3),
            "leave": partial(call.leave, who, device, now),
            "decline": partial(call.decline, who, device, now),
            "end": partial(call.end, who, now, is_admin=False),
            "nothing": partial(call.as_of, now),
        }
        name = chance.choices(list(steps), [6, 2, 1, 0.3, 3])[0]
        try:
            call = steps[name]()
        except Problem:
            continue
        if before.ended:
            assert call == before, seed
        assert call.ended or call.joined, (seed, name)
        assert call.state != "ringing" or now < START + model.RING_TIMEOUT_MS, seed
        assert call.ended == (call.end_reason is not None) == (call.ended_at is not None), seed
        assert call.ended is False or not any(each.state in ("ringing", "joined") for each in call.participants), seed
        assert all((each.until > now) == each.joined for each in call.participants), seed
        orders = [each.order for each in call.participants if each.order]
        assert len(orders) == len(set(orders)), seed
