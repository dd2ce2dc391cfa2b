"""Registers the events of polls, the content of messages of type `poll`, and erasure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from conversations.api import Eraser, register_eraser
from kernel import after_commit
from log.api import EventType, Rendering, register
from log.model import Event
from messages.api import register_content
from polls import model


def _keys(events: Sequence[Event], rendering: Rendering) -> Any:
    from polls import views  # few functions show polls

    return views.poll_keys(events, rendering)


def _render(events: Sequence[Event], rendering: Rendering) -> Any:
    from polls import views

    return views.polls_for_viewers(events, rendering)


def _content() -> Any:
    from polls import views

    return views.CONTENT


def _forget_votes(work: after_commit.Work) -> None:
    from polls import store

    store.forget_votes(work["poll_id"])


def _erase(conversation_id: str, cursor: Any) -> Any:
    from polls import store

    return store.erase_page(conversation_id, cursor)


register_eraser(Eraser("polls", _erase))
after_commit.register(model.FORGET_VOTES, _forget_votes)
for _name in (model.POLL_CREATED, model.POLL_UPDATED, model.POLL_VOTED, model.POLL_CLOSED):
    register(EventType(_name, data="polls.schemas.PollOut", render=_render, keys=_keys, viewer_specific=True))
register_content("poll", _content)
