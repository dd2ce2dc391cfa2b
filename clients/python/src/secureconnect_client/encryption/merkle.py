"""Verifies proofs of the key log (RFC 9162, 2.1): that it contains an entry, or extends an earlier log.

Hashes have 32 bytes; an invalid proof raises `ProofFailed`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any


class ProofFailed(Exception):
    """The server's log does not match its proofs: do not trust the keys it gives."""


def leaf(entry: Mapping[str, Any]) -> bytes:
    """The hash of an entry of the server's answer, serialized as in RFC 8785 (ASCII names, whole numbers)."""
    text = json.dumps(entry, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(b"\x00" + text.encode()).digest()


def _joined(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


def require_inclusion(hash_: bytes, *, index: int, size: int, proof: Sequence[bytes], root: bytes) -> None:
    """Raise ProofFailed unless this leaf is entry `index` of the log of `size` entries with this `root`.

    The algorithm is RFC 9162, 2.1.3.2.
    """
    if not 0 <= index < size:
        raise ProofFailed("the entry lies outside of the log")
    at, last, found = index, size - 1, hash_
    for each in proof:
        if last == 0:
            raise ProofFailed("the proof is too long")
        if at % 2 or at == last:
            found = _joined(each, found)
            while at and not at % 2:
                at, last = at >> 1, last >> 1
        else:
            found = _joined(found, each)
        at, last = at >> 1, last >> 1
    if last or found != root:
        raise ProofFailed("the entry is not in the log")


def require_consistency(
    *, earlier: int, earlier_root: bytes, size: int, root: bytes, proof: Sequence[bytes]
) -> None:
    """Raise ProofFailed unless the log of `size` entries extends the one of `earlier` entries (2.1.4.2)."""
    if earlier > size:
        raise ProofFailed("the log has become shorter")
    if earlier in (0, size):
        if proof or (earlier == size and earlier_root != root):
            raise ProofFailed("the log has two pasts")
        return
    path = [earlier_root, *proof] if earlier & (earlier - 1) == 0 else list(proof)
    if not path:
        raise ProofFailed("the proof is missing")
    at, last = earlier - 1, size - 1
    while at % 2:
        at, last = at >> 1, last >> 1
    before = now = path[0]
    for each in path[1:]:
        if last == 0:
            raise ProofFailed("the proof is too long")
        if at % 2 or at == last:
            before, now = _joined(each, before), _joined(each, now)
            while at and not at % 2:
                at, last = at >> 1, last >> 1
        else:
            now = _joined(now, each)
        at, last = at >> 1, last >> 1
    if last or before != earlier_root or now != root:
        raise ProofFailed("the log has two pasts")
