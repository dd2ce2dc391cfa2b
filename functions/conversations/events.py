"""What conversations tell: their events in the log, and how the fan-out finds and serves their members."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from conversations import model
from conversations.schemas import Conversation, MemberOut
from log.api import EventType, Rendering, register
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


for _name in (model.CONVERSATION_CREATED, model.CONVERSATION_UPDATED):
    register(EventType(_name, data=Conversation, render=_conversation, viewer_specific=True, changes_access=True))
register(EventType(model.CONVERSATION_DELETED, render=_nothing, changes_access=True))
for _name in (model.MEMBER_ADDED, model.MEMBER_REMOVED, model.MEMBER_UPDATED):
    register(EventType(_name, data=MemberOut, render=_member, changes_access=True))
register_audience(_Members())
