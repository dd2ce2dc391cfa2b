"""A repeated client_id gets what it made first, whatever has been forbidden since."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from kernel.errors import Conflict, Forbidden, NotFound, Unprocessable, ValidationFailed
from log import sends_store, store
from log.model import Event


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


def original_event(key: str, conversation_id: str, fingerprint: str, *, noun: str = "message") -> Event:
    """The message that the client_id made.

    Raises Unprocessable where that was in another conversation or had another fingerprint, Conflict where the
    client_id is in use and its message cannot be seen yet.
    """
    original = sends_store.original_send(key)
    if original is None:
        raise Conflict("This client_id is being used by another request; try again.", retry_after_s=1)
    if (original.conversation_id, original.fingerprint) != (conversation_id, fingerprint):
        raise Unprocessable(f"This client_id stands for another {noun}.")
    at = (original.conversation_id, original.seq)
    return store.at([at])[at]
