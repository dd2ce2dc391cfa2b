"""Unread counts in parts: whatever the log and the markers, they equal a recount (R5), for one and for many."""

from __future__ import annotations

import random

import pytest

from conversations import plans, store, views
from conversations.model import CONVERSATION_UPDATED
from kernel.caller import Caller
from log import api as log
from log.model import NewEvent
from messages import service
from messages.reading import receipts, unread
from tests.integration.rooms import add, group, people, place_of, recount_unread, send


def _busy_room(seed: int) -> tuple[list[Caller], str]:
    """A group in which four people send, mention, delete and read at random, and one came later."""
    chance = random.Random(seed)
    ada, bob, cyd, dan = people("ada.1", "bob.2", "cyd.3", "dan.4")
    conversation_id = group(ada, bob, cyd)
    sent = []
    for number in range(24):
        if number == 9:
            add(ada, conversation_id, dan)
        inside = [ada, bob, cyd] + ([dan] if number >= 9 else [])
        who = chance.choice(inside)
        sent.append(
            (who, send(who, conversation_id, chance.choice([f"{number}", f"@bob.2 {number}", f"@all {number}"])))
        )
        if chance.random() < 0.3:
            author, message = chance.choice(sent)
            service.delete(caller=author, conversation_id=conversation_id, message_id=message["id"])
        if chance.random() < 0.3:
            reader = chance.choice(inside)
            receipts.mark_read(caller=reader, conversation_id=conversation_id, seq=chance.randrange(number + 3))
    return [ada, bob, cyd, dan], conversation_id


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("span", [1, 4, 2_000])
def test_counts_in_parts_equal_a_recount(seed: int, span: int, settings: pytest.MonkeyPatch) -> None:
    settings.setattr(unread, "SPAN_SEQS", span)
    everybody, conversation_id = _busy_room(seed)
    contexts = {who.user_id: store.context(conversation_id, who.user_id) for who in everybody}
    head = next(iter(contexts.values())).head
    together = unread.of_members(head, [context.member for context in contexts.values()])
    alone = {user_id: unread.of_context(context) for user_id, context in contexts.items()}
    assert together == alone
    assert {user_id: each.messages for user_id, each in alone.items()} == {
        who.user_id: recount_unread(who, conversation_id) for who in everybody
    }
    assert any(each.mentions for each in alone.values())


def test_conversations_are_counted_at_the_same_time() -> None:
    ada, bob = people("ada", "bob")
    rooms = [group(ada, bob, name=f"{n}") for n in range(20)]
    for number, conversation_id in enumerate(rooms):
        for n in range(number % 3):
            send(ada, conversation_id, f"{conversation_id} {n}"[-60:])
    counts = unread.of_contexts(list(store.contexts(rooms, bob.user_id).values()))
    assert [counts[conversation_id].messages for conversation_id in rooms] == [n % 3 for n in range(20)]


def test_each_member_sees_a_changed_conversation_with_their_own_counts() -> None:
    everybody, conversation_id = _busy_room(7)
    ada = everybody[0]
    _, (event,) = plans.append(
        conversation_id, ada.user_id, lambda context: log.AppendPlan([NewEvent(CONVERSATION_UPDATED, ada.user_id)])
    )
    seen = views.for_members([event], [place_of(who, conversation_id) for who in everybody])
    for who in everybody:
        assert seen[who.user_id][0]["data"] == views.conversation(store.context(conversation_id, who.user_id))
