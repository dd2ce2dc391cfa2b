"""A group that begins with more people than one write takes is there when it is whole, or not at all."""

from __future__ import annotations

import pytest

from conversations import erasure, service
from kernel import clock
from kernel.caller import Caller
from operations.consumers import follow_ups
from tests.helpers import CONTEXT
from tests.integration.rooms import people, whole_log
from tests.support.killing import Killed, killed_before_write
from tests.tools import rows

FOLLOW_UP, BATCHES, LAST = 1, 3, 1  # the writes of a group of this size
LATER = service.MEMBERS_IN_LAST_WRITE + 60


def _found(ada: Caller, others: list[Caller]) -> str:
    asked = [each.user_id for each in others]
    made, _ = service.create(caller=ada, kind="group", member_ids=asked, name="All", description=None, settings={})
    return str(made["id"])


def _listed(who: Caller) -> list[str]:
    return [each["id"] for each in service.list_conversations(caller=who, limit=100, after=None).items]


def _sweep() -> None:
    with clock.held(clock.now() + 2 * clock.MINUTE):
        assert follow_ups.handler({}, CONTEXT)["failed"] == 0


@pytest.fixture
def crowd() -> list[Caller]:
    return people("ada", *(f"p{n:03}" for n in range(LATER)))


def test_a_large_group_takes_a_few_writes_and_its_log_begins_with_one_event(crowd: list[Caller]) -> None:
    ada, *others = crowd
    with killed_before_write(0) as writes:
        group = _found(ada, others)
    assert writes() == FOLLOW_UP + BATCHES + LAST
    assert [event.type for event in whole_log(group)] == ["conversation.created"]
    assert {row["user_id"] for row in rows("members")} == {each.user_id for each in crowd}
    assert service.get(caller=others[-1], conversation_id=group)["member_count"] == len(crowd)
    assert rows("follow_ups") == []


@pytest.mark.parametrize("number", range(1, FOLLOW_UP + BATCHES + LAST + 1))
def test_a_process_that_ends_anywhere_leaves_no_half_of_a_group_and_a_retry_makes_one(
    crowd: list[Caller], number: int
) -> None:
    ada, *others = crowd
    with killed_before_write(number), pytest.raises(Killed):
        _found(ada, others)
    assert [_listed(each) for each in (ada, others[0], others[-1])] == [[], [], []]
    group = _found(ada, others)
    _sweep()
    assert [_listed(each) for each in (ada, others[0], others[-1])] == [[group]] * 3
    assert {row["conversation_id"] for row in rows("members")} == {group}
    assert {row["conversation_id"] for row in rows("conversations")} == {group}
    assert rows("follow_ups") == []


def test_a_sweep_that_comes_late_leaves_a_group_alone_that_was_finished(crowd: list[Caller]) -> None:
    ada, *others = crowd
    group = _found(ada, others)
    erasure.of_conversation(group).carry_out()
    assert service.get(caller=others[-1], conversation_id=group)["member_count"] == len(crowd)
    assert len(rows("members")) == len(crowd)
