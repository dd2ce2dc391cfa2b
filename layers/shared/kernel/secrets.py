"""Keyrings: secrets made by the deployment and kept in Secrets Manager, with keys derived for each purpose.

A secret is `{"seed": …, "previous": …, "active_from": ms}`; rotation moves `seed` to `previous`. New things are
made with the first key, things made with either are accepted. A new seed is made use of from `active_from` on,
when every process has read it, so a rotation signs nobody out. Never logs a value.

Pseudonyms have a secret of their own that is never rotated, as the same name has to come out for as long as it is kept.
Second factors are kept under a third one, which only sign-in reads; they are sealed anew when they are used.
"""

from __future__ import annotations

import hmac
import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from kernel import aws, clock
from kernel.config import ConfigurationError, config
from kernel.errors import DependencyUnavailable

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric import ec

MIN_SEED_CHARS = 43  # 256 bits in URL-safe base 64
MIN_DISTINCT_CHARS = 16
REFRESH_S = 300.0
MISS_REFRESH_S = 10.0
ACTIVATION_MS = 10 * clock.MINUTE  # twice REFRESH_S: by then every process knows a new seed
_P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


@dataclass(frozen=True, slots=True)
class Seed:
    """One generation of the secret."""

    value: bytes

    def derive(self, purpose: str, length: int = 32) -> bytes:
        """A key for one purpose (HKDF-SHA256, RFC 5869)."""
        from cryptography.hazmat.primitives import hashes
        from cryptography.hazmat.primitives.kdf.hkdf import HKDF

        return HKDF(hashes.SHA256(), length, salt=None, info=purpose.encode()).derive(self.value)

    def p256_key(self, purpose: str) -> ec.EllipticCurvePrivateKey:
        """A P-256 key for one purpose, always the same."""
        from cryptography.hazmat.primitives.asymmetric import ec

        # 48 bytes reduced modulo the order: the bias is below 2^-128 (FIPS 186-5, A.2.1)
        scalar = int.from_bytes(self.derive(purpose, 48), "big") % (_P256_ORDER - 1) + 1
        return ec.derive_private_key(scalar, ec.SECP256R1())

    @property
    def kid(self) -> str:
        """A public name of this generation."""
        return self.derive("kid", 9).hex()


def parse(secret: str) -> tuple[Seed, ...]:
    """The generations in a secret's text, the one to make things with first.

    Raises ConfigurationError on weak or absent ones.
    """
    try:
        fields = json.loads(secret)
        values = [fields[name] for name in ("seed", "previous") if fields.get(name)]
    except (ValueError, TypeError, AttributeError) as error:
        raise ConfigurationError("the signing secret is not a JSON object with a seed") from error
    if not values or not fields.get("seed"):
        raise ConfigurationError("the signing secret has no seed: rotate it (docs/runbooks/keys.md)")
    for value in values:
        if not isinstance(value, str) or len(value) < MIN_SEED_CHARS or len(set(value)) < MIN_DISTINCT_CHARS:
            raise ConfigurationError("the signing secret is too weak: rotate it (docs/runbooks/keys.md)")
    seeds = tuple(Seed(value.encode()) for value in values)
    return seeds if fields.get("active_from", 0) <= clock.now() else seeds[::-1]


class Keyring:
    """The current generations, read again every 5 minutes and, at most every 10 s, when one is missing."""

    def __init__(self, arn: Callable[[], str] = lambda: config().signing_secret_arn) -> None:
        self._arn = arn
        self._seeds: tuple[Seed, ...] = ()
        self._read_at = 0.0
        self._lock = threading.Lock()

    def seeds(self, missing: str | None = None) -> tuple[Seed, ...]:
        """The one to make things with first.

        `missing` names a kid that was not found: then the secret may be read again.
        """
        age = time.monotonic() - self._read_at
        if self._seeds and age < (MISS_REFRESH_S if missing else REFRESH_S):
            return self._seeds
        with self._lock:
            if not self._arn():
                raise ConfigurationError("the address of a secret is not set (SIGNING_SECRET_ARN and its like)")
            try:
                answer = aws.client("secretsmanager").get_secret_value(SecretId=self._arn(), VersionStage="AWSCURRENT")
            except (BotoCoreError, ClientError) as error:
                if not self._seeds:
                    raise DependencyUnavailable from error
                self._read_at = time.monotonic() - REFRESH_S + MISS_REFRESH_S  # keep the known keys, try again soon
                return self._seeds
            self._seeds = parse(answer["SecretString"])
            self._read_at = time.monotonic()
        return self._seeds


keyring = Keyring()
pseudonym_keyring = Keyring(lambda: config().pseudonym_secret_arn)
# never rotated: browsers' push subscriptions are bound to its public key
vapid_keyring = Keyring(lambda: config().vapid_secret_arn)
factor_keyring = Keyring(lambda: config().factor_secret_arn)


def pseudonym(purpose: str, name: str) -> str:
    """A stand-in for a name, always the same, that tells nobody without the key whose it is (HMAC-SHA256, 160 bits)."""
    key = pseudonym_keyring.seeds()[0].value
    return hmac.digest(key, f"{purpose}\0{name}".encode(), "sha256").hex()[:40]
