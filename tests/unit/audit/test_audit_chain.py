from __future__ import annotations

import copy
import hashlib
import json
from typing import Any

import pytest

from audit import chain, service
from audit.model import NOTHING_BEFORE, Act, Head


def acts(count: int) -> list[Act]:
    return [Act(f"act_{n}", 1_000 * n, "usr_a", "user.banned", "usr_b", None, {"until": None}) for n in range(count)]


def shown(count: int = 5) -> list[dict[str, Any]]:
    return [{**entry.content, "hash": entry.hash} for entry in chain.linked(Head(), acts(count))]


def test_the_hash_is_of_the_one_before_a_newline_and_the_canonical_json() -> None:
    content = {"n": 1, "details": {"ü": 1, "a": [True, None]}, "at": "2026-11-28T00:00:00.000Z"}
    canonical = '{"at":"2026-11-28T00:00:00.000Z","details":{"a":[true,null],"ü":1},"n":1}'
    expected = hashlib.sha256(f"{NOTHING_BEFORE}\n{canonical}".encode()).hexdigest()
    assert chain.hash_of(NOTHING_BEFORE, content) == expected


def test_each_entry_holds_the_hash_of_the_one_before() -> None:
    first, second, third = chain.linked(Head(), acts(3))
    assert [each.n for each in (first, second, third)] == [1, 2, 3]
    assert [first.previous, second.previous, third.previous] == [NOTHING_BEFORE, first.hash, second.hash]


def test_a_chain_as_it_was_is_verified() -> None:
    entries = shown()
    assert service.verified(iter(entries)) == Head(5, entries[-1]["hash"])
    assert service.verified(iter(entries[2:]), previous=entries[1]["hash"]).n == 5


@pytest.mark.parametrize("field", ["n", "at", "actor", "action", "target", "ip", "details", "hash"])
def test_any_changed_field_is_found(field: str) -> None:
    entries = copy.deepcopy(shown())
    entries[2][field] = 7
    with pytest.raises(ValueError, match="3|7"):
        service.verified(iter(entries))


def test_a_missing_or_added_entry_is_found() -> None:
    entries = shown()
    for broken in (entries[:2] + entries[3:], [*entries[:2], entries[1], *entries[2:]], entries[1:]):
        with pytest.raises(ValueError, match="entry"):
            service.verified(iter(json.loads(json.dumps(broken))))
