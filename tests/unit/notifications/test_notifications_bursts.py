"""One alert per person, conversation and 30 s, and at most one update after it."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from kernel import clock
from notifications import bursts
from notifications.bursts import WINDOW_MS, Alerted, after_update, apply_event

NOW = clock.parse("2026-11-28T12:00:00Z")


def test_the_first_message_alerts() -> None:
    outcome, after = apply_event(None, 5, NOW)
    assert outcome == "alert"
    assert (after.alert_seq, after.last_seq) == (5, 5)


def test_those_of_the_next_thirty_seconds_are_owed_once() -> None:
    _, first = apply_event(None, 5, NOW)
    outcome, second = apply_event(first, 6, NOW + 1_000)
    assert outcome == "owed"
    assert second.owed
    assert apply_event(second, 7, NOW + 2_000) == ("owed", second), "what is owed already costs no write"


def test_after_thirty_seconds_the_next_one_alerts_again() -> None:
    _, first = apply_event(None, 5, NOW)
    assert apply_event(first, 6, NOW + WINDOW_MS - 1)[0] == "owed"
    assert apply_event(first, 6, NOW + WINDOW_MS)[0] == "alert"


def test_a_message_that_is_reported_again_makes_the_same_alert() -> None:
    _, first = apply_event(None, 5, NOW)
    for later in (0, 10_000, WINDOW_MS, clock.DAY):
        assert apply_event(first, 5, NOW + later) == ("alert", first)


def test_an_earlier_message_is_covered_by_a_later_one_s_alert() -> None:
    _, first = apply_event(None, 5, NOW)
    assert apply_event(first, 4, NOW + clock.HOUR) == ("covered", first)


def test_an_update_owes_nothing_and_begins_no_window() -> None:
    _, first = apply_event(None, 5, NOW)
    _, burst = apply_event(first, 6, NOW + 1_000)
    after = after_update(burst, 9)
    assert not after.owed
    assert apply_event(after, 8, NOW + WINDOW_MS)[0] == "covered"
    assert apply_event(after, 10, NOW + WINDOW_MS)[0] == "alert"


@given(st.lists(st.integers(0, 200), min_size=1, max_size=40), st.integers(0, 2**32))
def test_whatever_order_events_come_in_one_window_has_one_alert(seqs: list[int], seed: int) -> None:
    """Each event one to five times, shuffled: the alerts made are all for one event (R25)."""
    order = [seq for seq in seqs for _ in range(random.Random(seed).randint(1, 5))]
    random.Random(seed).shuffle(order)
    state: Alerted | None = None
    alerts = set()
    for n, seq in enumerate(order):
        outcome, state = apply_event(state, seq, NOW + n * 10)
        if outcome == "alert":
            alerts.add(state.alert_seq)
    assert len(alerts) == 1
    assert state is not None
    assert state.owed == (max(seqs) > state.alert_seq)


def test_forty_people_fit_one_write_unit() -> None:
    alerts = {bursts.user_code(f"usr_{n}"): Alerted(NOW // 1_000, 5, 6) for n in range(40)}
    raw = bursts.pack(alerts, NOW)
    assert len(raw) == 40 * 18 < 1_024 - 200
    assert bursts.unpack(raw) == alerts
    assert bursts.for_users(alerts, ["usr_3", "usr_99"]) == {"usr_3": Alerted(NOW // 1_000, 5, 6)}


def test_alerts_of_last_week_are_forgotten() -> None:
    old = {bursts.user_code("usr_1"): Alerted(NOW // 1_000, 5, 5)}
    assert bursts.pack(old, NOW + bursts.KEPT_MS) != b""
    assert bursts.pack(old, NOW + bursts.KEPT_MS + 1_000) == b""
