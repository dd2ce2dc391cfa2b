"""Search in the decrypted messages of this device, in bounded pages. The server gets no query."""

from __future__ import annotations

from dataclasses import dataclass

from secureconnect_client.encryption.decrypted import DecryptedMessage
from secureconnect_client.encryption.shelf import Shelf
from secureconnect_client.encryption.words import parts_of, words

RESULTS = 30
SCANNED = 1_000  # messages


@dataclass(frozen=True, slots=True)
class FoundPage:
    """Messages that match, newest first. `next_below` is the `below` of the next page; None at the end."""

    items: tuple[DecryptedMessage, ...]
    next_below: int | None


def find(
    shelf: Shelf,
    conversation_id: str,
    query: str,
    *,
    sender_id: str | None = None,
    with_files: bool = False,
    below: int | None = None,
) -> FoundPage:
    """Messages before the seq `below` with all words of the query in their texts and names of files.

    A page ends after 30 results or 1,000 messages. Without words and filters nothing is found.
    """
    parts = parts_of(query)
    items: list[DecryptedMessage] = []
    if not parts and sender_id is None and not with_files:
        return FoundPage((), None)
    for scanned, message in enumerate(shelf.newest(conversation_id, below=below)):
        if len(items) == RESULTS or scanned == SCANNED:
            return FoundPage(tuple(items), below)
        below = message.seq
        if (
            message.text is not None
            and sender_id in (None, message.sender_id)
            and (message.files or not with_files)
            and _matches(message, parts)
        ):
            items.append(message)
    return FoundPage(tuple(items), None)


def _matches(message: DecryptedMessage, parts: list[str]) -> bool:
    said = words("\n".join((message.text or "", *(each.name for each in message.files))))
    return all(part in said for part in parts)
