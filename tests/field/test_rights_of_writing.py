"""Whoever loses a right loses what they scheduled, drafted or were typing by it (R52)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from kernel import clock
from kernel.caller import Caller
from messages import typing_notice
from messages.consumers import send_scheduled
from messages.schemas import MessageFields
from messages.unsent import drafts, scheduled
from tests.field.losing import LOSING_A_GROUP, LOSING_A_SESSION, LOSING_IT_ALL, block
from tests.helpers import CONTEXT
from tests.integration.calls.calling import connected
from tests.integration.following import settle_losses
from tests.integration.rooms import add, direct, group, people, remove, whole_log
from tests.management import Management


def _schedule(who: Caller, conversation_id: str, text: str = "later") -> dict[str, Any]:
    body = MessageFields(client_id=text, text=text)
    at = clock.now() + clock.MINUTE
    kept, _ = scheduled.schedule(caller=who, conversation_id=conversation_id, fields=body, send_at=at)
    return kept


def _fire(who: Caller, kept: dict[str, Any]) -> None:
    about = {"user_id": who.user_id, "conversation_id": kept["conversation_id"], "scheduled_id": kept["id"]}
    send_scheduled.handler(about, CONTEXT)


def _listed(who: Caller, conversation_id: str) -> list[tuple[str, str, str | None]]:
    found = scheduled.list_scheduled(caller=who, conversation_id=conversation_id, limit=9, page=None).items
    return [(each["text"], each["state"], each["reason"]) for each in found]


def _texts(conversation_id: str) -> list[str | None]:
    return [event.text for event in whole_log(conversation_id) if event.is_message]


@pytest.mark.parametrize("how", LOSING_IT_ALL)
def test_what_a_member_had_scheduled_ends_at_once_and_is_told_as_failed(
    how: str, management: Management, advance: Callable[[int], None]
) -> None:
    ada, bob = people("ada", "bob")
    tea = group(ada, bob)
    connected(bob, "b1")
    _schedule(bob, tea)
    advance(1)
    LOSING_IT_ALL[how](ada, bob, tea)
    management.posts.clear()
    settle_losses()
    settle_losses()

    assert _listed(bob, tea) == [("later", "failed", "not_found")]
    (told,) = [each for each in management.frames("b1") if each["type"] == "scheduled.failed"]
    assert (told["data"]["text"], told["data"]["reason"]) == ("later", "not_found")


@pytest.mark.parametrize("is_settled", [True, False])
def test_what_was_scheduled_does_not_come_back_with_the_member(
    is_settled: bool, advance: Callable[[int], None]
) -> None:
    ada, bob = people("ada", "bob")
    tea = group(ada, bob)
    kept = _schedule(bob, tea)
    advance(1)
    remove(ada, tea, bob)
    if is_settled:
        settle_losses()
    add(ada, tea, bob)
    advance(1)
    _schedule(bob, tea, "since")
    if is_settled:
        settle_losses()  # the whole stream again
    advance(clock.MINUTE)
    _fire(bob, kept)

    assert _texts(tea) == []
    assert _listed(bob, tea) == [("later", "failed", "not_found"), ("since", "pending", None)]


def test_what_was_scheduled_between_two_ends_with_a_block(advance: Callable[[int], None]) -> None:
    ada, bob = people("ada", "bob")
    chat, tea = direct(ada, bob), group(ada, bob)
    for who in (ada, bob):
        _schedule(who, chat)
    _schedule(bob, tea)
    block(ada, bob)
    settle_losses()
    assert _listed(ada, chat) == [("later", "failed", "blocked")]
    assert _listed(bob, chat) == [("later", "failed", "not_found")]
    assert _listed(bob, tea) == [("later", "pending", None)]


@pytest.mark.parametrize(
    ("lose", "reason"),
    [(LOSING_A_SESSION["account banned"], "account_banned"), (LOSING_A_SESSION["account erased"], "account_erased")],
)
def test_nothing_is_sent_for_who_may_not_act_any_more(
    lose: Callable[[Caller, Caller], None], reason: str, advance: Callable[[int], None]
) -> None:
    ada, bob = people("ada", "bob")
    tea, chat = group(ada, bob), direct(ada, bob)
    _schedule(bob, tea), _schedule(bob, chat)
    lose(bob, bob)
    settle_losses()
    assert _listed(bob, tea) == _listed(bob, chat) == [("later", "failed", reason)]


def _typing(who: Caller, conversation_id: str, *, is_typing: bool = True) -> None:
    typing_notice.typing(caller=who, conversation_id=conversation_id, is_typing=is_typing)


def _seen_typing(management: Management, connection_id: str) -> list[bool]:
    return [each["data"]["typing"] for each in management.frames(connection_id) if each["type"] == "typing"]


@pytest.mark.parametrize("how", LOSING_A_GROUP)
def test_who_is_a_member_no_more_types_no_more_and_has_no_draft(
    how: str, management: Management, redis: Any, advance: Callable[[int], None]
) -> None:
    ada, bob, cleo = people("ada", "bob", "cleo")
    tea = group(ada, bob, cleo)
    connected(cleo, "c1")
    drafts.keep(caller=bob, conversation_id=tea, text="so", reply_to=None, thread_root=None, written_at=None)
    _typing(bob, tea)
    advance(1)
    LOSING_A_GROUP[how](ada, bob, tea)
    settle_losses()
    settle_losses()
    assert _seen_typing(management, "c1") == [True, False]
    add(ada, tea, bob)
    assert drafts.list_drafts(caller=bob, limit=9, page=None).items == []


def test_a_draft_of_a_member_who_is_back_stays(redis: Any, advance: Callable[[int], None]) -> None:
    ada, bob = people("ada", "bob")
    tea = group(ada, bob)
    remove(ada, tea, bob)
    advance(1)
    add(ada, tea, bob)
    drafts.keep(caller=bob, conversation_id=tea, text="so", reply_to=None, thread_root=None, written_at=None)
    settle_losses()
    assert [each.text for each in drafts.list_drafts(caller=bob, limit=9, page=None).items] == ["so"]


def test_neither_of_two_sees_the_other_type_after_a_block(management: Management, redis: Any) -> None:
    ada, bob = people("ada", "bob")
    chat = direct(ada, bob)
    connected(ada, "a1")
    _typing(bob, chat)
    block(ada, bob)
    settle_losses()
    assert _seen_typing(management, "a1") == [True, False]
