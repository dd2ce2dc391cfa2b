"""Access tokens: ES256 JWTs that are valid for 15 minutes.

Verifying a token takes only public keys, which every function may read. Issuing one takes the right to decrypt the ring
`tokens`.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, cast

import jwt
from cryptography.hazmat.primitives.asymmetric import ec

from kernel import clock, ids, keyrings
from kernel.cache import Memo
from kernel.caller import Caller
from kernel.errors import Unauthenticated
from kernel.keyrings import Keyring, Seed

ALGORITHM = "ES256"
ACCESS_TTL_S = 15 * 60
LEEWAY_S = 5
# How far the clock of an issuer may be ahead: refusing its tokens would refuse people who have just signed in.
AHEAD_MAX_S = 6 * 60
AUDIENCE = "secureconnect"
ISSUER = "secureconnect"
_REQUIRED = ["exp", "iat", "iss", "aud", "sub", "sid", "jti"]


_verified: Memo[tuple[Caller, int]] = Memo(max_entries=2_000, ttl_s=ACCESS_TTL_S)  # caller and expiry (s), by token


@lru_cache(maxsize=4)
def _private_key(seed: Seed) -> ec.EllipticCurvePrivateKey:
    return seed.p256_key()


def issue(user_id: str, session_id: str) -> str:
    """A new access token for this person and session."""
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
    return _signed(claims, keyrings.tokens)


def sign(payload: dict[str, Any], *, kind: str, ring: Keyring) -> str:
    """A JWS (ES256) of this payload, signed with a key of the JWK set.

    `kind` is its `typ`, so that it cannot pass for a token.
    """
    return _signed(payload, ring, {"typ": kind})


def _signed(payload: dict[str, Any], ring: Keyring, headers: Mapping[str, str] | None = None) -> str:
    seed = ring.seeds()[0]
    return jwt.encode(payload, _private_key(seed), algorithm=ALGORITHM, headers={"kid": seed.kid, **(headers or {})})


def verify(token: str) -> Caller:
    """The caller of a valid token; raises Unauthenticated (code `token_expired` for an expired one).

    It does not check whether the session has ended: `accounts.sessions.authentication` does.
    """
    known = _verified.get(token)
    if known is not None and clock.now_s() < known[1]:
        return known[0]
    try:
        kid = str(jwt.get_unverified_header(token).get("kid"))
        key = keyrings.tokens.public_keys().get(kid) or keyrings.tokens.public_keys(missing=kid).get(kid)
        if key is None:
            raise Unauthenticated
        claims = jwt.decode(
            token,
            _public_key(key["x"], key["y"]),
            algorithms=[ALGORITHM],
            audience=AUDIENCE,
            issuer=ISSUER,
            # the times are checked below against the kernel's clock
            options={"require": _REQUIRED, "verify_exp": False, "verify_iat": False},
        )
    except (jwt.InvalidTokenError, ValueError, UnicodeError) as error:
        raise Unauthenticated from error
    if not (ids.is_id(claims["sub"], "usr") and isinstance(claims["sid"], str) and ids.is_id(claims["sid"], "ses")):
        raise Unauthenticated
    issued, expires = claims["iat"], claims["exp"]
    if type(issued) is not int or type(expires) is not int or issued > clock.now_s() + AHEAD_MAX_S:
        raise Unauthenticated
    if expires <= clock.now_s() - LEEWAY_S:
        raise Unauthenticated("The access token has expired.", code="token_expired")
    caller = Caller(user_id=claims["sub"], session_id=claims["sid"])
    _verified.put(token, (caller, expires))
    return caller


def jwks() -> dict[str, Any]:
    """The public keys as a JWK set (RFC 7517): those that verify tokens, and those that verify heads of the key log."""
    return {"keys": [key for ring in (keyrings.tokens, keyrings.key_log) for key in ring.public_keys().values()]}


@lru_cache(maxsize=4)
def _public_key(x: str, y: str) -> ec.EllipticCurvePublicKey:
    key = jwt.algorithms.ECAlgorithm.from_jwk({"kty": "EC", "crv": "P-256", "x": x, "y": y})
    return cast(ec.EllipticCurvePublicKey, key)
