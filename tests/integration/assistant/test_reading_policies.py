"""Whether AI help may read the messages of a batch is read for all of its conversations at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from assistant import meaning_index, policies
from tests.integration import rooms
from tests.integration.assistant import desk
from tests.tools import store_calls


@pytest.mark.parametrize("consume", [policies.review, meaning_index.index])
def test_conversations_without_consent_cost_one_read_together(consume: Callable[[Any], int]) -> None:
    ada, bob = rooms.people("ada", "bob")
    places = [(desk.group(ada, bob, ai_enabled=False), 1) for _ in range(3)]
    with store_calls() as read:
        assert consume(places) == 0
    assert read == ["BatchGetItem"]
