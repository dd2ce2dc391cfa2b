"""A group's policy of moderation: reports to admins, never a deletion, and nothing where it is not wanted."""

from __future__ import annotations

from typing import Any

import pytest

from assistant import policies
from assistant.consumers import moderating
from conversations import service as conversations
from conversations.model import PolicyUnavailable
from kernel.caller import Caller
from messages import service as messages
from moderation import service as moderation
from tests.helpers import CONTEXT
from tests.integration import rooms
from tests.integration.assistant import desk
from tests.tools import queue_event

INSULT = "You are such an idiot, nobody likes you"


@pytest.fixture(autouse=True)
def _deployed(settings: pytest.MonkeyPatch) -> None:
    settings.setenv("AI_MODERATION", "on")


def _look(conversation_id: str) -> int:
    return policies.review((conversation_id, event.seq) for event in rooms.whole_log(conversation_id))


def _reports(admin: Caller, conversation_id: str) -> list[dict[str, Any]]:
    return moderation.list_reports(
        caller=admin, conversation_id=conversation_id, is_open=True, limit=9, after=None
    ).items


def _moderated(*people: Caller, **settings: Any) -> str:
    return desk.group(*people, moderation="flag", **settings)


def test_what_looks_harmful_is_reported_to_the_admins_and_stays() -> None:
    ada, bob = rooms.people("ada", "bob")
    tea = _moderated(ada, bob)
    _, insult = desk.say(tea, (bob, "The ferry leaves at 6:40."), (bob, INSULT))
    assert _look(tea) == 1
    (report,) = _reports(ada, tea)
    assert (report["message_id"], report["reporter"], report["state"]) == (insult["id"], None, "open")
    assert report["reason"].startswith("Looks like harassment (")
    assert report["message"]["text"] == INSULT
    shown = messages.get(caller=ada, conversation_id=tea, message_id=insult["id"])
    assert (shown["text"], shown["deleted_at"]) == (INSULT, None)


def test_it_is_reported_once_however_often_it_is_told_and_decided_as_any_report() -> None:
    ada, bob = rooms.people("ada", "bob")
    tea = _moderated(ada, bob)
    desk.say(tea, (bob, INSULT))
    assert [_look(tea) for _ in range(3)] == [1, 0, 0]
    (report,) = _reports(ada, tea)
    moderation.decide(
        caller=ada, conversation_id=tea, report_id=report["id"], decision="dismissed", delete_message=False
    )
    assert _look(tea) == 0
    assert _reports(ada, tea) == []


def test_an_admin_does_not_see_what_the_policy_says_of_their_own_message() -> None:
    ada, bob = rooms.people("ada", "bob")
    tea = _moderated(ada, bob)
    desk.say(tea, (ada, INSULT))
    assert _look(tea) == 1
    assert _reports(ada, tea) == []


@pytest.mark.parametrize("wishes", [{}, {"moderation": "flag", "ai_enabled": False}])
def test_where_it_is_not_wanted_or_ai_help_may_not_read_nothing_is_reported(wishes: dict[str, Any]) -> None:
    ada, bob = rooms.people("ada", "bob")
    place = desk.group(ada, bob, **wishes)
    desk.say(place, (bob, INSULT))
    assert _look(place) == 0


def test_what_was_deleted_or_mended_meanwhile_is_not_reported() -> None:
    ada, bob = rooms.people("ada", "bob")
    tea = _moderated(ada, bob)
    gone, mended = desk.say(tea, (bob, INSULT), (bob, f"{INSULT}!"))
    messages.delete(caller=bob, conversation_id=tea, message_id=gone["id"])
    messages.edit(caller=bob, conversation_id=tea, message_id=mended["id"], text="Sorry, I was angry.")
    assert _look(tea) == 0


def test_an_edit_that_turns_harmful_is_reported() -> None:
    ada, bob = rooms.people("ada", "bob")
    tea = _moderated(ada, bob)
    (sent,) = desk.say(tea, (bob, "Good morning"))
    assert _look(tea) == 0
    messages.edit(caller=bob, conversation_id=tea, message_id=sent["id"], text=INSULT)
    assert _look(tea) == 1


def test_members_are_told_that_messages_are_looked_at() -> None:
    ada, bob = rooms.people("ada", "bob")
    tea = desk.group(ada, bob)
    conversations.change(caller=ada, conversation_id=tea, fields={"settings": {"moderation": "flag"}})
    conversations.change(
        caller=ada, conversation_id=tea, fields={"settings": {"ai_enabled": False, "moderation": "off"}}
    )
    told = [each["data"]["metadata"] for each in rooms.seen(bob, tea) if each["type"] == "message.created"]
    assert told == [
        {"kind": "moderation", "enabled": True},
        {"kind": "ai_enabled", "enabled": False},
        {"kind": "moderation", "enabled": False},
    ]
    ids = [each["data"]["id"] for each in rooms.seen(bob, tea) if each["type"] == "message.created"]
    assert [messages.get(caller=bob, conversation_id=tea, message_id=each)["type"] for each in ids] == ["system"] * 3


def test_where_nobody_would_look_it_cannot_be_wanted(settings: pytest.MonkeyPatch) -> None:
    settings.setenv("AI_MODERATION", "off")
    with pytest.raises(PolicyUnavailable):
        _moderated(*rooms.people("ada", "bob"))


def test_what_the_log_tells_is_looked_at_by_way_of_its_queue() -> None:
    ada, bob = rooms.people("ada", "bob")
    tea = _moderated(ada, bob)
    (sent,) = desk.say(tea, (bob, INSULT))
    told = {"conversation_id": tea, "seq": sent["seq"], "type": "message.created", "actor_id": bob.user_id}
    event = queue_event({**told, "at": sent["created_at"], "data": {}})
    for _ in range(2):
        assert moderating.handler(event, CONTEXT) == {"batchItemFailures": []}
    assert [each["message_id"] for each in _reports(ada, tea)] == [sent["id"]]
