"""Requesting and cancelling the erasure of one's account."""

from __future__ import annotations

from accounts import admin_api as accounts
from audit import api as audit
from kernel import clock, workflows
from kernel.after_commit import FollowUp
from kernel.caller import Caller
from kernel.config import config
from kernel.resilience import retried
from kernel.transactions import Cancelled, Transaction
from users import api as users

MACHINE = "account-erasure"


def erase(*, caller: Caller, password: str) -> int:
    """Sign the caller out everywhere, hide them, and erase them after the grace period; returns that instant (ms).

    The state machine is started before the change, because one that finds nothing to erase does no harm.
    Raises InvalidCredentials, Locked.
    """
    accounts.require_password(caller.user_id, password)
    erased_at = clock.now() + config().erasure_grace_days * clock.DAY
    given = {"user_id": caller.user_id, "erased_at": clock.rfc3339(erased_at)}
    workflows.start(MACHINE, f"{caller.user_id}-{erased_at}", given)

    def attempt() -> FollowUp:
        ending = FollowUp.of(accounts.END_ERASED, {"user_id": caller.user_id})
        transaction = Transaction()
        users.schedule_erasure_in(transaction, user_id=caller.user_id, erased_at=erased_at)
        audit.stage(transaction, "erasure.requested", actor=caller.user_id, target=caller.user_id)
        ending.stage(transaction)
        transaction.commit()
        return ending

    retried(attempt, on=Cancelled).complete()
    return erased_at


def restore(*, caller: Caller) -> None:
    """Cancel the caller's erasure within the grace period; raises Conflict if none is pending."""

    def attempt() -> None:
        transaction = Transaction()
        users.cancel_erasure_in(transaction, user_id=caller.user_id)
        audit.stage(transaction, "erasure.taken_back", actor=caller.user_id, target=caller.user_id)
        transaction.commit()

    retried(attempt, on=Cancelled)
