"""Follows the stream of the event table and keeps the index of meaning up to date; deployed only where it is on."""

from __future__ import annotations

from collections.abc import Sequence

from assistant import meaning_index
from conversations.model import CONVERSATION_UPDATED
from kernel.consumers import Change, all_changes
from messages import api as messages


def _handle(batch: Sequence[Change]) -> None:
    meaning_index.index(messages.messages_changed(batch))
    switched = [each for each in batch if each.new and each.new.get("type") == {"S": CONVERSATION_UPDATED}]
    if switched:
        meaning_index.follow_switch(each.keys[messages.PARTITION_KEY]["S"] for each in switched)


handler = all_changes("assistant.meaning", messages.PARTITION_KEY, _handle)
