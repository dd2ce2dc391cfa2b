"""Hybrid search: messages similar in meaning and messages with the words, merged by rank.

Without a deployed index of embeddings it searches by words only, and says so (`model`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from assistant import budgets, consent, meaning_store, reading
from assistant.embedded import meaning
from assistant.model import ModelUsage, tokens
from assistant.settings import settings
from conversations.model import MemberContext
from kernel import parallel
from kernel.caller import Caller
from kernel.errors import ValidationFailed
from log import api as log
from log.model import Event
from messages import api as messages
from search import api as word_search
from search import model as words

CONVERSATIONS = 30  # the most recently active ones, whose vectors are compared
CANDIDATES = 60
RANK_HALVES = 10  # the eleventh rank is worth half of the first

Place = tuple[str, int]


def search(caller: Caller, *, q: str, conversation_id: str | None, limit: int) -> dict[str, Any]:
    """Messages that the caller may read, the best first, each with `score` and `found_by`."""
    given = consent.require(caller, "answers", conversation_id)
    contexts = (
        consent.contexts(caller.user_id) if given.context is None else {given.context.conversation_id: given.context}
    )
    with_meaning = settings().meaning and meaning.is_present()
    by_meaning = _by_meaning(q, contexts) if with_meaning else []
    by_words = _by_words(caller.user_id, q, conversation_id, contexts)
    budgets.charge(caller.user_id, ModelUsage(tokens(q)))
    scores = _merge(by_meaning, by_words)
    ranked = sorted(scores, key=lambda place: (-scores[place], place))
    present = log.events_at(ranked[: 2 * limit])
    events = [event for place in ranked if _is_readable(event := present.get(place), contexts)][:limit]
    views = messages.message_views([event for event in events if event is not None], caller.user_id)
    return {
        "items": [_hit(message, scores, by_meaning, by_words) for message in views],
        "model": meaning.MODEL if with_meaning else "words",
        "provider": "embedded",
    }


def _hit(
    message: dict[str, Any], scores: dict[Place, float], by_meaning: Sequence[Place], by_words: Sequence[Place]
) -> dict[str, Any]:
    place = (message["conversation_id"], message["seq"])
    found_by = [name for name, found in (("meaning", by_meaning), ("words", by_words)) if place in found]
    return {**message, "score": scores[place], "found_by": found_by}


def _by_meaning(q: str, contexts: dict[str, MemberContext]) -> list[Place]:
    recent = sorted(contexts.values(), key=lambda context: -context.head.last_at)[:CONVERSATIONS]
    kept = parallel.mapped(
        lambda context: meaning_store.newest(context.conversation_id, first=context.member.visible_from), recent
    )
    places = [(context.conversation_id, seq) for context, found in zip(recent, kept, strict=True) for seq in found]
    near = meaning.similarities(q, [vector for found in kept for vector in found.values()])
    ranked = sorted(zip(near, places, strict=True), key=lambda each: (-each[0], each[1]))
    return [place for _, place in ranked[:CANDIDATES]]


def _by_words(user_id: str, q: str, conversation_id: str | None, contexts: dict[str, MemberContext]) -> list[Place]:
    try:
        wanted = words.parse(q, conversation_id=conversation_id)
    except ValidationFailed:  # no searchable words; the search by meaning may still succeed
        return []
    found = word_search.find_messages(user_id, wanted, below=None, limit=CANDIDATES)
    places = [(str(hit.found["conversation_id"]), int(hit.found["seq"])) for hit in found.hits]
    return [place for place in places if place[0] in contexts]


def _merge(by_meaning: Sequence[Place], by_words: Sequence[Place]) -> dict[Place, float]:
    """A score between 0 and 1 for each message: its ranks in both lists, combined as probabilities."""
    scores: dict[Place, float] = {}
    for ranked in (by_meaning, by_words):
        for rank, place in enumerate(ranked):
            chance = RANK_HALVES / (RANK_HALVES + 1 + rank)
            scores[place] = 1 - (1 - scores.get(place, 0.0)) * (1 - chance)
    return {place: round(score, 4) for place, score in scores.items()}


def _is_readable(event: Event | None, contexts: dict[str, MemberContext]) -> bool:
    if event is None or reading.line_of(event) is None or event.conversation_id not in contexts:
        return False
    return event.seq >= contexts[event.conversation_id].member.visible_from
