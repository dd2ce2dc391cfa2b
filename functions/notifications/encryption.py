"""Message encryption for Web Push (RFC 8291 over RFC 8188): only the browser that subscribed can read a payload."""

from __future__ import annotations

import os
import struct
from base64 import urlsafe_b64decode
from dataclasses import dataclass

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

RECORD_BYTES = 4_096
MAX_PLAINTEXT_BYTES = RECORD_BYTES - 86 - 17  # header, tag and delimiter: RFC 8291 demands a single record
_POINT_BYTES, _AUTH_BYTES, _SALT_BYTES = 65, 16, 16
_LAST_RECORD = b"\x02"


@dataclass(frozen=True, slots=True)
class BrowserKeys:
    """The keys of a subscription: the browser's public key (an uncompressed P-256 point) and its auth secret."""

    public_key: bytes
    auth: bytes

    @classmethod
    def of(cls, p256dh: str, auth: str) -> BrowserKeys:
        """Decode a subscription's keys (URL-safe base 64); raises ValueError for invalid ones."""
        point, secret = _decoded(p256dh), _decoded(auth)
        if len(point) != _POINT_BYTES or len(secret) != _AUTH_BYTES:
            raise ValueError("p256dh has 65 bytes, auth 16")
        ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point)  # raises for a point off the curve
        return cls(point, secret)


def encrypt(
    plaintext: bytes,
    to: BrowserKeys,
    *,
    key: ec.EllipticCurvePrivateKey | None = None,
    salt: bytes | None = None,
) -> bytes:
    """The body of a push (`Content-Encoding: aes128gcm`); raises ValueError for a longer text than one record holds.

    `key` and `salt` are for tests; they are fresh for each push.
    """
    if len(plaintext) > MAX_PLAINTEXT_BYTES:
        raise ValueError(f"a push holds at most {MAX_PLAINTEXT_BYTES} bytes")
    key = key or ec.generate_private_key(ec.SECP256R1())
    salt = salt or os.urandom(_SALT_BYTES)
    public = key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    shared = key.exchange(ec.ECDH(), ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), to.public_key))
    secret = _derive(shared, to.auth, b"WebPush: info\0" + to.public_key + public, 32)
    content_key = _derive(secret, salt, b"Content-Encoding: aes128gcm\0", 16)
    nonce = _derive(secret, salt, b"Content-Encoding: nonce\0", 12)
    ciphertext = AESGCM(content_key).encrypt(nonce, plaintext + _LAST_RECORD, None)
    return salt + struct.pack(">IB", RECORD_BYTES, len(public)) + public + ciphertext


def _derive(secret: bytes, salt: bytes, info: bytes, length: int) -> bytes:
    return HKDF(hashes.SHA256(), length, salt=salt, info=info).derive(secret)


def _decoded(text: str) -> bytes:
    return urlsafe_b64decode(text.rstrip("=") + "=" * (-len(text.rstrip("=")) % 4))
