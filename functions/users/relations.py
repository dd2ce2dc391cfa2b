"""Blocks and contacts between two people."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from kernel import clock, ids
from kernel.errors import Conflict, NotFound, ValidationFailed
from kernel.paging import Page, Paginator
from kernel.resilience import retried
from kernel.transactions import Transaction
from realtime.api import notify
from users import relations_store as store
from users import service as users
from users.model import ContactLink, ContactState, UserSummary, receives, refuse


@dataclass(frozen=True, slots=True)
class Relation:
    """A contact or a request, as one of the two sees it."""

    user: UserSummary
    state: ContactState
    created_at: int


Stage = Callable[[Transaction], None]  # further writes of the same transaction


def _nothing(_transaction: Transaction) -> None:
    """Stage no further writes."""


def block(*, user_id: str, other_id: str, stage: Stage = _nothing) -> None:
    """Block somebody, which also ends the contact; idempotent. Raises NotFound, ValidationFailed for oneself."""
    _require_other(user_id, other_id)
    users.require_user(other_id)
    retried(lambda: store.block(user_id, other_id, clock.now(), stage), on=Conflict)


def unblock(*, user_id: str, other_id: str, stage: Stage = _nothing) -> None:
    """Lift a block; idempotent. Raises NotFound for a malformed id."""
    if not ids.is_id(other_id, "usr"):
        raise NotFound
    retried(lambda: store.unblock(user_id, other_id, stage), on=Conflict)


def blocks(*, user_id: str, limit: int, after: str | None) -> Page[UserSummary]:
    """The people whom this person blocks."""
    paging = Paginator(after, user_id, "blocks")
    found = store.blocked_by(user_id, after=paging.start, limit=limit + 1)

    def view(page: Sequence[str]) -> list[UserSummary]:
        people = users.public_profiles(page)
        return [people[each] for each in page if each in people]

    return paging.page(found, limit, lambda each: each, view)


def request(*, user_id: str, other_id: str) -> Relation:
    """Request a contact, or accept the request that the other person has already made.

    Raises Forbidden `blocked` if the caller blocks the other person, NotFound if the other blocks the caller.
    """
    _require_other(user_id, other_id)
    return _contact(retried(lambda: _request(user_id, other_id), on=Conflict))


def _request(user_id: str, other_id: str) -> ContactLink:
    relation = store.relationship(user_id, other_id)
    if not relation.known:
        raise NotFound
    apart = (other_id,) if relation.blocks or relation.blocked else ()
    if not receives("contact_request", other_id, apart=apart):
        refuse(blocks=relation.blocks)
    if relation.link is None:
        now = clock.now()
        store.request(user_id, other_id, now)
        notify([other_id], "contact_request", {"user_id": user_id}, actor_id=user_id)
        return ContactLink(other_id, "pending_out", now)
    if relation.link.state == "pending_in":
        return _accept(user_id, relation.link)
    return relation.link


def accept(*, user_id: str, other_id: str) -> Relation:
    """Accept a request; idempotent. Raises NotFound if there is none."""
    if not ids.is_id(other_id, "usr"):
        raise NotFound

    def attempt() -> ContactLink:
        link = store.relationship(user_id, other_id).link
        if link is None or link.state == "pending_out":
            raise NotFound
        return link if link.state == "accepted" else _accept(user_id, link)

    return _contact(retried(attempt, on=Conflict))


def _accept(user_id: str, link: ContactLink) -> ContactLink:
    store.accept(user_id, link.user_id)
    return ContactLink(link.user_id, "accepted", link.created_at)


def remove(*, user_id: str, other_id: str) -> None:
    """Withdraw or decline a request, or end a contact; idempotent. Raises NotFound for a malformed id."""
    if not ids.is_id(other_id, "usr"):
        raise NotFound
    if other_id != user_id:
        retried(lambda: store.remove(user_id, other_id), on=Conflict)


def contacts(*, user_id: str, state: ContactState | None, limit: int, after: str | None) -> Page[Relation]:
    """A person's contacts and requests, or those in one state."""
    paging = Paginator(after, user_id, "contacts", state or "")
    found = store.links(user_id, state, after=paging.start, limit=limit + 1)

    def view(page: Sequence[ContactLink]) -> list[Relation]:
        people = users.public_profiles(each.user_id for each in page)
        return [Relation(people[each.user_id], each.state, each.created_at) for each in page if each.user_id in people]

    return paging.page(found, limit, lambda each: each.user_id, view)


def _contact(link: ContactLink) -> Relation:
    return Relation(users.require_user(link.user_id), link.state, link.created_at)


def _require_other(user_id: str, other_id: str) -> None:
    if not ids.is_id(other_id, "usr"):
        raise NotFound
    if other_id == user_id:
        raise ValidationFailed.of("user_id", "must be somebody else")
