"""The measured quality of the embedded provider does not fall."""

from __future__ import annotations

import pytest

from assistant.embedded import meaning
from assistant.providers.embedded import Embedded
from evaluation.__main__ import Asking, by_meaning, by_words, citations, searched, summary_of
from evaluation.chats import LANGUAGES, all_chats
from evaluation.measures import precision_and_recall, recall_at, rouge_l_recall

CHATS = all_chats()
EMBEDDED = Asking(Embedded())


def test_there_are_at_least_forty_chats_in_three_languages_and_every_support_is_a_message() -> None:
    assert len(CHATS) >= 40
    assert {chat.language for chat in CHATS} == set(LANGUAGES)
    known = {line.message_id for chat in CHATS for line in chat.lines}
    assert all(asked.support <= known for chat in CHATS for asked in (*chat.questions, *chat.searches))
    assert sum(not asked.support for chat in CHATS for asked in chat.questions) >= 5


def test_citations_are_right_and_most_questions_are_answered() -> None:
    found = [
        each
        for language in LANGUAGES
        for each in citations(EMBEDDED, [chat for chat in CHATS if chat.language == language])
    ]
    precision, recall = precision_and_recall(found)
    assert precision == 1.0
    assert recall >= 0.87


def test_summaries_cover_the_references() -> None:
    covered = [rouge_l_recall(summary_of(EMBEDDED, chat, "long"), chat.summary) for chat in CHATS]
    assert sum(covered) / len(covered) >= 0.65


@pytest.mark.skipif(not meaning.is_present(), reason="the layer of meaning is not installed")
def test_search_by_meaning_finds_more_than_words_alone() -> None:
    chosen = [chat for chat in CHATS if chat.language == "en"]
    found = recall_at(searched(chosen, by_meaning()), 5)
    assert found >= 1.3 * recall_at(searched(chosen, by_words), 5)
    assert found >= 0.75


def test_the_measures_measure() -> None:
    assert rouge_l_recall("the cat sat", "the cat lay down") == 0.5
    assert rouge_l_recall("駅で会う", "駅で会う") == 1.0
    assert precision_and_recall([(["a", "b"], ["a"]), ([], ["c"]), ([], [])]) == (0.5, 0.5)
    assert recall_at([(["a", "b", "c"], ["c"]), (["a"], ["b"])], 2) == 0.0
