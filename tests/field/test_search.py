"""What reads the same is found: in messages, in people's names, in names of files, by one folding.

Sources: synapse 16675 (names with apostrophes and accents), mark.js 69 (soft hyphens in the midst of words),
meilisearch/charabia 186 (Arabic words that are written longer).
"""

from __future__ import annotations

import re

import pytest

from drive.files import listings
from evaluation.chats import all_chats
from kernel import text as texts
from kernel.caller import Caller
from search.model import words
from tests.integration import desk
from tests.integration.rooms import group, people, send
from tests.integration.search.test_searching import found
from users import service as users

NAMES = ["José Núñez-Muñoz O\u2019Brien", "Ann\u200dika O'Brien"]


@pytest.mark.parametrize("text", ["co\u00adoperation", "Co\u200boperation", "COOPERATION", "ｃｏｏｐｅｒａｔｉｏｎ"])
def test_a_word_with_what_cannot_be_seen_in_it_is_found(text: str) -> None:
    ada, bob = people("ada", "bob")
    tea = group(ada, bob)
    send(ada, tea, f"our {text} goes on")
    assert found(bob, "cooperation") == [f"our {text} goes on"]
    assert found(bob, "co\u00adoperation") == [f"our {text} goes on"]


@pytest.mark.parametrize(("q", "text"), [("كتاب", "هذا كـــتاب جديد"), ("كـتـاب", "هذا كتاب جديد")])
def test_an_arabic_word_that_is_stretched_is_the_same_word(q: str, text: str) -> None:
    ada, bob = people("ada", "bob")
    tea = group(ada, bob)
    send(ada, tea, text)
    assert found(bob, q) == [text]


@pytest.mark.parametrize(("q", "text"), [("کتاب", "هذا كتاب"), ("1405", "سال ۱۴۰۵"), ("٤٢", "room 42")])
def test_the_letters_and_digits_of_another_keyboard_are_the_same(q: str, text: str) -> None:
    ada, bob = people("ada", "bob")
    tea = group(ada, bob)
    send(ada, tea, text)
    assert found(bob, q) == [text]


@pytest.mark.parametrize("q", ["munoz", "nunez", "o'brien", "o\u2019brien", "obrien", "brien", "JOSE", "jose\u0301"])
def test_people_are_found_by_each_part_of_their_name(q: str) -> None:
    ada, jose = people("ada", "joe")
    users.change(user_id=jose.user_id, changes={"display_name": NAMES[0]})
    assert [each.id for each in users.search(user_id=ada.user_id, q=q, limit=9, after=None).items] == [jose.user_id]


def test_a_name_with_a_joiner_is_found_without() -> None:
    ada, annika = people("ada", "ann_1")
    users.change(user_id=annika.user_id, changes={"display_name": NAMES[1]})
    assert [each.id for each in users.search(user_id=ada.user_id, q="annika", limit=9, after=None).items] == [
        annika.user_id
    ]


@pytest.mark.parametrize("q", ["munoz", "o'brien", "obrien", "report"])
def test_files_are_found_by_each_part_of_their_name(q: str) -> None:
    (ada,) = people("ada")
    file_id = desk.put(ada, name="Re\u00adport Núñez-Muñoz O\u2019Brien.txt")
    assert [each["id"] for each in _drive(ada, q)] == [file_id]


def _drive(who: Caller, q: str) -> list[dict[str, str]]:
    return list(listings.search(caller=who, q=q, kind=None, limit=9, after=None).items)


def test_the_index_grows_by_five_in_a_hundred_at_most_by_what_cannot_be_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Measured against the folding that left format characters, hyphens and apostrophes as they were written."""
    written = [line.text for chat in all_chats() for line in chat.lines] + NAMES + ["می\u200cخواهم co\u00adoperation"]
    now = sum(len(words(text).encode()) for text in written)
    monkeypatch.setattr(texts, "_IGNORABLE", re.compile("(?!)"))
    monkeypatch.setattr(texts, "_PUNCTUATION", {})
    before = sum(len(words(each).encode()) for each in written)
    assert 0 < now <= 1.05 * before
