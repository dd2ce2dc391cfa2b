"""Deduplication of sends: a repeated client_id gets the event it made first, even if sending is forbidden by now."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from kernel.errors import Conflict, Forbidden, NotFound, Unprocessable, ValidationFailed
from kernel.keyrings import pseudonym
from log import sends_store, store
from log.model import Event, Send


class DuplicateSend(Exception):
    """This (sender, client_id) has already made an event; `original_event` finds it."""


@contextmanager
def replay_duplicate(key: str, require_member: Callable[[], object]) -> Iterator[None]:
    """Turn a refusal of a repeated send into DuplicateSend, as the first one was allowed.

    `require_member` refuses a caller who is no longer a member: they do not see the present state of the message.
    """
    try:
        yield
    except (Conflict, Forbidden, NotFound, ValidationFailed) as refused:
        if sends_store.original_send(key) is None:
            raise
        require_member()
        raise DuplicateSend from refused


def original_event(send: Send, conversation_id: str, *, noun: str = "message") -> Event:
    """The event that this client_id made; the tombstone of a message that was deleted or has expired.

    Raises Unprocessable if that event is in another conversation or its fingerprint, where still stored, differs;
    Conflict if the client_id is in use and its event cannot be read yet.
    """
    original = sends_store.original_send(send.key)
    if original is None:
        raise Conflict("This client_id is being used by another request; try again.", retry_after_s=1)
    place = (original.conversation_id, original.seq)
    event = store.events_at([place])[place] if original.conversation_id == conversation_id else None
    if event is None or event.fingerprint not in (None, keyed_fingerprint(send)):
        raise Unprocessable(f"This client_id stands for another {noun}.")
    return event


def keyed_fingerprint(send: Send) -> str:
    """The stored form of a fingerprint: keyed, so that a reader of the table cannot test guessed texts against it."""
    return pseudonym("send", f"{send.key}\0{send.fingerprint}")
