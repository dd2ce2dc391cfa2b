"""What presence holds on a person, for an export: the status that they have chosen."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from kernel import clock
from presence import store


def presence(user_id: str) -> Iterator[dict[str, Any]]:
    """The chosen status with its text and end, if there is one."""
    for choice in store.choices([user_id]).values():
        until = None if choice.until is None else clock.rfc3339(choice.until)
        yield {"status": choice.status, "text": choice.text, "until": until}
