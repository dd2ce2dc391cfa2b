"""Invitations by link and requests to join: requests and answers."""

from typing import Annotated, Literal

from pydantic import Field

from conversations.model import MAX_MEMBERS
from conversations.schemas import Conversation
from invitations.model import DEFAULT_LIFE_S, MAX_LIFE_S, MIN_LIFE_S, InvitationState, RequestState
from kernel.schema import Input, Instant, Output
from users.schemas import PublicProfile


class NewInvitation(Input):
    """`expires_in` is in seconds. With `needs_approval` an admin decides, so there is no `max_uses`."""

    expires_in: Annotated[int, Field(ge=MIN_LIFE_S, le=MAX_LIFE_S)] = DEFAULT_LIFE_S
    max_uses: Annotated[int, Field(ge=1, le=MAX_MEMBERS)] | None = None
    needs_approval: bool = False


class InvitationOut(Output):
    id: str
    conversation_id: str
    created_by: str
    created_at: Instant
    expires_at: Instant
    max_uses: int | None
    uses: int
    needs_approval: bool
    state: InvitationState


class CreatedInvitation(InvitationOut):
    """`token` is answered this once; `url` opens it in the web client."""

    token: str
    url: str


class InvitationList(Output):
    items: list[InvitationOut]
    next_cursor: str | None


class InvitationPreview(Output):
    """The part of a group's info that a person with a link may see."""

    name: str | None
    member_count: int
    avatar_url: str | None
    needs_approval: bool


class JoinRequestOut(Output):
    user: PublicProfile
    invitation_id: str
    requested_at: Instant
    state: RequestState


class JoinRequestList(Output):
    items: list[JoinRequestOut]
    next_cursor: str | None


class Acceptance(Output):
    """`conversation` is null while an admin has to decide."""

    state: Literal["joined", "requested"]
    conversation: Conversation | None
