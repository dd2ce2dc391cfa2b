"""One order of commits per conversation, Welcomes for those who join, and keys that must change when somebody goes."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from accounts import sessions
from conversations import service as conversations
from conversations import sync
from kernel import aws, clock
from kernel.caller import Caller
from keys import app
from messages import app as messages
from tests import mls
from tests.conftest import BUCKET
from tests.helpers import Person, Reply, ask, someone
from tests.integration import rooms
from tests.integration.keys.desk import Device, b64, claim, listed, put, raw, registered
from tests.tools import rows

ENCRYPTED = {"encrypted": True}


def as_caller(person: Person) -> Caller:
    return Caller(person.user_id, person.session_id)


def group(owner: Person, *others: Person, **settings: Any) -> str:
    return rooms.group(as_caller(owner), *map(as_caller, others), settings={**ENCRYPTED, **settings})


def commit(
    who: Person,
    conversation_id: str,
    epoch: int,
    *,
    message: bytes | None = None,
    client_id: str = "",
    welcomes: Sequence[tuple[Sequence[str], bytes]] = (),
    group_info: bytes | None = None,
) -> Reply:
    body: dict[str, Any] = {
        "client_id": client_id or f"commit-{who.username}-{epoch}",
        "epoch": epoch,
        "commit": b64(message or mls.public_message(conversation_id, epoch)),
    }
    if welcomes:
        body["welcomes"] = [{"device_ids": list(ids), "welcome": b64(each)} for ids, each in welcomes]
    if group_info is not None:
        body["group_info"] = b64(group_info)
    path = {"conversation_id": conversation_id}
    return ask(app.app, "POST", "/conversations/{conversation_id}/mls/commits", path, token=who.token, body=body)


def propose(who: Person, conversation_id: str, proposal: bytes, client_id: str = "p1") -> Reply:
    body = {"client_id": client_id, "proposal": b64(proposal)}
    path = {"conversation_id": conversation_id}
    return ask(app.app, "POST", "/conversations/{conversation_id}/mls/proposals", path, token=who.token, body=body)


def send(who: Person, conversation_id: str, message: bytes, client_id: str = "m1") -> Reply:
    body = {"client_id": client_id, "type": "encrypted", "ciphertext": b64(message)}
    path = {"conversation_id": conversation_id}
    return ask(messages.app, "POST", "/conversations/{conversation_id}/messages", path, token=who.token, body=body)


def say(who: Person, conversation_id: str, epoch: int, client_id: str) -> Reply:
    return send(who, conversation_id, mls.private_message(conversation_id, epoch), client_id)


def waiting(who: Person, device_id: str, **query: str) -> list[dict[str, Any]]:
    found = ask(app.app, "GET", "/keys/welcomes", token=who.token, query={"device_id": device_id, **query})
    assert found.status == 200, found.body
    return list(found.body["items"])


def get(who: Person, conversation_id: str, what: str, **more: str) -> Reply:
    path = {"conversation_id": conversation_id, **more}
    return ask(app.app, "GET", f"/conversations/{{conversation_id}}/mls/{what}", path, token=who.token)


def events(who: Person, conversation_id: str) -> list[dict[str, Any]]:
    page = sync.events(caller=as_caller(who), conversation_id=conversation_id, after=0, limit=100, page=None)
    return [dict(each) for each in page.items]


# --- commits --------------------------------------------------------------------------------------------------


def test_a_commit_takes_the_group_to_its_next_epoch_and_stands_in_the_log(ada: Person, bob: Person) -> None:
    phone = registered(ada)
    tea = group(ada, bob)
    message = mls.public_message(tea, 0)
    made = commit(ada, tea, 0, message=message)
    assert (made.status, made.body["epoch"]) == (201, 1)
    (event,) = [each for each in events(bob, tea) if each["type"] == "mls.commit"]
    assert event["seq"] == made.body["seq"]
    assert event["data"] == {"epoch": 0, "sender_device": phone.id, "size": len(message), "commit": b64(message)}
    assert get(bob, tea, "commits/{epoch}", epoch="0").body == {**event["data"], "seq": event["seq"]}
    assert get(bob, tea, "commits/{epoch}", epoch="1").status == 404


def test_there_is_one_commit_in_each_epoch_and_the_others_are_told_where_the_group_is(ada: Person, bob: Person) -> None:
    tea = group(ada, bob)
    assert commit(ada, tea, 0).status == 201
    late = commit(bob, tea, 0)
    assert (late.status, late.code, late.body["epoch"]) == (409, "epoch_conflict", 1)
    assert commit(bob, tea, 1).body["epoch"] == 2
    assert commit(bob, tea, 7, client_id="ahead").body["epoch"] == 2


def test_of_many_commits_at_once_exactly_one_is_taken(ada: Person, bob: Person) -> None:
    """R56: two commits in one epoch would part the group in two that cannot read each other."""
    tea = group(ada, bob)
    with ThreadPoolExecutor(8) as racers:
        made = list(racers.map(lambda n: commit(ada if n % 2 else bob, tea, 0, client_id=f"c{n}"), range(16)))
    assert sorted(each.status for each in made) == [201] + [409] * 15
    assert {each.code for each in made if each.status == 409} == {"epoch_conflict"}
    assert [each["data"]["epoch"] for each in events(ada, tea) if each["type"] == "mls.commit"] == [0]


def test_a_repeated_client_id_gets_the_first_answer_also_when_the_group_has_gone_on(ada: Person, bob: Person) -> None:
    tea = group(ada, bob)
    message = mls.private_message(tea, 0, mls.COMMIT)
    first = commit(ada, tea, 0, message=message, client_id="c")
    commit(bob, tea, 1)
    again = commit(ada, tea, 0, message=message, client_id="c")
    assert (again.status, again.body) == (200, first.body)
    other = commit(ada, tea, 2, message=mls.public_message(tea, 2), client_id="c")
    assert other.status == 422


@pytest.mark.parametrize(
    "make",
    [
        lambda tea: b"hello",
        lambda tea: mls.public_message("cnv_other", 0),
        lambda tea: mls.public_message(tea, 1),
        lambda tea: mls.public_message(tea, 0, mls.PROPOSAL),
        lambda tea: mls.private_message(tea, 0, mls.APPLICATION),
        lambda tea: mls.welcome(),
        lambda tea: mls.group_info(tea, 0),
    ],
    ids=["junk", "group", "epoch", "proposal", "application", "welcome", "group-info"],
)
def test_what_is_no_commit_of_this_group_and_epoch_is_refused(ada: Person, make: Any) -> None:
    tea = group(ada)
    answer = commit(ada, tea, 0, message=make(tea))
    assert (answer.status, answer.code) == (400, "invalid_commit")
    assert commit(ada, tea, 0, message=mls.private_message(tea, 0, mls.COMMIT)).status == 201


def test_what_comes_with_a_commit_is_checked_too(ada: Person) -> None:
    phone = registered(ada)
    tea = group(ada)
    for wrong in (mls.group_info("cnv_other", 1), mls.group_info(tea, 0), b"junk"):
        assert commit(ada, tea, 0, group_info=wrong).code == "invalid_commit"
    assert commit(ada, tea, 0, welcomes=[([phone.id], b"junk")]).code == "invalid_commit"
    unknown = commit(ada, tea, 0, welcomes=[(["nobody"], mls.welcome())])
    assert (unknown.code, unknown.body["errors"][0]["field"]) == ("validation_failed", "welcomes.0.device_ids")
    assert commit(ada, tea, 0).status == 201


def test_commits_are_for_members_of_encrypted_conversations(ada: Person, bob: Person) -> None:
    tea, plain = group(ada), rooms.group(as_caller(ada))
    assert commit(bob, tea, 0).status == 404
    assert commit(ada, plain, 0).code == "not_encrypted"
    assert get(ada, plain, "group-info").code == "not_encrypted"
    assert get(bob, tea, "commits/{epoch}", epoch="0").status == 404


def test_a_large_commit_is_asked_for_and_one_of_more_than_4_mb_is_refused(ada: Person, bob: Person) -> None:
    tea = group(ada, bob)
    large = mls.public_message(tea, 0, content=bytes(300_000))
    assert commit(ada, tea, 0, message=large).status == 201
    (event,) = [each for each in events(bob, tea) if each["type"] == "mls.commit"]
    assert (event["data"]["commit"], event["data"]["size"]) == (None, len(large))
    assert raw(get(bob, tea, "commits/{epoch}", epoch="0").body["commit"]) == large
    huge = mls.public_message(tea, 1, content=bytes(4 * 1024 * 1024 + 1))
    assert commit(ada, tea, 1, message=huge).status == 413
    whole = mls.public_message(tea, 1, content=bytes(4 * 1024 * 1024 - 200))
    assert commit(ada, tea, 1, message=whole).status == 201
    assert raw(get(bob, tea, "commits/{epoch}", epoch="1").body["commit"]) == whole


def test_a_large_commit_that_came_too_late_leaves_nothing_behind(ada: Person, bob: Person) -> None:
    tea = group(ada, bob)
    commit(ada, tea, 0)
    commit(bob, tea, 0, message=mls.public_message(tea, 0, content=bytes(20_000)))
    assert aws.client("s3").list_objects_v2(Bucket=BUCKET, Prefix="keys/groups/")["KeyCount"] == 0


def test_who_comes_later_does_not_see_earlier_commits(ada: Person, bob: Person) -> None:
    tea = group(ada)
    commit(ada, tea, 0)
    rooms.add(as_caller(ada), tea, as_caller(bob))
    commit(ada, tea, 1)
    assert get(bob, tea, "commits/{epoch}", epoch="0").status == 404
    assert get(bob, tea, "commits/{epoch}", epoch="1").status == 200


def test_the_group_info_of_the_present_epoch_is_given_to_members(ada: Person, bob: Person) -> None:
    tea = group(ada)
    assert get(ada, tea, "group-info").status == 404
    info = mls.group_info(tea, 1)
    commit(ada, tea, 0, group_info=info)
    assert get(ada, tea, "group-info").body == {"epoch": 1, "group_info": b64(info), "ratchet_tree": None}
    assert get(bob, tea, "group-info").status == 404
    commit(ada, tea, 1)
    assert get(ada, tea, "group-info").status == 404  # that of another epoch would join nobody


# --- proposals ------------------------------------------------------------------------------------------------


def test_a_proposal_stands_in_the_log(ada: Person, bob: Person) -> None:
    tea = group(ada, bob)
    message = mls.public_message(tea, 0, mls.PROPOSAL)
    made = propose(ada, tea, message)
    assert (made.status, made.body["epoch"]) == (201, 0)
    (event,) = [each for each in events(bob, tea) if each["type"] == "mls.proposal"]
    assert event["seq"] == made.body["seq"]
    assert event["data"] == {"epoch": 0, "sender_device": None, "size": len(message), "proposal": b64(message)}
    assert propose(ada, tea, message).status == 200


def test_a_proposal_of_another_group_or_epoch_is_refused(ada: Person) -> None:
    tea = group(ada)
    assert propose(ada, tea, mls.public_message("cnv_other", 0, mls.PROPOSAL)).code == "invalid_proposal"
    assert propose(ada, tea, mls.public_message(tea, 0)).code == "invalid_proposal"
    assert propose(ada, tea, b"junk").code == "invalid_proposal"
    assert propose(ada, tea, mls.public_message(tea, 1, mls.PROPOSAL)).code == "epoch_conflict"
    assert propose(ada, tea, mls.public_message(tea, 0, mls.PROPOSAL, content=bytes(20_000))).status == 413


# --- changes of messages --------------------------------------------------------------------------------------


def change(who: Person, conversation_id: str, ciphertext: bytes, client_id: str = "e1") -> Reply:
    body = {"client_id": client_id, "ciphertext": b64(ciphertext)}
    path = {"conversation_id": conversation_id}
    return ask(app.app, "POST", "/conversations/{conversation_id}/mls/changes", path, token=who.token, body=body)


def test_a_change_stands_in_the_log_and_is_no_message(ada: Person, bob: Person) -> None:
    tea = group(ada, bob)
    commit(ada, tea, 0)
    message = mls.private_message(tea, 1)
    made = change(ada, tea, message)
    assert made.status == 201
    event = events(bob, tea)[-1]
    assert (event["type"], event["seq"], event["actor_id"]) == ("mls.change", made.body["seq"], ada.user_id)
    assert event["data"] == {"client_id": "e1", "sender_device": None, "ciphertext": b64(message)}
    again = change(ada, tea, message)
    assert (again.status, again.body) == (200, made.body)
    path = {"conversation_id": tea}
    listed = ask(messages.app, "GET", "/conversations/{conversation_id}/messages", path, token=bob.token)
    assert [each for each in listed.body["items"] if each["type"] == "encrypted"] == []


def test_a_change_must_be_a_private_message_of_the_group_that_may_be_sent_now(ada: Person, bob: Person) -> None:
    tea = group(ada, bob)
    for epoch in range(3):
        commit(ada, tea, epoch)
    assert change(ada, tea, mls.private_message("cnv_other", 3)).code == "invalid_ciphertext"
    assert change(ada, tea, mls.public_message(tea, 3)).code == "invalid_ciphertext"
    assert change(ada, tea, b"plain").code == "invalid_ciphertext"
    assert change(ada, tea, mls.private_message(tea, 1)).code == "epoch_old"
    assert change(ada, tea, mls.private_message(tea, 3, content=bytes(50_000))).status == 413
    assert change(someone("eve"), tea, mls.private_message(tea, 3)).code == "not_found"
    rooms.remove(as_caller(ada), tea, as_caller(bob))
    assert change(ada, tea, mls.private_message(tea, 3)).code == "rekey_required"


# --- welcomes -------------------------------------------------------------------------------------------------


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


# --- sending --------------------------------------------------------------------------------------------------


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
