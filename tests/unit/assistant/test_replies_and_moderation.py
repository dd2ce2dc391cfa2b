"""Suggested replies, and scores of what is harmful."""

from __future__ import annotations

import pytest

from assistant.embedded import moderating, replies
from tests.unit.assistant.chats import chat


def _suggested(*rows: str) -> tuple[str, str, str]:
    return replies.suggestions(chat(*rows), reader_id="me", fallback_language="en")


@pytest.mark.parametrize(
    "row",
    ["When do we meet?", "Wo treffen wir uns?", "誰が行きますか？", "Tea or coffee?", "Can you send the file?",
     "Danke!", "I passed the exam", "Ich bin leider krank", "すみません、遅れます", "Hello!", "The train is late.",
     "👍", "Warum?"],
)  # fmt: skip
def test_there_are_always_three_different_ones(row: str) -> None:
    found = _suggested(f"ada: {row}")
    assert len(set(found)) == 3
    assert all(found)


def test_they_fit_what_was_said_last_by_somebody_else_in_its_language() -> None:
    assert "Danke für die Info." in _suggested("ada: Der Zug hat Verspätung.", "me: oje")
    assert "How about tomorrow?" in _suggested("ada: When do we meet?")
    assert "わかりました、やっておきます。" in _suggested("ada: 資料を送ってください")
    assert replies.suggestions([], reader_id="me", fallback_language="de")[0] == "Hallo zusammen!"


@pytest.mark.parametrize(
    ("text", "category"),
    [
        ("You are such an idiot", "harassment"),
        ("f u c k y o u", "harassment"),
        ("Halt die Fresse", "harassment"),
        ("お前はクズ", "harassment"),
        ("I'm going to kill you", "violence"),
        ("Ich bringe dich um", "violence"),
        ("ぶっ殺すぞ", "violence"),
        ("I want to kill myself", "self_harm"),
        ("Ich will nicht mehr leben", "self_harm"),
        ("死にたい", "self_harm"),
        ("send nudes", "sexual"),
        ("Ausländer raus", "hate"),
        ("Click here to claim your prize!!!", "spam"),
    ],
)
def test_what_is_harmful_is_flagged_in_its_category(text: str, category: str) -> None:
    found = moderating.scores(text)
    assert found[category] >= 0.5
    assert moderating.flagged(found)


@pytest.mark.parametrize(
    "text",
    ["Lunch at noon?", "Let's kill the process and shoot the video", "You're not stupid", "Das ist gratis im Netz", "",
     "I will beat you at chess", "会議は何時ですか？", "Die Katze schläft"],
)  # fmt: skip
def test_harmless_texts_are_not(text: str) -> None:
    assert not moderating.flagged(moderating.scores(text))


def test_scores_lie_between_0_and_1_for_every_category() -> None:
    found = moderating.scores("idiot " * 500)
    assert set(found) == set(moderating.CATEGORIES)
    assert all(0 <= score <= 1 for score in found.values())
