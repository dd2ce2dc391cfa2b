"""Registers the events of conversations, the audience of the fan-out, and handlers of membership changes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import conversations.erasure  # noqa: F401 - registers its follow-up work
from conversations import model
from log import api as log
from log.api import ContactChanged, ConversationLost, EventType, Rendering, on_loss, register, subscribe
from log.model import Event
from realtime.api import Recipient, register_audience


def _conversation(events: Sequence[Event], rendering: Rendering) -> Any:
    from conversations import views

    return views.conversations_for_viewers(events, rendering)


def _member(events: Sequence[Event], rendering: Rendering) -> Any:
    from conversations import views

    return views.members_for_viewers(events, rendering)


def _nothing(events: Sequence[Event], rendering: Rendering) -> Any:
    from conversations import views

    return views.nothing_left(events, rendering)


class _Members:
    def recipients(self, conversation_id: str) -> Sequence[Recipient]:
        from conversations import store

        return store.members(conversation_id)

    def render(self, conversation_id: str, seqs: Sequence[int], to: Sequence[Any]) -> Mapping[str, list[str]]:
        from conversations import publish

        return publish.frames_for(conversation_id, seqs, to)


def _user_id(event: Event) -> Mapping[str, Any]:
    return {"user_id": event.data["user_id"]} if "user_id" in event.data else {}


def _on_lost(events: Sequence[Event]) -> None:
    """Pass removals of members and deletions of groups to the handlers of losses."""
    for event in events:
        log.handle_loss(ConversationLost(event.conversation_id, event.data.get("user_id"), event.at))


def _on_joined(events: Sequence[Event]) -> None:
    from conversations import member_blocks

    for event in events:
        added = event.data.get("user_id")
        member_blocks.update_newcomers(event.conversation_id, None if added is None else [added])


def _on_departed(loss: ConversationLost) -> None:
    from conversations import member_blocks

    member_blocks.remove_departed(loss)


def _on_contact_changed(change: ContactChanged) -> None:
    from conversations import member_blocks

    member_blocks.update_pair(change)


for _name in (model.CONVERSATION_CREATED, model.CONVERSATION_UPDATED):
    register(
        EventType(
            _name,
            data="conversations.schemas.Conversation",
            render=_conversation,
            viewer_specific=True,
            changes_access=True,
        )
    )
register(EventType(model.CONVERSATION_DELETED, render=_nothing, changes_access=True))
for _name in (model.MEMBER_ADDED, model.MEMBER_REMOVED, model.MEMBER_UPDATED):
    register(EventType(_name, data="conversations.schemas.MemberOut", render=_member, changes_access=True))
register_audience(_Members())
for _name in (model.MEMBER_REMOVED, model.CONVERSATION_DELETED):
    subscribe(_name, _on_lost, queue=log.LOSSES, carries=_user_id)
for _name in (model.MEMBER_ADDED, model.CONVERSATION_CREATED):
    subscribe(_name, _on_joined, queue=log.LOSSES, carries=_user_id)
on_loss(ConversationLost, "member_blocks", _on_departed)
on_loss(ContactChanged, "member_blocks", _on_contact_changed)
