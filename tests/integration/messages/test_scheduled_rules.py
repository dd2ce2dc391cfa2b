"""Scheduled messages: who may still send at the time, what is tried again, what can be scheduled at all."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from conversations import service as conversations
from kernel import clock, config
from kernel.errors import Conflict, DependencyUnavailable, Forbidden, NotFound, Unprocessable, ValidationFailed
from messages import service
from messages.consumers import send_scheduled
from messages.unsent import scheduled
from messages.unsent.scheduled_model import LATEST_MS, MAX_PENDING
from tests.helpers import CONTEXT
from tests.integration import desk, rooms
from tests.integration.following import settle_losses
from tests.integration.messages.scheduling import (
    MINUTE,
    Advance,
    fire,
    later,
    listed,
    pending,
    schedule,
    texts,
    tolerant,
)
from tests.tools import rows


def test_a_removed_member_s_message_is_not_sent_and_they_are_told(advance: Advance) -> None:
    ada, bob, eve = rooms.people("ada", "bob", "eve")
    tea = rooms.group(ada, bob, eve)
    kept = later(bob, tea)
    rooms.remove(ada, tea, bob)
    advance(MINUTE)
    assert fire(bob, kept) is True
    assert texts(tea) == []
    assert listed(bob, tea) == [("later", "failed", "not_found")]
    scheduled.cancel(caller=bob, conversation_id=tea, scheduled_id=kept["id"])
    with pytest.raises(NotFound):
        listed(bob, tea)
    assert pending(bob) == 0


def test_rights_are_asked_again_at_the_time(advance: Advance) -> None:
    ada, bob = rooms.people("ada", "bob")
    tea = rooms.group(ada, bob)
    kept = later(bob, tea)
    conversations.change(caller=ada, conversation_id=tea, fields={"settings": {"who_can_send": "admins"}})
    advance(MINUTE)
    assert fire(bob, kept) is True
    assert listed(bob, tea) == [("later", "failed", "forbidden")]
    assert fire(bob, kept) is True
    assert texts(tea) == []


def test_who_wrote_a_plain_message_is_told_at_once_that_the_conversation_has_become_encrypted(advance: Advance) -> None:
    ada, bob = rooms.people("ada", "bob")
    tea, rum = rooms.group(ada, bob), rooms.group(ada, bob)
    kept = later(bob, tea)
    later(bob, rum)
    conversations.change(caller=ada, conversation_id=tea, fields={"settings": {"encrypted": True}})
    settle_losses()
    assert listed(bob, tea) == [("later", "failed", "encrypted_conversation")]
    assert listed(bob, rum) == [("later", "pending", None)]
    advance(MINUTE)
    assert fire(bob, kept)
    assert texts(tea) == []


def test_slow_mode_holds_a_message_back_until_its_sender_s_turn(advance: Advance) -> None:
    ada, bob = rooms.people("ada", "bob")
    tea = rooms.group(ada, bob, settings={"slow_mode_seconds": 60})
    kept = later(bob, tea)
    advance(MINUTE - 1)
    rooms.send(bob, tea, "just now")
    advance(1)
    turn = clock.now() + MINUTE
    about = {"user_id": bob.user_id, "conversation_id": tea, "scheduled_id": kept["id"]}
    waits = {"done": False, "wait_s": 60, "again_at": clock.rfc3339(turn)}
    assert send_scheduled.handler(about, CONTEXT) == waits
    assert listed(bob, tea) == [("later", "pending", None)]
    advance(MINUTE)
    assert send_scheduled.handler(about, CONTEXT) == {"done": True, "wait_s": None, "again_at": None}
    assert texts(tea) == ["just now", "later"]


def test_a_function_whose_clock_is_behind_its_machine_s_is_waited_for_and_not_asked_without_a_pause(
    advance: Advance,
) -> None:
    bob = rooms.people("ada", "bob")[1]
    kept = later(bob, rooms.group(bob))
    advance(MINUTE - 20 * clock.SECOND)  # the machine's clock says a minute
    about = {"user_id": bob.user_id, "conversation_id": kept["conversation_id"], "scheduled_id": kept["id"]}
    assert send_scheduled.handler(about, CONTEXT)["wait_s"] == 20


def test_what_may_pass_is_tried_again(advance: Advance) -> None:
    ada, bob = rooms.people("ada", "bob")
    tea = rooms.group(ada, bob)
    kept = later(bob, tea)
    advance(MINUTE)

    def away(**_: Any) -> Any:
        raise DependencyUnavailable

    with pytest.MonkeyPatch.context() as outage:
        outage.setattr(service, "send", away)
        with pytest.raises(DependencyUnavailable):
            fire(bob, kept)
    assert listed(bob, tea) == [("later", "pending", None)]
    advance(2 * MINUTE)
    assert send_scheduled.handler({"source": "aws.events"}, CONTEXT) == {"done": True}
    assert texts(tea) == ["later"]


def test_what_slow_mode_holds_back_can_be_cancelled(advance: Advance) -> None:
    ada, bob = rooms.people("ada", "bob")
    tea = rooms.group(ada, bob, settings={"slow_mode_seconds": 3600})
    kept = later(bob, tea)
    rooms.send(bob, tea, "just now")
    advance(MINUTE)
    assert fire(bob, kept) is False
    scheduled.cancel(caller=bob, conversation_id=tea, scheduled_id=kept["id"])
    advance(clock.HOUR)
    assert fire(bob, kept) is True
    assert texts(tea) == ["just now"]
    assert pending(bob) == 0


def test_what_no_machine_sends_is_sent_a_minute_later(advance: Advance, settings: pytest.MonkeyPatch) -> None:
    ada, bob = rooms.people("ada", "bob")
    tea = rooms.group(ada, bob)
    settings.setenv("STATE_MACHINES", "arn:aws:states:us-east-1:123456789012:stateMachine:none-")
    config.config.cache_clear()
    for n in range(5):
        later(ada, tea, f"later {n}")
        advance(1)
    advance(MINUTE)
    assert scheduled.sweep() == 0
    advance(MINUTE)
    assert scheduled.sweep() == 5
    assert sorted(map(str, texts(tea))) == [f"later {n}" for n in range(5)]
    assert scheduled.sweep() == 0


def test_the_same_client_id_again_is_the_first_one(advance: Advance) -> None:
    ada, bob = rooms.people("ada", "bob")
    tea = rooms.group(ada, bob)
    first, new = schedule(ada, tea, "later", client_id="one")
    assert new
    assert schedule(ada, tea, "later", client_id="one") == (first, False)
    for other in ({"text": "other"}, {"text": "later", "in_ms": 2 * MINUTE}):
        with pytest.raises(Unprocessable):
            schedule(ada, tea, client_id="one", **other)
    scheduled.cancel(caller=ada, conversation_id=tea, scheduled_id=first["id"])
    with pytest.raises(Conflict) as refused:
        schedule(ada, tea, "later", client_id="one")
    assert refused.value.stable_code == "already_sent"
    assert pending(ada) == 0


def test_what_slow_mode_holds_back_keeps_nothing_from_being_sent(advance: Advance) -> None:
    ada, bob = rooms.people("ada", "bob")
    slow, tea = rooms.group(ada, bob, settings={"slow_mode_seconds": 3600}), rooms.group(ada, bob)
    for n in range(52):
        later(bob, slow, f"held {n}")
        advance(4)  # all in one part of what is due
    later(ada, tea)
    advance(2 * MINUTE + 1)
    rooms.send(bob, slow, "just now")
    assert scheduled.sweep() == 1
    assert texts(tea) == ["later"]
    assert texts(slow) == ["just now"]


def test_a_repeat_after_its_time_is_told_that_it_was_sent(advance: Advance) -> None:
    ada, bob = rooms.people("ada", "bob")
    tea = rooms.group(ada, bob)
    kept = later(ada, tea, client_id="one")
    advance(MINUTE)
    assert schedule(ada, tea, "later", client_id="one", in_ms=0) == (kept, False)  # it is just about to be sent
    fire(ada, kept)
    with pytest.raises(Conflict) as refused:
        later(ada, tea, client_id="one", in_ms=0)
    assert refused.value.stable_code == "already_sent"
    with pytest.raises(Unprocessable):
        later(ada, tea, "other", client_id="one", in_ms=0)


def test_a_repeat_gets_the_first_one_whatever_is_forbidden_since(advance: Advance) -> None:
    ada, bob = rooms.people("ada", "bob")
    tea = rooms.group(ada, bob)
    kept = later(bob, tea, client_id="one")
    conversations.change(caller=ada, conversation_id=tea, fields={"settings": {"who_can_send": "admins"}})
    assert schedule(bob, tea, "later", client_id="one") == (kept, False)
    with pytest.raises(Forbidden):
        later(bob, tea, client_id="two")


@pytest.mark.parametrize("in_ms", [0, -1, LATEST_MS + 1])
def test_the_time_lies_ahead_and_within_a_year(advance: Advance, in_ms: int) -> None:
    ada, bob = rooms.people("ada", "bob")
    with pytest.raises(ValidationFailed):
        later(ada, rooms.group(ada, bob), in_ms=in_ms)


def test_what_could_not_be_sent_now_cannot_be_scheduled() -> None:
    ada, bob, eve = rooms.people("ada", "bob", "eve")
    tea = rooms.group(ada, bob, settings={"who_can_send": "admins"})
    secret = rooms.group(ada, bob, settings={"encrypted": True})
    with pytest.raises(Forbidden):
        later(bob, tea)
    with pytest.raises(NotFound):
        later(eve, tea)
    with pytest.raises(ValidationFailed):
        later(ada, secret, "in the clear")
    with pytest.raises(ValidationFailed):
        later(ada, tea, reply_to="msg_unknown")
    assert rows("scheduled") == []


def test_a_person_has_so_many_at_most_however_fast() -> None:
    ada, bob = rooms.people("ada", "bob")
    tea = rooms.group(ada, bob)
    for n in range(MAX_PENDING - 2):
        later(ada, tea, f"later {n}")

    def one_more(n: int) -> bool | None:
        return tolerant(lambda: bool(later(ada, tea, f"more {n}")))

    with ThreadPoolExecutor(8) as threads:
        kept = sum(outcome is True for outcome in threads.map(one_more, range(8)))
    assert kept <= 2
    while pending(ada) < MAX_PENDING:
        later(ada, tea, f"last {pending(ada)}")
    with pytest.raises(Conflict) as refused:
        later(ada, tea, "too many")
    assert refused.value.stable_code == "too_many_scheduled"
    assert len(listed(ada, tea)) == MAX_PENDING


def test_the_list_is_sorted_by_time_in_pages(advance: Advance) -> None:
    ada, bob = rooms.people("ada", "bob")
    tea, talk = rooms.group(ada, bob), rooms.direct(ada, bob)
    later(ada, talk, "elsewhere")
    for n in (3, 1, 2):
        later(ada, tea, f"in {n}", in_ms=n * MINUTE)
    found, cursor = [], None
    while True:
        page = scheduled.list_scheduled(caller=ada, conversation_id=tea, limit=2, page=cursor)
        found += [item["text"] for item in page.items]
        cursor = page.next_cursor
        if cursor is None:
            break
    assert found == ["in 1", "in 2", "in 3"]


def test_a_failed_one_is_forgotten_after_30_days_however_late_the_table_is(advance: Advance) -> None:
    ada, bob = rooms.people("ada", "bob")
    tea = rooms.group(ada, bob)
    kept = later(bob, tea)
    rooms.remove(ada, tea, bob)
    advance(MINUTE)
    fire(bob, kept)
    advance(30 * clock.DAY)
    with pytest.raises(NotFound):
        listed(bob, tea)


def test_files_are_sent_with_the_message_they_wait_for(advance: Advance) -> None:
    ada, bob = rooms.people("ada", "bob")
    tea = rooms.group(ada, bob)
    file_id = desk.put(ada, conversation_id=tea)
    kept, _ = schedule(ada, tea, None, client_id="one", attachment_ids=[file_id])
    assert kept["type"] == "file"
    with pytest.raises(ValidationFailed):
        schedule(bob, tea, None, client_id="two", attachment_ids=[file_id])
    advance(MINUTE)
    assert fire(ada, kept) is True
    (sent,) = (event for event in rooms.whole_log(tea) if event.is_message)
    assert [file["id"] for file in sent.data["attachments"]] == [file_id]
