"""Whoever loses a right is out of the call that needs it (R52).

Sources: element-web 25681, bigbluebutton 2583 (removed, still in the call); azure-sdk-for-js 35413 (blocked in a direct
call); element-web 16725, spreed 2966 (signed out while in a call).
"""

from __future__ import annotations

import pytest

from accounts.sessions import service as sessions
from calls import service as calls
from calls import store as call_store
from conversations import service as conversations
from conversations.api import note_of_block
from kernel import after_commit, clock
from log import api as log
from log.losses import forget_loss
from tests.field.losing import LOSING_A_GROUP, LOSING_A_SESSION, block, signed_in
from tests.integration.calls.calling import connected, device, join, ring, states, stored
from tests.integration.calls.conftest import _deployed
from tests.integration.following import settle_losses
from tests.integration.rooms import add, direct, group, people, remove
from tests.management import Management
from users import relations

__all__ = ["_deployed"]


@pytest.mark.parametrize("how", LOSING_A_GROUP)
def test_who_is_a_member_no_more_is_out_of_the_call_at_once_and_all_are_told(how: str, management: Management) -> None:
    ada, bob, cleo = people("ada", "bob", "cleo")
    tea = group(ada, bob, cleo)
    connected(bob, "b1"), connected(device(bob), "b2"), connected(cleo, "c1")
    call = ring(ada, tea)
    join(bob, call)
    LOSING_A_GROUP[how](ada, bob, tea)
    management.posts.clear()
    settle_losses()

    assert states(calls.get(caller=ada, call_id=call["id"]))[:2] == ["joined", "left"]
    assert management.kinds("b1") == management.kinds("b2") == ["call.ended"]
    (ended,) = management.frames("b1")
    assert (ended["data"]["state"], ended["data"]["end_reason"]) == ("ended", "completed")
    (told,) = [each["data"] for each in management.frames("c1") if each["type"] == "call.updated"]
    assert (told["state"], states(told)[1]) == ("active", "left")
    assert call_store.in_another_call([bob.user_id]) == set()


def test_what_is_told_twice_or_late_puts_nobody_out_who_has_come_back() -> None:
    ada, bob = people("ada", "bob")
    tea = group(ada, bob)
    call = ring(ada, tea)
    join(bob, call)
    remove(ada, tea, bob)
    settle_losses()
    with clock.held(clock.now()) as advance:
        advance(clock.SECOND)
        add(ada, tea, bob)
        advance(clock.SECOND)
        join(bob, call)
        settle_losses()  # the whole stream again
        assert states(calls.get(caller=ada, call_id=call["id"])) == ["joined", "joined"]


def test_it_rings_no_more_for_who_was_removed_and_the_call_ends_when_nobody_is_left_to_answer() -> None:
    ada, bob = people("ada", "bob")
    tea = group(ada, bob)
    call = ring(ada, tea)
    remove(ada, tea, bob)
    settle_losses()
    now = calls.get(caller=ada, call_id=call["id"])
    assert (now["state"], states(now)) == ("ended", ["left", "missed"])


def test_a_call_ends_with_its_group_and_leaves_nobody_busy(management: Management) -> None:
    ada, bob, cleo = people("ada", "bob", "cleo")
    tea = group(ada, bob, cleo)
    for each, name in ((ada, "a1"), (bob, "b1"), (cleo, "c1")):
        connected(each, name)
    call = ring(ada, tea)
    join(bob, call)
    conversations.delete(caller=ada, conversation_id=tea)
    management.posts.clear()
    settle_losses()

    assert stored(call).ended
    assert call_store.in_another_call([ada.user_id, bob.user_id]) == set()
    for name in ("a1", "b1", "c1"):
        assert management.kinds(name) == ["call.ended"]


def test_a_direct_call_ends_when_one_blocks_the_other(management: Management) -> None:
    ada, bob = people("ada", "bob")
    call = ring(ada, direct(ada, bob))
    join(bob, call)
    connected(ada, "a1"), connected(bob, "b1")
    block(ada, bob)
    settle_losses()

    ended = stored(call)
    assert (ended.state, ended.end_reason) == ("ended", "completed")
    assert {kinds[-1] for kinds in (management.kinds("a1"), management.kinds("b1"))} == {"call.ended"}


@pytest.mark.parametrize("how", LOSING_A_SESSION)
def test_a_participant_leaves_with_the_session_and_the_next_device_may_join(how: str, management: Management) -> None:
    ada, bob, cleo = people("ada", "bob", "cleo")
    desk = signed_in(bob)
    call = ring(ada, group(ada, bob, cleo))
    join(bob, call)
    connected(ada, "a1")
    LOSING_A_SESSION[how](bob, desk)
    settle_losses()

    now = calls.get(caller=ada, call_id=call["id"])
    assert (now["state"], states(now)) == ("active", ["joined", "left", "ringing"])
    assert "call.updated" in management.kinds("a1")
    assert states(join(device(bob), call)["call"])[1] == "joined"


def test_another_session_s_end_leaves_the_call_alone() -> None:
    ada, bob = people("ada", "bob")
    desk = signed_in(bob)
    call = ring(ada, group(ada, bob))
    join(bob, call)
    sessions.end_current(desk)
    settle_losses()
    assert states(calls.get(caller=ada, call_id=call["id"])) == ["joined", "joined"]


def test_what_the_process_could_not_tell_is_told_by_the_sweep(settings: pytest.MonkeyPatch) -> None:
    ada, bob = people("ada", "bob")
    call = ring(ada, direct(ada, bob))
    join(bob, call)
    noting = note_of_block(ada.user_id, bob.user_id, True)
    relations.block(user_id=ada.user_id, other_id=bob.user_id, stage=noting.stage)  # and here the process ends
    with clock.held(clock.now()) as advance:
        advance(after_commit.GRACE_MS + 1)
        after_commit.sweep(patience_s=5)
    settle_losses()
    assert stored(call).ended


def test_one_that_fails_keeps_none_of_the_others() -> None:
    done: list[str] = []

    def fails(_: log.SessionsLost) -> None:
        raise ConnectionError

    log.on_loss(log.SessionsLost, "fails", fails)
    log.on_loss(log.SessionsLost, "works", lambda loss: done.append(loss.user_id))
    try:
        with pytest.raises(ConnectionError):
            log.handle_loss(log.SessionsLost("usr_1", [], 1))
    finally:
        forget_loss(log.SessionsLost, "fails")
        forget_loss(log.SessionsLost, "works")
    assert done == ["usr_1"]
