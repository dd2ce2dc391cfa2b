"""Registers the events of polls, the content of messages of type `poll`, and erasure."""

from __future__ import annotations

from typing import Any

from conversations.api import Eraser, register_eraser
from kernel import after_commit
from kernel.late import late
from kernel.personal_data import register_personal, register_personal_kinds
from log.api import EventType, register
from messages.api import register_content
from polls import model


def _content() -> Any:
    from polls import views

    return views.CONTENT


def _forget_votes(work: after_commit.Work) -> None:
    from polls import store

    store.forget_votes(work["poll_id"])


register_eraser(Eraser("polls", late("polls.store.erase_page")))
after_commit.register(model.FORGET_VOTES, _forget_votes)
for _name in (model.POLL_CREATED, model.POLL_UPDATED, model.POLL_VOTED, model.POLL_CLOSED):
    register(
        EventType(
            _name,
            data="polls.schemas.PollOut",
            render=late("polls.views.polls_for_viewers"),
            keys=late("polls.views.poll_keys"),
            viewer_specific=True,
        )
    )
register_content("poll", _content)
register_personal("polls", late("polls.own_data.polls"))
register_personal_kinds(("votes", "poll_options"), late("polls.own_data.taken_part"))
