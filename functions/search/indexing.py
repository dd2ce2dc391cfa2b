"""Keeping the index what the log says it should be.

What is asked for is looked up in the log, written, and looked up again until what was written is what is there. So
it does not matter how often, in which order or beside whom a change is told (R25).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from kernel import telemetry
from kernel.errors import DependencyUnavailable
from log import api as log
from log.model import Event
from search import model, store
from search.store import Words

MAX_ROUNDS = 5
BATCH = 100  # messages that are looked up in one round trip
ENCRYPTED = "encrypted"


def index(contexts: Iterable[tuple[str, int]]) -> int:
    """Bring the index of these messages (conversation, seq) up to date; returns how many items were written.

    Raises DependencyUnavailable, also if messages change faster than they can be written.
    """
    wanted = list(dict.fromkeys(contexts))
    return sum(_index(wanted[start : start + BATCH]) for start in range(0, len(wanted), BATCH))


def _index(contexts: Sequence[tuple[str, int]]) -> int:
    written = 0
    present = log.events_at(contexts)
    pending = dict(present)
    for _ in range(MAX_ROUNDS):
        found = [words for event in pending.values() if (words := words_of(event)) is not None]
        gone = [event for event in pending.values() if words_of(event) is None and _had_words(event)]
        if found or gone:
            store.write(found, [(each.conversation_id, each.at, each.seq) for each in gone])
            written += len(found) + len(gone)
        before, present = pending, log.events_at(pending)
        if erased := [each for context, each in before.items() if context not in present]:
            store.write([], [(each.conversation_id, each.at, each.seq) for each in erased])
        pending = {context: now for context, now in present.items() if words_of(now) != words_of(before[context])}
        if not pending:
            telemetry.total("IndexWrites", written)
            return written
    raise DependencyUnavailable("These messages change all the time.")


def words_of(event: Event) -> Words | None:
    """What the index keeps of a message; None for what cannot be found: deleted, expired, encrypted, without words."""
    if not event.is_message or event.deleted_at is not None or event.data["type"] == ENCRYPTED:
        return None
    words, has_file = model.words(text_of(event)), bool(event.data.get("attachments"))
    if not words and not has_file:
        return None
    return Words(event.conversation_id, event.seq, event.at, event.actor_id, words, has_file, event.expires_at)


def text_of(event: Event) -> str:
    """What a message can be found by: its text and the names of its files."""
    return "\n".join([event.text or "", *(file["name"] for file in event.data.get("attachments", ()))])


def _had_words(event: Event) -> bool:
    """Whether there may be something in the index: a new message that has no words was never in it."""
    return event.deleted_at is not None or event.edited_at is not None
