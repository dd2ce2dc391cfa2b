"""Alerts about sign-ins, on other devices and by mail for new devices; disowning sessions by the mail's token."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from accounts import mail, recovery, store
from accounts.commits import Contended, commit
from accounts.model import Credentials, InvalidToken
from accounts.sessions import service as sessions
from accounts.sessions import session_store
from accounts.sessions.model import AccountSession
from audit import api as audit
from kernel import after_commit, clock, limiter, origin, telemetry
from kernel.after_commit import FollowUp
from kernel.errors import DependencyUnavailable
from kernel.limiter import Limit, LimitExceeded
from kernel.resilience import retried
from kernel.transactions import Transaction
from realtime.api import notify

END_DISOWNED = "end_disowned_sessions"
AFTER_SIGN_IN = "tell_of_sign_in"
# Anybody who knows the password can cause these e-mails, and the address may be somebody else's.
LETTERS_OF_ONE_ACCOUNT = Limit("new_device_letters", requests=10, window_s=3600, without_redis="closed")


def follow_up_of(owner: Credentials, *, session_id: str, device_name: str | None, ip: str) -> FollowUp:
    """The follow-up work of a sign-in, to be staged in its transaction."""
    data = {"session_id": session_id, "device_name": device_name, "ip": ip, "at": clock.now()}
    return FollowUp.of(AFTER_SIGN_IN, {"user_id": owner.user_id, **data})


def _after_sign_in(work: after_commit.Work) -> None:
    """End sessions above the maximum, and alert the person to the new one: on their devices, and by mail if the device
    is new. A repeated call alerts again, which is harmless."""
    user_id, session_id = work["user_id"], work["session_id"]
    owner = store.credentials(user_id)
    if owner is None:  # erased meanwhile: no data of theirs may be added any more, no notification either (R43)
        return
    live = session_store.live_sessions(user_id)
    sessions.end_surplus(user_id, live, but=session_id)
    notify([user_id], "security", {"reason": "new_sign_in", "session_id": session_id})
    if _is_known(live, session_id, (work["device_name"], work["ip"])):
        return
    try:
        limiter.spend(LETTERS_OF_ONE_ACCOUNT, user_id)
    except LimitExceeded as error:
        telemetry.logger().warning("no letter about a new device", extra={"reason": error.code})
        return
    secret = recovery.issue_token(owner, "disown_session", session_id=session_id)
    mail.enqueue(mail.new_device(owner, secret, device_name=work["device_name"], ip=work["ip"], at=work["at"]))


def _is_known(live: Sequence[AccountSession], session_id: str, device: tuple[str | None, str]) -> bool:
    """Whether an older live session has the same device name at an IP address of the same network.

    Newer ones do not count: of two concurrent sign-ins each would see the other, and neither would cause an e-mail.
    """
    name, ip = device
    older = [each for each in live if each.session_id < session_id and each.device_name == name]
    return any(origin.network(each.ip) == origin.network(ip) for each in older)


def disown(token: str) -> None:
    """End the session that an e-mail was about, and all newer ones, of which there were no e-mails because the device
    was known by then. Raises InvalidToken for an unknown, used or expired token.
    """
    token_data = recovery.require_token(token, "disown_session")
    ended = FollowUp.of(END_DISOWNED, {"user_id": token_data.user_id, "since": token_data.session_id})

    def attempt() -> None:
        transaction = Transaction()
        store.stage_redemption(transaction, token_data)
        data = {"session_id": token_data.session_id}
        audit.stage(transaction, "session.disowned", actor=token_data.user_id, target=token_data.user_id, details=data)
        ended.stage(transaction)
        if commit(transaction):
            raise InvalidToken

    retried(attempt, on=Contended)
    ended.complete()


def _end_disowned(work: after_commit.Work) -> None:
    """End the session and newer ones, and let go of the devices of those that have ended before. Idempotent."""
    live = session_store.live_sessions(work["user_id"])
    ended = sorted(each.session_id for each in live if each.session_id >= work["since"])
    # the session itself may have ended without its sockets being closed
    sockets_of = {work["since"], *ended}
    end = partial(sessions.revoke, work["user_id"], ended, reason="disowned", sockets_of=sockets_of)
    retried(end, on=DependencyUnavailable, tries=2)
    session_store.release_devices(work["user_id"], since=work["since"])


after_commit.register(END_DISOWNED, _end_disowned)
after_commit.register(AFTER_SIGN_IN, _after_sign_in)
