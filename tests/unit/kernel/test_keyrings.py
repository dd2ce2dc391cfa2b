"""Keyrings: keys for each purpose, and rotations that are gentle."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

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


def test_keys_are_derived_as_the_standard_says() -> None:
    """RFC 5869, test case A.3: no salt, no purpose."""
    derived = Seed(b"\x0b" * 22).derive("", 42)
    assert derived.hex() == "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8"


@pytest.mark.parametrize("length", [1, 9, 31, 32, 33, 48, 64, 65, 200])
def test_keys_are_derived_as_cryptography_derives_them(length: int) -> None:
    for purpose in ("", "cursor", "ключ"):
        by_package = HKDF(hashes.SHA256(), length, salt=None, info=purpose.encode())
        assert OLD.derive(purpose, length) == by_package.derive(OLD.value)


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
