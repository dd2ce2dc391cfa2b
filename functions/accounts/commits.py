"""Committing what accounts stage, of which concurrent calls may change the same rows."""

from __future__ import annotations

from kernel.errors import Conflict
from kernel.transactions import Cancelled, Transaction


class Contended(Conflict):
    """A concurrent change; the caller may retry."""

    detail = "Somebody changed this at the same time; try again."

    def __init__(self) -> None:
        super().__init__(retry_after_s=1)


def commit(transaction: Transaction) -> frozenset[str]:
    """Commit a transaction; returns the labels of failed conditions, none upon success.

    Raises Contended upon contention with another transaction, for a retry.
    """
    try:
        transaction.commit()
    except Cancelled as error:
        if not error.failed:
            raise Contended from error
        return frozenset(error.failed)
    return frozenset()
