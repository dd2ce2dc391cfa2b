"""Sign-ins from new devices: telling the person on the other devices and by mail, and ending by the letter's token
what somebody else has begun.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from accounts import mail, recovery, session_store, sessions, store
from accounts.model import AccountSession, Contended, Credentials, InvalidToken
from audit import api as audit
from kernel import after_commit, clock, limiter, telemetry
from kernel.after_commit import FollowUp
from kernel.dynamo import Transaction
from kernel.errors import DependencyUnavailable
from kernel.limiter import Limit, LimitExceeded
from kernel.resilience import retried
from realtime.api import notify

END_DISOWNED = "end_disowned_sessions"
TELL_OF_SIGN_IN = "tell_of_sign_in"
# A letter can be had by whoever knows the password, for an address that may be somebody else's.
LETTERS_OF_ONE_ACCOUNT = Limit("new_device_letters", requests=10, window_s=3600, without_redis="closed")


def telling(owner: Credentials, *, session_id: str, device_name: str | None, ip: str) -> FollowUp:
    """What follows a sign-in, to be staged in its transaction: a process that dies after it leaves it to the sweep."""
    about = {"session_id": session_id, "device_name": device_name, "ip": ip, "at": clock.now()}
    return FollowUp.of(TELL_OF_SIGN_IN, {"user_id": owner.user_id, **about})


def _tell(work: after_commit.Work) -> None:
    """End sessions above the greatest number, and tell a person of the one that has begun: by a notice always, by a
    letter if the device is new. Twice is fine: the tokens of both letters end the same."""
    user_id, session_id = work["user_id"], work["session_id"]
    owner = store.credentials(user_id)
    if owner is None:  # erased meanwhile: nothing is kept of them any more, no notice either (R43)
        return
    standing = session_store.live_ones(user_id)
    sessions.end_surplus(user_id, standing, but=session_id)
    notify([user_id], "security", {"reason": "new_sign_in", "session_id": session_id})
    if _is_known(standing, session_id, (work["device_name"], work["ip"])):
        return
    try:
        limiter.spend(LETTERS_OF_ONE_ACCOUNT, user_id)
    except LimitExceeded as error:
        telemetry.logger().warning("no letter about a new device", extra={"reason": error.code})
        return
    secret = recovery.keep_token(owner, "disown_session", session_id=session_id)
    mail.enqueue(mail.new_device(owner, secret, device_name=work["device_name"], ip=work["ip"], at=work["at"]))


def _is_known(standing: Sequence[AccountSession], session_id: str, device: tuple[str | None, str]) -> bool:
    """Whether an older session stands of a device of this name at this address. A younger one says nothing: of two
    that begin at once each would take the other for the known device, and no letter would tell of either."""
    return any((each.device_name, each.ip) == device for each in standing if each.session_id < session_id)


def disown(token: str) -> None:
    """End the session that a letter told of, and those begun since: whoever began it may have begun others, of which
    no letter tells as the device was known by then. Raises InvalidToken for a token unknown, used or over.
    """
    kept = recovery.good_token(token, "disown_session")
    ending = FollowUp.of(END_DISOWNED, {"user_id": kept.user_id, "since": kept.session_id})

    def attempt() -> None:
        transaction = Transaction()
        store.stage_burning(transaction, kept)
        about = {"session_id": kept.session_id}
        audit.stage(transaction, "session.disowned", actor=kept.user_id, target=kept.user_id, details=about)
        ending.stage(transaction)
        if store.commit(transaction):
            raise InvalidToken

    retried(attempt, on=Contended)
    ending.complete()


def _end_disowned(work: after_commit.Work) -> None:
    """Twice is fine. Ids of sessions sort by their beginning."""
    standing = session_store.live_ones(work["user_id"])
    ending = sorted(each.session_id for each in standing if each.session_id >= work["since"])
    # the session itself may have ended by a call that could not close its sockets
    sockets_of = {work["since"], *ending}
    end = partial(sessions.revoke, work["user_id"], ending, reason="disowned", sockets_of=sockets_of)
    retried(end, on=DependencyUnavailable, tries=2)


after_commit.register(END_DISOWNED, _end_disowned)
after_commit.register(TELL_OF_SIGN_IN, _tell)
