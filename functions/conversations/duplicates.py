"""A repeated client_id gets what it made first, whatever has been forbidden since."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from conversations import log
from conversations.events import Event
from conversations.service import require_member
from kernel.errors import Conflict, Forbidden, NotFound, Unprocessable, ValidationFailed


@contextmanager
def replay_duplicate(key: str, conversation_id: str, user_id: str) -> Iterator[None]:
    """Turns a refusal of what the client_id has made already into `log.DuplicateSend`: it was allowed then.

    Who is out is refused all the same: they are not shown what became of it since.
    """
    try:
        yield
    except (Conflict, Forbidden, NotFound, ValidationFailed) as refused:
        if log.original_send(key) is None:
            raise
        require_member(conversation_id, user_id)
        raise log.DuplicateSend from refused


def original_event(key: str, conversation_id: str, fingerprint: str, *, noun: str = "message") -> Event:
    """The message that the client_id made.

    Raises Unprocessable where that was in another conversation or had another fingerprint, Conflict where the
    client_id is in use and its message cannot be seen yet.
    """
    original = log.original_send(key)
    if original is None:
        raise Conflict("This client_id is being used by another request; try again.", retry_after_s=1)
    if (original.conversation_id, original.fingerprint) != (conversation_id, fingerprint):
        raise Unprocessable(f"This client_id stands for another {noun}.")
    context = (original.conversation_id, original.seq)
    return log.at([context])[context]
