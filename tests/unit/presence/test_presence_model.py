"""What others see of somebody: derived from choice, sockets and privacy; hiding leaves no trace."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from kernel import clock
from presence.model import Choice, PresenceState

NOW = 1_800_000_000_000
EARLIER = NOW - clock.HOUR


@pytest.fixture(autouse=True)
def _held() -> Iterator[None]:
    with clock.held(NOW):
        yield


def _standing(**fields: Any) -> PresenceState:
    given: dict[str, Any] = {
        "user_id": "usr_bob", "choice": Choice(), "present": True, "seen_at": EARLIER, "last_seen_for": "everyone"
    }  # fmt: skip
    return PresenceState(**{**given, **fields})


@pytest.mark.parametrize("status", ["online", "away", "busy"])
def test_who_is_connected_is_what_they_chose(status: Any) -> None:
    seen = _standing(choice=Choice(status, "lunch")).for_others()
    assert (seen.status, seen.text, seen.last_seen_at) == (status, "lunch", NOW)


@pytest.mark.parametrize("status", ["online", "away", "busy", "invisible"])
def test_who_is_not_connected_is_offline_whatever_they_chose(status: Any) -> None:
    seen = _standing(choice=Choice(status, "lunch", hidden_seen_at=EARLIER), present=False).for_others()
    assert (seen.status, seen.text, seen.last_seen_at) == ("offline", None, EARLIER)


def test_who_hides_looks_as_they_did_before_they_hid() -> None:
    hiding = _standing(choice=Choice("invisible", "hush", hidden_seen_at=EARLIER))
    assert hiding.for_others() == _standing(present=False).for_others()
    assert (hiding.for_oneself().status, hiding.for_oneself().text) == ("invisible", "hush")


@pytest.mark.parametrize("until", [NOW, NOW - 1])
def test_what_was_chosen_ends_to_the_millisecond(until: int) -> None:
    assert _standing(choice=Choice("busy", "lunch", until=until)).for_others().summary == ["online", None]
    assert _standing(choice=Choice("busy", "lunch", until=NOW + 1)).for_others().summary == ["busy", "lunch"]


def test_a_time_in_hiding_is_not_betrayed_after_it() -> None:
    choice = Choice("invisible", until=NOW - 1, hidden_seen_at=EARLIER)
    left_while_hiding = _standing(choice=choice, present=False, seen_at=NOW - 10)
    assert left_while_hiding.for_others().last_seen_at == EARLIER
    left_after_it = _standing(choice=choice, present=False, seen_at=NOW)
    assert left_after_it.for_others().last_seen_at == NOW
    assert _standing(choice=choice).for_others().last_seen_at == NOW


@pytest.mark.parametrize(
    ("audience", "is_contact", "told"),
    [
        ("everyone", False, True),
        ("everyone", True, True),
        ("contacts", False, False),
        ("contacts", True, True),
        ("nobody", True, False),
    ],
)
@pytest.mark.parametrize("present", [True, False])
def test_last_seen_is_for_whom_one_lets(audience: Any, is_contact: bool, told: bool, present: bool) -> None:
    seen = _standing(last_seen_for=audience, present=present).for_others(is_contact=is_contact)
    assert (seen.last_seen_at is not None) is told
    assert seen.status == ("online" if present else "offline")
