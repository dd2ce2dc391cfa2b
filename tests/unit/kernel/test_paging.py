"""Cursors are good for the caller and the query they were made for, unchanged, and show nothing (R8)."""

from __future__ import annotations

import string
from base64 import urlsafe_b64decode
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from kernel import keyrings, paging
from kernel.errors import InvalidCursor
from kernel.paging import Paginator
from tests.conftest import SEED
from tests.support import rings

OTHER_SEED = SEED[::-1]
MINE = ("usr_ada", "events", "cnv_tea")
POSITION = ["usr_01kb0000000000000000000001", 4_100_000_041]

pytestmark = pytest.mark.usefixtures("keys")
with_keys = examples(suppress_health_check=[HealthCheck.function_scoped_fixture])


def _refused(text: str, bound_to: tuple[str, ...] = MINE) -> bool:
    try:
        paging.unseal(text, bound_to=bound_to)
    except InvalidCursor:
        return True
    return False


@with_keys
@given(st.none() | st.integers(-(2**63), 2**63) | st.lists(st.text(max_size=20) | st.integers(0, 2**53), max_size=3))
def test_a_cursor_gives_its_position_back(position: Any) -> None:
    assert paging.unseal(paging.seal(position, bound_to=MINE), bound_to=MINE) == position


def test_every_change_of_one_character_is_refused() -> None:
    made = paging.seal(POSITION, bound_to=MINE)
    characters = string.ascii_letters + string.digits + "-_=+/ \n\0é"
    accepted = [
        made[:at] + other + made[at + 1 :]
        for at in range(len(made))
        for other in characters
        if other != made[at] and not _refused(made[:at] + other + made[at + 1 :])
    ]
    assert accepted == []


def test_every_missing_or_added_character_is_refused() -> None:
    made = paging.seal(POSITION, bound_to=MINE)
    shorter = [made[:at] + made[at + 1 :] for at in range(len(made))]
    longer = [made[:at] + "A" + made[at:] for at in range(len(made) + 1)] + [f"{made}=", f"{made}=="]
    assert [text for text in shorter + longer if not _refused(text)] == []


@with_keys
@given(st.text(max_size=200))
def test_any_other_text_is_refused(text: str) -> None:
    assert _refused(text)


@with_keys
@given(st.lists(st.text(max_size=10), min_size=1, max_size=4).map(tuple))
def test_another_caller_or_query_is_refused(other: tuple[str, ...]) -> None:
    made = paging.seal(POSITION, bound_to=MINE)
    assert _refused(made, other) == (other != MINE)


@pytest.mark.attack
@pytest.mark.parametrize(
    "other", [("usr_bob", "events", "cnv_tea"), ("usr_ada", "events", "cnv_rum"), ("usr_ada", "members", "cnv_tea")]
)
def test_another_person_conversation_or_list_is_refused(other: tuple[str, ...]) -> None:
    assert _refused(paging.seal(POSITION, bound_to=MINE), other)


def test_a_cursor_shows_no_key() -> None:
    raw = urlsafe_b64decode(paging.seal(POSITION, bound_to=MINE) + "==")
    for shown in (b"usr_", b"01kb", b"4100000041", b"events", b"cnv_tea", SEED.encode()):
        assert shown not in raw


def test_cursors_of_one_position_differ() -> None:
    assert paging.seal(POSITION, bound_to=MINE) != paging.seal(POSITION, bound_to=MINE)


def test_a_cursor_outlives_a_rotation() -> None:
    made = paging.seal(POSITION, bound_to=MINE)
    rings.hold(keyrings.cursors, OTHER_SEED, SEED + "cursors")
    assert paging.unseal(made, bound_to=MINE) == POSITION


def test_a_cursor_ends_with_the_second_rotation() -> None:
    made = paging.seal(POSITION, bound_to=MINE)
    rings.hold(keyrings.cursors, OTHER_SEED, OTHER_SEED.swapcase())
    assert _refused(made)


def test_a_cursor_above_the_maximum_length_is_refused() -> None:
    assert _refused(paging.seal("x" * paging.MAX_CHARS, bound_to=MINE))


def test_a_cursor_goes_on_with_the_list_that_it_came_from() -> None:
    cursor = Paginator(None, *MINE, begun=[7, None]).cursor("here")
    for again in ([7, None], [None, None]):
        paging = Paginator(cursor, *MINE, begun=again)
        assert (paging.start, paging.begun) == ("here", [7, None])
        assert Paginator(paging.cursor("there"), *MINE, begun=[7, None]).start == "there"
    for other in ([8, None], [None, 7], [7, 1]):
        with pytest.raises(InvalidCursor):
            Paginator(cursor, *MINE, begun=other)


@pytest.mark.parametrize("position", [None, 3, [3, None], [3, None, [4, None]]])
def test_a_cursor_from_before_lists_kept_their_beginning_is_refused(position: Any) -> None:
    with pytest.raises(InvalidCursor):
        Paginator(paging.seal(position, bound_to=MINE), *MINE, begun=[None, None])
