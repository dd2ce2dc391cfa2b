"""Answers by search: the messages that answer a question, quoted; or that none does.

Lines are weighed by the question's content words in them, the rarer the more, and by whether they have the shape that
was asked for (a time for when, a number for how much). Where the best line is itself a question, what answered it then
is the answer now. What is not sure enough is not an answer.
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
SURE = 0.5  # of the weight of the question's words, what an answer and its question must have together
CLOSE = 0.95  # a second line is quoted only if it is about as good as the first
CONTEXT_LINES = 5  # what was said just before tells what a line is about
BY_CONTEXT = 0.6  # how much of their weight words have that stand there only
SECOND_SURE = 0.6  # what a second line must have of the question's words itself
RIVAL = 0.85  # of the best line's weight: a line that is so good, and has words of the question that the best lacks


@dataclass(frozen=True, slots=True)
class _Found:
    line: Line
    weight: float
    covered: float  # share of the question's words, by weight, in the line, what it answers, and (less) before it
    own: float  # the share in the line and in what it answers


def answer(question: str, lines: Sequence[Line]) -> list[Line]:
    """The lines that answer a question, the best first; none where none is sure enough. `lines`: oldest first."""
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
        return []  # one of the two answers; which, is not sure enough
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
    """Whether another line of the conversation might be the answer instead: it speaks of what the best leaves out."""
    return (
        other.weight >= RIVAL * best.weight
        and other.line.conversation_id == best.line.conversation_id
        and (not kinds or _fits(kinds, other.line))
        and bool(wanted & terms(other.line.text) - terms(best.line.text))
    )


def written(lines: Sequence[Line]) -> str:
    """The lines quoted, with marks for their citations."""
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
