"""Validation of key packages (RFC 9420, 10.1), as far as a server can do it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from keys import framing
from keys.framing import BASIC, MLS_1_0, SUITE, KeyPackage, Malformed, vector

KEY_BYTES = 32  # of X25519 and Ed25519
BEGINS_WITHIN_S = 3_600
LONGEST_LIFE_S = 400 * 86_400


@dataclass(frozen=True, slots=True)
class PackageOwner:
    """The signature key and the serialised credential with which the device was registered."""

    signature_key: bytes
    credential: bytes


@dataclass(frozen=True, slots=True)
class ValidPackage:
    """A valid package with its KeyPackageRef (hex); its lifetime is in seconds since 1970."""

    reference: str
    message: bytes
    not_before: int
    not_after: int


def validate(message: bytes, owner: PackageOwner, *, now_s: int) -> ValidPackage:
    """The package, if it is valid now; raises Malformed with the reason."""
    package = framing.key_package(message)
    if package.version != MLS_1_0 or package.suite != SUITE:
        raise Malformed("it is of another version or cipher suite")
    if not (len(package.init_key) == len(package.encryption_key) == KEY_BYTES):
        raise Malformed("a key has not the length that this suite wants")
    if package.init_key == package.encryption_key:
        raise Malformed("init key and encryption key are the same")
    if package.signature_key != owner.signature_key:
        raise Malformed("it is not made with the device's own signature key")
    if package.credential.kind != BASIC or package.credential.encoded != owner.credential:
        raise Malformed("it does not carry the device's own credential")
    _require_lifetime(package, now_s)
    _require_signatures(package)
    return ValidPackage(_reference(package.package), message, package.not_before, package.not_after)


def _require_lifetime(package: KeyPackage, now_s: int) -> None:
    if package.not_before > now_s + BEGINS_WITHIN_S:
        raise Malformed("its lifetime begins more than an hour ahead")
    if package.not_after <= now_s:
        raise Malformed("its lifetime is over")
    if package.not_after <= package.not_before:
        raise Malformed("its lifetime ends before it begins")
    if package.not_after - package.not_before > LONGEST_LIFE_S:
        raise Malformed("it lives for more than 400 days")


def _require_signatures(package: KeyPackage) -> None:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        key = Ed25519PublicKey.from_public_bytes(package.signature_key)
        key.verify(package.leaf_signature, _labelled("LeafNodeTBS", package.leaf_signed))
        key.verify(package.signature, _labelled("KeyPackageTBS", package.signed))
    except (InvalidSignature, ValueError) as error:
        raise Malformed("a signature of it does not hold") from error


def _labelled(label: str, content: bytes) -> bytes:
    """The input of SignWithLabel (RFC 9420, 5.1.2)."""
    return vector(b"MLS 1.0 " + label.encode()) + vector(content)


def _reference(package: bytes) -> str:
    """The KeyPackageRef (RFC 9420, 5.2) in hex."""
    return hashlib.sha256(vector(b"MLS 1.0 KeyPackage Reference") + vector(package)).hexdigest()
