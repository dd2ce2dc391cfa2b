from __future__ import annotations

import hmac
import json
import secrets as random
import string
from hashlib import sha256

import pytest

from accounts import refresh_tokens
from accounts.refresh_tokens import RefreshToken, opened
from kernel import auth, clock, ids, paging, secrets
from kernel.errors import Unauthenticated
from kernel.secrets import keyring
from tests.conftest import SEED


def a_token() -> RefreshToken:
    return RefreshToken(ids.new("usr"), ids.new("ses"), generation=3)


def test_a_refresh_token_opens_to_what_was_sealed() -> None:
    token = a_token()

    assert opened(token.sealed()) == token


def test_every_changed_character_of_a_refresh_token_is_noticed() -> None:
    text = a_token().sealed()

    for place, char in enumerate(text):
        other = "A" if char != "A" else "B"
        with pytest.raises(Unauthenticated):
            opened(f"{text[:place]}{other}{text[place + 1 :]}")


@pytest.mark.parametrize("text", ["", ".", "....", "a.b.0.c.d", "é" * 20, "x" * 2_000, "usr_1.ses_1.0.s."])
def test_what_is_no_refresh_token_is_refused(text: str) -> None:
    with pytest.raises(Unauthenticated):
        opened(text)


def test_a_token_sealed_with_another_key_is_refused() -> None:
    token = a_token()
    fields = token.sealed().rpartition(".")[0]
    forged = refresh_tokens._text(hmac.digest(b"guess", fields.encode(), sha256))

    with pytest.raises(Unauthenticated):
        opened(f"{fields}.{forged}")


def test_the_successor_is_the_same_for_everybody_with_the_same_token_and_salt() -> None:
    token = a_token()

    assert token.successor("salt") == token.successor("salt")
    assert token.successor("salt").generation == token.generation + 1
    assert token.successor("salt").secret != token.successor("other").secret
    assert token.successor("salt").secret != token.secret


def test_the_secret_shows_in_no_representation() -> None:
    token = a_token()

    assert token.secret not in repr(token)


def rotated(*, active_from: int) -> tuple[secrets.Seed, ...]:
    fresh = "".join(random.choice(string.ascii_letters + string.digits) for _ in range(64))
    return secrets.parse(json.dumps({"seed": fresh, "previous": SEED, "active_from": active_from}))


def test_what_was_made_before_a_rotation_is_accepted_after_it() -> None:
    access, refresh = auth.issue(ids.new("usr"), ids.new("ses")), a_token()
    sealed, place = refresh.sealed(), paging.seal([1], bound_to=("usr_1", "list"))

    keyring._seeds = rotated(active_from=0)

    assert auth.verify(access).user_id
    assert opened(sealed) == refresh
    assert paging.unseal(place, bound_to=("usr_1", "list")) == [1]


def test_what_is_made_after_a_rotation_is_not_made_with_the_old_key() -> None:
    before = keyring.seeds()
    keyring._seeds = rotated(active_from=0)
    sealed = a_token().sealed()
    keyring._seeds = before

    with pytest.raises(Unauthenticated):
        opened(sealed)


def test_a_new_key_is_not_used_before_every_process_can_know_it() -> None:
    before = keyring.seeds()
    with clock.held(clock.now()) as advance:
        secret = json.dumps({"seed": SEED[::-1], "previous": SEED, "active_from": clock.now() + secrets.ACTIVATION_MS})

        assert secrets.parse(secret)[0] == before[0]
        advance(secrets.ACTIVATION_MS)
        assert secrets.parse(secret)[0] != before[0]


def test_both_keys_are_published_through_a_rotation() -> None:
    keyring._seeds = rotated(active_from=0)

    keys = auth.jwks()["keys"]

    assert len({key["kid"] for key in keys}) == 2
    assert all("d" not in key for key in keys)
