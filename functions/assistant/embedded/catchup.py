"""Extractive summaries: the most important lines of a chat, quoted under labels, in chronological order.

The central sentences of a chat say little ("ok"). Lines are weighted by decisions, questions with their answers, dates,
numbers, tasks, mentions and reactions instead; of similar lines only one is taken.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from assistant.embedded import cues
from assistant.embedded.labels import Label, labels
from assistant.embedded.words import terms
from assistant.model import Length, Line

EXTRACTS: Mapping[Length, int] = {"short": 4, "long": 12}
QUOTE_CHARS: Mapping[Length, int] = {"short": 160, "long": 320}
ANSWER_WITHIN = 6  # messages after a question, unless the answer is a reply to it
SIMILAR_FROM = 0.6  # the share of the shorter line's words from which two lines count as similar
MIN_WEIGHT = 1.5  # lines below it are small talk

_MARK = re.compile(r"[\[【]\s*(\d+)\s*[\]】]")
_WEIGHTS: Mapping[Label, float] = {
    "decision": 4.0,
    "answered": 3.0,
    "open": 2.2,
    "mention": 2.6,
    "task": 2.0,
    "date": 1.6,
    "number": 1.4,
    "liked": 1.2,
    "note": 0.0,
}


@dataclass(frozen=True, slots=True)
class Extract:
    """One entry of a summary: its label and the quoted lines, a question before its answer."""

    label: Label
    lines: tuple[Line, ...]
    weight: float

    @property
    def text(self) -> str:
        return " ".join(line.text for line in self.lines)


def extracts(lines: Sequence[Line], *, length: Length, reader_id: str = "") -> list[Extract]:
    """The most important of these lines, labelled, at most `EXTRACTS`; oldest first, as `lines`."""
    worth = [line for line in lines if line.text.strip()]
    if not worth:
        return []
    answers = answers_of(worth)
    common = _common_terms(worth)
    taken_as_answers = {answer.message_id for answer in answers.values()}
    found = [_weigh(line, answers.get(line.message_id), reader_id, common) for line in worth]
    ranked = sorted(found, key=lambda each: (-each.weight, each.lines[0].seq))
    chosen: list[Extract] = []
    quoted: set[str] = set()
    for each in ranked:
        if len(chosen) == EXTRACTS[length] or each.weight < MIN_WEIGHT:
            break
        alone = len(each.lines) == 1
        if alone and each.lines[0].message_id in quoted:
            continue
        if alone and each.lines[0].message_id in taken_as_answers and each.label != "decision":
            continue  # quoted with its question
        if any(_is_similar(each.text, other.text) for other in chosen):
            continue
        chosen.append(each)
        quoted.update(line.message_id for line in each.lines)
    return sorted(chosen, key=lambda each: each.lines[0].seq)


def render(found: Sequence[Extract], *, length: Length, language: str) -> tuple[str, list[Line]]:
    """Extracts as a text with citation marks such as [1], and the cited lines."""
    names = labels(language)
    room = QUOTE_CHARS[length]
    cited: list[Line] = []
    rows = []
    for each in found:
        parts = []
        for line in each.lines:
            if line not in cited:
                cited.append(line)
            parts.append(f"{quote(line.text, room)} [{cited.index(line) + 1}]")
        rows.append(f"{names[each.label]}: {' → '.join(parts)}")
    return "\n".join(rows), cited


def quote(text: str, room: int) -> str:
    """A line's text in one row, cut between words if it is longer than `room` characters."""
    row = _MARK.sub(r"(\1)", " ".join(text.split()))  # a number in brackets would look like a citation mark
    if len(row) <= room:
        return row
    cut = row[: room - 1]
    space = cut.rfind(" ")
    return (cut[:space] if space > room // 2 else cut).rstrip(" ,;:") + "…"


def answers_of(lines: Sequence[Line]) -> dict[str, Line]:
    """The line that answers each question, by the question's message id: a reply, or a fitting line soon after it."""
    found: dict[str, Line] = {}
    replies: dict[str, list[Line]] = {}
    for line in lines:
        if line.reply_to is not None:
            replies.setdefault(line.reply_to, []).append(line)
    used: set[str] = set()
    for n, line in enumerate(lines):
        if not cues.is_question(line.text):
            continue
        answer = _answer(line, lines[n + 1 : n + 1 + ANSWER_WITHIN], replies.get(line.message_id, ()), used)
        if answer is not None:
            found[line.message_id] = answer
            used.add(answer.message_id)
    return found


def _answer(question: Line, after: Sequence[Line], replies: Sequence[Line], used: set[str]) -> Line | None:
    direct = [line for line in replies if line.sender_id != question.sender_id and not cues.is_question(line.text)]
    if direct:
        return max(direct, key=lambda line: len(terms(line.text)))
    kinds, asked = cues.asked_kinds(question.text), terms(question.text)
    best, most = None, 0.0
    for distance, line in enumerate(after):
        if cues.is_question(line.text):
            if distance and best is not None:
                break  # the next topic has begun
            continue
        if line.conversation_id != question.conversation_id:
            break
        if line.sender_id == question.sender_id or line.message_id in used or line.reply_to is not None:
            continue
        fits = sum(cues.answers_kind(kind, line.text) for kind in kinds)
        fit = 2.0 * fits + min(2, len(asked & terms(line.text))) - 0.4 * distance
        fit += 0.5 * cues.is_decision(line.text)
        if cues.is_filler(line.text):
            fit -= 1.0 if kinds else 0.2  # "yes" may answer a question for nothing in particular
        elif not kinds:
            fit += 0.8
        if fit > most:
            best, most = line, fit
    return best


def _weigh(line: Line, answer: Line | None, reader_id: str, common: Counter[str]) -> Extract:
    label = _label(line, answer, reader_id)
    lines = (line,) if answer is None or label != "answered" else (line, answer)
    text = " ".join(each.text for each in lines)
    weight = _WEIGHTS[label]
    weight += 0.7 * cues.has_time(text) + 0.5 * cues.has_number(text) + 0.4 * cues.is_task(text)
    weight += 0.8 * line.concerns(reader_id) + min(1.5, 0.4 * sum(each.reactions for each in lines)) + line.pinned
    about = terms(text)
    if about:
        shared = sum(min(3, common[term] - 1) for term in about) / len(about)
        weight += min(1.0, 0.4 * shared) + min(0.8, 0.1 * len(about))
    if answer is not None and label == "answered" and cues.is_filler(answer.text):
        weight -= 0.8
    if len(lines) == 1 and cues.is_filler(line.text):
        weight -= 4.0
    return Extract(label, lines, weight)


def _label(line: Line, answer: Line | None, reader_id: str) -> Label:
    if cues.is_decision(line.text):
        return "decision"
    if cues.is_question(line.text):
        if answer is not None:
            return "answered"
        return "mention" if line.concerns(reader_id) else "open"
    if reader_id and line.concerns(reader_id):
        return "mention"
    if cues.is_task(line.text):
        return "task"
    if cues.has_time(line.text):
        return "date"
    if cues.has_number(line.text):
        return "number"
    return "liked" if line.reactions >= 2 else "note"


def _common_terms(lines: Sequence[Line]) -> Counter[str]:
    """The number of lines that contain each content word."""
    return Counter(term for line in lines for term in terms(line.text))


def _is_similar(one: str, other: str) -> bool:
    first, second = terms(one), terms(other)
    fewer = min(len(first), len(second))
    return fewer > 0 and len(first & second) / fewer >= SIMILAR_FROM
