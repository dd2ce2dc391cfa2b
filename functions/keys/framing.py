"""A parser of the unencrypted parts of MLS (RFC 9420, 2 and 6): the framing of messages, and key packages.

It parses untrusted bytes strictly: every function returns a value or raises `Malformed`. It decrypts nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

MLS_1_0 = 1
SUITE = 1  # MLS_128_DHKEMX25519_AES128GCM_SHA256_Ed25519
BASIC = 1  # the type of credentials that hold an identity only
_KEY_PACKAGE_LEAF = 1  # the source of a key package's leaf node
_PREFIX_BYTES = {0: 1, 1: 2, 2: 4}
_LEAST_OF_PREFIX = {0: 0, 1: 1 << 6, 2: 1 << 14}
_SENDER_INDEX_BYTES = {1: 4, 2: 4, 3: 0, 4: 0}  # member, external, new_member_proposal, new_member_commit


class Malformed(ValueError):
    """The bytes cannot be parsed; the message is the reason."""


class WireFormat(IntEnum):
    """The content of an MLSMessage (RFC 9420, 6)."""

    PUBLIC_MESSAGE = 1
    PRIVATE_MESSAGE = 2
    WELCOME = 3
    GROUP_INFO = 4
    KEY_PACKAGE = 5


class ContentType(IntEnum):
    """The content of a framed message."""

    APPLICATION = 1
    PROPOSAL = 2
    COMMIT = 3


@dataclass(frozen=True, slots=True)
class Framing:
    """The group, epoch and content type of a PublicMessage or PrivateMessage."""

    wire_format: WireFormat
    group_id: bytes
    epoch: int
    content_type: ContentType


@dataclass(frozen=True, slots=True)
class Credential:
    """A leaf's credential; `identity` is None for other kinds than basic, `encoded` is its serialisation."""

    kind: int
    identity: bytes | None
    encoded: bytes


@dataclass(frozen=True, slots=True)
class KeyPackage:
    """A parsed but unverified key package. Its lifetime is in seconds since 1970.

    `signed` and `leaf_signed` are the bytes that the two signatures cover; `package`, without the header of an
    MLSMessage, is the input of the KeyPackageRef.
    """

    version: int
    suite: int
    init_key: bytes
    encryption_key: bytes
    signature_key: bytes
    credential: Credential
    not_before: int
    not_after: int
    leaf_signature: bytes
    leaf_signed: bytes
    signature: bytes
    signed: bytes
    package: bytes


class Reader:
    """A position in bytes; numbers are big-endian, vectors have a variable-size length prefix (RFC 9420, 2.1)."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0

    def take(self, count: int) -> bytes:
        """The next `count` bytes."""
        end = self.at + count
        if end > len(self.data):
            raise Malformed("it ends too early")
        taken = self.data[self.at : end]
        self.at = end
        return taken

    def number(self, size: int) -> int:
        """An unsigned number of `size` bytes."""
        return int.from_bytes(self.take(size), "big")

    def vector(self) -> bytes:
        """A vector's content; raises Malformed unless its length prefix is minimal."""
        first = self.number(1)
        prefix = first >> 6
        if prefix not in _PREFIX_BYTES:
            raise Malformed("a length has no such prefix")
        length = first & 0x3F
        for _ in range(_PREFIX_BYTES[prefix] - 1):
            length = length << 8 | self.number(1)
        if length < _LEAST_OF_PREFIX[prefix]:
            raise Malformed("a length is longer than it needs to be")
        return self.take(length)

    def end(self) -> None:
        """Raises Malformed unless everything has been read."""
        if self.at != len(self.data):
            raise Malformed("there are bytes after its end")


def vector(content: bytes) -> bytes:
    """The content with its length prefix."""
    size = len(content)
    if size < 1 << 6:
        return size.to_bytes(1, "big") + content
    if size < 1 << 14:
        return (size | 1 << 14).to_bytes(2, "big") + content
    return (size | 2 << 30).to_bytes(4, "big") + content


def _open(message: bytes) -> tuple[WireFormat, Reader]:
    reader = Reader(message)
    if reader.number(2) != MLS_1_0:
        raise Malformed("it is not a message of MLS 1.0")
    number = reader.number(2)
    if number not in WireFormat._value2member_map_:
        raise Malformed("there is no such wire format")
    return WireFormat(number), reader


