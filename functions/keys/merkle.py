"""A Merkle tree over an append-only log (RFC 9162, 2.1), computed from the hashes of its complete subtrees.

A subtree (level, index) covers the 2^level entries from index·2^level on. Its hash is saved with its last entry and
never changes; roots and proofs of any size are computed from such hashes. Hashes are 32 bytes.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterator, Mapping
from typing import Any

Node = tuple[int, int]  # level and index of a complete subtree
EMPTY = hashlib.sha256(b"").digest()


def canonical(entry: Mapping[str, Any]) -> bytes:
    """The RFC 8785 JSON of an entry with ASCII names, and strings and integers < 2^53 as values."""
    return json.dumps(entry, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def leaf(content: bytes) -> bytes:
    """The hash of one entry."""
    return hashlib.sha256(b"\x00" + content).digest()


def _node_hash(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


def subtrees(first: int, last: int) -> Iterator[Node]:
    """The complete subtrees that make up the entries first ≤ n < last, from left to right.

    `first` is 0 or a multiple of a power of two that is not below the length.
    """
    while first < last:
        level = (last - first).bit_length() - 1
        yield level, first >> level
        first += 1 << level


def grow(size: int, content: bytes, known: Mapping[Node, bytes]) -> dict[Node, bytes]:
    """The hashes of the subtrees that another entry completes; `known` has those of `subtrees(0, size)`."""
    node, found = (0, size), leaf(content)
    new = {node: found}
    while node[1] % 2:
        level, index = node
        found = _node_hash(known[level, index - 1], found)
        node = (level + 1, index // 2)
        new[node] = found
    return new


def root(size: int, hashes: Mapping[Node, bytes]) -> bytes:
    """The root of the first `size` entries."""
    return _hash_of(0, size, hashes) if size else EMPTY


def _hash_of(first: int, last: int, hashes: Mapping[Node, bytes]) -> bytes:
    *left, found = [hashes[node] for node in subtrees(first, last)]
    for before in reversed(left):
        found = _node_hash(before, found)
    return found


def _split(first: int, last: int) -> int:
    """The split of the tree over first ≤ n < last, whose left half is the largest complete subtree."""
    return first + (1 << (last - first - 1).bit_length() - 1)


def _inclusion_parts(index: int, size: int) -> list[tuple[int, int]]:
    parts: list[tuple[int, int]] = []
    first, last = 0, size
    while last - first > 1:
        middle = _split(first, last)
        if index < middle:
            parts.append((middle, last))
            last = middle
        else:
            parts.append((first, middle))
            first = middle
    return parts[::-1]


def _consistency_parts(earlier: int, size: int) -> list[tuple[int, int]]:
    if not 0 < earlier < size:
        return []
    parts: list[tuple[int, int]] = []
    first, last, is_whole = 0, size, True
    while earlier != last:
        middle = _split(first, last)
        if earlier <= middle:
            parts.append((middle, last))
            last = middle
        else:
            parts.append((first, middle))
            first, is_whole = middle, False
    if not is_whole:
        parts.append((first, last))
    return parts[::-1]


def needed_for_inclusion(index: int, size: int) -> set[Node]:
    """The subtrees whose hashes an inclusion proof needs."""
    return _nodes(_inclusion_parts(index, size))


def needed_for_consistency(earlier: int, size: int) -> set[Node]:
    """The subtrees whose hashes a consistency proof needs."""
    return _nodes(_consistency_parts(earlier, size))


def _nodes(parts: Collection[tuple[int, int]]) -> set[Node]:
    return {node for part in parts for node in subtrees(*part)}


def inclusion(index: int, size: int, hashes: Mapping[Node, bytes]) -> list[bytes]:
    """The proof that entry `index` is among the first `size` (RFC 9162, 2.1.3.1)."""
    return [_hash_of(*part, hashes) for part in _inclusion_parts(index, size)]


def consistency(earlier: int, size: int, hashes: Mapping[Node, bytes]) -> list[bytes]:
    """The proof that the first `size` entries begin with the first `earlier` (RFC 9162, 2.1.4.1)."""
    return [_hash_of(*part, hashes) for part in _consistency_parts(earlier, size)]
