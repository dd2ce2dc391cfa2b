"""Contents that other domains put into messages: a message of type `poll` shows a poll.

A domain registers the type of its content in its `events.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Protocol

from kernel.after_commit import FollowUp
from kernel.dynamo import Key, Record
from kernel.transactions import Transaction
from log.api import Rows
from log.model import Event

OWN_TYPES = frozenset({"text", "file", "encrypted", "system", "call"})
ContentView = Callable[[Event, str], dict[str, Any] | None]  # a message's content as the person with this id sees it


class Content(Protocol):
    """The content of messages of one type. `field` is the message's field that shows it."""

    field: str

    def keys(self, messages: Sequence[Event], viewer_ids: Sequence[str]) -> Sequence[tuple[type[Record], Key]]:
        """The records that `views` will read."""
        ...

    def views(self, messages: Sequence[Event], viewer_ids: Sequence[str], rows: Rows) -> ContentView: ...

    def stage_deletion(self, transaction: Transaction, message: Event) -> Sequence[FollowUp]:
        """Stage the content's deletion in that of its message; returns the follow-up work."""
        ...


_loaders: dict[str, Callable[[], Content]] = {}


def register_content(type_: str, load: Callable[[], Content]) -> None:
    """Register the content of a type of messages; it is imported with the first such message."""
    _loaders[type_] = load


def content_of(message: Event) -> Content | None:
    """The content of a message from another domain; None for texts, files, encrypted, system and call messages.

    Raises LookupError for an unregistered type, rather than rendering or deleting half of a message.
    """
    type_ = message.data.get("type")
    if type_ in OWN_TYPES or message.deleted_at is not None:
        return None
    if type_ not in _loaders:
        raise LookupError(f"nobody shows messages of type {type_} here: import `composition`")
    return _loaders[type_]()


def by_content(messages: Iterable[Event]) -> list[tuple[Content, list[Event]]]:
    """The messages with a content of another domain, grouped by it."""
    found: dict[int, tuple[Content, list[Event]]] = {}
    for message in messages:
        content = content_of(message)
        if content is not None:
            found.setdefault(id(content), (content, []))[1].append(message)
    return list(found.values())
