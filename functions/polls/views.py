"""Polls in the log and in messages: each reader sees their own vote, and as much of the tally as they may know."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from kernel.after_commit import FollowUp
from kernel.dynamo import Key, Record, Transaction
from log.api import DataView, Rendering, Rows
from log.model import Event
from polls import store
from polls.model import FORGET_VOTES, PollRef, poll_of

Keys = list[tuple[type[Record], Key]]


def _refs(events: Iterable[Event]) -> list[PollRef]:
    return [ref for event in events if (ref := poll_of(event.data)) is not None]


def poll_keys(events: Sequence[Event], rendering: Rendering) -> Keys:
    """What `polls_for_viewers` reads."""
    return store.keys_of(_refs(events), rendering.viewer_ids)


def polls_for_viewers(events: Sequence[Event], rendering: Rendering) -> DataView:
    """Every event about a poll shows the poll as it is now."""
    return _shown(events, rendering.viewer_ids, rendering.rows)


def _shown(events: Sequence[Event], viewer_ids: Sequence[str], rows: Rows) -> DataView:
    seen = store.shown(_refs(events), viewer_ids, rows.read)

    def shown(event: Event, viewer_id: str) -> dict[str, Any] | None:
        ref = poll_of(event.data)
        return None if ref is None else seen.get((ref.id, viewer_id))

    return shown


class PollContent:
    """What messages of type `poll` hold (`messages.contents`)."""

    def keys(self, messages: Sequence[Event], viewer_ids: Sequence[str]) -> Keys:
        return store.keys_of(_refs(messages), viewer_ids)

    def shown(self, messages: Sequence[Event], viewer_ids: Sequence[str], rows: Rows) -> DataView:
        return _shown(messages, viewer_ids, rows)

    def stage_deletion(self, transaction: Transaction, message: Event) -> list[FollowUp]:
        """A poll goes with its message; its votes, which nobody can reach then, go after it."""
        refs = list(_refs([message]))
        following = [FollowUp.of(FORGET_VOTES, {"poll_id": ref.id}) for ref in refs]
        for ref, forgetting in zip(refs, following, strict=True):
            store.stage_deletion(transaction, ref)
            forgetting.stage(transaction)
        return following


CONTENT = PollContent()
