"""Words and queries: which queries match which texts."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernel.errors import ValidationFailed
from search.model import MAX_INDEXED_CHARS, MAX_QUERY_WORDS, Hit, SourcePage, merge, parse, words

# the web client's search of decrypted messages has the same (words.test.ts)
MATCHING = json.loads((Path(__file__).parent / "matching.json").read_text())


def finds(q: str, text: str) -> bool:
    return parse(q).matches(words(text))


@pytest.mark.parametrize(("q", "text"), MATCHING["finds"])
def test_a_query_finds_a_text(q: str, text: str) -> None:
    assert finds(q, text)


@pytest.mark.parametrize(("q", "text"), MATCHING["misses"])
def test_a_query_does_not_find_another_text(q: str, text: str) -> None:
    assert not finds(q, text)


@pytest.mark.parametrize("q", ["", "   ", "…!?", "'\"%_*"])
def test_a_query_without_a_word_is_refused(q: str) -> None:
    with pytest.raises(ValidationFailed):
        parse(q)


def test_a_query_of_many_words_is_refused() -> None:
    with pytest.raises(ValidationFailed):
        parse(" ".join(f"w{n}" for n in range(MAX_QUERY_WORDS + 1)))


def test_has_file_is_a_filter_and_no_word() -> None:
    assert parse("Has:File") == parse("", has_file=True)
    assert parse("report has:file").parts == (" report",)


def test_a_text_without_words_has_none() -> None:
    assert words("…!?") == ""


@given(st.text(max_size=2_000))
def test_what_is_kept_of_a_text_is_bounded_and_each_word_is_there_once(text: str) -> None:
    kept = words(text)
    assert len(kept) <= MAX_INDEXED_CHARS + 2
    assert len(kept.split()) == len(set(kept.split()))


@given(st.text(alphabet=st.characters(categories=["L", "N", "So"]), min_size=1, max_size=15))
def test_every_text_is_found_by_itself_in_any_case(text: str) -> None:
    assert finds(text.upper(), text)


def test_the_longest_message_of_prose_is_found_by_its_last_word() -> None:
    prose = " ".join(f"word{n % 500}" for n in range(1_200)) + " omega"
    assert len(prose) < 10_000
    assert finds("omega", prose)


def test_a_text_that_unfolds_without_end_stays_small() -> None:
    assert len(words("\ufdfa" * 10_000).encode()) < 20_000


# --- sources --------------------------------------------------------------------------------------------------


def hits(*times: int) -> list[Hit]:
    return [Hit((at, ""), {"at": at}) for at in times]


def test_sources_are_merged_newest_first() -> None:
    found = merge([SourcePage(hits(9, 3), None), SourcePage(hits(5), None)], limit=10)
    assert [hit.found["at"] for hit in found.hits] == [9, 5, 3]
    assert found.scanned_to is None


def test_nothing_is_given_from_below_where_a_source_has_not_looked() -> None:
    found = merge([SourcePage(hits(9, 3), None), SourcePage(hits(8), (5, ""))], limit=10)
    assert [hit.found["at"] for hit in found.hits] == [9, 8]
    assert found.scanned_to == (5, "")


def test_a_full_page_leads_on_from_its_last_hit() -> None:
    found = merge([SourcePage(hits(9, 8, 7), None)], limit=2)
    assert [hit.found["at"] for hit in found.hits] == [9, 8]
    assert found.scanned_to == (8, "")
