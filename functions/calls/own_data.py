"""What calls hold on a person, for an export: their history."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from calls import history
from calls.schemas import CallOut
from kernel.caller import Caller
from kernel.schema import as_json

_PAGE = 100


def calls(user_id: str) -> Iterator[dict[str, Any]]:
    """The calls that rang for the person or that they joined, newest first, as far as they may see them now."""
    after: str | None = None
    while True:
        page = history.list_of_caller(caller=Caller(user_id, ""), limit=_PAGE, after=after)
        yield from (as_json(CallOut, each) for each in page.items)
        after = page.next_cursor
        if after is None:
            return
