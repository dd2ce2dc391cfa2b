"""A push that waits in its queue is not sent any more once its right is lost; a device that is signed out is forgotten.

Sources: mattermost 34270 (posts of a channel come to who was removed from it), element-web 16725 (a session that has
ended is still rung).
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from kernel import clock
from kernel.caller import Caller
from notifications import alert_store, bursts, store
from tests.field.losing import LOSING_A_SESSION, LOSING_IT_ALL, block, signed_in
from tests.integration.following import settle_losses
from tests.integration.notifications.conftest import world
from tests.integration.notifications.hearing import NOON, World
from tests.integration.rooms import add, group, people, remove, send

__all__ = ["world"]


def _session_s(lose: Callable[[Caller, Caller], object]) -> Callable[[Caller, Caller, str], object]:
    return lambda ada, bob, _: lose(bob, ada)


LOSING: dict[str, Callable[[Caller, Caller, str], object]] = {
    **LOSING_IT_ALL,
    "blocked": lambda ada, bob, _: block(bob, ada),
    **{how: _session_s(lose) for how, lose in LOSING_A_SESSION.items()},
}


@pytest.mark.parametrize("is_settled", [False, True])
@pytest.mark.parametrize("how", LOSING)
def test_a_push_that_waits_is_not_sent_once_its_right_is_lost(how: str, is_settled: bool, world: World) -> None:
    ada, bob = people("ada", "bob")
    bob = signed_in(bob)
    tea = group(ada, bob)
    world.work()
    browser = world.browser(bob, "bob")
    send(ada, tea, "hello")
    world.follow()
    LOSING[how](ada, bob, tea)
    if is_settled:
        settle_losses()
    world.work()
    assert browser.pushes == []


def test_without_a_loss_it_is_sent(world: World) -> None:
    ada, bob = people("ada", "bob")
    tea = group(ada, signed_in(bob))
    world.work()
    browser = world.browser(signed_in(bob), "bob")
    send(ada, tea, "hello")
    world.work()
    assert [each["kind"] for each in browser.pushes] == ["message"]


@pytest.mark.parametrize("how", LOSING_A_SESSION)
def test_a_device_is_forgotten_with_its_session_and_the_others_stay(how: str, world: World) -> None:
    ada, bob = people("ada", "bob")
    lost, kept = signed_in(bob), signed_in(ada)
    world.browser(lost, "bob"), world.browser(kept, "ada")
    LOSING_A_SESSION[how](lost, kept)
    settle_losses()
    assert [len(store.person(each.user_id).devices) for each in (bob, ada)] == [0, 1]


def test_who_is_removed_is_owed_no_update_and_alerted_anew_when_back(world: World) -> None:
    ada, bob, cleo = people("ada", "bob", "cleo")
    tea = group(ada, bob, cleo)
    world.work()
    browser = world.browser(bob, "bob")
    with clock.held(NOON) as advance:
        send(ada, tea, "one")
        world.work()
        send(ada, tea, "two")
        world.work()
        assert bursts.user_code(bob.user_id) in alert_store.alerts(tea).by_code
        remove(ada, tea, bob)
        settle_losses()
        assert bursts.user_code(bob.user_id) not in alert_store.alerts(tea).by_code
        advance(clock.SECOND)
        add(ada, tea, bob)
        world.work()
        before = len(browser.pushes)
        send(ada, tea, "three")
        world.work()
    assert len(browser.pushes) == before + 1


def test_of_a_deleted_group_nobody_is_owed_anything(world: World) -> None:
    ada, bob = people("ada", "bob")
    tea = group(ada, bob)
    world.work()
    world.browser(bob, "bob")
    send(ada, tea, "one")
    world.work()
    LOSING_IT_ALL["the group deleted"](ada, bob, tea)
    settle_losses()
    assert alert_store.alerts(tea).by_code == {}
