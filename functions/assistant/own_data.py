"""What AI help holds on a person, for an export: settings, and what was used of today's budget."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from assistant import people
from assistant.schemas import AiSettings
from kernel.schema import as_json


def settings(user_id: str) -> Iterator[dict[str, Any]]:
    """The person's settings; answers are kept for a repetition only, and not exported."""
    yield as_json(AiSettings, people.get(user_id))
