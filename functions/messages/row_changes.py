"""What the stream of the event table tells: which messages a batch of changes is about."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from kernel.consumers import Change, Image
from log import api as log
from log.model import MESSAGE_CREATED, Event

PARTITION_KEY = "conversation_id"
# What of a message's row is its content: reactions to it change the row as well, and are none.
_CONTENT = ("text", "data", "deleted_at")


def messages_changed(changes: Iterable[Change]) -> list[tuple[str, int]]:
    """The (conversation, seq) of messages whose content is new, other than before, or gone; each once."""
    return list(dict.fromkeys(_place(change) for change in changes if _is_about_content(change)))


def _place(change: Change) -> tuple[str, int]:
    return change.keys[PARTITION_KEY]["S"], int(change.keys["seq"]["N"])


def _is_about_content(change: Change) -> bool:
    present = change.new or change.old or {}
    return present.get("type") == {"S": MESSAGE_CREATED} and _content(change.old) != _content(change.new)


def _content(image: Image | None) -> tuple[object, ...] | None:
    return None if image is None else tuple(image.get(name) for name in _CONTENT)


def events_added(changes: Iterable[Change], types: Collection[str]) -> list[Event]:
    """The events of these types that are new in the log, as they were written, in order."""
    added = [change.new for change in changes if change.kind == "INSERT" and change.new is not None]
    return [log.event_in(image) for image in added if image["type"]["S"] in types]
