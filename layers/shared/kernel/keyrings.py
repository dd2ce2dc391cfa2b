"""Keyrings: keys that a deployment generates itself, one ring for each use.

A ring is an item of the table `keyrings`. It holds the newest generation and the previous one: new things are made with
the newest, and things made with either are accepted. A new generation is used from ten minutes after its creation, when
every process has read it, so a rotation signs nobody out.

The table shows a generation's name (`kid`) and, for rings that sign, its public key. The seed is encrypted by KMS with
the ring's name as encryption context, and IAM lets each function decrypt only the rings it needs (infra/rights.yaml):
functions that only verify tokens read public keys and cannot sign. Seeds are never logged.
"""

from __future__ import annotations

import hashlib
import hmac
import threading
import time
from base64 import b64decode, b64encode
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError
from pynamodb.attributes import UnicodeAttribute

from kernel import aws, clock, ids, snapshot
from kernel.config import ConfigurationError, config
from kernel.dynamo import Record
from kernel.errors import DependencyUnavailable
from kernel.records import ValueAttribute, known_fields

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric import ec

REFRESH_S = 300.0
MISS_REFRESH_S = 10.0
ACTIVATION_MS = 10 * clock.MINUTE  # twice REFRESH_S: by then every process has read a new generation
ROTATION_MS = 90 * clock.DAY  # idle refresh tokens live 30 days, so one previous generation is enough
_SIGNING = "es256"  # the purpose from which signing keys are derived
_P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