def _content_type(number: int) -> ContentType:
    if number not in ContentType._value2member_map_:
        raise Malformed("there is no such content type")
    return ContentType(number)


def framed(message: bytes) -> Framing:
    """The framing of a PublicMessage or a PrivateMessage.

    A PrivateMessage is parsed to its end. The content of a PublicMessage is not parsed: only members can verify its
    signature.
    """
    wire_format, reader = _open(message)
    if wire_format not in (WireFormat.PUBLIC_MESSAGE, WireFormat.PRIVATE_MESSAGE):
        raise Malformed("it is neither a PublicMessage nor a PrivateMessage")
    group_id, epoch = reader.vector(), reader.number(8)
    if wire_format is WireFormat.PRIVATE_MESSAGE:
        content_type = _content_type(reader.number(1))
        for _ in ("authenticated data", "encrypted sender data", "ciphertext"):
            reader.vector()
        reader.end()
    else:
        sender = reader.number(1)
        if sender not in _SENDER_INDEX_BYTES:
            raise Malformed("there is no such kind of sender")
        reader.take(_SENDER_INDEX_BYTES[sender])
        reader.vector()  # authenticated data
        content_type = _content_type(reader.number(1))
    return Framing(wire_format, group_id, epoch, content_type)


def group_info(message: bytes) -> tuple[bytes, int]:
    """The group and epoch of a GroupInfo."""
    wire_format, reader = _open(message)
    if wire_format is not WireFormat.GROUP_INFO:
        raise Malformed("it is not a GroupInfo")
    if reader.number(2) != MLS_1_0 or reader.number(2) != SUITE:
        raise Malformed("it is a group of another version or cipher suite")
    group_id, epoch = reader.vector(), reader.number(8)
    for _ in ("tree hash", "transcript hash", "context extensions", "extensions", "confirmation tag"):
        reader.vector()
    reader.number(4)  # the signer's leaf
    reader.vector()  # signature
    reader.end()
    return group_id, epoch


def welcome(message: bytes) -> None:
    """Raises Malformed unless this is a Welcome of `SUITE`, whose content is encrypted."""
    wire_format, reader = _open(message)
    if wire_format is not WireFormat.WELCOME or reader.number(2) != SUITE:
        raise Malformed("it is not a Welcome of this cipher suite")
    reader.vector()  # secrets for each newcomer
    reader.vector()  # encrypted GroupInfo
    reader.end()


def credential(encoded: bytes) -> Credential:
    """Parse a serialised credential."""
    reader = Reader(encoded)
    found = _credential(reader)
    reader.end()
    return found


def _credential(reader: Reader) -> Credential:
    start = reader.at
    kind = reader.number(2)
    content = reader.vector()
    return Credential(kind, content if kind == BASIC else None, reader.data[start : reader.at])


def key_package(message: bytes) -> KeyPackage:
    """The key package in an MLSMessage."""
    wire_format, reader = _open(message)
    if wire_format is not WireFormat.KEY_PACKAGE:
        raise Malformed("it is not a key package")
    start = reader.at
    version, suite, init_key = reader.number(2), reader.number(2), reader.vector()
    leaf_start = reader.at
    encryption_key, signature_key = reader.vector(), reader.vector()
    who = _credential(reader)
    for _ in ("versions", "cipher suites", "extensions", "proposals", "credentials"):  # capabilities
        reader.vector()
    if reader.number(1) != _KEY_PACKAGE_LEAF:
        raise Malformed("its leaf is not one of a key package")
    not_before, not_after = reader.number(8), reader.number(8)
    reader.vector()  # extensions of the leaf
    leaf_signed = message[leaf_start : reader.at]
    leaf_signature = reader.vector()
    reader.vector()  # extensions
    signed = message[start : reader.at]
    signature = reader.vector()
    reader.end()
    return KeyPackage(
        version, suite, init_key, encryption_key, signature_key, who, not_before, not_after, leaf_signature,
        leaf_signed, signature, signed, message[start:],
    )  # fmt: skip
