"""Encrypted messages: of which epochs they are taken, and when keys must change first."""

from __future__ import annotations

from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from accounts.sessions import service as sessions
from keys import app
from tests import mls
from tests.helpers import Person, ask, someone
from tests.integration import rooms
from tests.integration.keys.delivering import (
    ENCRYPTED,
    as_caller,
    commit,
    events,
    group,
    say,
    send,
)
from tests.integration.keys.desk import Device, claim, listed, put, registered
from tests.tools import rows


def test_messages_of_the_present_and_the_last_epoch_are_taken(ada: Person, bob: Person) -> None:
    tea = group(ada, bob)
    assert say(ada, tea, 0, "0 at 0").status == 201
    commit(ada, tea, 0)
    commit(ada, tea, 1)
    assert say(bob, tea, 2, "2 at 2").status == 201
    assert say(bob, tea, 1, "1 at 2").status == 201
    for epoch in (0, 3):
        old = say(bob, tea, epoch, f"{epoch} at 2")
        assert (old.status, old.code, old.body["epoch"]) == (409, "epoch_old", 2)


def test_a_repeated_message_gets_its_first_answer_whatever_the_epoch_is_by_then(ada: Person, bob: Person) -> None:
    tea = group(ada, bob)
    message = mls.private_message(tea, 0)
    first = send(ada, tea, message)
    commit(ada, tea, 0)
    commit(ada, tea, 1)
    again = send(ada, tea, message)
    assert (again.status, again.body["id"]) == (200, first.body["id"])


@pytest.mark.parametrize(
    "make",
    [
        lambda tea: b"hello",
        lambda tea: mls.private_message("cnv_other", 0),
        lambda tea: mls.public_message(tea, 0, mls.APPLICATION),
        lambda tea: mls.private_message(tea, 0, mls.COMMIT),
        lambda tea: mls.private_message(tea, 0) + b"\x00",
        lambda tea: mls.welcome(),
    ],
    ids=["junk", "group", "public", "commit", "longer", "welcome"],
)
def test_what_is_no_private_message_of_the_group_is_refused(ada: Person, make: Any) -> None:
    tea = group(ada)
    answer = send(ada, tea, make(tea))
    assert (answer.status, answer.code) == (400, "invalid_ciphertext")


def test_after_a_member_is_gone_sending_waits_for_a_commit(ada: Person, bob: Person) -> None:
    carol = someone("carol")
    tea = group(ada, bob, carol)
    commit(ada, tea, 0)
    assert say(bob, tea, 1, "before").status == 201
    rooms.remove(as_caller(ada), tea, as_caller(carol))
    waits = say(bob, tea, 1, "after")
    assert (waits.status, waits.code) == (409, "rekey_required")
    commit(bob, tea, 1)
    assert say(bob, tea, 2, "rekeyed").status == 201
    # who is gone has the keys of the epoch before: it is over at once
    assert say(ada, tea, 1, "last epoch").code == "epoch_old"


def test_after_somebody_has_left_sending_waits_too_and_who_comes_changes_nothing(ada: Person, bob: Person) -> None:
    carol = someone("carol")
    tea = group(ada, bob)
    rooms.add(as_caller(ada), tea, as_caller(carol))
    assert say(ada, tea, 0, "still").status == 201
    rooms.remove(as_caller(carol), tea, as_caller(carol))
    assert say(ada, tea, 0, "now").code == "rekey_required"


def removed(device: Device) -> int:
    path = {"device_id": device.id}
    return ask(app.app, "DELETE", "/keys/devices/{device_id}", path, token=device.person.token).status


def test_after_a_device_is_gone_or_has_another_key_sending_waits_for_a_commit(ada: Person, bob: Person) -> None:
    tea, plain = group(ada, bob), rooms.group(as_caller(ada), as_caller(bob))
    phone = registered(bob)
    assert say(ada, tea, 0, "added").status == 201
    put(bob, phone.id, Ed25519PrivateKey.generate())
    assert say(ada, tea, 0, "changed").code == "rekey_required"
    commit(ada, tea, 0)
    assert say(ada, tea, 1, "rekeyed").status == 201
    assert removed(phone) == 204
    assert say(ada, tea, 1, "removed").code == "rekey_required"
    changes = [each["data"] for each in events(ada, tea) if each["type"] == "keys.changed"]
    assert [(each["user_id"], each["device_id"], each["action"]) for each in changes] == [
        (bob.user_id, "phone", "added"),
        (bob.user_id, "phone", "changed"),
        (bob.user_id, "phone", "removed"),
    ]
    assert [each["type"] for each in events(ada, plain) if each["type"] == "keys.changed"] == []


def test_a_device_whose_session_has_ended_is_gone_with_it(ada: Person, bob: Person) -> None:
    tea = group(ada, bob)
    phone = registered(bob)
    phone.leave(phone.package())
    sessions.end_current(as_caller(bob))
    assert listed(ada, bob) == []
    assert claim(ada, bob).body == {"packages": [], "missing": []}
    assert [each["data"]["action"] for each in events(ada, tea) if each["type"] == "keys.changed"] == [
        "added",
        "removed",
    ]
    assert say(ada, tea, 0, "now").code == "rekey_required"


def test_what_a_change_of_keys_calls_for_is_written_down_with_it(ada: Person, bob: Person) -> None:
    tea = group(ada, bob)
    registered(bob)
    assert rows("follow_ups") == []  # and done: nothing is left to the sweep
    assert any(each["type"] == "keys.changed" for each in events(ada, tea))


def test_a_direct_conversation_can_be_encrypted(ada: Person, bob: Person) -> None:
    from conversations import service

    made, _ = service.create(
        caller=as_caller(ada), kind="direct", member_ids=[bob.user_id], name=None, description=None,
        settings=ENCRYPTED,
    )  # fmt: skip
    pair = str(made["id"])
    assert commit(ada, pair, 0).status == 201
    assert say(bob, pair, 1, "hi").status == 201
