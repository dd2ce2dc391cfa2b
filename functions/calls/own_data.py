"""What calls hold on a person, for an export: their history."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from calls import history
from calls.schemas import CallOut
from kernel.caller import Caller
from kernel.paging import all_items
from kernel.schema import as_json

_PAGE = 100


def calls(user_id: str) -> Iterator[dict[str, Any]]:
    """The calls that rang for the person or that they joined, newest first, as far as they may see them now."""
    caller = Caller(user_id, "")
    for each in all_items(lambda cursor: history.list_of_caller(caller=caller, limit=_PAGE, after=cursor)):
        yield as_json(CallOut, each)
