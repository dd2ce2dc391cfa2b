"""Refresh tokens: `user.session.generation.secret.mac`, opaque to clients.

The MAC detects forged tokens without a read, and distinguishes a reused token from a guess. The successor of a token is
derived from it and the session's salt, so that concurrent requests with the same token get the same successor without
storing it.
"""

from __future__ import annotations

import hashlib
import hmac
from base64 import urlsafe_b64encode
from dataclasses import dataclass, field, replace
from functools import lru_cache

from accounts.model import digest
from kernel import ids, keyrings
from kernel.errors import Unauthenticated
from kernel.keyrings import Seed

MAX_CHARS = 512


@dataclass(frozen=True, slots=True)
class RefreshToken:
    """One generation of a session's refresh token."""

    user_id: str
    session_id: str
    generation: int = 0
    secret: str = field(default_factory=ids.token, repr=False)

    @property
    def hash(self) -> str:
        """The hash that the session stores."""
        return digest(self.secret)

    def successor(self, salt: str) -> RefreshToken:
        """The next token, deterministic for this one and the session's salt."""
        mac = hmac.digest(self.secret.encode(), salt.encode(), hashlib.sha256)
        return replace(self, generation=self.generation + 1, secret=_text(mac))

    def encode(self) -> str:
        """The token for the client."""
        fields = f"{self.user_id}.{self.session_id}.{self.generation}.{self.secret}"
        return f"{fields}.{_mac(keyrings.refresh_tokens.seeds()[0], fields)}"


def decode(token: str) -> RefreshToken:
    """Decode a genuine token of any age; raises Unauthenticated for any other text."""
    fields, _, mac = token.rpartition(".")
    if len(token) > MAX_CHARS or not token.isascii():
        raise Unauthenticated
    if not any(hmac.compare_digest(mac, _mac(seed, fields)) for seed in keyrings.refresh_tokens.seeds()):
        raise Unauthenticated
    user_id, session_id, generation, secret = fields.split(".")
    return RefreshToken(user_id, session_id, int(generation), secret)


def _mac(seed: Seed, fields: str) -> str:
    return _text(hmac.digest(_key(seed), fields.encode(), hashlib.sha256))


@lru_cache(maxsize=4)
def _key(seed: Seed) -> bytes:
    return seed.derive("refresh")


def _text(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()
