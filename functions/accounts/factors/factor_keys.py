"""Encryption of TOTP secrets and MACs of recovery codes, so that the table alone does not suffice to sign in."""

from __future__ import annotations

import hashlib
import hmac
import os
from base64 import b64decode, b64encode
from functools import lru_cache
from typing import Any

from kernel import keyrings
from kernel.keyrings import Seed

_NONCE_BYTES = 12


@lru_cache(maxsize=4)
def _cipher(seed: Seed) -> Any:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    return AESGCM(seed.derive("totp"))


def seal(user_id: str, secret: str) -> str:
    """Encrypt a secret for storage, bound to the person."""
    nonce = os.urandom(_NONCE_BYTES)
    sealed = _cipher(keyrings.factors.seeds()[0]).encrypt(nonce, secret.encode(), user_id.encode())
    return b64encode(nonce + sealed).decode()


def unseal(user_id: str, sealed: str) -> str:
    """Decrypt a secret; raises RuntimeError if its key is gone."""
    from cryptography.exceptions import InvalidTag

    raw = b64decode(sealed)
    for seed in keyrings.factors.seeds():
        try:
            opened: bytes = _cipher(seed).decrypt(raw[:_NONCE_BYTES], raw[_NONCE_BYTES:], user_id.encode())
        except InvalidTag:
            continue
        return opened.decode()
    raise RuntimeError("a second factor was sealed with a key that is gone (docs/runbooks/keys.md)")


def macs(user_id: str, code: str) -> list[str]:
    """The MACs of a recovery code by all valid keys; the first is by the current one, for storage."""
    return [_mac(seed, user_id, code) for seed in keyrings.factors.seeds()]


def _mac(seed: Seed, user_id: str, code: str) -> str:
    return hmac.new(_mac_key(seed), f"{user_id}\n{code}".encode(), hashlib.sha256).hexdigest()


@lru_cache(maxsize=4)
def _mac_key(seed: Seed) -> bytes:
    return seed.derive("recovery")
