"""Routes of conversations (contract §4)."""

from __future__ import annotations

from typing import Any

import composition  # noqa: F401 - the contents of messages and the events of all domains
from accounts.api import authenticate
from calls import api as calls
from conversations import members, service, sync
from conversations.schemas import (
    Added,
    BanList,
    Conversation,
    ConversationChanges,
    ConversationList,
    ConversationQuery,
    EventList,
    EventQuery,
    MemberList,
    MemberOut,
    NewConversation,
    NewMembers,
    Preferences,
    RoleChange,
    SyncAnswer,
    SyncRequest,
)
from kernel.answers import Answer
from kernel.caller import Caller
from kernel.http import App
from kernel.schema import Paging

app = App("conversations", authenticate=authenticate)


@app.post(
    "/conversations",
    body=NewConversation,
    returns=Conversation,
    status=201,
    other_statuses=[200],
    errors=["blocked", "ai_unavailable", "encrypted_conversation"],
)
def create_conversation(caller: Caller, body: NewConversation) -> Answer:
    """Create a direct conversation or a group; 200 if the two people already have a direct conversation."""
    made, new = service.create(
        caller=caller,
        kind=body.type,
        member_ids=body.member_ids,
        name=body.name,
        description=body.description,
        settings=body.settings.model_dump(exclude_none=True),
    )
    return Answer(made, status=201 if new else 200)


@app.get("/conversations", query=ConversationQuery, returns=ConversationList)
def list_conversations(caller: Caller, query: ConversationQuery) -> Any:
    """The caller's conversations, most recent activity first."""
    return service.list_conversations(caller=caller, limit=query.limit, after=query.cursor, archived=query.archived)


@app.get("/conversations/{conversation_id}", returns=Conversation)
def get_conversation(caller: Caller, conversation_id: str) -> Any:
    """One conversation as the caller sees it."""
    return service.get(caller=caller, conversation_id=conversation_id)


@app.patch(
    "/conversations/{conversation_id}",
    body=ConversationChanges,
    returns=Conversation,
    errors=["ai_unavailable", "encrypted_conversation"],
)
def change_conversation(caller: Caller, conversation_id: str, body: ConversationChanges) -> Any:
    """Change a group's name, description or settings (owner and admins)."""
    fields = body.model_dump(include={"name", "description"}, exclude_unset=True)
    # an absent setting stays; only disappearing_seconds may be set to null
    given = body.settings.model_dump(exclude_unset=True)
    fields["settings"] = {k: v for k, v in given.items() if v is not None or k == "disappearing_seconds"}
    return service.change(caller=caller, conversation_id=conversation_id, fields=fields)


@app.delete("/conversations/{conversation_id}", status=204)
def delete_conversation(caller: Caller, conversation_id: str) -> None:
    """Delete a group for everybody (owner only)."""
    service.delete(caller=caller, conversation_id=conversation_id)


@app.get("/conversations/{conversation_id}/members", query=Paging, returns=MemberList)
def list_members(caller: Caller, conversation_id: str, query: Paging) -> Any:
    """The members of a conversation."""
    return service.members(caller=caller, conversation_id=conversation_id, limit=query.limit, after=query.cursor)


@app.post("/conversations/{conversation_id}/members", body=NewMembers, returns=Added, errors=["blocked"])
def add_members(caller: Caller, conversation_id: str, body: NewMembers) -> Any:
    """Add people to a group; those who cannot be added are named in `skipped`."""
    added, skipped = members.add(caller=caller, conversation_id=conversation_id, user_ids=body.user_ids)
    return {"added": added, "skipped": skipped}


@app.patch(
    "/conversations/{conversation_id}/members/{user_id}",
    body=RoleChange,
    returns=MemberOut,
    errors=["last_owner"],
)
def change_member(caller: Caller, conversation_id: str, user_id: str, body: RoleChange) -> Any:
    """Change somebody's role."""
    return members.change_role(caller=caller, conversation_id=conversation_id, user_id=user_id, role=body.role)


@app.delete("/conversations/{conversation_id}/members/{user_id}", status=204)
def remove_member(caller: Caller, conversation_id: str, user_id: str) -> None:
    """Remove somebody from a group, or leave it oneself."""
    members.remove(caller=caller, conversation_id=conversation_id, user_id=user_id)


@app.get("/conversations/{conversation_id}/bans", query=Paging, returns=BanList)
def list_bans(caller: Caller, conversation_id: str, query: Paging) -> Any:
    """The people who were removed from a group and cannot come back by a link (owner and admins)."""
    return members.bans(caller=caller, conversation_id=conversation_id, limit=query.limit, after=query.cursor)


@app.delete("/conversations/{conversation_id}/bans/{user_id}", status=204)
def lift_ban(caller: Caller, conversation_id: str, user_id: str) -> None:
    """Let somebody who was removed come back by a link (owner and admins)."""
    members.unban(caller=caller, conversation_id=conversation_id, user_id=user_id)


@app.put("/conversations/{conversation_id}/me", body=Preferences, returns=Conversation)
def change_preferences(caller: Caller, conversation_id: str, body: Preferences) -> Any:
    """Mute, pin, archive or choose notifications, for the caller only."""
    changes = body.model_dump(exclude_unset=True)
    return service.update_preferences(caller=caller, conversation_id=conversation_id, changes=changes)


@app.get("/conversations/{conversation_id}/events", query=EventQuery, returns=EventList)
def list_events(caller: Caller, conversation_id: str, query: EventQuery) -> Any:
    """The conversation's events after a seq, ascending and without gaps."""
    return sync.events(
        caller=caller,
        conversation_id=conversation_id,
        after=query.after,
        limit=query.limit,
        page=query.cursor,
    )


@app.post("/sync", body=SyncRequest, returns=SyncAnswer)
def synchronise(caller: Caller, body: SyncRequest) -> Any:
    """Everything missed since the given cursors, in one answer of at most 1 MB."""
    missed = sync.missed(caller=caller, cursors=body.cursors)
    return missed.with_calls(calls.live(missed.live_calls))
