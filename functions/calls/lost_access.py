"""Removes people from calls who have lost the conversation or their session, and ends calls upon a block.

Each function may run late or repeatedly: people who have rejoined since then stay, and events are published again.
"""

from __future__ import annotations

from calls import call_events, changing, sfu, store
from calls.model import Call
from kernel import clock
from kernel.errors import NotFound
from log import api as log
from log.api import ContactChanged, ConversationLost, SessionsLost


def dismiss_former_members(loss: ConversationLost) -> None:
    """Remove a former member from the live call, or end the call of a deleted conversation."""
    call = _live(loss.conversation_id)
    if call is None:
        return
    if loss.user_id is None:
        after = changing.change(call, lambda it: it.close(clock.now()), actor_id=call.initiator_id).after
        call_events.publish_end_to(after, [each.user_id for each in after.participants])
        return
    mine = call.participant(loss.user_id)
    if mine is None or not mine.joined or (mine.joined_at or 0) <= loss.at:
        call_events.publish_end_to(_dismiss(call, loss.user_id), [loss.user_id])


def dismiss_sessions(loss: SessionsLost) -> None:
    """Remove the devices of ended sessions from the call that their person is in."""
    call = store.current(loss.user_id)
    mine = None if call is None else call.participant(loss.user_id)
    if call is None or mine is None or mine.session_id not in loss.session_ids:
        return
    if mine.joined or (mine.left_at or 0) >= loss.at:  # else the person had left before
        _dismiss(call, loss.user_id, sessions=loss.session_ids)


def end_blocked_call(change: ContactChanged) -> None:
    """End the direct call of two people between whom there is a block now."""
    call = _live(change.direct_id) if change.blocked and change.direct_id is not None else None
    if call is not None:
        by = change.user_id
        call_events.publish_change(
            changing.change(call, lambda it: it.end(by, clock.now(), is_admin=False), actor_id=by).after
        )


def _live(conversation_id: str) -> Call | None:
    try:
        live = log.head(conversation_id).live_call
    except NotFound:
        return None
    return None if live is None else store.find(live)


def _dismiss(call: Call, user_id: str, *, sessions: list[str] | None = None) -> Call:
    """Remove a person from the call and the SFU's meeting, and publish it. Raises DependencyUnavailable."""
    made = changing.change(call, lambda it: it.dismiss(user_id, clock.now(), sessions=sessions), actor_id=user_id)
    after = made.after
    gone = after.participant(user_id)
    if gone is not None and not gone.joined:
        call_events.publish_change(after)
        sfu.dismiss(after, gone)
    return after
