"""What of calls ends with a right: who has lost the conversation, the device's session or contact is in it no more.

Each may run late and again: who has come back since and joined anew stays, and what is told is told again.
"""

from __future__ import annotations

from calls import call_events, changing, sfu, store
from calls.model import Call
from kernel import clock
from kernel.errors import NotFound
from log import api as log
from log.api import ContactChanged, ConversationLost, SessionsLost


def of_conversation(loss: ConversationLost) -> None:
    """Put out of the live call who is a member no more, and end it where the conversation is gone."""
    call = _live(loss.conversation_id)
    if call is None:
        return
    if loss.user_id is None:
        after = changing.change(call, lambda it: it.close(clock.now()), actor_id=call.initiator_id)
        call_events.over_for(after, [each.user_id for each in after.participants])
        return
    mine = call.of(loss.user_id)
    if mine is None or not mine.joined or (mine.joined_at or 0) <= loss.at:
        call_events.over_for(_dismissed(call, loss.user_id), [loss.user_id])


def of_sessions(loss: SessionsLost) -> None:
    """Put these devices out of the call that their person is in."""
    call = store.current(loss.user_id)
    mine = None if call is None else call.of(loss.user_id)
    if call is None or mine is None or mine.session_id not in loss.session_ids:
        return
    if mine.joined or (mine.left_at or 0) >= loss.at:  # else they had left before
        _dismissed(call, loss.user_id, sessions=loss.session_ids)


def of_contact(change: ContactChanged) -> None:
    """End the call of two between whom a block stands now."""
    call = _live(change.direct_id) if change.blocked and change.direct_id is not None else None
    if call is not None:
        by = change.user_id
        call_events.changed(changing.change(call, lambda it: it.end(by, clock.now(), is_admin=False), actor_id=by))


def _live(conversation_id: str) -> Call | None:
    try:
        live = log.head(conversation_id).live_call
    except NotFound:
        return None
    return None if live is None else store.find(live)


def _dismissed(call: Call, user_id: str, *, sessions: list[str] | None = None) -> Call:
    """The call without this person; the others are told, and the SFU. Raises DependencyUnavailable."""
    after = changing.change(call, lambda it: it.dismiss(user_id, clock.now(), sessions=sessions), actor_id=user_id)
    gone = after.of(user_id)
    if gone is not None and not gone.joined:
        call_events.changed(after)
        sfu.dismiss(after, gone)
    return after
