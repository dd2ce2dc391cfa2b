"""The capacity on paper is computed from its assumptions, and says where a quota ends."""

from __future__ import annotations

import pytest

from infra.documents import capacity_plan
from infra.documents.capacity_plan import PEOPLE, Use, monthly, needs
from tests.tools import ROOT

TEXT = (ROOT / "docs/capacity.md").read_text()


def test_what_is_needed_grows_with_the_people() -> None:
    for few, many in zip(needs(1_000), needs(10_000), strict=True):
        assert many.needed == pytest.approx(10 * few.needed)
    assert sum(monthly(10_000).values()) == pytest.approx(10 * sum(monthly(1_000).values()))


def test_posts_to_sockets_weigh_with_the_size_of_conversations() -> None:
    two, ten, eighteen = (needs(10_000, Use(members=members))[0].needed for members in (2, 10, 18))
    assert eighteen - ten == pytest.approx(ten - two), "each member more is a post more of each message"
    assert ten > 1.5 * two


def test_the_document_says_what_is_needed_and_marks_what_is_beyond_a_quota() -> None:
    assert capacity_plan.text() == TEXT
    beyond = [(people, need.what) for people in PEOPLE for need in needs(people) if need.needed > need.quota]
    assert beyond, "a million people are beyond a new account's quotas"
    assert TEXT.count(" times |") == len(beyond)


def test_it_is_of_three_sizes() -> None:
    assert PEOPLE == (10_000, 100_000, 1_000_000)
    assert all(f"{people:,}" in TEXT for people in PEOPLE)
