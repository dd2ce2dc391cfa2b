"""Access tokens: made and checked. The corpus of bad ones is with the accounts."""

from __future__ import annotations

import jwt
import pytest

from kernel import auth, clock, ids, keyrings
from kernel.caller import Caller
from kernel.errors import Unauthenticated
from tests.conftest import SEED
from tests.support import rings

pytestmark = pytest.mark.usefixtures("keys")


def _people() -> tuple[str, str]:
    return ids.new("usr"), ids.new("ses")


def test_a_token_says_who_calls() -> None:
    user_id, session_id = _people()
    assert auth.verify(auth.issue(user_id, session_id)) == Caller(user_id, session_id)


def test_a_token_carries_what_the_contract_names() -> None:
    user_id, session_id = _people()
    token = auth.issue(user_id, session_id)
    claims = jwt.decode(token, options={"verify_signature": False})
    header = jwt.get_unverified_header(token)
    assert header["alg"] == "ES256"
    assert header["kid"] == keyrings.tokens.seeds()[0].kid
    assert claims.keys() == {"iss", "aud", "sub", "sid", "jti", "iat", "exp"}
    assert (claims["sub"], claims["sid"]) == (user_id, session_id)
    assert claims["exp"] - claims["iat"] == 15 * 60


def test_a_token_ends_after_15_minutes() -> None:
    with clock.held(clock.now()) as advance:
        token = auth.issue(*_people())
        advance(15 * clock.MINUTE - 1)
        auth.verify(token)
        advance((auth.LEEWAY_S + 1) * clock.SECOND)
        with pytest.raises(Unauthenticated) as refusal:
            auth.verify(token)
    assert refusal.value.stable_code == "token_expired"


def test_a_token_is_taken_from_a_process_whose_clock_is_ahead() -> None:
    user_id, session_id = _people()
    with clock.held(clock.now() + 5 * clock.MINUTE):
        token = auth.issue(user_id, session_id)
    assert auth.verify(token) == Caller(user_id, session_id)


def test_a_token_outlives_a_rotation() -> None:
    user_id, session_id = _people()
    token = auth.issue(user_id, session_id)
    auth._verified.drop(token)
    rings.hold(keyrings.tokens, "a fresh seed", SEED + "tokens")
    assert auth.verify(token) == Caller(user_id, session_id)


def test_the_published_keys_check_a_token_and_hold_nothing_private() -> None:
    user_id, session_id = _people()
    token = auth.issue(user_id, session_id)
    keys = {key["kid"]: key for key in auth.jwks()["keys"]}
    public = jwt.PyJWK(keys[jwt.get_unverified_header(token)["kid"]])
    claims = jwt.decode(token, public, algorithms=["ES256"], audience=auth.AUDIENCE)
    assert claims["sub"] == user_id
    assert all("d" not in key for key in keys.values())


def test_a_token_signed_with_the_key_of_the_key_log_is_refused() -> None:
    user_id, session_id = _people()
    claims = jwt.decode(auth.issue(user_id, session_id), options={"verify_signature": False})
    forged = auth.sign(claims, kind="JWT", ring=keyrings.key_log)
    with pytest.raises(Unauthenticated):
        auth.verify(forged)


def test_tokens_are_checked_without_a_seed() -> None:
    user_id, session_id = _people()
    token = auth.issue(user_id, session_id)
    keyrings.tokens._seeds.clear()  # a process that may not decrypt the ring
    assert auth.verify(token) == Caller(user_id, session_id)


@pytest.mark.parametrize("token", ["", "x", "a.b.c", "é.é.é", "." * 10, "eyJhbGciOiJub25lIn0.e30."])
def test_a_text_that_is_no_token_is_refused(token: str) -> None:
    with pytest.raises(Unauthenticated):
        auth.verify(token)
