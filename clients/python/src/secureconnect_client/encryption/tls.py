"""Parses MLS values (RFC 9420, 2.1), and reads the devices in key packages and ratchet trees."""

from __future__ import annotations

from dataclasses import dataclass

from secureconnect_client.encryption.errors import ServerMisbehaved

_PREFIX_BYTES = {0: 1, 1: 2, 2: 4}
_BASIC = 1
_LEAF_OF_KEY_PACKAGE, _LEAF_OF_UPDATE, _LEAF_OF_COMMIT = 1, 2, 3


@dataclass(frozen=True, slots=True, order=True)
class Leaf:
    """A device as a leaf of a group identifies it. `signature_key` is its Ed25519 public key."""

    user_id: str
    device_id: str
    signature_key: bytes


class Reader:
    """Reads values one after another from bytes; raises ServerMisbehaved for malformed ones."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    @property
    def is_at_end(self) -> bool:
        return self._at == len(self._data)

    def take(self, count: int) -> bytes:
        end = self._at + count
        if end > len(self._data):
            raise ServerMisbehaved("an MLS value ends too early")
        taken = self._data[self._at : end]
        self._at = end
        return taken

    def number(self, size: int) -> int:
        return int.from_bytes(self.take(size), "big")

    def vector(self) -> bytes:
        first = self.number(1)
        size = _PREFIX_BYTES.get(first >> 6)
        if size is None:
            raise ServerMisbehaved("a length of an MLS value has no such prefix")
        length = first & 0x3F
        for _ in range(size - 1):
            length = length << 8 | self.number(1)
        return self.take(length)


def _leaf(reader: Reader) -> Leaf:
    reader.vector()  # encryption key
    signature_key = reader.vector()
    kind, identity = reader.number(2), reader.vector()
    user_id, _, device_id = identity.decode("utf-8", "replace").partition("/")
    for _ in range(5):  # capabilities
        reader.vector()
    source = reader.number(1)
    if source == _LEAF_OF_KEY_PACKAGE:
        reader.take(16)  # lifetime
    elif source == _LEAF_OF_COMMIT:
        reader.vector()  # parent hash
    elif source != _LEAF_OF_UPDATE:
        raise ServerMisbehaved("a leaf of the group has no such source")
    reader.vector()  # extensions
    reader.vector()  # signature
    if kind != _BASIC or not user_id or not device_id:
        raise ServerMisbehaved("a leaf of the group does not say whose device it is")
    return Leaf(user_id, device_id, signature_key)


def leaf_of_package(message: bytes) -> Leaf:
    """The device to which the key package in this MLSMessage belongs."""
    reader = Reader(message)
    reader.take(8)  # version and wire format, version and cipher suite
    reader.vector()  # init key
    return _leaf(reader)


def is_valid_at(message: bytes, now_s: float) -> bool:
    """Whether `now_s` (epoch seconds) is within the lifetime of this key package."""
    reader = Reader(message)
    reader.take(8)  # version and wire format, version and cipher suite
    for _ in range(3):  # init key, encryption key, signature key
        reader.vector()
    reader.take(2)  # credential type
    for _ in range(6):  # identity and capabilities
        reader.vector()
    reader.take(1)
    return reader.number(8) <= now_s <= reader.number(8)


def leaves_of_tree(tree: bytes) -> list[Leaf]:
    """The devices in a ratchet tree (RFC 9420, 12.4.3.3), without its blank nodes."""
    reader = Reader(Reader(tree).vector())
    leaves = []
    while not reader.is_at_end:
        if not reader.number(1):
            continue
        if reader.number(1) == 1:
            leaves.append(_leaf(reader))
        else:
            for _ in range(3):  # encryption key, parent hash, unmerged leaves
                reader.vector()
    return leaves


def epoch_of(message: bytes) -> int:
    """The epoch of a framed message (PublicMessage or PrivateMessage)."""
    reader = Reader(message)
    reader.take(4)
    reader.vector()  # group id
    return reader.number(8)
