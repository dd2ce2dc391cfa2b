"""A group of a thousand, the most that there may be, with the limit as it is (about 8 s of CPU, most of it moto's)."""

from __future__ import annotations

from typing import Any

import pytest

from conversations.app import app
from conversations.model import MAX_MEMBERS
from kernel import queues
from perf.people import Person, newcomers
from perf.quick_moto import quick_moto
from tests.helpers import Reply, ask

AT_FOUNDING = 400


def _add(who: Person, conversation_id: str, *others: Person) -> Reply:
    body = {"user_ids": [other.user_id for other in others]}
    return ask(app, "POST", "/conversations/{conversation_id}/members", {"conversation_id": conversation_id},
               body=body, token=who.access_token)  # fmt: skip


def _found(owner: Person, *others: Person) -> Reply:
    body = {"type": "group", "name": "Everybody", "member_ids": [other.user_id for other in others]}
    return ask(app, "POST", "/conversations", body=body, token=owner.access_token)


def _listed(who: Person, conversation_id: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    query = {"limit": "100"}
    while True:
        page = ask(app, "GET", "/conversations/{conversation_id}/members", {"conversation_id": conversation_id},
                   query=query, token=who.access_token).body  # fmt: skip
        found += page["items"]
        if page["next_cursor"] is None:
            return found
        query["cursor"] = page["next_cursor"]


def test_a_thousand_people_are_in_and_listed_once_each_and_one_more_is_refused(
    settings: pytest.MonkeyPatch,
) -> None:
    settings.setattr(queues, "send", lambda *_, **__: None)  # what is told of it is not this test's, and half its time
    with quick_moto():
        owner, *others, late = newcomers(MAX_MEMBERS + 1)
        # given a group, founded by many, to which the rest are added at once
        too_many = _found(owner, *others, late)
        group = _found(owner, *others[:AT_FOUNDING]).body["id"]
        answer = _add(owner, group, *others[AT_FOUNDING:])
    # when one more is added, alone or with somebody who is in
    refusals = [too_many, _add(owner, group, late), _add(owner, group, others[0], late)]
    # then a thousand are in, once each, and nobody else
    added = [other.user_id for other in others[AT_FOUNDING:]]
    assert (MAX_MEMBERS, answer.status, answer.body) == (1_000, 200, {"added": added, "skipped": []})
    assert [(reply.status, reply.code) for reply in refusals] == [(400, "validation_failed")] * 3
    assert [reply.body["errors"][0]["field"] for reply in refusals] == ["member_ids", "user_ids", "user_ids"]
    listed = [member["user"]["id"] for member in _listed(others[-1], group)]
    assert sorted(listed) == sorted(person.user_id for person in (owner, *others))
    shown = ask(app, "GET", "/conversations/{conversation_id}", {"conversation_id": group}, token=owner.access_token)
    assert shown.body["member_count"] == 1_000
    # and there is room again once somebody has left
    left = {"conversation_id": group, "user_id": others[0].user_id}
    ask(app, "DELETE", "/conversations/{conversation_id}/members/{user_id}", left, token=others[0].access_token)
    assert _add(owner, group, late).body["added"] == [late.user_id]
