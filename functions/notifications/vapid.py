"""The VAPID key (RFC 8292), which identifies this deployment to push services; it is never rotated."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from functools import lru_cache

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from kernel import clock, keyrings
from kernel.cache import Memo
from kernel.config import config
from kernel.keyrings import Seed

TOKEN_TTL_S = 12 * 60 * 60  # RFC 8292: at most 24 h
TOKEN_MEMO_S = 6 * 60 * 60

_tokens: Memo[str] = Memo(max_entries=1_000, ttl_s=TOKEN_MEMO_S)


@lru_cache(maxsize=2)
def _private_key(seed: Seed) -> ec.EllipticCurvePrivateKey:
    return seed.p256_key("vapid")


def application_server_key() -> str:
    """The public key for browsers: an uncompressed point in URL-safe base 64 without padding."""
    point = _private_key(_seed()).public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    return urlsafe_b64encode(point).rstrip(b"=").decode()


def authorization(origin: str) -> str:
    """The Authorization header for one push service; its token is reused for 6 h."""
    known = _tokens.get(origin)
    if known is not None:
        return known
    import jwt

    claims = {"aud": origin, "exp": clock.now_s() + TOKEN_TTL_S, "sub": f"mailto:{config().mail_sender}"}
    token = jwt.encode(claims, _private_key(_seed()), algorithm="ES256")
    made = f"vapid t={token}, k={application_server_key()}"
    _tokens.put(origin, made)
    return made


def topic_key() -> bytes:
    """The key of `payloads.topic`."""
    return _seed().derive("push topics")


def _seed() -> Seed:
    return keyrings.web_push.seeds()[0]
