"""Indexing: brings the search index up to date with the log.

A message is read from the log, indexed, and read again until the log has not changed in between. So changes may be
delivered repeatedly, in any order and concurrently (R25).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from kernel.errors import DependencyUnavailable
from log import api as log
from log.model import Event
from search import model, store
from search.store import Words

MAX_ROUNDS = 5
BATCH = 100  # messages read in one round trip


def index(contexts: Iterable[tuple[str, int]]) -> int:
    """Index the messages at these (conversation, seq); returns the number of items written.

    Raises DependencyUnavailable, also if messages change faster than they are indexed.
    """
    wanted = list(dict.fromkeys(contexts))
    return sum(_index(log.events_at(wanted[start : start + BATCH])) for start in range(0, len(wanted), BATCH))


def index_read(events: Sequence[Event]) -> int:
    """Index at most 100 messages as they were read or seen in the stream, which may be long ago; see `index`."""
    return _index({(event.conversation_id, event.seq): event for event in events})


def _index(read: Mapping[tuple[str, int], Event]) -> int:
    written = 0
    pending = dict(read)
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
            return written
    raise DependencyUnavailable("These messages change all the time.")


def words_of(event: Event) -> Words | None:
    """The index item of a message; None if it cannot be found: deleted, expired, encrypted or without words."""
    if not event.is_message or event.deleted_at is not None or event.is_encrypted:
        return None
    words, has_file = model.words(text_of(event)), bool(event.data.get("attachments"))
    if not words and not has_file:
        return None
    return Words(event.conversation_id, event.seq, event.at, event.actor_id, words, has_file, event.expires_at)


def text_of(event: Event) -> str:
    """The searchable text of a message: its text and the names of its files."""
    return "\n".join([event.text or "", *(file["name"] for file in event.data.get("attachments", ()))])


def _had_words(event: Event) -> bool:
    """Whether a message may be in the index: one that never changed and has no words was never indexed."""
    return event.deleted_at is not None or event.edited_at is not None
