"""Registers the events of conversations, the audience of the fan-out, and handlers of membership changes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import conversations.erasure  # noqa: F401 - registers its follow-up work
from conversations import model
from kernel.late import late
from log import api as log
from log.api import ContactChanged, ConversationLost, EventType, PlainTextLost, on_loss, register, subscribe
from log.model import Event
from realtime.api import Recipient, register_audience


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


def _encrypts(event: Event) -> bool:
    """Whether an update made the conversation an encrypted one."""
    return bool(event.data.get("encrypts"))


def _encryption(event: Event) -> Mapping[str, Any]:
    return {"encrypts": True} if _encrypts(event) else {}


def _on_updated(events: Sequence[Event]) -> None:
    """Pass the beginning of encryption to the handlers of losses."""
    for event in filter(_encrypts, events):  # the version before queues the other updates, too
        log.handle_loss(PlainTextLost(event.conversation_id, event.at))


def _on_joined(events: Sequence[Event]) -> None:
    from conversations import member_blocks

    for event in events:
        added = event.data.get("user_id")
        member_blocks.update_newcomers(event.conversation_id, None if added is None else [added])


for _name in (model.CONVERSATION_CREATED, model.CONVERSATION_UPDATED):
    register(
        EventType(
            _name,
            data="conversations.schemas.Conversation",
            render=late("conversations.views.conversations_for_viewers"),
            viewer_specific=True,
            changes_access=True,
        )
    )
register(EventType(model.CONVERSATION_DELETED, render=late("conversations.views.nothing_left"), changes_access=True))
for _name in (model.MEMBER_ADDED, model.MEMBER_REMOVED, model.MEMBER_UPDATED):
    register(
        EventType(
            _name,
            data="conversations.schemas.MemberOut",
            render=late("conversations.views.members_for_viewers"),
            changes_access=True,
        )
    )
register(EventType(model.PREFERENCES_UPDATED, data="conversations.schemas.PreferencesOut", durable=False))
register_audience(_Members())
for _name in (model.MEMBER_REMOVED, model.CONVERSATION_DELETED):
    subscribe(_name, _on_lost, queue=log.LOSSES, carries=_user_id)
subscribe(model.CONVERSATION_UPDATED, _on_updated, queue=log.LOSSES, where=_encrypts, carries=_encryption)
for _name in (model.MEMBER_ADDED, model.CONVERSATION_CREATED):
    subscribe(_name, _on_joined, queue=log.LOSSES, carries=_user_id)
on_loss(ConversationLost, "member_blocks", late("conversations.member_blocks.remove_departed"))
on_loss(ContactChanged, "member_blocks", late("conversations.member_blocks.update_pair"))
