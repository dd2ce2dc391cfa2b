"""Erasing a person, in steps that may be stopped, repeated and resumed at any point (R43).

First what others are told of (messages become tombstones, groups are left, votes and reactions are taken back), then
files, then every row of every table that is theirs (`privacy.tables`), and last the name that others see.
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
from kernel import blobs, telemetry
from kernel.caller import Caller
from kernel.errors import Forbidden, NotFound
from log import api as log
from messages import api as messages
from polls import api as polls
from privacy import store
from privacy.model import STEPS
from privacy.tables import RULES
from users import api as users

PATIENCE_S = 18.0


@dataclass(frozen=True, slots=True)
class State:
    """How far an erasure has come: the step, and where in it to go on (JSON)."""

    user_id: str
    step: str = STEPS[0]
    cursor: Any = None
    done: bool = False

    def following(self) -> State:
        """At the beginning of the next step, or done after the last."""
        n = STEPS.index(self.step) + 1
        return replace(self, done=True) if n == len(STEPS) else State(self.user_id, STEPS[n])


def run(state: State, *, patience_s: float = PATIENCE_S) -> State:
    """Go on for so long; what is left is done by the next call with the state returned. Twice is fine."""
    person = users.profiles_of([state.user_id]).get(state.user_id)
    if person is None or (person.erased_at is None and state == State(state.user_id)):
        return replace(state, done=True)  # taken back in time, or erased already
    deadline = time.monotonic() + patience_s
    while not state.done and time.monotonic() < deadline:
        cursor = _STEPS[state.step](state.user_id, state.cursor)
        telemetry.count("ErasureSteps")
        state = state.following() if cursor is None else replace(state, cursor=cursor)
    if state.done:
        audit.record("erasure.completed", actor=None, target=state.user_id)
    return state


# --- the steps: (person, cursor) → where to go on, None when the step is done ---------------------------------


def _sessions(user_id: str, _cursor: Any) -> Any:
    accounts.end_everything(user_id, reason="erased")


def _conversations(user_id: str, cursor: Any) -> Any:
    """One conversation: one's messages, votes, and, of a group, the membership."""
    me = Caller(user_id, "")
    left = [each for each in sorted(conversations.conversations_of(user_id)) if each > (cursor or "")]
    if not left:
        return None
    conversation_id = left[0]
    for message_id in messages.own_messages(user_id, conversation_id):
        try:
            messages.delete(caller=me, conversation_id=conversation_id, message_id=message_id)
        except (NotFound, Forbidden):
            continue  # not to be seen by its sender any more: the next step has it
    polls.retract_votes(user_id, conversation_id)
    with contextlib.suppress(NotFound, Forbidden):  # a conversation of two, which stays the other one's; left meanwhile
        conversations.remove_member(caller=me, conversation_id=conversation_id, user_id=user_id)
    return conversation_id


def _messages(user_id: str, cursor: Any) -> Any:
    """A page of everything that was ever sent: what is this person's, in conversations left long ago too."""
    found, following = log.sent_by(user_id, cursor)
    for key, conversation_id, seq in found:
        messages.erase_message(conversation_id, seq)
        log.forget_send(key)
    return following


def _reactions(user_id: str, cursor: Any) -> Any:
    return messages.remove_reactions(user_id, cursor)


def _drive(user_id: str, _cursor: Any) -> Any:
    """Files with all versions, uploads and thumbnails; pictures; exports."""
    drive.purge_everything_of(user_id)
    for prefix in (f"avatars/{user_id}/", f"exports/{user_id}/", f"keys/backups/{user_id}/"):
        blobs.remove_below(prefix)


def _tables(user_id: str, cursor: Any) -> Any:
    """A page of one table; the cursor names the table and the place in it."""
    names = sorted(RULES)
    table, place = cursor or [names[0], None]
    rule = RULES[table]
    rows, following = store.page(table, place)
    for row in rows:
        if store.holds(row, user_id) and rule.goes(row, user_id):
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
    "drive": _drive,
    "tables": _tables,
    "profile": _profile,
}
