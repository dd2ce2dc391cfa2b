"""The keyring: weak keys are refused, rotation is gentle."""

from __future__ import annotations

import json
import string
import time

import pytest

from kernel import clock, secrets
from kernel.config import ConfigurationError
from tests.conftest import SEED

NEXT = SEED[::-1]


def _secret(**fields: object) -> str:
    return json.dumps(fields)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        "[]",
        "null",
        "7",
        "not json",
        _secret(seed=""),
        _secret(seed=None),
        _secret(previous=SEED),
        _secret(seed="a" * 64),
        _secret(seed=string.ascii_letters[:42]),
        _secret(seed="0123456789abcde" * 4),
        _secret(seed=123456789),
        _secret(seed=[SEED]),
        _secret(seed=SEED, previous="short"),
    ],
)
def test_a_weak_or_absent_key_refuses_to_start(text: str) -> None:
    with pytest.raises(ConfigurationError):
        secrets.parse(text)


def test_a_refusal_does_not_show_the_key() -> None:
    with pytest.raises(ConfigurationError) as refusal:
        secrets.parse(_secret(seed="hunter2hunter2"))
    assert "hunter2" not in str(refusal.value)


def test_without_an_address_of_the_secret_no_key_is_made(settings: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigurationError, match="SIGNING_SECRET_ARN"):
        secrets.Keyring().seeds()


def test_the_new_key_is_used_and_the_one_before_still_known() -> None:
    assert [seed.value for seed in secrets.parse(_secret(seed=NEXT, previous=SEED))] == [NEXT.encode(), SEED.encode()]


def test_a_new_key_is_not_used_before_every_process_knows_it() -> None:
    with clock.held(1_000_000) as advance:
        text = _secret(seed=NEXT, previous=SEED, active_from=1_000_000 + secrets.ACTIVATION_MS)
        assert secrets.parse(text)[0].value == SEED.encode()
        advance(secrets.ACTIVATION_MS)
        assert secrets.parse(text)[0].value == NEXT.encode()


def test_keys_of_different_purposes_and_generations_differ() -> None:
    old, new = secrets.Seed(SEED.encode()), secrets.Seed(NEXT.encode())
    assert len({old.derive("cursor"), old.derive("es256"), new.derive("cursor"), new.derive("es256")}) == 4


def test_a_derived_key_is_the_same_every_time() -> None:
    assert secrets.Seed(SEED.encode()).derive("cursor") == secrets.Seed(SEED.encode()).derive("cursor")


def test_a_kid_names_its_generation_and_shows_nothing_of_it() -> None:
    old, new = secrets.Seed(SEED.encode()), secrets.Seed(NEXT.encode())
    assert old.kid != new.kid
    assert SEED not in old.kid


@pytest.fixture
def pseudonyms(settings: pytest.MonkeyPatch) -> None:
    secrets.pseudonym_keyring._seeds = secrets.parse(_secret(seed=SEED))
    secrets.pseudonym_keyring._read_at = time.monotonic()


@pytest.mark.usefixtures("pseudonyms")
def test_a_pseudonym_is_always_the_same_and_tells_nothing() -> None:
    made = secrets.pseudonym("vote", "pol_1/usr_1")
    assert made == secrets.pseudonym("vote", "pol_1/usr_1")
    assert len(made) == 40
    assert len({made, *(secrets.pseudonym(*each) for each in [("vote", "pol_2/usr_1"), ("else", "pol_1/usr_1")])}) == 3


@pytest.mark.usefixtures("pseudonyms")
def test_pseudonyms_need_their_key() -> None:
    made = secrets.pseudonym("vote", "usr_1")
    secrets.pseudonym_keyring._seeds = secrets.parse(_secret(seed=NEXT))
    assert secrets.pseudonym("vote", "usr_1") != made
