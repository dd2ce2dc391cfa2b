"""Keeps the index of embeddings in step with the log, for conversations with AI help only.

Updates read the log's present state, so that they may be repeated, reordered or concurrent (R25). A deleted, expired or
edited message loses its vector; so do all messages when AI help is disabled or encryption enabled.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from assistant import consent, meaning_store, reading
from assistant.embedded import meaning
from assistant.meaning_store import Meaning
from conversations import api as conversations
from kernel import telemetry
from kernel.errors import DependencyUnavailable
from log import api as log
from log.model import Event

MAX_ROUNDS = 4
BATCH = 100
BACKFILLED = 200  # messages that are indexed when AI help is enabled

Place = tuple[str, int]


def index(places: Iterable[Place]) -> int:
    """Bring the vectors of these messages (conversation, seq) up to date; returns the number of written items.

    Raises DependencyUnavailable if the messages keep changing meanwhile.
    """
    wanted = list(dict.fromkeys(places))
    covered = _covered({conversation_id for conversation_id, _ in wanted})
    chosen = [place for place in wanted if place[0] in covered]
    written = sum(_index(chosen[start : start + BATCH]) for start in range(0, len(chosen), BATCH))
    telemetry.count("MeaningWrites", written)
    return written


def apply_settings(conversation_ids: Iterable[str]) -> int:
    """After a change of settings, delete a conversation's vectors or index its newest messages if it has none."""
    wanted = list(dict.fromkeys(conversation_ids))
    covered = _covered(set(wanted))
    written = 0
    for conversation_id in wanted:
        kept = meaning_store.all_of(conversation_id)
        if conversation_id not in covered:
            meaning_store.write([], kept)
            written += len(kept)
        elif not kept:
            head = log.head(conversation_id)
            newest = log.messages(conversation_id, 1, head.last_seq, newest_first=True, limit=BACKFILLED)
            written += index((event.conversation_id, event.seq) for event in newest)
    return written


def _covered(conversation_ids: set[str]) -> set[str]:
    infos = conversations.infos(list(conversation_ids))
    return {conversation_id for conversation_id, info in infos.items() if consent.covers(info)}


def _index(places: Sequence[Place]) -> int:
    present = log.events_at(places)
    pending, written = dict(present), 0
    for _ in range(MAX_ROUNDS):
        found = [(event, line.text) for event in pending.values() if (line := reading.line_of(event)) is not None]
        gone = [place for place, event in pending.items() if reading.line_of(event) is None and _may_have_vector(event)]
        vectors = meaning.of_texts([text for _, text in found])
        kept = [
            Meaning(event.conversation_id, event.seq, vector, event.expires_at)
            for (event, _), vector in zip(found, vectors, strict=True)
        ]
        if kept or gone:
            meaning_store.write(kept, gone)
            written += len(kept) + len(gone)
        now = log.events_at(pending)
        pending = {place: event for place, event in now.items() if event.text != pending[place].text}
        if not pending:
            return written
    raise DependencyUnavailable("These messages change all the time.")


def _may_have_vector(event: Event) -> bool:
    """Whether a message without a text may still have a vector: only if it had a text before."""
    return event.deleted_at is not None or event.edited_at is not None
