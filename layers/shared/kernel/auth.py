"""Access tokens: ES256 JWTs of 15 minutes, made and checked with keys derived from the keyring."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec

from kernel import clock, ids
from kernel.cache import Memo
from kernel.caller import Caller
from kernel.errors import Unauthenticated
from kernel.secrets import Seed, keyring

ALGORITHM = "ES256"
ACCESS_TTL_S = 15 * 60
LEEWAY_S = 5
AUDIENCE = "secureconnect"
ISSUER = "secureconnect"
_REQUIRED = ["exp", "iat", "iss", "aud", "sub", "sid", "jti"]


_verified: Memo[tuple[Caller, int]] = Memo(max_entries=2_000, ttl_s=ACCESS_TTL_S)  # with the time of expiry


@lru_cache(maxsize=4)
def _private_key(seed: Seed) -> ec.EllipticCurvePrivateKey:
    return seed.p256_key("es256")


def issue(user_id: str, session_id: str) -> str:
    """A new access token of this person and session."""
    seed = keyring.seeds()[0]
    now = clock.now_s()
    claims = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": user_id,
        "sid": session_id,
        "jti": ids.new("jti"),
        "iat": now,
        "exp": now + ACCESS_TTL_S,
    }
    return jwt.encode(claims, _private_key(seed), algorithm=ALGORITHM, headers={"kid": seed.kid})


def sign(payload: dict[str, Any], *, kind: str) -> str:
    """A JWS (ES256) over this, with a key of the JWK set. `kind` is its `typ`, so that it is taken for nothing else."""
    seed = keyring.seeds()[0]
    return jwt.encode(payload, _private_key(seed), algorithm=ALGORITHM, headers={"kid": seed.kid, "typ": kind})


def verify(token: str) -> Caller:
    """The caller of a valid token; raises Unauthenticated (code `token_expired` for an expired one).

    Whether the session still stands is the caller's next question (accounts.sessions).
    """
    known = _verified.get(token)
    if known is not None and clock.now_s() < known[1]:
        return known[0]
    try:
        kid = jwt.get_unverified_header(token).get("kid")
        seed = next((seed for seed in keyring.seeds() if seed.kid == kid), None)
        if seed is None:
            seed = next((seed for seed in keyring.seeds(missing=str(kid)) if seed.kid == kid), None)
        if seed is None:
            raise Unauthenticated
        claims = jwt.decode(
            token,
            _private_key(seed).public_key(),
            algorithms=[ALGORITHM],
            audience=AUDIENCE,
            issuer=ISSUER,
            # the times are checked below against this process's one clock
            options={"require": _REQUIRED, "verify_exp": False, "verify_iat": False},
        )
    except (jwt.InvalidTokenError, ValueError, UnicodeError) as error:
        raise Unauthenticated from error
    if not (ids.is_id(claims["sub"], "usr") and isinstance(claims["sid"], str) and ids.is_id(claims["sid"], "ses")):
        raise Unauthenticated
    issued, expires = claims["iat"], claims["exp"]
    if type(issued) is not int or type(expires) is not int or issued > clock.now_s() + LEEWAY_S:
        raise Unauthenticated
    if expires <= clock.now_s() - LEEWAY_S:
        raise Unauthenticated("The access token has expired.", code="token_expired")
    caller = Caller(user_id=claims["sub"], session_id=claims["sid"])
    _verified.put(token, (caller, expires))
    return caller


def jwks() -> dict[str, Any]:
    """The public keys as a JWK set (RFC 7517)."""
    return {"keys": [_jwk(seed) for seed in keyring.seeds()]}


def _jwk(seed: Seed) -> dict[str, Any]:
    jwk: dict[str, Any] = jwt.algorithms.ECAlgorithm.to_jwk(_private_key(seed).public_key(), as_dict=True)
    return {**jwk, "kid": seed.kid, "alg": ALGORITHM, "use": "sig"}
