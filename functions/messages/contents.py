"""What other domains put into messages: a message of type `poll` shows a poll, which messages do not know.

Each such type is registered once, in the `events.py` of its domain.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Protocol

from kernel.after_commit import FollowUp
from kernel.dynamo import Key, Record, Transaction
from log.api import Rows
from log.model import Event

OWN_TYPES = frozenset({"text", "file", "encrypted", "system", "call"})
Held = Callable[[Event, str], dict[str, Any] | None]  # what a message holds, as a person sees it


class Content(Protocol):
    """What a message of one type holds, for many messages at once. `field` is where a message shows it."""

    field: str

    def keys(self, messages: Sequence[Event], viewer_ids: Sequence[str]) -> Sequence[tuple[type[Record], Key]]:
        """The records that `shown` is going to read."""
        ...

    def shown(self, messages: Sequence[Event], viewer_ids: Sequence[str], rows: Rows) -> Held: ...

    def stage_deletion(self, transaction: Transaction, message: Event) -> Sequence[FollowUp]:
        """What goes in the transaction that deletes the message; returns the work that has to follow it."""
        ...


_loaders: dict[str, Callable[[], Content]] = {}


def register_content(type_: str, load: Callable[[], Content]) -> None:
    """Name what messages of this type hold; it is loaded when the first such message is met."""
    _loaders[type_] = load


def held_by(message: Event) -> Content | None:
    """What a message holds of another domain; None for texts, files and our own.

    Raises LookupError where its domain has not registered: rather than show or delete half of a message.
    """
    type_ = message.data.get("type")
    if type_ in OWN_TYPES or message.deleted_at is not None:
        return None
    if type_ not in _loaders:
        raise LookupError(f"nobody shows messages of type {type_} here: import `composition`")
    return _loaders[type_]()


def by_content(messages: Iterable[Event]) -> list[tuple[Content, list[Event]]]:
    """The messages that hold something, by what they hold."""
    found: dict[int, tuple[Content, list[Event]]] = {}
    for message in messages:
        content = held_by(message)
        if content is not None:
            found.setdefault(id(content), (content, []))[1].append(message)
    return list(found.values())
