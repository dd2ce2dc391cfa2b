"""Extractive answers: quotes of the messages that answer a question, or none.

A line is weighted by the question's content words in it (rare words count more) and by whether it has the kind of
content that is asked for (a time for "when", a number for "how much"). Words of a question that the line answers, and
of the lines before it, count as well. Without sufficient confidence there is no answer.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from assistant.embedded import cues
from assistant.embedded.catchup import answers_of, quote
from assistant.embedded.words import terms
from assistant.model import Line

MOST = 2  # lines that one answer quotes
QUOTE_CHARS = 320
SURE = 0.5  # the share of the question's words, by weight, that an answer must cover
CLOSE = 0.95  # the share of the best line's weight that a second quoted line must have
CONTEXT_LINES = 5  # lines before a line that count as its context
BY_CONTEXT = 0.6  # the factor of words that occur in the context only
SECOND_SURE = 0.6  # the share of the question's words that a second quoted line must cover itself
RIVAL = 0.85  # the share of the best line's weight from which another line makes the answer ambiguous


@dataclass(frozen=True, slots=True)
class _Found:
    line: Line
    weight: float
    covered: float  # share of the question's words, by weight, in the line, the question it answers, and its context
    own: float  # the same without the context


def answer(question: str, lines: Sequence[Line]) -> list[Line]:
    """The lines that answer a question, the best first; none without sufficient confidence. `lines`: oldest first."""
    wanted = terms(cues.subject_of(question)) or terms(question)
    pool = [line for line in lines if line.text.strip()]
    if not wanted or not pool:
        return []
    rarity = _rarity(wanted, pool)
    total = sum(rarity.values())
    kinds = cues.asked_kinds(question)
    found = _candidates(pool, rarity, total, kinds)
    if not found:
        return []
    best = found[0]
    if best.covered < SURE or best.own == 0 or (kinds and not _fits(kinds, best.line)):
        return []
    if any(_is_rival(each, best, wanted, kinds) for each in found[1:]):
        return []  # ambiguous
    close = [
        each
        for each in found[1:]
        if each.weight >= CLOSE * best.weight
        and each.own >= max(best.own, SECOND_SURE)
        and each.line.conversation_id == best.line.conversation_id
        and (not kinds or _fits(kinds, each.line))
    ]
    return [each.line for each in (best, *close)[:MOST]]


def _is_rival(other: _Found, best: _Found, wanted: frozenset[str], kinds: Sequence[str]) -> bool:
    """Whether another line of the conversation may be the answer: it has words of the question that `best` lacks."""
    return (
        other.weight >= RIVAL * best.weight
        and other.line.conversation_id == best.line.conversation_id
        and (not kinds or _fits(kinds, other.line))
        and bool(wanted & terms(other.line.text) - terms(best.line.text))
    )


def render(lines: Sequence[Line]) -> str:
    """The lines as quotes with citation marks."""
    return "\n".join(f"“{quote(line.text, QUOTE_CHARS)}” [{n + 1}]" for n, line in enumerate(lines))


def _rarity(wanted: frozenset[str], pool: Sequence[Line]) -> Mapping[str, float]:
    seen = Counter(term for line in pool for term in wanted & terms(line.text))
    return {term: math.log(1 + len(pool) / (1 + seen[term])) for term in wanted}


def _candidates(pool: Sequence[Line], rarity: Mapping[str, float], total: float, kinds: Sequence[str]) -> list[_Found]:
    answered = answers_of(pool)
    asked_by = {answer.message_id: question for question in pool if (answer := answered.get(question.message_id))}
    found = []
    for n, line in enumerate(pool):
        if cues.is_question(line.text) or cues.is_filler(line.text):
            continue
        question = asked_by.get(line.message_id)
        own = rarity.keys() & terms(line.text)
        asked = rarity.keys() & (terms(question.text) if question is not None else frozenset())
        around = {term for each in _before(pool, n) for term in rarity.keys() & terms(each.text)} - own - asked
        direct = sum(rarity[term] for term in own) / total
        covered = direct + sum(rarity[term] for term in asked - own) / total
        nearby = sum(rarity[term] for term in around) / total
        if covered + nearby == 0:
            continue
        own_part, covered = covered, covered + BY_CONTEXT * nearby
        weight = covered + 0.3 * direct + 0.15 * cues.is_decision(line.text) + 0.1 * bool(asked)
        weight += 0.35 * sum(cues.answers_kind(kind, line.text) for kind in kinds[:2])
        found.append(_Found(line, weight, covered, own_part))
    return sorted(found, key=lambda each: (-each.weight, -each.line.seq))


def _before(pool: Sequence[Line], place: int) -> list[Line]:
    """The lines of the same conversation just before one."""
    here = pool[place].conversation_id
    return [line for line in pool[max(0, place - CONTEXT_LINES) : place] if line.conversation_id == here]


def _fits(kinds: Sequence[str], line: Line) -> bool:
    return any(cues.answers_kind(kind, line.text) for kind in kinds)
