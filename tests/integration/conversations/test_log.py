"""Appending: one transaction, dense seq, whoever races (R1, R2)."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest

from conversations import joining, plans, record_store, store
from conversations.model import MemberContext
from kernel import clock
from kernel.caller import Caller
from kernel.errors import DependencyUnavailable, Forbidden, NotFound
from kernel.transactions import Cancelled, Transaction
from log import appending, head_store
from log.api import AppendPlan
from log.model import MESSAGE_CREATED, NewEvent
from tests.integration.rooms import add, group, people, remove, send, whole_log
from tests.tools import rows

SENDERS = 32
EACH = 2


def _draft(who: Caller, number: int = 1) -> NewEvent:
    return NewEvent(MESSAGE_CREATED, who.user_id, {"id": f"msg_{number}", "client_id": str(number), "type": "text"})


def _append(who: Caller, conversation_id: str, plan: Any = None) -> tuple[MemberContext, list[Any]]:
    return plans.append(conversation_id, who.user_id, plan or (lambda _place: AppendPlan([_draft(who)])))


def test_an_event_gets_the_next_seq_and_moves_the_head() -> None:
    (ada,) = people("ada")
    conversation_id = group(ada)
    context, (event,) = _append(ada, conversation_id)
    assert (event.seq, context.head.last_seq, context.head.last_message_seq) == (2, 2, 2)
    assert head_store.head(conversation_id) == context.head
    assert whole_log(conversation_id)[-1] == event


def test_several_events_stand_together() -> None:
    (ada,) = people("ada")
    conversation_id = group(ada)
    _, events = _append(ada, conversation_id, lambda _place: AppendPlan([_draft(ada, n) for n in range(3)]))
    assert [event.seq for event in events] == [2, 3, 4]
    assert [event.seq for event in whole_log(conversation_id)] == [1, 2, 3, 4]


def test_without_events_nothing_is_written() -> None:
    (ada,) = people("ada")
    conversation_id = group(ada)
    context, events = _append(ada, conversation_id, lambda _place: AppendPlan([]))
    assert (events, context.head.last_seq) == ([], 1)


def test_what_the_plan_refuses_is_not_written() -> None:
    (ada,) = people("ada")
    conversation_id = group(ada)

    def refuse(_place: MemberContext) -> AppendPlan:
        raise Forbidden

    with pytest.raises(Forbidden):
        _append(ada, conversation_id, refuse)
    assert len(whole_log(conversation_id)) == 1


def test_a_stranger_appends_nothing() -> None:
    ada, eve = people("ada", "eve")
    conversation_id = group(ada)
    with pytest.raises(NotFound):
        _append(eve, conversation_id)


def test_32_senders_at_once_make_a_dense_log_in_commit_order() -> None:
    ada, *others = people("ada", *(f"p{n:02}" for n in range(SENDERS - 1)))
    senders = [ada, *others]
    conversation_id = group(ada, *others)

    def talk(who: Caller) -> list[int]:
        return [send(who, conversation_id, f"{who.user_id} {n}")["seq"] for n in range(EACH)]

    with ThreadPoolExecutor(SENDERS) as threads:
        acknowledged = dict(zip([who.user_id for who in senders], threads.map(talk, senders), strict=True))
    events = whole_log(conversation_id)[1:]
    assert [event.seq for event in events] == list(range(2, SENDERS * EACH + 2))
    for who in senders:
        mine = [event for event in events if event.actor_id == who.user_id]
        assert [event.seq for event in mine] == acknowledged[who.user_id] == sorted(acknowledged[who.user_id])
        assert [event.text for event in mine] == [f"{who.user_id} {n}" for n in range(EACH)]
    assert [event.at for event in events] == sorted(event.at for event in events)
    assert head_store.head(conversation_id).last_seq == SENDERS * EACH + 1
    assert len(rows("sends")) == SENDERS * EACH


def test_a_plan_is_asked_again_with_the_state_that_it_is_committed_to() -> None:
    ada, bob = people("ada", "bob")
    conversation_id = group(ada, bob)
    asked: list[int] = []

    def plan(context: MemberContext) -> AppendPlan:
        asked.append(context.head.last_seq)
        if len(asked) == 1:
            send(bob, conversation_id, "in between")
        return AppendPlan([_draft(ada)])

    _, (event,) = _append(ada, conversation_id, plan)
    assert (asked, event.seq) == ([1, 2], 3)


def test_who_is_removed_while_sending_sends_nothing() -> None:
    ada, bob = people("ada", "bob")
    conversation_id = group(ada, bob)
    asked: list[int] = []

    def plan(context: MemberContext) -> AppendPlan:
        asked.append(context.head.last_seq)
        if len(asked) == 1:
            remove(ada, conversation_id, bob)
        return AppendPlan([_draft(bob)])

    with pytest.raises(NotFound):
        _append(bob, conversation_id, plan)
    assert Counter(event.actor_id for event in whole_log(conversation_id))[bob.user_id] == 0


def test_an_info_that_is_older_than_its_head_is_not_written_back() -> None:
    """The records of one batch are read one after another, and somebody may have come in between."""
    ada, bob, cyd = people("ada", "bob", "cyd")
    conversation_id = group(ada)
    before = store.context(conversation_id, ada.user_id)
    add(ada, conversation_id, bob)
    found: list[MemberContext] = []

    def find(conversation_id: str, user_id: str) -> MemberContext:
        context = store.context(conversation_id, user_id)
        found.append(context if found else replace(context, info=before.info))
        return found[-1]

    def plan(context: MemberContext) -> AppendPlan:
        return joining.plan(context, [cyd.user_id], actor_id=ada.user_id)

    plans.append(conversation_id, ada.user_id, plan, load=find)
    assert len(found) == 2
    info = store.context(conversation_id, ada.user_id).info
    assert (info.member_count, info.member_ids) == (3, (ada.user_id, bob.user_id, cyd.user_id))


def test_a_conversation_that_is_too_busy_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(appending, "MAX_TRIES", 3)
    ada, bob = people("ada", "bob")
    conversation_id = group(ada, bob)

    def plan(_place: MemberContext) -> AppendPlan:
        send(bob, conversation_id, f"in between {len(whole_log(conversation_id))}")
        return AppendPlan([_draft(ada)])

    with pytest.raises(DependencyUnavailable) as refusal:
        _append(ada, conversation_id, plan)
    assert refusal.value.retry_after_s == 1
    assert [event.seq for event in whole_log(conversation_id)] == [1, 2, 3, 4]


def test_when_another_condition_fails_nothing_is_written() -> None:
    (ada,) = people("ada")
    conversation_id = group(ada)

    def stage(transaction: Transaction) -> None:
        key = (conversation_id, "usr_nobody")
        transaction.check("there", record_store.MemberRecord, key, record_store.MemberRecord.user_id.exists())

    with pytest.raises(Cancelled) as refusal:
        _append(ada, conversation_id, lambda _place: AppendPlan([_draft(ada)], stage))
    assert refusal.value.failed.keys() == {"there"}
    assert len(whole_log(conversation_id)) == 1


def test_the_time_of_events_never_goes_back() -> None:
    (ada,) = people("ada")
    with clock.held(1_800_000_010_000):
        conversation_id = group(ada)
    with clock.held(1_800_000_000_000):  # another machine's clock is behind
        _, (event,) = _append(ada, conversation_id)
    assert event.at == 1_800_000_010_000
