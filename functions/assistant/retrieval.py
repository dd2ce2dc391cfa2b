"""Retrieval of the messages that are relevant to a question, with the caller's rights."""

from __future__ import annotations

from collections.abc import Sequence

from assistant import consent, reading
from assistant.embedded import cues
from assistant.embedded.words import terms
from assistant.model import Line
from conversations.model import MemberContext
from kernel import parallel
from search import api as search
from search.model import ParsedQuery

NEWEST = 1_000  # messages of a conversation that are considered
SEARCHED_TERMS = 4
HITS = 12  # per term
MOST = 120  # lines for the provider


def in_conversation(context: MemberContext, question: str) -> list[Line]:
    """The relevant lines among a conversation's newest ones, oldest first."""
    return relevant_lines(reading.lines_after(context, 0, limit=NEWEST), question)


def in_all(user_id: str, question: str) -> list[Line]:
    """The relevant lines of all conversations that AI help may read, by the search index."""
    contexts = consent.contexts(user_id)
    if not contexts:
        return []
    wanted = sorted(_subject(question), key=lambda term: (-len(term), term))[:SEARCHED_TERMS]
    found = parallel.mapped(lambda term: search.find_messages(user_id, _query(term), below=None, limit=HITS), wanted)
    places = [(hit.found["conversation_id"], int(hit.found["seq"])) for each in found for hit in each.hits]
    return reading.with_context(contexts, dict.fromkeys(places))


def _query(term: str) -> ParsedQuery:
    """A search for words that begin with a term, or, in scripts without spaces, for the term anywhere."""
    return ParsedQuery((f" {term}" if term.isascii() else term,))


def _subject(question: str) -> frozenset[str]:
    return terms(cues.subject_of(question)) or terms(question)


def relevant_lines(lines: Sequence[Line], question: str) -> list[Line]:
    """The lines that share words with a question, each with its neighbours, in order; at most `MOST`."""
    wanted = _subject(question)
    weights = [len(wanted & terms(line.text)) for line in lines]
    best = sorted((n for n, weight in enumerate(weights) if weight), key=lambda n: (-weights[n], -n))
    kept: set[int] = set()
    for n in best:
        if len(kept) >= MOST:
            break
        kept.update(range(max(0, n - 3), min(len(lines), n + 6)))
    return [lines[n] for n in sorted(kept)][:MOST]
