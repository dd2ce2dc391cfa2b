"""MLS as tests speak it by hand: key packages are really signed, of messages only the framing is real."""

from __future__ import annotations

import os
from base64 import b64encode
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from keys.framing import vector
from keys.packages import PackageOwner

HEADER = b"\x00\x01"  # mls10
PUBLIC, PRIVATE, WELCOME, GROUP_INFO, KEY_PACKAGE = (HEADER + bytes([0, n]) for n in range(1, 6))
APPLICATION, PROPOSAL, COMMIT = 1, 2, 3


def credential(user_id: str, device_id: str) -> bytes:
    """The basic credential of a device."""
    return b"\x00\x01" + vector(f"{user_id}/{device_id}".encode())


def _signed(key: Ed25519PrivateKey, label: str, content: bytes) -> bytes:
    return key.sign(vector(b"MLS 1.0 " + label.encode()) + vector(content))


@dataclass(frozen=True)
class Package:
    """A key package of suite 1; any part of it can be replaced by a wrong one. The lifetime is in seconds."""

    user_id: str
    device_id: str
    not_before: int
    not_after: int
    key: Ed25519PrivateKey = field(default_factory=Ed25519PrivateKey.generate)
    init_key: bytes = field(default_factory=lambda: os.urandom(32))
    encryption_key: bytes = field(default_factory=lambda: os.urandom(32))
    version: int = 1
    suite: int = 1
    leaf_source: int = 1
    encoded_credential: bytes | None = None
    leaf_key: Ed25519PrivateKey | None = None  # signs the leaf instead of `key`
    package_key: Ed25519PrivateKey | None = None  # signs the package instead of `key`

    @property
    def owner(self) -> PackageOwner:
        return PackageOwner(self.key.public_key().public_bytes_raw(), credential(self.user_id, self.device_id))

    def message(self) -> bytes:
        """The key package as an MLSMessage."""
        leaf = (
            vector(self.encryption_key)
            + vector(self.owner.signature_key)
            + (self.encoded_credential or self.owner.credential)
            + vector(b"\x00\x01")  # versions
            + vector(b"\x00\x01")  # cipher suites
            + vector(b"") * 2  # extensions, proposals
            + vector(b"\x00\x01")  # credentials
            + bytes([self.leaf_source])
            + self.not_before.to_bytes(8, "big")
            + self.not_after.to_bytes(8, "big")
            + vector(b"")
        )
        leaf += vector(_signed(self.leaf_key or self.key, "LeafNodeTBS", leaf))
        head = self.version.to_bytes(2, "big") + self.suite.to_bytes(2, "big") + vector(self.init_key)
        package = head + leaf + vector(b"")
        return KEY_PACKAGE + package + vector(_signed(self.package_key or self.key, "KeyPackageTBS", package))


def private_message(group: str, epoch: int, kind: int = APPLICATION, *, content: bytes = b"\x00" * 64) -> bytes:
    """A PrivateMessage of this group and epoch; nobody can decrypt it."""
    rest = vector(b"") + vector(os.urandom(28)) + vector(content)
    return PRIVATE + vector(group.encode()) + epoch.to_bytes(8, "big") + bytes([kind]) + rest


def public_message(group: str, epoch: int, kind: int = COMMIT, *, content: bytes = b"\x00" * 64) -> bytes:
    """A PublicMessage of the member at leaf 0."""
    sender = b"\x01" + bytes(4)
    return PUBLIC + vector(group.encode()) + epoch.to_bytes(8, "big") + sender + vector(b"") + bytes([kind]) + content


def group_info(group: str, epoch: int) -> bytes:
    context = HEADER + b"\x00\x01" + vector(group.encode()) + epoch.to_bytes(8, "big") + vector(bytes(32)) * 2
    return GROUP_INFO + context + vector(b"") * 2 + vector(bytes(32)) + bytes(4) + vector(bytes(64))


def welcome(content: bytes = b"\x00" * 100) -> bytes:
    return WELCOME + b"\x00\x01" + vector(b"secrets") + vector(content)


def longest_ciphertext(group: str, size: int = 49_152) -> str:
    """The longest encrypted message that is taken: 64 KB in base 64."""
    head = len(private_message(group, 0, content=bytes(20_000))) - 20_000  # from 16 KB on a length takes four bytes
    return b64encode(private_message(group, 0, content=bytes(size - head))).decode()


def ciphertext(group: str, epoch: int = 0) -> str:
    """An encrypted message of this group in base 64, as clients send it."""
    return b64encode(private_message(group, epoch)).decode()
