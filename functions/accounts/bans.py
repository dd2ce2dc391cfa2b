"""Bans of accounts, and ending all sessions of banned and erased accounts."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from accounts import store
from accounts.commits import Contended, commit
from accounts.model import AccountBan
from accounts.sessions import service as sessions
from audit import api as audit
from kernel import after_commit, clock
from kernel.after_commit import FollowUp
from kernel.errors import DependencyUnavailable, NotFound
from kernel.resilience import retried
from kernel.transactions import Transaction
from log import api as log

END_SESSIONS = "end_sessions"
END_ERASED = "end_erased"


def bans(user_ids: Sequence[str]) -> dict[str, AccountBan]:
    """The active bans of these people: one round trip per 100."""
    found = store.bans(user_ids)
    return {user_id: ban for user_id, ban in found.items() if ban.is_active}


def ban(*, user_id: str, by: str, reason: str, until: int | None) -> None:
    """Ban somebody until an instant (ms; None: permanently), and end their sessions and sockets; raises NotFound.

    A concurrent sign-in either fails by its condition or its session is ended, too.
    """
    made = AccountBan(since=clock.now(), until=until, reason=reason, by=by)
    details = {"reason": reason, "until": None if until is None else clock.rfc3339(until)}
    ending = FollowUp.of(END_SESSIONS, {"user_id": user_id, "reason": "banned"})
    _commit(user_id, made, "user.banned", by, details, ending)
    ending.complete()


def unban(*, user_id: str, by: str) -> None:
    """Lift a ban, if there is one; raises NotFound for an unknown person."""
    _commit(user_id, None, "user.unbanned", by, {})


def _commit(
    user_id: str,
    ban: AccountBan | None,
    action: str,
    by: str,
    details: dict[str, str | None],
    ending: FollowUp | None = None,
) -> None:
    def attempt() -> None:
        transaction = Transaction()
        if ending is not None:
            ending.stage(transaction)
        store.stage_ban(transaction, user_id, ban)
        audit.stage(transaction, action, actor=by, target=user_id, details=details)
        if commit(transaction):
            raise NotFound

    retried(attempt, on=Contended)


def end_everything(user_id: str, *, reason: str) -> None:
    """End all sessions and sockets, with retries."""
    retried(partial(sessions.end_all, user_id, reason=reason), on=DependencyUnavailable, tries=3)


def _end_sessions(work: after_commit.Work) -> None:
    """The follow-up work of a ban. Idempotent."""
    if bans([work["user_id"]]):
        log.enqueue_loss(log.AccountLost(work["user_id"], "account_banned", clock.now()))
        end_everything(work["user_id"], reason=work["reason"])


def _end_erased(work: after_commit.Work) -> None:
    """The follow-up work of a requested erasure. A repeated call ends later sessions, too, which is harmless."""
    log.enqueue_loss(log.AccountLost(work["user_id"], "account_erased", clock.now()))
    end_everything(work["user_id"], reason="erased")


after_commit.register(END_SESSIONS, _end_sessions)
after_commit.register(END_ERASED, _end_erased)
