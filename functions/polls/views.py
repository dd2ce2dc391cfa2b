"""Views of polls in events and messages: with the reader's own vote and the part of the tally they may see."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from kernel.after_commit import FollowUp
from kernel.dynamo import Key, Record
from kernel.transactions import Transaction
from log.api import DataView, Rendering, Rows
from log.model import Event
from polls import store
from polls.model import FORGET_VOTES, PollRef, poll_of

Keys = list[tuple[type[Record], Key]]


def _refs(events: Iterable[Event]) -> list[PollRef]:
    return [ref for event in events if (ref := poll_of(event.data)) is not None]


def poll_keys(events: Sequence[Event], rendering: Rendering) -> Keys:
    """The records that `polls_for_viewers` reads."""
    return store.keys_of(_refs(events), rendering.viewer_ids)


def polls_for_viewers(events: Sequence[Event], rendering: Rendering) -> DataView:
    """Render every event about a poll as the present poll."""
    return _views(events, rendering.viewer_ids, rendering.rows)


def _views(events: Sequence[Event], viewer_ids: Sequence[str], rows: Rows) -> DataView:
    seen = store.views(_refs(events), viewer_ids, rows.read)

    def shown(event: Event, viewer_id: str) -> dict[str, Any] | None:
        ref = poll_of(event.data)
        return None if ref is None else seen.get((ref.id, viewer_id))

    return shown


class PollContent:
    """The content of messages of type `poll` (`messages.contents`)."""

    def keys(self, messages: Sequence[Event], viewer_ids: Sequence[str]) -> Keys:
        return store.keys_of(_refs(messages), viewer_ids)

    def views(self, messages: Sequence[Event], viewer_ids: Sequence[str], rows: Rows) -> DataView:
        return _views(messages, viewer_ids, rows)

    def stage_deletion(self, transaction: Transaction, message: Event) -> list[FollowUp]:
        """Stage the deletion of a message's poll; its votes are deleted by follow-up work."""
        refs = list(_refs([message]))
        following = [FollowUp.of(FORGET_VOTES, {"poll_id": ref.id}) for ref in refs]
        for ref, forgetting in zip(refs, following, strict=True):
            store.stage_deletion(transaction, ref)
            forgetting.stage(transaction)
        return following


CONTENT = PollContent()
