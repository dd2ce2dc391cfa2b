"""Ids: their shape, their order and what they tell."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel import clock, ids


def test_an_id_has_its_prefix_and_26_characters() -> None:
    made = ids.new("usr")
    assert made.startswith("usr_")
    assert len(made) == 30
    assert ids.is_id(made, "usr")


def test_an_id_is_url_safe_and_lower_case() -> None:
    assert set(ids.new("cnv").removeprefix("cnv_")) <= set("0123456789abcdefghjkmnpqrstvwxyz")


def test_ids_of_later_milliseconds_sort_later() -> None:
    made = []
    with clock.held(1_763_846_645_123) as advance:
        for _ in range(50):
            made.append(ids.new("msg"))
            advance(1)
    assert made == sorted(made)


def test_ids_of_one_millisecond_differ() -> None:
    with clock.held(1_763_846_645_123):
        assert len({ids.new("msg") for _ in range(1_000)}) == 1_000


@given(st.integers(0, 2**50 - 1))
def test_an_id_tells_the_position_it_was_made_for(position: int) -> None:
    made = ids.new_at("msg", position)
    assert ids.position(made) == position
    assert ids.is_id(made, "msg")
    assert len(made) <= ids.MAX_ID_CHARS


@pytest.mark.parametrize(
    "text", ["", "msg", "msg_", "msg_01kb0000000000000000000000", "msg_01m83dn2dkdsze9ac0zypm3my2"]
)
def test_what_was_not_made_for_a_position_has_none(text: str) -> None:
    assert ids.position(text) is None


@pytest.mark.parametrize("tail", ["u", "-", "Z", "é", " "])
def test_a_position_in_other_characters_is_none(tail: str) -> None:
    assert ids.position(ids.new("msg") + tail) is None


@pytest.mark.parametrize(
    "text", ["", "usr_", "cnv_01kb", "usr_01KB", "usr_01kb/", "usr_01kb\n", "usr_" + "0" * 37, " usr_01kb", "usr_é"]
)
def test_other_texts_are_no_ids_of_people(text: str) -> None:
    assert not ids.is_id(text, "usr")


@given(st.integers(0, 2**80), st.integers(1, 20))
def test_base32_keeps_order_within_a_width(number: int, width: int) -> None:
    first, second = ids.base32(number, 20), ids.base32(number + 1, 20)
    assert first < second
    assert len(ids.base32(number, width)) >= width


def test_a_token_has_at_least_its_bits() -> None:
    assert len(ids.token(256)) >= 43
    assert ids.token() != ids.token()
