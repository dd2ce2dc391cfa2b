"""A repeated client_id gets what it made first, whatever has been forbidden since."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from kernel.errors import Conflict, Forbidden, NotFound, Unprocessable, ValidationFailed
from kernel.keyrings import pseudonym
from log import sends_store, store
from log.model import Event, Send


class DuplicateSend(Exception):
    """This (sender, client_id) has made a message already; `original_send` finds it."""


@contextmanager
def replay_duplicate(key: str, require_member: Callable[[], object]) -> Iterator[None]:
    """Turns a refusal of what the client_id has made already into DuplicateSend: it was allowed then.

    Who is out is refused all the same, by `require_member`: they are not shown what became of it since.
    """
    try:
        yield
    except (Conflict, Forbidden, NotFound, ValidationFailed) as refused:
        if sends_store.original_send(key) is None:
            raise
        require_member()
        raise DuplicateSend from refused


def original_event(send: Send, conversation_id: str, *, noun: str = "message") -> Event:
    """The event that the client_id made; of a message that was deleted or has expired its tombstone.

    Raises Unprocessable where that was in another conversation, or something else was asked for, as far as that is
    still known; Conflict where the client_id is in use and its event cannot be seen yet.
    """
    original = sends_store.original_send(send.key)
    if original is None:
        raise Conflict("This client_id is being used by another request; try again.", retry_after_s=1)
    at = (original.conversation_id, original.seq)
    event = store.at([at])[at] if original.conversation_id == conversation_id else None
    if event is None or event.fingerprint not in (None, keyed(send)):
        raise Unprocessable(f"This client_id stands for another {noun}.")
    return event


def keyed(send: Send) -> str:
    """A fingerprint as the log keeps it: who reads the table cannot try texts against it."""
    return pseudonym("send", f"{send.key}\0{send.fingerprint}")
