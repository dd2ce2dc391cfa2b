"""Answers by search."""

from __future__ import annotations

from assistant.embedded import answering
from tests.unit.assistant.chats import chat

ROWS = (
    "ada: When does the ferry leave?",
    "bob: At 6:40 from pier 3.",
    "cid: The cabin costs 120 euros.",
    "ada: ok",
    "bob: Mia waters the plants while we are away.",
)


def _answered(question: str) -> list[int]:
    return [line.seq for line in answering.answer(question, chat(*ROWS))]


def test_what_answered_the_question_then_is_the_answer_now() -> None:
    assert _answered("What time does the ferry leave?") == [2]


def test_a_line_with_the_words_and_the_shape_asked_for_answers() -> None:
    assert _answered("How much is the cabin?") == [3]
    assert _answered("Who waters the plants?") == [5]


def test_without_support_there_is_no_answer() -> None:
    assert _answered("Which insurance do we have?") == []
    assert _answered("When does the cabin close?") == []  # the cabin is spoken of, but no time
    assert _answered("???") == []
    assert answering.answer("When?", []) == []


def test_an_answer_quotes_its_lines_with_marks() -> None:
    assert answering.render(chat(*ROWS)[2:3]) == "“The cabin costs 120 euros.” [1]"
