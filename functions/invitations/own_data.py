"""What invitations hold on a person, for an export: their invitations, without tokens, and requests to join."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from invitations import service, store
from invitations.schemas import InvitationOut
from kernel import clock
from kernel.schema import as_json


def invitations(user_id: str) -> Iterator[dict[str, Any]]:
    """The invitations that the person has made."""
    for each in store.made_by(user_id):
        yield as_json(InvitationOut, service.view(each))


def join_requests(user_id: str) -> Iterator[dict[str, Any]]:
    """The person's requests to join that nobody has answered."""
    for each in store.requests_of(user_id, clock.now()):
        asked = clock.rfc3339(each.requested_at)
        yield {
            "conversation_id": each.conversation_id,
            "invitation_id": each.invitation_id,
            "requested_at": asked,
        }
