"""The key log: all changes of device keys in one append-only Merkle tree, so that clients detect a forged key."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from kernel import auth, clock, keyrings
from kernel.errors import NotFound, ValidationFailed
from kernel.paging import Page, Paginator
from kernel.transactions import Transaction
from keys import log_store, merkle
from keys.model import Action, Device, LogEntry

HEAD_TYPE = "key-log-head"


@dataclass(frozen=True, slots=True)
class LogProof:
    """Proofs that an entry is in the log of `size` entries, and that an earlier log is a prefix of this one.

    Hashes are hex; `index` counts from 0. `head` is a JWS (ES256) over `{size, root, at}`.
    """

    entry: LogEntry
    index: int
    size: int
    inclusion: list[str]
    consistency: list[str]
    head: str


def stage(transaction: Transaction, device: Device, action: Action) -> LogEntry:
    """Append a change of a device's key to the log (label `log` fails upon a concurrent append)."""
    size, frontier = log_store.head()
    key_hash = hashlib.sha256(device.signature_key).hexdigest()
    entry = LogEntry(size + 1, device.user_id, device.device_id, action, key_hash, clock.now())
    log_store.stage(transaction, entry, frontier)
    return entry


def entries(*, viewer_id: str, user_id: str, after: int, limit: int, page: str | None) -> Page[LogEntry]:
    """A person's entries with n > `after`, oldest first."""
    paging = Paginator(page, viewer_id, "key_log", user_id, begun=[after or None])
    found = log_store.entries(user_id, after=paging.start or after, limit=limit + 1)
    return paging.page(found, limit, lambda entry: entry.n, lambda entries: entries)


def prove(*, user_id: str, since: int) -> LogProof:
    """Prove a person's latest entry, and that the log is append-only since it had `since` entries.

    Raises NotFound for a person without entries, ValidationFailed if `since` exceeds the log's size.
    """
    entry = log_store.last_entry(user_id)
    if entry is None:
        raise NotFound
    size, frontier = log_store.head()
    if since > size:
        raise ValidationFailed.of("from", "the log has never had that many entries")
    index = entry.n - 1
    needed = merkle.needed_for_inclusion(index, size) | merkle.needed_for_consistency(since, size)
    hashes = frontier | log_store.hashes(needed - frontier.keys())
    root = merkle.root(size, frontier)
    signed = {"size": size, "root": root.hex(), "at": clock.rfc3339(clock.now())}
    return LogProof(
        entry,
        index,
        size,
        [each.hex() for each in merkle.inclusion(index, size, hashes)],
        [each.hex() for each in merkle.consistency(since, size, hashes)],
        auth.sign(signed, kind=HEAD_TYPE, ring=keyrings.key_log),
    )
