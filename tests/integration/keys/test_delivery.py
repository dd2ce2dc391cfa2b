"""One order of commits per conversation, with its proposals and changes of messages."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from kernel import aws
from keys import app
from messages import app as messages
from tests import mls
from tests.conftest import BUCKET
from tests.helpers import Person, Reply, ask, someone
from tests.integration import rooms
from tests.integration.keys.delivering import (
    as_caller,
    commit,
    events,
    get,
    group,
    propose,
)
from tests.integration.keys.desk import b64, raw, registered

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
