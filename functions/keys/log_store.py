"""The key log in DynamoDB: entries by person, hashes of its Merkle tree, and its head, which serialises appends."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import cast

from pynamodb.attributes import JSONAttribute, NumberAttribute, UnicodeAttribute

from kernel.dynamo import Record
from kernel.reads import read_together
from kernel.transactions import Transaction
from keys import merkle
from keys.merkle import Node
from keys.model import Action, LogEntry
from keys.store import _Part


class EntryRecord(_Part, table="keys"):
    n = NumberAttribute()
    device_id = UnicodeAttribute()
    action = UnicodeAttribute()
    key_hash = UnicodeAttribute()
    at = NumberAttribute()


class NodeRecord(_Part, table="keys"):
    """The hash (hex) of a complete subtree, which never changes."""

    hash = UnicodeAttribute()


class TreeHeadRecord(_Part, table="keys"):
    """The number of entries, and the hashes (hex) of `merkle.subtrees(0, size)`."""

    size = NumberAttribute()
    frontier = JSONAttribute()


_HEAD = ("log", "head")


def head() -> tuple[int, dict[Node, bytes]]:
    """The size of the log, and the hashes of `merkle.subtrees(0, size)`."""
    row = TreeHeadRecord.find(*_HEAD)
    if row is None:
        return 0, {}
    size = int(row.size)
    return size, {node: bytes.fromhex(text) for node, text in zip(merkle.subtrees(0, size), row.frontier, strict=True)}


def stage(transaction: Transaction, entry: LogEntry, frontier: Mapping[Node, bytes]) -> None:
    """Append an entry to the log with hashes `frontier` (label `log` fails upon a concurrent append)."""
    size = entry.n - 1
    new = merkle.grow(size, merkle.canonical(entry.view()), frontier)
    hashes = {**frontier, **new}
    after = [hashes[node].hex() for node in merkle.subtrees(0, entry.n)]
    same = (TreeHeadRecord.size == size) if size else TreeHeadRecord.owner.does_not_exist()
    transaction.put("log", TreeHeadRecord(*_HEAD, size=entry.n, frontier=after), same)
    for node, found in new.items():
        transaction.put("node", NodeRecord(*_node_key(node), hash=found.hex()))
    row = EntryRecord(
        entry.user_id,
        _entry_part(entry.n),
        n=entry.n,
        device_id=entry.device_id,
        action=entry.action,
        key_hash=entry.key_hash,
        at=entry.at,
    )
    transaction.put("entry", row)


def _entry_part(n: int) -> str:
    return f"log#{n:012d}"


def _node_key(node: Node) -> tuple[str, str]:
    level, index = node
    return f"tree#{level}", f"{index:012d}"


def entries(user_id: str, *, after: int, limit: int) -> list[LogEntry]:
    """A person's entries with n > `after`, ascending."""
    parts = EntryRecord.part.between(_entry_part(after + 1), "log#~")
    rows = EntryRecord.query(user_id, parts, consistent_read=True, limit=limit)
    return [_entry(row) for row in rows]


def last_entry(user_id: str) -> LogEntry | None:
    """A person's latest entry."""
    rows = EntryRecord.query(
        user_id,
        EntryRecord.part.startswith("log#"),
        consistent_read=True,
        scan_index_forward=False,
        limit=1,
    )
    return next((_entry(row) for row in rows), None)


def _entry(row: EntryRecord) -> LogEntry:
    return LogEntry(int(row.n), row.owner, row.device_id, cast(Action, row.action), row.key_hash, int(row.at))


def hashes(nodes: Collection[Node]) -> dict[Node, bytes]:
    """The hashes of these subtrees: one round trip per 100."""
    wanted = list(nodes)
    keys: list[tuple[type[Record], tuple[str, str]]] = [(NodeRecord, _node_key(node)) for node in wanted]
    return {
        node: bytes.fromhex(row.hash) for node, row in zip(wanted, read_together(keys), strict=True) if row is not None
    }
