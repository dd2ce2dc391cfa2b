"""Whether AI help may read the messages of a batch is read for all of its conversations at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from assistant import meaning_index, policies
from kernel import aws
from tests.integration import rooms
from tests.integration.assistant import desk


@pytest.mark.parametrize("consume", [policies.review, meaning_index.index])
def test_conversations_without_consent_cost_one_read_together(consume: Callable[[Any], int]) -> None:
    ada, bob = rooms.people("ada", "bob")
    places = [(desk.group(ada, bob, ai_enabled=False), 1) for _ in range(3)]
    read: list[str] = []

    def note(model: Any, **_: Any) -> None:
        read.append(model.name)

    events = aws.client("dynamodb").meta.events
    events.register("before-call.dynamodb", note)
    try:
        assert consume(places) == 0
    finally:
        events.unregister("before-call.dynamodb", note)
    assert read == ["BatchGetItem"]
