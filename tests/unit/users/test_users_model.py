from __future__ import annotations

import pytest

from kernel.records import known_fields
from users.model import TERM_MAX_CHARS, TERM_WORDS_MAX, Profile, UserSettings, fold, leads_to, terms


def profile(username: str = "ada", display_name: str = "Ada Lovelace") -> Profile:
    return Profile(id="usr_1", username=username, display_name=display_name, email="a@b.c", created_at=0)


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("Ünïcôdé", "unicode"),
        ("STRASSE", "strasse"),
        ("Straße", "strasse"),
        ("  Ada   Lovelace ", "ada lovelace"),
        ("Ｆｕｌｌ", "full"),
        ("İstanbul", "istanbul"),
        ("Ёлка", "елка"),
        ("a\x1fb", "a b"),
        ("\u0301", ""),
    ],
)
def test_search_compares_without_case_and_accents(text: str, folded: str) -> None:
    assert fold(text) == folded


def test_a_folded_text_fits_a_key_however_it_expands() -> None:
    assert len(fold("\ufdfa" * 100)) <= TERM_MAX_CHARS


def test_people_are_found_by_username_handle_whole_name_and_each_word() -> None:
    assert terms("ada.l", "Ada Lovelace") == {"ada.l", "@ada.l", "ada lovelace", "ada", "lovelace"}


def test_a_name_of_many_words_still_fits_one_transaction() -> None:
    assert len(terms("ada", " ".join(f"w{n}" for n in range(33)))) <= TERM_WORDS_MAX + 3


def test_one_of_several_matching_terms_leads_to_a_person() -> None:
    person = profile()

    assert [term for term in sorted(person.terms) if leads_to(person, "a", term)] == ["ada"]


def test_a_term_that_was_dropped_leads_nowhere() -> None:
    assert not leads_to(profile(), "b", "byron")


def test_settings_are_merged() -> None:
    changed = profile().changed({"settings": {"ai_enabled": True}, "bio": "hi"})

    assert changed.settings == UserSettings(read_receipts=True, last_seen="everyone", ai_enabled=True)
    assert (changed.bio, changed.display_name) == ("hi", "Ada Lovelace")


def test_settings_of_a_newer_version_are_left_aside() -> None:
    assert known_fields(UserSettings)({"ai_enabled": True, "theme": "dark"}) == UserSettings(ai_enabled=True)
