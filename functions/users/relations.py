"""Blocks and contacts between two people."""

from __future__ import annotations

from dataclasses import dataclass

from kernel import clock, cursor, ids
from kernel.cursor import Page
from kernel.errors import Conflict, Forbidden, NotFound, ValidationFailed
from kernel.resilience import retried
from users import relations_store as store
from users import service as users
from users.model import ContactState, Link, PublicProfile


@dataclass(frozen=True, slots=True)
class Contact:
    """A contact or a request, as one of the two sees it."""

    user: PublicProfile
    state: ContactState
    created_at: int


def block(*, user_id: str, other_id: str) -> None:
    """Block somebody, which ends the contact too; again is fine. Raises NotFound, ValidationFailed for oneself."""
    _require_other(user_id, other_id)
    users.require_user(other_id)
    retried(lambda: store.block(user_id, other_id, clock.now()), on=Conflict)


def unblock(*, user_id: str, other_id: str) -> None:
    """Lift a block; none there is fine."""
    if not ids.is_id(other_id, "usr"):
        raise NotFound
    store.unblock(user_id, other_id)


def blocks(*, user_id: str, limit: int, after: str | None) -> Page[PublicProfile]:
    """The people whom one blocks."""
    bound_to = (user_id, "blocks")
    start = None if after is None else cursor.unseal(after, bound_to=bound_to)
    found = store.blocked_by(user_id, after=start, limit=limit + 1)
    page = found[:limit]
    people = users.directory(page)
    more = len(found) > limit
    return Page(
        [people[each] for each in page if each in people],
        cursor.seal(page[-1], bound_to=bound_to) if more else None,
    )


def request(*, user_id: str, other_id: str) -> Contact:
    """Ask somebody to be a contact; who has asked already is accepted by it.

    Raises Forbidden `blocked` for somebody one blocks, NotFound for who blocks the caller.
    """
    _require_other(user_id, other_id)
    return _contact(retried(lambda: _request(user_id, other_id), on=Conflict))


def _request(user_id: str, other_id: str) -> Link:
    standing = store.standing(user_id, other_id)
    if not standing.known:
        raise NotFound
    if standing.blocks:
        raise Forbidden("You have blocked this person.", code="blocked")
    if standing.blocked:
        raise NotFound
    if standing.link is None:
        now = clock.now()
        store.request(user_id, other_id, now)
        return Link(other_id, "pending_out", now)
    if standing.link.state == "pending_in":
        return _accept(user_id, standing.link)
    return standing.link


def accept(*, user_id: str, other_id: str) -> Contact:
    """Accept a request; again, it is a contact already. Raises NotFound where there is none to accept."""
    if not ids.is_id(other_id, "usr"):
        raise NotFound

    def attempt() -> Link:
        link = store.standing(user_id, other_id).link
        if link is None or link.state == "pending_out":
            raise NotFound
        return link if link.state == "accepted" else _accept(user_id, link)

    return _contact(retried(attempt, on=Conflict))


def _accept(user_id: str, link: Link) -> Link:
    store.accept(user_id, link.user_id)
    return Link(link.user_id, "accepted", link.created_at)


def remove(*, user_id: str, other_id: str) -> None:
    """Withdraw or decline a request, or end a contact; none there is fine."""
    if not ids.is_id(other_id, "usr"):
        raise NotFound
    if other_id != user_id:  # nobody is a contact of oneself
        retried(lambda: store.remove(user_id, other_id), on=Conflict)


def contacts(*, user_id: str, state: ContactState | None, limit: int, after: str | None) -> Page[Contact]:
    """One's contacts and requests, or those in one state."""
    bound_to = (user_id, "contacts", state or "")
    start = None if after is None else cursor.unseal(after, bound_to=bound_to)
    found = store.links(user_id, state, after=start, limit=limit + 1)
    page = found[:limit]
    people = users.directory([link.user_id for link in page])
    more = len(found) > limit
    return Page(
        [Contact(people[each.user_id], each.state, each.created_at) for each in page if each.user_id in people],
        cursor.seal(page[-1].user_id, bound_to=bound_to) if more else None,
    )


def _contact(link: Link) -> Contact:
    return Contact(users.require_user(link.user_id), link.state, link.created_at)


def _require_other(user_id: str, other_id: str) -> None:
    if not ids.is_id(other_id, "usr"):
        raise NotFound
    if other_id == user_id:
        raise ValidationFailed.of("user_id", "must be somebody else")
