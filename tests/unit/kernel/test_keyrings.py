"""Keyrings: keys for each purpose, and rotations that are gentle."""

from __future__ import annotations

import pytest

from kernel import clock, keyrings
from kernel.keyrings import Seed
from tests.conftest import SEED
from tests.support import rings

OLD, NEW = Seed(SEED.encode()), Seed(SEED[::-1].encode())

pytestmark = pytest.mark.usefixtures("keys")


def test_a_new_key_is_not_used_before_every_process_knows_it() -> None:
    with clock.held(1_000_000) as advance:
        rings.hold(keyrings.tokens, SEED[::-1], SEED, active_from=1_000_000 + keyrings.ACTIVATION_MS)
        assert keyrings.tokens.seeds() == (OLD, NEW)
        advance(keyrings.ACTIVATION_MS)
        assert keyrings.tokens.seeds() == (NEW, OLD)


def test_keys_of_different_purposes_and_generations_differ() -> None:
    assert len({OLD.derive("cursor"), OLD.derive("es256"), NEW.derive("cursor"), NEW.derive("es256")}) == 4


def test_a_derived_key_is_the_same_every_time() -> None:
    assert OLD.derive("cursor") == Seed(SEED.encode()).derive("cursor")


def test_a_kid_names_its_generation_and_shows_nothing_of_it() -> None:
    assert OLD.kid != NEW.kid
    assert SEED not in OLD.kid


def test_a_seed_shows_in_no_representation() -> None:
    assert SEED not in repr(OLD)


def test_only_rings_that_sign_publish_keys() -> None:
    assert {name for name, ring in keyrings.RINGS.items() if ring.public_keys()} == {"tokens", "key_log"}


def test_a_pseudonym_is_always_the_same_and_tells_nothing() -> None:
    made = keyrings.pseudonym("vote", "pol_1/usr_1")
    assert made == keyrings.pseudonym("vote", "pol_1/usr_1")
    assert len(made) == 40
    assert len({made, *(keyrings.pseudonym(*each) for each in [("vote", "pol_2/usr_1"), ("else", "pol_1/usr_1")])}) == 3


def test_pseudonyms_need_their_key() -> None:
    made = keyrings.pseudonym("vote", "usr_1")
    rings.hold(keyrings.pseudonyms, "another")
    assert keyrings.pseudonym("vote", "usr_1") != made
