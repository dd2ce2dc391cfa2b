"""Follows the stream of the event table and tells people of what is new in their conversations."""

from __future__ import annotations

from collections.abc import Sequence

from kernel.consumers import Change, all_changes
from messages import api as messages
from notifications import occurrences, telling


def _handle(batch: Sequence[Change]) -> None:
    for event in messages.events_added(batch, occurrences.FOLLOWED):
        for what, to in occurrences.of_event(event):
            telling.tell(what, to=to)


handler = all_changes("notifications.follow", messages.PARTITION_KEY, _handle)
