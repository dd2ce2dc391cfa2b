"""The index's consumer: follows the stream of the event table and keeps the index of messages up to date."""

from __future__ import annotations

from collections.abc import Sequence

from kernel.consumers import Change, all_changes
from messages import api as messages
from search import indexing


def _handle(batch: Sequence[Change]) -> None:
    indexing.index(messages.messages_changed(batch))


handler = all_changes("search.index", messages.PARTITION_KEY, _handle)
