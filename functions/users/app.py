"""Routes of people, blocks and contacts (contract §3)."""

from __future__ import annotations

from typing import Any

from accounts.api import authenticate
from conversations import api as conversations
from kernel.caller import Caller
from kernel.http import App
from kernel.limiter import Limit
from kernel.schema import Paging
from users import relations, service
from users.route_schemas import Contact, ContactList, ContactsQuery, PeopleSearch, ProfileChanges, UserList
from users.schemas import FullProfile, PublicProfile

SEARCHES = Limit("search_people", requests=120, window_s=60, without_redis="closed")
REQUESTS = Limit("contact_requests", requests=60, window_s=60)

app = App("users", authenticate=authenticate)


@app.get("/users/me", returns=FullProfile, while_enrolling=True)
def get_me(caller: Caller) -> Any:
    """One's own profile."""
    return service.get(caller.user_id)


@app.patch("/users/me", body=ProfileChanges, returns=FullProfile)
def change_me(caller: Caller, body: ProfileChanges) -> Any:
    """Change one's own profile; absent fields stay. An avatar is made of a picture in one's own drive."""
    picture = None if body.avatar_file_id is None else _picture(caller.user_id, body.avatar_file_id)
    return service.change(user_id=caller.user_id, changes=body.model_dump(exclude_unset=True), picture=picture)


def _picture(user_id: str, file_id: str) -> str | None:
    from drive import api as drive  # few calls need it

    return drive.thumbnail_of_own_file(user_id, file_id)


@app.get("/users", query=PeopleSearch, returns=UserList, limits=[SEARCHES])
def search_users(caller: Caller, query: PeopleSearch) -> Any:
    """Find people by the beginning of their username or display name."""
    return service.search(user_id=caller.user_id, q=query.q, limit=query.limit, after=query.cursor)


@app.get("/users/{user_id}", returns=PublicProfile)
def get_user(user_id: str) -> Any:
    """Somebody's public profile."""
    return service.public(user_id)


@app.get("/users/me/blocks", query=Paging, returns=UserList)
def list_blocks(caller: Caller, query: Paging) -> Any:
    """The people whom the caller blocks."""
    return relations.blocks(user_id=caller.user_id, limit=query.limit, after=query.cursor)


@app.put("/users/me/blocks/{user_id}", status=204)
def block_user(caller: Caller, user_id: str) -> None:
    """Block somebody: nothing direct passes between the two any more, and the contact ends."""
    noting = conversations.note_of_block(caller.user_id, user_id, True)
    relations.block(user_id=caller.user_id, other_id=user_id, stage=noting.stage)
    noting.complete()


@app.delete("/users/me/blocks/{user_id}", status=204)
def unblock_user(caller: Caller, user_id: str) -> None:
    """Lift a block."""
    noting = conversations.note_of_block(caller.user_id, user_id, False)
    relations.unblock(user_id=caller.user_id, other_id=user_id, stage=noting.stage)
    noting.complete()


@app.get("/contacts", query=ContactsQuery, returns=ContactList)
def list_contacts(caller: Caller, query: ContactsQuery) -> Any:
    """Contacts and requests, or those in one state."""
    return relations.contacts(user_id=caller.user_id, state=query.state, limit=query.limit, after=query.cursor)


@app.post("/contacts/{user_id}", returns=Contact, status=201, limits=[REQUESTS], errors=["blocked"])
def request_contact(caller: Caller, user_id: str) -> Any:
    """Ask somebody to be a contact; accepts at once if they have asked already."""
    return relations.request(user_id=caller.user_id, other_id=user_id)


@app.post("/contacts/{user_id}/accept", returns=Contact)
def accept_contact(caller: Caller, user_id: str) -> Any:
    """Accept a request."""
    return relations.accept(user_id=caller.user_id, other_id=user_id)


@app.delete("/contacts/{user_id}", status=204)
def remove_contact(caller: Caller, user_id: str) -> None:
    """Withdraw or decline a request, or end a contact."""
    relations.remove(user_id=caller.user_id, other_id=user_id)
