from __future__ import annotations

import hmac
from hashlib import sha256

import pytest

from accounts.sessions import refresh_tokens
from accounts.sessions.refresh_tokens import RefreshToken, decode
from kernel import auth, ids, keyrings, paging
from kernel.errors import Unauthenticated
from tests.conftest import SEED
from tests.support import rings


def a_token() -> RefreshToken:
    return RefreshToken(ids.new("usr"), ids.new("ses"), generation=3)


def test_a_refresh_token_opens_to_what_was_sealed() -> None:
    token = a_token()

    assert decode(token.encode()) == token


def test_every_changed_character_of_a_refresh_token_is_noticed() -> None:
    text = a_token().encode()

    for place, char in enumerate(text):
        other = "A" if char != "A" else "B"
        with pytest.raises(Unauthenticated):
            decode(f"{text[:place]}{other}{text[place + 1 :]}")


@pytest.mark.attack
@pytest.mark.parametrize("text", ["", ".", "....", "a.b.0.c.d", "é" * 20, "x" * 2_000, "usr_1.ses_1.0.s."])
def test_what_is_no_refresh_token_is_refused(text: str) -> None:
    with pytest.raises(Unauthenticated):
        decode(text)


@pytest.mark.attack
def test_a_token_sealed_with_another_key_is_refused() -> None:
    token = a_token()
    fields = token.encode().rpartition(".")[0]
    forged = refresh_tokens._text(hmac.digest(b"guess", fields.encode(), sha256))

    with pytest.raises(Unauthenticated):
        decode(f"{fields}.{forged}")


def test_the_successor_is_the_same_for_everybody_with_the_same_token_and_salt() -> None:
    token = a_token()

    assert token.successor("salt") == token.successor("salt")
    assert token.successor("salt").generation == token.generation + 1
    assert token.successor("salt").secret != token.successor("other").secret
    assert token.successor("salt").secret != token.secret


def test_the_secret_shows_in_no_representation() -> None:
    token = a_token()

    assert token.secret not in repr(token)


def rotate_all() -> None:
    for ring in keyrings.RINGS.values():
        rings.hold(ring, f"the next seed of {ring.name}", SEED + ring.name)


def test_what_was_made_before_a_rotation_is_accepted_after_it() -> None:
    access, refresh = auth.issue(ids.new("usr"), ids.new("ses")), a_token()
    sealed, place = refresh.encode(), paging.seal([1], bound_to=("usr_1", "list"))

    rotate_all()

    assert auth.verify(access).user_id
    assert decode(sealed) == refresh
    assert paging.unseal(place, bound_to=("usr_1", "list")) == [1]


def test_what_is_made_after_a_rotation_is_not_made_with_the_old_key() -> None:
    rotate_all()
    sealed = a_token().encode()
    rings.hold_all(SEED)

    with pytest.raises(Unauthenticated):
        decode(sealed)


def test_both_keys_are_published_through_a_rotation() -> None:
    before = {key["kid"] for key in auth.jwks()["keys"]}
    rotate_all()

    keys = auth.jwks()["keys"]

    assert before < {key["kid"] for key in keys}
    assert len(keys) == 4  # two of the tokens, two of the key log
    assert all("d" not in key for key in keys)
