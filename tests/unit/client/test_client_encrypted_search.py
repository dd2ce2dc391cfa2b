"""Search in decrypted messages: the same words match as at the server and in the web client."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from secureconnect_client.encryption.decrypted import DecryptedMessage
from secureconnect_client.encryption.files import SealedFile
from secureconnect_client.encryption.search import RESULTS, SCANNED, find
from secureconnect_client.encryption.shelf import Shelf
from secureconnect_client.encryption.vault import MemoryVault
from secureconnect_client.encryption.words import parts_of, words

MATCHING = json.loads((Path(__file__).parents[1] / "search" / "matching.json").read_text())
TEA = DecryptedMessage("cnv_1", 1, "msg_1", "ada", "phone", "tea")
FILE = SealedFile("fil_1", "Straße.pdf", "application/pdf", 1, "", "")


def shelf_with(*messages: DecryptedMessage) -> Shelf:
    """The shelf with these messages, whose seqs begin at 1."""
    shelf = Shelf(MemoryVault())
    for seq, each in enumerate(messages, 1):
        shelf.remember(replace(each, seq=seq, message_id=f"msg_{seq}"))
    return shelf


def said(text: str) -> DecryptedMessage:
    return replace(TEA, text=text)


def pages(shelf: Shelf, query: str) -> Iterator[list[str | None]]:
    below = None
    while True:
        page = find(shelf, "cnv_1", query, below=below)
        yield [each.text for each in page.items]
        below = page.next_below
        if below is None:
            return


def finds(query: str, text: str) -> bool:
    return all(part in words(text) for part in parts_of(query))


@pytest.mark.parametrize(("query", "text"), MATCHING["finds"])
def test_what_the_server_finds_is_found(query: str, text: str) -> None:
    assert finds(query, text)


@pytest.mark.parametrize(("query", "text"), MATCHING["misses"])
def test_what_the_server_does_not_find_is_not_found(query: str, text: str) -> None:
    assert not finds(query, text)


def test_all_matches_are_found_newest_first_by_pages() -> None:
    shelf = shelf_with(*(said(f"Café {n}" if n % 3 == 0 else f"tea {n}") for n in range(3 * RESULTS)))
    expected = [f"Café {n}" for n in reversed(range(0, 3 * RESULTS, 3))]
    assert list(pages(shelf, "CAFE")) == [expected]
    assert [len(each) for each in pages(shelf, "tea")] == [RESULTS, RESULTS, 0]
    teas = [f"tea {n}" for n in reversed(range(3 * RESULTS)) if n % 3]
    assert [text for page in pages(shelf, "tea") for text in page] == teas
    assert list(pages(shelf, "cafe 42")) == [["Café 42"]]
    assert list(pages(shelf, "afe")) == [[]]


def test_a_page_ends_after_so_many_messages_even_if_none_matches() -> None:
    shelf = shelf_with(said("rare"), *[TEA] * SCANNED)
    assert list(pages(shelf, "rare")) == [[], ["rare"]]


def test_a_file_is_found_by_its_name_and_filters_narrow_a_search_down() -> None:
    shelf = shelf_with(TEA, replace(TEA, sender_id="bob"), replace(TEA, text="", files=(FILE,)))
    assert [each.seq for each in find(shelf, "cnv_1", "strasse").items] == [3]
    assert [each.seq for each in find(shelf, "cnv_1", "", with_files=True).items] == [3]
    assert [each.seq for each in find(shelf, "cnv_1", "tea", sender_id="bob").items] == [2]
    assert find(shelf, "cnv_1", " ").items == ()
    assert find(shelf, "cnv_2", "tea").items == ()


def test_what_was_deleted_or_has_expired_or_cannot_be_read_is_not_found() -> None:
    gone = replace(TEA, expires_at="2026-01-01T00:00:00.000Z")
    shelf = shelf_with(TEA.emptied(), gone, replace(TEA, text=None, device_id=None))
    assert find(shelf, "cnv_1", "tea").items == ()