@dataclass(frozen=True, slots=True)
class Seed:
    """The secret of one generation; keys are derived from it."""

    value: bytes = field(repr=False)

    def derive(self, purpose: str, length: int = 32) -> bytes:
        """A key for one purpose (HKDF-SHA256, RFC 5869, without a salt).

        By Python's own HMAC, as many functions need no more of cryptography than this, and loading it takes 4 ms.
        """
        extracted = hmac.digest(bytes(hashlib.sha256().digest_size), self.value, "sha256")
        block = derived = b""
        while len(derived) < length:
            counter = bytes([len(derived) // len(extracted) + 1])
            block = hmac.digest(extracted, block + purpose.encode() + counter, "sha256")
            derived += block
        return derived[:length]

    def p256_key(self, purpose: str = _SIGNING) -> ec.EllipticCurvePrivateKey:
        """A P-256 key for one purpose, always the same."""
        from cryptography.hazmat.primitives.asymmetric import ec

        # 48 bytes reduced modulo the order: the bias is below 2^-128 (FIPS 186-5, A.2.1)
        scalar = int.from_bytes(self.derive(purpose, 48), "big") % (_P256_ORDER - 1) + 1
        return ec.derive_private_key(scalar, ec.SECP256R1())

    @property
    def kid(self) -> str:
        """A public name of this generation."""
        return self.derive("kid", 9).hex()


@dataclass(frozen=True, slots=True)
class Generation:
    """A generation as stored in the table."""

    kid: str
    sealed: str  # the seed, encrypted by KMS, in base64
    made_at: int  # ms
    active_from: int  # ms
    public: dict[str, str] | None = None  # the key that verifies its signatures (JWK, RFC 7517)


class KeyringRecord(Record, table="keyrings", group="access"):
    ring = UnicodeAttribute(hash_key=True)
    generations = ValueAttribute[tuple[Generation, ...]](
        lambda kept: tuple(map(known_fields(Generation), kept)), lambda value: list(map(asdict, value))
    )


class Keyring:
    """The generations of one ring, as this process has read them.

    They are read again every 5 minutes, and at most every 10 s if one is missing. If the table cannot be read, the
    known ones stay in use; raises DependencyUnavailable if there are none.
    """

    def __init__(self, name: str, *, signs: bool = False, rotates: bool = True) -> None:
        self.name, self.signs, self.rotates = name, signs, rotates
        self._lock = threading.Lock()
        self.forget()

    def forget(self) -> None:
        """Return to the state of a new process."""
        self._generations: tuple[Generation, ...] = ()
        self._seeds: dict[str, Seed] = {}
        self._read_at = 0.0

    def seeds(self) -> tuple[Seed, ...]:
        """All seeds, the one for making new things first. Takes the right to decrypt this ring."""
        return tuple(self._unsealed(each) for each in self._current())

    def public_keys(self, missing: str | None = None) -> Mapping[str, dict[str, str]]:
        """The public keys by `kid`. `missing` is a kid that was not found, which allows reading the table again."""
        return {each.kid: each.public for each in self._current(missing) if each.public is not None}

    def holds(self, seed: str) -> bool:
        """Whether `seed` is one of this ring's.

        Takes no right to decrypt, because a generation's `kid` is derived from its seed.
        """
        try:
            known = {each.kid for each in self._current()}
        except ConfigurationError:  # the ring does not exist yet, so it has no seeds
            return False
        return Seed(seed.encode()).kid in known

    def _current(self, missing: str | None = None) -> tuple[Generation, ...]:
        if not self._generations or time.monotonic() - self._read_at >= (MISS_REFRESH_S if missing else REFRESH_S):
            with self._lock:
                self._read()
        known = self._generations
        return known if known[0].active_from <= clock.now() else known[::-1]

    def _read(self) -> None:
        try:
            record = KeyringRecord.find(self.name)
        except DependencyUnavailable:
            if not self._generations:
                raise
            self._read_at = time.monotonic() - REFRESH_S + MISS_REFRESH_S  # keep the known ones, read again in 10 s
            return
        if record is None:
            raise ConfigurationError(f"there is no keyring {self.name}: deploy again (docs/runbooks/keys.md)")
        self._generations = record.generations
        self._read_at = time.monotonic()

    def _unsealed(self, generation: Generation) -> Seed:
        seed = self._seeds.get(generation.kid)
        if seed is None:
            seed = Seed(_decrypted(self.name, b64decode(generation.sealed)))
            if seed.kid != generation.kid:
                raise ConfigurationError(f"the keyring {self.name} was changed by hand (docs/runbooks/keys.md)")
            self._seeds[generation.kid] = seed
        return seed


tokens = Keyring("tokens", signs=True)
refresh_tokens = Keyring("refresh_tokens")
cursors = Keyring("cursors")
key_log = Keyring("key_log", signs=True)
# Rotated by hand only: a secret is encrypted with the newest seed when it is used, and one that is not used between two
# rotations would be lost.
factors = Keyring("factors", rotates=False)
# Never rotated: pseudonyms must stay the same for as long as they are stored.
pseudonyms = Keyring("pseudonyms", rotates=False)
# Never rotated: browsers' push subscriptions are bound to its public key.
web_push = Keyring("web_push", rotates=False)
# Rotated by hand only: CloudFront sends its seed with each request, and gets a new one by a deployment.
edge = Keyring("edge", rotates=False)
# Rotated by hand only: a new seed gives the canary other accounts.
canary = Keyring("canary", rotates=False)
_ALL = (tokens, refresh_tokens, cursors, key_log, factors, pseudonyms, web_push, edge, canary)
RINGS = {ring.name: ring for ring in _ALL}


def touch() -> None:
    """Read a ring from the table, to check that it answers."""
    KeyringRecord.find(tokens.name)


def pseudonym(purpose: str, name: str) -> str:
    """A constant substitute for a name, which cannot be traced back without the key (HMAC-SHA256, 160 bits)."""
    key = pseudonyms.seeds()[0].value
    return hmac.digest(key, f"{purpose}\0{name}".encode(), "sha256").hex()[:40]


# --- making keyrings, which takes the right of one function (infra/data.yaml) ---------------------------------


@snapshot.after
def forget_all() -> None:
    """Return all rings to the state of a new process."""
    for ring in RINGS.values():
        ring.forget()


def create_missing(rings: Iterable[Keyring] = tuple(RINGS.values())) -> list[str]:
    """Write a first generation for each ring that has none; returns the names of those rings."""
    made: list[str] = []
    for ring in rings:
        if KeyringRecord.find(ring.name) is None:
            first = KeyringRecord(ring.name, generations=(_generation(ring, active_from=0),))
            if first.save_if(KeyringRecord.ring.does_not_exist()):
                made.append(ring.name)
    return made


def rotate(ring: Keyring) -> None:
    """Add a new generation; the previously newest one stays accepted, an older one is dropped.

    Raises ConfigurationError for a ring that does not exist, RotationUnfinished within 10 minutes of the last rotation.
    """
    record = KeyringRecord.find(ring.name)
    if record is None:
        raise ConfigurationError(f"there is no keyring {ring.name}: deploy again (docs/runbooks/keys.md)")
    before = record.generations
    if before[0].active_from > clock.now():
        raise RotationUnfinished(f"the last rotation of {ring.name} is not over: things are still made with its seed")
    fresh = _generation(ring, active_from=clock.now() + ACTIVATION_MS)
    if not record.update_if(KeyringRecord.generations == before, KeyringRecord.generations.set((fresh, before[0]))):
        raise RotationUnfinished(f"{ring.name} was rotated at the same time")


def rotate_due() -> list[str]:
    """Rotate each ring whose newest generation is 90 days old; returns the names of those rings."""
    due: list[str] = []
    for ring in RINGS.values():
        record = KeyringRecord.find(ring.name) if ring.rotates else None
        if record is not None and record.generations[0].made_at <= clock.now() - ROTATION_MS:
            rotate(ring)
            due.append(ring.name)
    return due


class RotationUnfinished(RuntimeError):
    """A ring cannot be rotated yet, because things that are still being made would not be accepted afterwards."""


def _generation(ring: Keyring, *, active_from: int) -> Generation:
    seed = Seed(ids.token().encode())
    sealed = b64encode(_encrypted(ring.name, seed.value)).decode()
    return Generation(seed.kid, sealed, clock.now(), active_from, _public_jwk(seed) if ring.signs else None)


def _public_jwk(seed: Seed) -> dict[str, str]:
    import jwt

    jwk: dict[str, str] = jwt.algorithms.ECAlgorithm.to_jwk(seed.p256_key().public_key(), as_dict=True)
    return {**jwk, "kid": seed.kid, "alg": "ES256", "use": "sig"}


def _context(ring: str) -> dict[str, str]:
    """The encryption context to which KMS binds a ciphertext, and IAM a right: this ring of this stack."""
    return {"stack": config().stack, "keyring": ring}


def _encrypted(ring: str, plain: bytes) -> bytes:
    if not config().key_arn:
        raise ConfigurationError("KEY_ARN is not set: the function that makes keyrings needs it (template.yaml)")
    blob: bytes = _kms("encrypt", KeyId=config().key_arn, Plaintext=plain, EncryptionContext=_context(ring))[
        "CiphertextBlob"
    ]
    return blob


def _decrypted(ring: str, sealed: bytes) -> bytes:
    plain: bytes = _kms("decrypt", CiphertextBlob=sealed, EncryptionContext=_context(ring))["Plaintext"]
    return plain


def _kms(operation: str, **arguments: Any) -> dict[str, Any]:
    try:
        answer: dict[str, Any] = getattr(aws.client("kms"), operation)(**arguments)
    except (BotoCoreError, ClientError) as error:
        raise DependencyUnavailable from error
    return answer
