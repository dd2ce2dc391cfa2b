"""Recording acts, chaining them, reading the chain.

An act is recorded in the transaction that does it (`stage`) or right after it (`record`), as pending. It gets its
number and hash later: every reader chains pending acts first, and a schedule does so every minute. So signing in never
contends for the one head of the chain.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from audit import chain, store
from audit.model import Act, AuditFilter, Entry, Proof
from kernel import clock, ids, origin
from kernel.paging import Page, Paginator
from kernel.transactions import Cancelled, Transaction

SCANNED_AT_ONCE = 250
SCANS_PER_PAGE = 8
CHAIN_ROUNDS = 60  # one call chains at most 60 × 45 = 2,700 acts


def stage(
    transaction: Transaction,
    action: str,
    *,
    actor: str | None,
    target: str | None = None,
    details: Mapping[str, Any] | None = None,
) -> None:
    """Record an act as part of the transaction that does it."""
    store.stage(transaction, _act(action, actor, target, details))


def record(
    action: str, *, actor: str | None, target: str | None = None, details: Mapping[str, Any] | None = None
) -> None:
    """Record an act that has no transaction of its own, such as a refusal; raises DependencyUnavailable."""
    store.record(_act(action, actor, target, details))


def _act(action: str, actor: str | None, target: str | None, details: Mapping[str, Any] | None) -> Act:
    return Act(
        id=ids.new("act"),
        at=clock.now(),
        actor=actor,
        action=action,
        target=target,
        ip=origin.address() or None,
        details=details or {},
    )


def chain_pending() -> int:
    """Give pending acts their numbers and hashes; returns how many. Concurrent calls chain each act once."""
    done = 0
    for _ in range(CHAIN_ROUNDS):
        acts = store.pending()
        if not acts:
            break
        head = store.head()
        entries = list(chain.linked(head, acts))
        try:
            store.append(head, acts, entries)
        except Cancelled:
            continue  # another caller has chained some of them; read again
        done += len(acts)
        if len(acts) < store.CHAINED_AT_ONCE:
            break
    return done


def entries(*, reader: str, wanted: AuditFilter, limit: int, after: str | None) -> Page[Entry]:
    """The matching entries, newest first. A page may be shorter than `limit` and still have a next one."""
    paging = Paginator(after, reader, "audit", repr(wanted))
    before = paging.start
    if before is None:
        chain_pending()
    found: list[Entry] = []
    for _ in range(SCANS_PER_PAGE):
        scanned = store.entries(wanted, before=before, limit=SCANNED_AT_ONCE)
        for entry in scanned:
            if len(found) == limit:
                return Page(found, paging.cursor(found[-1].n))
            if wanted.covers(entry):
                found.append(entry)
        if len(scanned) < SCANNED_AT_ONCE:
            return Page(found)
        before = scanned[-1].n
    return Page(found, paging.cursor(before))


def entries_about(user_id: str) -> list[dict[str, Any]]:
    """The entries with this person as actor or target, oldest first; reading stops after some 10,000."""
    chain_pending()
    found: dict[int, Entry] = {}
    for wanted in (AuditFilter(actor=user_id), AuditFilter(target=user_id)):
        before: int | None = None
        while scanned := store.entries(wanted, before=before, limit=SCANNED_AT_ONCE):
            found |= {each.n: each for each in scanned}
            before = scanned[-1].n
            if len(scanned) < SCANNED_AT_ONCE or len(found) > 10_000:
                break
    return [found[n].content for n in sorted(found)]


def proof() -> Proof:
    """The values to verify an export of the kept entries; for an empty log `first` is `last` + 1."""
    chain_pending()
    head = store.head()
    first = store.first()
    if first is None:
        return Proof(head.n + 1, head.n, head.hash, head.hash)
    return Proof(first.n, head.n, first.previous, head.hash)
