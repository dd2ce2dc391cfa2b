"""The hashes of the chain: SHA-256 of the hash before, a newline and the canonical JSON (RFC 8785) of the entry."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

from audit.model import Act, Entry, Head


def hash_of(previous: str, content: dict[str, Any]) -> str:
    """The hash of an entry with this content whose predecessor has hash `previous`; 64 hexadecimal digits."""
    import rfc8785  # loaded only where entries are chained or checked

    return hashlib.sha256(previous.encode() + b"\n" + rfc8785.dumps(content)).hexdigest()


def linked(head: Head, acts: Iterable[Act]) -> Iterator[Entry]:
    """The entries for these acts, chained in this order after `head`."""
    n, previous = head.n, head.hash
    for act in acts:
        n += 1
        entry = Entry(n, act.at, act.actor, act.action, act.target, act.ip, act.details, previous, "")
        entry = replace(entry, hash=hash_of(previous, entry.content))
        previous = entry.hash
        yield entry
