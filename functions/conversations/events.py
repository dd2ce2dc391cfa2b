"""What conversations tell: their events in the log, and how the fan-out finds and serves their members."""

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


def _whom(event: Event) -> Mapping[str, Any]:
    return {"user_id": event.data["user_id"]} if "user_id" in event.data else {}


def _lost(events: Sequence[Event]) -> None:
    """Whoever was removed, or everybody with a group, has lost the conversation."""
    for event in events:
        log.handle_loss(ConversationLost(event.conversation_id, event.data.get("user_id"), event.at))


def _came(events: Sequence[Event]) -> None:
    from conversations import hearing

    for event in events:
        added = event.data.get("user_id")
        hearing.of_newcomers(event.conversation_id, None if added is None else [added])


def _departed(loss: ConversationLost) -> None:
    from conversations import hearing

    hearing.of_departure(loss)


def _contact_changed(change: ContactChanged) -> None:
    from conversations import hearing

    hearing.of_contact(change)


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
    subscribe(_name, _lost, queue=log.LOSSES, carries=_whom)
for _name in (model.MEMBER_ADDED, model.CONVERSATION_CREATED):
    subscribe(_name, _came, queue=log.LOSSES, carries=_whom)
on_loss(ConversationLost, "hearing", _departed)
on_loss(ContactChanged, "hearing", _contact_changed)
