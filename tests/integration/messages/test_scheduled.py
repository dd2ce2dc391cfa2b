"""Scheduled messages: sent once, at their time, by whom may still send."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from kernel import aws, clock, config
from kernel.errors import Conflict, DependencyUnavailable, NotFound
from messages import service
from messages.unsent import scheduled
from messages.unsent import scheduled_store as store
from tests.integration import rooms
from tests.integration.messages.scheduling import MINUTE, Advance, fire, later, listed, pending, texts, tolerant


def test_who_has_just_joined_is_sent_what_they_schedule_where_the_clock_is_behind(advance: Advance) -> None:
    ada, bob = rooms.people("ada", "bob")
    tea = rooms.group(ada, bob)
    with clock.held(clock.now() - 5 * MINUTE):  # of the process that takes it
        kept = later(ada, tea, in_ms=6 * MINUTE)
    advance(MINUTE)
    assert fire(ada, kept) is True
    assert texts(tea) == ["later"]


def test_a_message_is_sent_at_its_time_and_not_before(advance: Advance) -> None:
    ada, bob = rooms.people("ada", "bob")
    tea = rooms.group(ada, bob)
    kept = later(ada, tea)
    assert listed(ada, tea) == [("later", "pending", None)]
    assert listed(bob, tea) == []
    advance(MINUTE - 1)
    assert fire(ada, kept) is False
    advance(1)
    assert fire(ada, kept) is True
    assert texts(tea) == ["later"]
    assert listed(ada, tea) == []
    assert pending(ada) == 0


def test_messages_of_the_same_minute_are_sent_in_the_order_of_their_times(advance: Advance) -> None:
    ada, bob = rooms.people("ada", "bob")
    tea, gin = rooms.group(ada, bob), rooms.group(ada, bob)
    second = later(ada, tea, "second", in_ms=MINUTE + 1)
    first, others = later(ada, tea, "first"), later(bob, tea, "bob's", in_ms=MINUTE - 1)
    later(ada, gin, "elsewhere"), later(ada, tea, "third", in_ms=MINUTE + 2)
    cancelled = later(ada, tea, "cancelled")
    scheduled.cancel(caller=ada, conversation_id=tea, scheduled_id=cancelled["id"])
    advance(MINUTE + 1)
    assert fire(ada, second) is True  # whose machine wakes before that of the first
    assert fire(ada, first) is True
    assert texts(tea) == ["first", "second"]
    assert fire(bob, others) is True
    assert texts(gin) == []
    assert listed(ada, tea) == [("third", "pending", None)]


def test_a_message_that_does_not_come_through_holds_up_the_next_for_a_minute(
    advance: Advance, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada, bob = rooms.people("ada", "bob")
    tea = rooms.group(ada, bob)
    later(ada, tea, "first")
    second = later(ada, tea, "second", in_ms=MINUTE + 1)
    send = service.send

    def failing(**given: Any) -> Any:
        if given["message"].text == "first":
            raise DependencyUnavailable
        return send(**given)

    monkeypatch.setattr(service, "send", failing)
    advance(2 * MINUTE - 1)
    with pytest.raises(DependencyUnavailable):
        fire(ada, second)
    advance(2)
    assert fire(ada, second) is True
    assert texts(tea) == ["second"]


def test_a_machine_waits_for_it_and_knows_no_content() -> None:
    ada, bob = rooms.people("ada", "bob")
    tea = rooms.group(ada, bob)
    kept = later(ada, tea, "a secret")
    machine = config.config().state_machine(scheduled.MACHINE)
    (execution,) = aws.client("stepfunctions").list_executions(stateMachineArn=machine)["executions"]
    assert execution["name"] == kept["id"]
    told = aws.client("stepfunctions").describe_execution(executionArn=execution["executionArn"])["input"]
    assert clock.rfc3339(kept["send_at"]) in told
    assert "secret" not in told


def test_firing_twice_and_at_once_sends_one_message(advance: Advance) -> None:
    ada, bob = rooms.people("ada", "bob")
    tea = rooms.group(ada, bob)
    kept = later(ada, tea)
    advance(MINUTE)
    with ThreadPoolExecutor(8) as threads:
        outcomes = list(threads.map(lambda _: tolerant(lambda: fire(ada, kept)), range(8)))
    assert True in outcomes
    assert fire(ada, kept) is True
    assert texts(tea) == ["later"]
    assert pending(ada) == 0


def test_a_send_that_was_cut_off_after_the_commit_is_not_repeated(advance: Advance) -> None:
    ada, bob = rooms.people("ada", "bob")
    tea = rooms.group(ada, bob)
    kept = later(ada, tea, client_id="one")
    advance(MINUTE)
    found = store.find(ada.user_id, tea, kept["id"])
    assert found is not None
    assert store.begin(found)
    rooms.send(ada, tea, "later", client_id="one")  # as the function did before it was killed
    assert fire(ada, kept) is True
    assert texts(tea) == ["later"]
    assert listed(ada, tea) == []


def test_a_cancelled_message_is_not_sent(advance: Advance) -> None:
    ada, bob = rooms.people("ada", "bob")
    tea = rooms.group(ada, bob)
    kept = later(ada, tea)
    scheduled.cancel(caller=ada, conversation_id=tea, scheduled_id=kept["id"])
    advance(MINUTE)
    assert fire(ada, kept) is True
    assert texts(tea) == []
    assert listed(ada, tea) == []
    assert pending(ada) == 0
    with pytest.raises(NotFound):
        scheduled.cancel(caller=ada, conversation_id=tea, scheduled_id=kept["id"])


def test_a_message_that_is_being_sent_cannot_be_cancelled(advance: Advance) -> None:
    ada, bob = rooms.people("ada", "bob")
    tea = rooms.group(ada, bob)
    kept = later(ada, tea)
    advance(MINUTE)
    found = store.find(ada.user_id, tea, kept["id"])
    assert found is not None
    assert store.begin(found)
    with pytest.raises(Conflict) as refused:
        scheduled.cancel(caller=ada, conversation_id=tea, scheduled_id=kept["id"])
    assert refused.value.stable_code == "being_sent"
    assert not store.cancel(found)  # read while it was pending


@pytest.mark.parametrize("first", ["cancel", "fire"])
def test_cancelling_and_firing_at_once_leave_one_winner(advance: Advance, first: str) -> None:
    ada, bob = rooms.people("ada", "bob")
    tea = rooms.group(ada, bob)
    kept = later(ada, tea)
    advance(MINUTE)

    def cancel() -> bool:
        try:
            scheduled.cancel(caller=ada, conversation_id=tea, scheduled_id=kept["id"])
        except (Conflict, NotFound):
            return False
        return True

    steps: list[Callable[[], bool | None]] = [cancel, lambda: tolerant(lambda: fire(ada, kept))]
    with ThreadPoolExecutor(2) as threads:
        outcomes = {step: threads.submit(step) for step in (steps if first == "cancel" else steps[::-1])}
    fire(ada, kept)
    assert texts(tea) == ([] if outcomes[cancel].result() else ["later"])
    assert pending(ada) == 0
