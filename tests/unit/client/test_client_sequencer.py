"""Exactly once and in order, whatever frames do."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from secureconnect_client.events import ConversationRemoved, Event
from secureconnect_client.sequencer import MAX_HELD, Sequencer


def event(seq: int | None, conversation_id: str | None = "c") -> Event:
    return Event(type="x", data={}, conversation_id=conversation_id, seq=seq)


def seqs(events: list[Event]) -> list[int | None]:
    return [each.seq for each in events]


def test_an_event_without_seq_passes_straight_through() -> None:
    assert len(Sequencer().offer(event(None))) == 1


def test_an_early_event_waits_for_those_before_it() -> None:
    sequencer = Sequencer({"c": 4})
    assert sequencer.offer(event(6)) == []
    assert sequencer.behind() == ["c"]
    assert seqs(sequencer.offer(event(5))) == [5, 6]
    assert sequencer.behind() == []


def test_a_doubled_event_is_delivered_once() -> None:
    sequencer = Sequencer({"c": 4})
    assert seqs(sequencer.offer(event(5))) == [5]
    assert sequencer.offer(event(5)) == []


def test_an_unknown_conversation_waits_for_the_log_to_say_where_it_starts() -> None:
    sequencer = Sequencer()
    assert sequencer.offer(event(8)) == []
    assert sequencer.behind() == ["c"]
    assert seqs(sequencer.offer_log("c", [event(7)], confirmed=True)) == [7, 8]


def test_the_first_event_of_all_starts_a_conversation_by_itself() -> None:
    assert seqs(Sequencer().offer(event(1))) == [1]


def test_a_hole_in_a_sync_answer_is_asked_about_first() -> None:
    sequencer = Sequencer({"c": 4})
    assert sequencer.offer_log("c", [event(9)]) == []
    assert sequencer.behind() == ["c"]


def test_a_hole_that_the_log_confirms_ends_the_conversation_and_begins_it_anew() -> None:
    sequencer = Sequencer({"c": 4})
    first, second = sequencer.offer_log("c", [event(9)], confirmed=True)
    assert isinstance(first, ConversationRemoved)
    assert second.seq == 9


def test_a_stray_frame_does_not_revive_a_conversation_that_ended() -> None:
    sequencer = Sequencer({"c": 4})
    assert len(sequencer.end("c")) == 1
    assert sequencer.end("c") == []
    assert sequencer.offer(event(1)) == []


def test_what_is_held_back_is_bounded_and_what_is_beyond_is_still_missed() -> None:
    sequencer = Sequencer({"c": 0})
    for seq in range(2, MAX_HELD + 10):
        sequencer.offer(event(seq))
    delivered = sequencer.offer(event(1))
    assert len(delivered) == MAX_HELD + 1
    assert sequencer.behind() == ["c"]


@given(st.integers(0, 2**32), st.integers(1, 60), st.integers(0, 10))
def test_every_event_comes_once_and_in_order_under_any_faults(seed: int, count: int, start: int) -> None:
    rng = random.Random(seed)
    log = [event(seq) for seq in range(1, start + count + 1)]
    frames = [each for each in log[start:] for _ in range(rng.choice([0, 1, 1, 2]))]
    frames.sort(key=lambda each: (each.seq or 0) + rng.uniform(0, 8))
    sequencer, delivered = Sequencer({"c": start}), list[Event]()
    for frame in frames:
        delivered += sequencer.offer(frame)
        if sequencer.behind() and rng.random() < 0.3:
            after = sequencer.cursor("c") or 0
            delivered += sequencer.offer_log("c", log[after : after + rng.randint(1, 10)], confirmed=True)
    delivered += sequencer.offer_log("c", log[sequencer.cursor("c") or 0 :], confirmed=True)
    assert seqs(delivered) == list(range(start + 1, start + count + 1))
    assert sequencer.behind() == []
