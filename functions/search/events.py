"""Search's subscription to messages, and the erasure of its index."""

from __future__ import annotations

from collections.abc import Sequence

from conversations.api import Eraser, register_eraser
from kernel.late import late
from log.api import subscribe
from log.model import MESSAGE_CREATED, Event, readable


def _index(events: Sequence[Event]) -> None:
    from search import indexing

    indexing.index((event.conversation_id, event.seq) for event in events)


def _index_new(events: Sequence[Event]) -> None:
    from search import indexing

    indexing.index_read(events)


subscribe(MESSAGE_CREATED, _index, queue="search", changes=True, where=readable, at_once=_index_new)
register_eraser(Eraser("search", late("search.store.erase"), derived=True))
