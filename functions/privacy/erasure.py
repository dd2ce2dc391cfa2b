"""Erasing a person, in steps that may be stopped, repeated and resumed at any point (R43).

First the changes that others are notified of (messages become tombstones, groups are left, votes and reactions
removed), then files, then the person's rows in every table (`privacy.tables`), and last the name that others see.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from accounts import admin_api as accounts
from audit import api as audit
from conversations import api as conversations
from drive import api as drive
from kernel import blobs, clock, telemetry
from kernel.caller import Caller
from kernel.errors import Forbidden, NotFound
from keys import api as keys
from log import api as log
from messages import api as messages
from polls import api as polls
from privacy import store
from privacy.model import STEPS
from privacy.tables import RULES
from users import api as users

PATIENCE_S = 18.0
CLOCKS_DIFFER_BY_MS = clock.MINUTE  # at most, between this function and its state machine


@dataclass(frozen=True, slots=True)
class State:
    """The progress of an erasure: the current step, and the cursor within it (JSON)."""

    user_id: str
    step: str = STEPS[0]
    cursor: Any = None
    done: bool = False

    def following(self) -> State:
        """At the beginning of the next step, or done after the last."""
        n = STEPS.index(self.step) + 1
        return replace(self, done=True) if n == len(STEPS) else State(self.user_id, STEPS[n])


def run(state: State, *, patience_s: float = PATIENCE_S) -> State:
    """Continue for up to `patience_s`; call again with the returned state until it is done. Idempotent."""
    person = users.profiles_of([state.user_id]).get(state.user_id)
    if person is None or (state == State(state.user_id) and not _is_due(person.erased_at)):
        return replace(state, done=True)
    deadline = time.monotonic() + patience_s
    while not state.done and time.monotonic() < deadline:
        cursor = _STEPS[state.step](state.user_id, state.cursor)
        telemetry.count("ErasureSteps")
        state = state.following() if cursor is None else replace(state, cursor=cursor)
    if state.done:
        audit.record("erasure.completed", actor=None, target=state.user_id)
    return state


def _is_due(erased_at: int | None) -> bool:
    """Whether an erasure may begin. Not if it was cancelled, has been done, or was requested again for a later time:
    then the state machine of that request begins it."""
    return erased_at is not None and erased_at <= clock.now() + CLOCKS_DIFFER_BY_MS


# --- the steps: (user_id, cursor) → the next cursor, or None when the step is done ----------------------------


def _sessions(user_id: str, _cursor: Any) -> Any:
    accounts.end_everything(user_id, reason="erased")


def _conversations(user_id: str, cursor: Any) -> Any:
    """One conversation: the person's messages and, in a group, their membership."""
    me = Caller(user_id, "")
    left = [each for each in sorted(conversations.conversations_of(user_id)) if each > (cursor or "")]
    if not left:
        return None
    conversation_id = left[0]
    for message_id in messages.own_messages(user_id, conversation_id):
        try:
            messages.delete(caller=me, conversation_id=conversation_id, message_id=message_id)
        except (NotFound, Forbidden):
            continue  # its sender may not access it any more: the step `messages` erases it
    with contextlib.suppress(NotFound, Forbidden):  # a direct conversation, which the other person keeps; or left
        conversations.remove_member(caller=me, conversation_id=conversation_id, user_id=user_id)
    return conversation_id


def _messages(user_id: str, cursor: Any) -> Any:
    """A page of the person's messages in any conversation, including those they left long ago."""
    found, following = log.sent_by(user_id, cursor)
    for key, conversation_id, seq in found:
        messages.erase_message(conversation_id, seq)
        keys.erase_change(conversation_id, seq)
        log.forget_send(key)
    return following


def _reactions(user_id: str, cursor: Any) -> Any:
    return messages.remove_reactions(user_id, cursor)


def _votes(user_id: str, cursor: Any) -> Any:
    return polls.forget_person(user_id, cursor)


def _drive(user_id: str, _cursor: Any) -> Any:
    """Files with all versions, uploads and thumbnails; avatars; exports; the key backup."""
    drive.purge_everything_of(user_id)
    for prefix in (f"avatars/{user_id}/", f"exports/{user_id}/", f"keys/backups/{user_id}/"):
        blobs.remove_below(prefix)


def _tables(user_id: str, cursor: Any) -> Any:
    """A page of one table; the cursor is the table's name and the key to continue from."""
    names = sorted(RULES)
    table, start = cursor or [names[0], None]
    rule = RULES[table]
    rows, following = store.page(table, start)
    for row in rows:
        if store.mentions(row, user_id) and rule.covers(row, user_id):
            store.delete(table, row, rule.keys)
    if following is not None:
        return [table, following]
    n = names.index(table) + 1
    return [names[n], None] if n < len(names) else None


def _profile(user_id: str, _cursor: Any) -> Any:
    users.erase(user_id)


_STEPS: dict[str, Callable[[str, Any], Any]] = {
    "sessions": _sessions,
    "conversations": _conversations,
    "messages": _messages,
    "reactions": _reactions,
    "votes": _votes,
    "drive": _drive,
    "tables": _tables,
    "profile": _profile,
}
