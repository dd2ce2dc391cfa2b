"""How rights are lost: one table for each kind, so that each way is tried."""

from __future__ import annotations

from collections.abc import Callable

from accounts import admin_api as admins
from accounts.sessions import service as sessions
from conversations import service as conversations
from conversations.api import note_of_block
from kernel.after_commit import FollowUp
from kernel.caller import Caller
from kernel.transactions import Transaction
from tests.integration.rooms import remove
from users import relations


def signed_in(who: Caller) -> Caller:
    """Somebody on a device whose session stands in the table."""
    transaction = Transaction()
    tokens = sessions.stage_new(transaction, user_id=who.user_id, device_name=None, ip="192.0.2.1")
    transaction.commit()
    return Caller(who.user_id, tokens.session_id, who.connection_id)


def block(who: Caller, other: Caller) -> None:
    """What PUT /users/me/blocks/{user_id} does."""
    noting = note_of_block(who.user_id, other.user_id, True)
    relations.block(user_id=who.user_id, other_id=other.user_id, stage=noting.stage)
    noting.complete()


def unblock(who: Caller, other: Caller) -> None:
    noting = note_of_block(who.user_id, other.user_id, False)
    relations.unblock(user_id=who.user_id, other_id=other.user_id, stage=noting.stage)
    noting.complete()


def _ends(who: Caller, conversation_id: str) -> None:
    conversations.delete(caller=who, conversation_id=conversation_id)


LOSING_A_GROUP: dict[str, Callable[[Caller, Caller, str], None]] = {
    "removed": lambda ada, bob, tea: remove(ada, tea, bob),
    "left": lambda ada, bob, tea: remove(bob, tea, bob),
}


# the same, and the group itself: what stood on it ends for everybody
LOSING_IT_ALL: dict[str, Callable[[Caller, Caller, str], None]] = {
    **LOSING_A_GROUP,
    "the group deleted": lambda ada, _, tea: _ends(ada, tea),
}


LOSING_A_SESSION: dict[str, Callable[[Caller, Caller], object]] = {
    "signed out": lambda who, _: sessions.end_current(who),
    "signed out everywhere": lambda who, _: sessions.end_all(who.user_id, reason="logout"),
    "session removed": lambda who, _: sessions.end_one(user_id=who.user_id, session_id=who.session_id),
    "password changed on another device": lambda who, other: sessions.end_all(
        who.user_id, reason="password_changed", but=other.session_id
    ),
    "password reset": lambda who, _: sessions.end_all(who.user_id, reason="password_reset"),
    "account banned": lambda who, _: admins.ban(user_id=who.user_id, by="usr_admin", reason="spam", until=None),
    "account erased": lambda who, _: FollowUp.of(admins.END_ERASED, {"user_id": who.user_id}).carry_out(),
}
