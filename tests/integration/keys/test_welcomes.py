"""Welcomes wait for the devices that join, and end with the membership that they were made for."""

from __future__ import annotations

import pytest

from conversations import service as conversations
from kernel import clock
from keys import app
from tests import mls
from tests.helpers import Person, ask
from tests.integration import rooms
from tests.integration.keys.delivering import (
    as_caller,
    commit,
    group,
    waiting,
)
from tests.integration.keys.desk import raw, registered


def test_welcomes_wait_for_their_devices_the_oldest_first_until_they_are_read(ada: Person, bob: Person) -> None:
    registered(ada, "desk")
    registered(bob, "phone")
    registered(bob, "laptop")
    tea, gin = group(ada, bob), group(ada, bob)
    first, second = mls.welcome(b"first" * 30), mls.welcome(b"second" * 30)
    commit(ada, tea, 0, welcomes=[(["phone", "laptop"], first)])
    commit(ada, gin, 0, welcomes=[(["phone"], second)], client_id="gin")
    found = waiting(bob, "phone")
    assert [(each["conversation_id"], each["epoch"], raw(each["welcome"])) for each in found] == [
        (tea, 1, first),
        (gin, 1, second),
    ]
    assert [each["conversation_id"] for each in waiting(bob, "laptop")] == [tea]
    assert waiting(ada, "phone") == []
    assert [each["conversation_id"] for each in waiting(bob, "phone", limit="1")] == [tea]

    path = {"welcome_id": found[0]["id"]}
    assert ask(app.app, "DELETE", "/keys/welcomes/{welcome_id}", path, token=ada.token).status == 404
    assert ask(app.app, "DELETE", "/keys/welcomes/{welcome_id}", path, token=bob.token).status == 204
    assert ask(app.app, "DELETE", "/keys/welcomes/{welcome_id}", path, token=bob.token).status == 404
    assert [each["conversation_id"] for each in waiting(bob, "phone")] == [gin]


def _remove(by: Person, tea: str, who: Person) -> None:
    rooms.remove(as_caller(by), tea, as_caller(who))


def test_a_welcome_ends_with_the_membership_it_was_made_for(ada: Person, bob: Person) -> None:
    # given two groups whose Welcomes wait for Bob's phone, the second a large one
    registered(bob)
    tea, gin = group(ada, bob), group(ada, bob)
    commit(ada, tea, 0, welcomes=[(["phone"], mls.welcome())])
    commit(ada, gin, 0, welcomes=[(["phone"], mls.welcome(bytes(300_000)))], client_id="gin")
    # when Bob is removed from the first, its Welcome is gone, also once he is let in again
    with clock.held(clock.now()) as advance:
        _remove(ada, tea, bob)
        assert [each["conversation_id"] for each in waiting(bob, "phone", limit="1")] == []
        assert [each["conversation_id"] for each in waiting(bob, "phone")] == [gin]
        advance(clock.SECOND)
        rooms.add(as_caller(ada), tea, as_caller(bob))
        assert [each["conversation_id"] for each in waiting(bob, "phone")] == [gin]
        again = commit(ada, tea, 1, welcomes=[(["phone"], mls.welcome())])
        assert [(each["conversation_id"], each["epoch"]) for each in waiting(bob, "phone")] == [(gin, 1), (tea, 2)]
        assert again.status == 201
        # and one that was not looked at meanwhile does not come back with the membership
        _remove(ada, gin, bob)
        advance(clock.SECOND)
        rooms.add(as_caller(ada), gin, as_caller(bob))
    assert [(each["conversation_id"], each["epoch"]) for each in waiting(bob, "phone")] == [(tea, 2)]
    # and those of a deleted group are gone as well
    conversations.delete(caller=as_caller(ada), conversation_id=tea)
    assert waiting(bob, "phone") == []


def test_a_commit_that_came_too_late_leaves_no_welcome(ada: Person, bob: Person) -> None:
    registered(bob)
    tea = group(ada, bob)
    commit(bob, tea, 0)
    assert commit(ada, tea, 0, welcomes=[(["phone"], mls.welcome())]).status == 409
    assert waiting(bob, "phone") == []


def test_a_large_welcome_for_many_devices_comes_whole(ada: Person, bob: Person) -> None:
    devices = [registered(bob, f"d{n}").id for n in range(3)]
    tea = group(ada, bob)
    large = mls.welcome(bytes(300_000))
    assert commit(ada, tea, 0, welcomes=[(devices, large)]).status == 201
    assert [raw(waiting(bob, name)[0]["welcome"]) for name in devices] == [large] * 3


def test_more_welcomes_than_fit_the_transaction_all_come(
    ada: Person, bob: Person, settings: pytest.MonkeyPatch
) -> None:
    settings.setattr("keys.welcomes.PER_TRANSACTION", 2)
    settings.setattr("keys.welcomes._PAIRS_READ", 3)
    devices = [registered(bob, f"d{n}").id for n in range(5)]
    tea = group(ada, bob)
    message = mls.public_message(tea, 0)
    for status in (201, 200):  # the second time it makes good what may be missing
        made = commit(ada, tea, 0, message=message, welcomes=[(devices, mls.welcome())], client_id="c")
        assert made.status == status
    assert [len(waiting(bob, name)) for name in devices] == [1] * 5
