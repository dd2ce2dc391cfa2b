"""Catching up by labelled extracts."""

from __future__ import annotations

import time
from dataclasses import replace

from assistant.embedded import catchup
from evaluation.chats import all_chats
from tests.unit.assistant.chats import chat


def _labelled(*rows: str, reader: str = "") -> list[tuple[str, list[int]]]:
    found = catchup.extracts(chat(*rows), length="long", reader_id=reader)
    return [(each.label, [line.seq for line in each.lines]) for each in found]


def test_a_question_comes_with_its_answer_and_a_decision_by_itself() -> None:
    rows = (
        "ada: Morning!",
        "bob: When do we meet?",
        "cid: Friday at 3 pm",
        "ada: ok",
        "bob: Decided: we take the bus.",
    )
    assert _labelled(*rows) == [("answered", [2, 3]), ("decision", [5])]


def test_three_languages_are_understood() -> None:
    assert _labelled("ada: Wann treffen wir uns?", "bob: Am Montag um 9 Uhr") == [("answered", [1, 2])]
    assert _labelled("ada: 会議はいつですか？", "bob: 火曜日の午後2時です") == [("answered", [1, 2])]
    assert _labelled("ada: Dann nehmen wir das rote Sofa.") == [("decision", [1])]
    assert _labelled("ada: 火曜日に変更になりました") == [("decision", [1])]


def test_small_talk_is_left_out() -> None:
    assert _labelled("ada: ok", "bob: haha", "cid: danke!", "ada: 了解です", "bob: 👍") == []


def test_an_open_question_and_a_mention_are_told() -> None:
    lines = chat("ada: Where is the projector?", "bob: Nice weather", "cid: @eve please read my draft")
    lines[2] = replace(lines[2], mentions=frozenset({"eve"}))
    found = catchup.extracts(lines, length="long", reader_id="eve")
    assert [(each.label, each.lines[0].seq) for each in found] == [("open", 1), ("mention", 3)]


def test_a_reply_to_the_question_is_its_answer_however_late_it_comes() -> None:
    lines = chat(
        "ada: Who orders the cake?", *(f"bob: We talked about item {n} of the list" for n in range(9)), "cid: I will"
    )
    lines[-1] = replace(lines[-1], reply_to="msg_1")
    assert catchup.answers_of(lines)["msg_1"].seq == len(lines)


def test_what_is_said_twice_is_told_once() -> None:
    rows = ("ada: We decided to move to Hamburg in June.", "bob: So: decided, we move to Hamburg in June!")
    assert len(_labelled(*rows)) == 1


def test_a_text_has_marks_for_its_lines_and_labels_in_the_reader_s_language() -> None:
    found = catchup.extracts(chat("ada: When?", "bob: On Monday at 9:00", "cid: Decided: room 4."), length="short")
    text, cited = catchup.render(found, length="short", language="de-AT")
    assert text == "Frage: When? [1] → On Monday at 9:00 [2]\nEntscheidung: Decided: room 4. [3]"
    assert [line.seq for line in cited] == [1, 2, 3]


def test_a_long_line_is_cut_at_a_word() -> None:
    quoted = catchup.quote("word " * 100, 40)
    assert quoted == "word word word word word word word…"
    assert len(catchup.quote("字" * 100, 40)) == 40


def test_two_hundred_messages_take_less_than_300_ms_of_cpu() -> None:
    lines = [line for each in all_chats() for line in each.lines][:200]
    started = time.process_time()
    catchup.render(catchup.extracts(lines, length="long"), length="long", language="en")
    assert len(lines) == 200
    assert time.process_time() - started < 0.3
