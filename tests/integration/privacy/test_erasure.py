"""R43: of an erased person no byte is left in any table or bucket, found by canaries in every field they may fill."""

from __future__ import annotations

import json
from base64 import b64encode
from typing import Any

import pytest
from privacy import erasure, tables
from privacy.app import app
from privacy.erasure import State

from accounts import passwords
from accounts.app import app as accounts
from conversations import members
from conversations import service as conversations
from drive.sharing import service as sharing
from kernel import aws, clock, config
from kernel.caller import Caller
from kernel.errors import NotFound, ValidationFailed
from keys import delivery
from log import api as log
from messages import service as messages
from messages.changes import reactions
from messages.schemas import MessageFields
from messages.unsent import drafts
from polls import service as polls_service
from tests import mls
from tests.conftest import BUCKET, table_properties
from tests.helpers import Person, ask, someone
from tests.integration import desk, rooms
from tests.integration.polls import ballot_boxes
from tests.tools import rows
from users.app import app as users

PASSWORD = "canary password of theirs"
CANARY = "canary"


@pytest.fixture(autouse=True)
def _quick_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "COST", 4)
    monkeypatch.setenv("ERASURE_GRACE_DAYS", "0")


def registered() -> tuple[Caller, str]:
    body = {
        "email": "canary.mail@example.com",
        "username": "canary.name",
        "password": PASSWORD,
        "display_name": "Canary Name",
    }
    made = ask(accounts, "POST", "/auth/register", body=body).body
    return Caller(made["user"]["id"], made["tokens"]["session_id"]), made["tokens"]["access_token"]


def caller(person: Person) -> Caller:
    return Caller(person.user_id, person.session_id)


def send(who: Caller, conversation_id: str, text: str, **fields: Any) -> dict[str, Any]:
    draft = MessageFields(client_id=f"1 {text}", text=text, **fields).message()
    return messages.send(caller=who, conversation_id=conversation_id, message=draft)[0]


def erased(user_id: str) -> None:
    """Run the state machine, with a new process after each step."""
    state = State(user_id)
    for _ in range(200):
        state = State(**json.loads(json.dumps(vars_of(erasure.run(state, patience_s=0.0001)))))
        if state.done:
            return
    raise AssertionError("the erasure does not end")


def vars_of(state: State) -> dict[str, Any]:
    return {"user_id": state.user_id, "step": state.step, "cursor": state.cursor, "done": state.done}


def found_in_tables() -> list[str]:
    """The tables that contain a canary text, except those with rows encrypted under lost keys."""
    names = [str(each["TableName"]).removeprefix("test-") for each in table_properties()]
    return [name for name in names if name != "idempotency" and CANARY in str(rows(name)).lower()]


def test_every_table_has_its_rule() -> None:
    names = {str(each["TableName"]).removeprefix("test-") for each in table_properties()}
    assert tables.RULES.keys() | tables.KEPT.keys() == names
    assert tables.RULES.keys() & tables.KEPT.keys() == set()
    keys = {
        str(each["TableName"]).removeprefix("test-"): tuple(key["AttributeName"] for key in each["KeySchema"])
        for each in table_properties()
    }
    assert {name: rule.keys for name, rule in tables.RULES.items()} == {name: keys[name] for name in tables.RULES}


def test_of_an_erased_person_no_byte_is_left_and_the_others_keep_their_seqs() -> None:
    # given somebody who has filled every field there is
    ann, token = registered()
    bob = caller(someone("bob"))
    ask(users, "PATCH", "/users/me", body={"bio": "canary bio"}, token=token)
    ask(users, "POST", "/contacts/{user_id}", {"user_id": bob.user_id}, token=token)
    made, _ = conversations.create(
        caller=bob, kind="group", member_ids=[ann.user_id], name="Plans", description=None, settings={}
    )
    group = made["id"]
    left = conversations.create(
        caller=bob, kind="group", member_ids=[ann.user_id], name="Old", description=None, settings={}
    )[0]["id"]
    direct = conversations.create(
        caller=ann, kind="direct", member_ids=[bob.user_id], name=None, description=None, settings={}
    )[0]["id"]
    theirs = send(bob, group, "What do you think?")
    first = send(ann, group, "canary words", metadata={"canary": 1})
    messages.edit(caller=ann, conversation_id=group, message_id=first["id"], text="canary words, better")
    send(ann, direct, "canary whisper")
    send(ann, left, "canary from before")
    members.remove(caller=ann, conversation_id=left, user_id=ann.user_id)
    reactions.react(caller=ann, conversation_id=group, message_id=theirs["id"], emoji="👍", added=True)
    drafts.keep(
        caller=ann, conversation_id=group, text="canary unsaid", reply_to=None, thread_root=None, written_at=None
    )
    desk.put(ann, name="canary.txt", content=b"canary bytes")
    sealed, _ = conversations.create(
        caller=bob,
        kind="group",
        member_ids=[ann.user_id],
        name="Sealed",
        description=None,
        settings={"encrypted": True},
    )
    change = mls.private_message(sealed["id"], 0)
    delivery.change(caller=ann, conversation_id=sealed["id"], client_id="canary change", ciphertext=change)
    assert b64encode(change).decode() in str(rows("events"))
    before = [event.seq for event in log.events(group, 1, 100)]
    assert len(found_in_tables()) > 5

    # when they ask for it and it is carried out, stopped after every step
    answer = ask(app, "DELETE", "/users/me", body={"password": PASSWORD}, token=token)
    assert answer.status == 202
    erased(ann.user_id)

    # then nothing is left of them
    assert found_in_tables() == []
    assert b64encode(change).decode() not in str(rows("events"))
    objects = aws.client("s3").list_object_versions(Bucket=BUCKET)
    assert objects.get("Versions", []) == []
    # and the others' log is dense, its seqs as they were, with tombstones and "deleted user"
    events = log.events(group, 1, 100)
    assert [event.seq for event in events][: len(before)] == before
    assert [event.seq for event in events] == list(range(1, len(events) + 1))
    shown = messages.list_messages(caller=bob, conversation_id=group, before=None, after=0, limit=50, page=None).items
    assert [each["text"] for each in shown if each["sender_id"] == bob.user_id] == ["What do you think?"]
    assert all(each["deleted_at"] for each in shown if each["sender_id"] == ann.user_id)
    assert next(each for each in shown if each["id"] == theirs["id"])["reactions"] == []
    bob_token = someone("carol").token
    profile = ask(users, "GET", "/users/{user_id}", {"user_id": ann.user_id}, token=bob_token).body
    assert profile["display_name"] == "deleted user"
    # and their name is free, their password signs nobody in
    login = ask(accounts, "POST", "/auth/login", body={"identifier": "canary.name", "password": PASSWORD})
    assert login.code == "invalid_credentials"


def test_votes_and_reactions_go_wherever_they_were_given_and_the_others_are_told() -> None:
    # given somebody who has voted, reacted and answered in a group that they have left, and in one that they are in
    ann, token = registered()
    bob = caller(someone("bob"))
    left, present = rooms.group(bob, ann), rooms.group(bob, ann)
    given = [(group, *_taken_part(ann, bob, group)) for group in (left, present)]
    rooms.remove(ann, left, ann)

    # when they are erased
    assert ask(app, "DELETE", "/users/me", body={"password": PASSWORD}, token=token).status == 202
    erased(ann.user_id)

    # then only the other's votes count, no reaction, option or answer of theirs can be read, and the log says so
    for group, asked, polls in given:
        for poll in polls:
            left_over = {"Tea": 1, "Coffee": 0, "Water": 0, "deleted option 4": 1}
            assert ballot_boxes.counts(ballot_boxes.look(bob, poll)) == left_over
            assert len(ballot_boxes.parts(poll["id"])[1]) == 1
        shown = messages.get(caller=bob, conversation_id=group, message_id=asked["id"])
        assert (shown["reactions"], shown["thread_count"]) == ([], 0)
        told = [event.type for event in log.events(group, 1, 100)]
        assert (told.count("reaction.removed"), told.count("poll.voted"), told.count("message.deleted")) == (1, 6, 1)
        assert told.count("poll.updated") == 4
    assert CANARY not in str(rows("polls"))
    assert ann.user_id not in str(rows("polls"))


def _taken_part(ann: Caller, bob: Caller, group: str) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Bob's message with Ann's reaction and answer, and his open and secret poll with a vote of each of them."""
    asked = rooms.send(bob, group, "What do you think?", client_id=group)
    rooms.send(ann, group, "canary", client_id=group, thread_root=asked["id"])
    reactions.react(caller=ann, conversation_id=group, message_id=asked["id"], emoji="👍", added=True)
    rules = {"multiple": True, "allow_add_options": True}
    polls = [
        ballot_boxes.ask(bob, group, client_id=f"{group} {secret}", anonymous=secret, **rules)
        for secret in (False, True)
    ]
    for poll in polls:
        longer = polls_service.add_option(caller=ann, poll_id=poll["id"], text="canary option")
        ballot_boxes.vote(ann, longer, "Tea", "canary option")
        ballot_boxes.vote(bob, longer, "Tea", "canary option")
    return asked, polls


def test_nothing_new_begins_with_an_erased_person() -> None:
    ann, token = registered()
    bob, cyd = someone("bob"), someone("cyd")
    group, known = rooms.group(caller(bob), caller(cyd)), rooms.direct(caller(bob), ann)
    file = desk.put(caller(bob))
    assert ask(app, "DELETE", "/users/me", body={"password": PASSWORD}, token=token).status == 202
    for done in (False, True):
        if done:
            erased(ann.user_id)
        with pytest.raises(NotFound):
            rooms.direct(caller(cyd), ann)
        with pytest.raises(ValidationFailed):
            rooms.group(caller(bob), ann)
        assert members.add(caller=caller(bob), conversation_id=group, user_ids=[ann.user_id]) == ([], [ann.user_id])
        with pytest.raises(NotFound):
            sharing.share(
                caller=caller(bob), node_id=file, file=True, user_id=ann.user_id, conversation_id=None, role="viewer"
            )
        assert ask(users, "POST", "/contacts/{user_id}", {"user_id": ann.user_id}, token=bob.token).status == 404
        # what there was stays: the conversation and the name beside old messages
        assert rooms.direct(caller(bob), ann) == known
        assert ask(users, "GET", "/users/{user_id}", {"user_id": ann.user_id}, token=bob.token).status == 200


def test_a_wrong_password_erases_nothing() -> None:
    _, token = registered()
    refused = ask(app, "DELETE", "/users/me", body={"password": "not the password"}, token=token)
    assert (refused.status, refused.code) == (401, "invalid_credentials")
    assert ask(users, "GET", "/users/me", token=token).status == 200


def test_within_the_grace_one_is_signed_out_and_hidden_and_may_come_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ERASURE_GRACE_DAYS", "30")
    config.config.cache_clear()
    ann, token = registered()
    bob = someone("bob")
    with clock.held(clock.now()) as advance:
        asked = ask(app, "DELETE", "/users/me", body={"password": PASSWORD}, token=token)
        assert asked.body["erased_at"] == clock.rfc3339(clock.now() + 30 * clock.DAY)
        assert ask(users, "GET", "/users/me", token=token).code == "token_revoked"
        assert ask(users, "GET", "/users", query={"q": "canary"}, token=bob.token).body["items"] == []
        advance(clock.MINUTE)
        back = ask(accounts, "POST", "/auth/login", body={"identifier": "canary.name", "password": PASSWORD}).body
        assert back["user"]["erased_at"] == asked.body["erased_at"]
        again = back["tokens"]["access_token"]
        assert ask(app, "POST", "/users/me/restore", token=again).status == 204
        assert ask(app, "POST", "/users/me/restore", token=again).status == 409
        assert len(ask(users, "GET", "/users", query={"q": "canary"}, token=bob.token).body["items"]) == 1
        assert erasure.run(State(ann.user_id)).done
    assert ask(users, "GET", "/users/me", token=again).body["display_name"] == "Canary Name"


@pytest.fixture
def _grace(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ERASURE_GRACE_DAYS", "30")
    config.config.cache_clear()


def _signed_in() -> dict[str, Any]:
    signed_in: dict[str, Any] = ask(
        accounts, "POST", "/auth/login", body={"identifier": "canary.name", "password": PASSWORD}
    ).body
    return signed_in


def _asked_and_back(token: str) -> str:
    """Request an erasure, and sign in again within the grace; returns the new token."""
    assert ask(app, "DELETE", "/users/me", body={"password": PASSWORD}, token=token).status == 202
    return str(_signed_in()["tokens"]["access_token"])


@pytest.mark.usefixtures("_grace")
@pytest.mark.parametrize("restored", [True, False])
def test_who_requests_an_erasure_again_has_the_whole_grace_again(restored: bool) -> None:
    ann, token = registered()
    with clock.held(clock.now()) as advance:
        token = _asked_and_back(token)
        if restored:
            assert ask(app, "POST", "/users/me/restore", token=token).status == 204
        advance(29 * clock.DAY)
        _asked_and_back(_signed_in()["tokens"]["access_token"])
        advance(clock.DAY)
        assert erasure.run(State(ann.user_id)).done  # the state machine of the first request
        person = _signed_in()["user"]
        assert person["display_name"] == "Canary Name"
        assert person["erased_at"] == clock.rfc3339(clock.now() + 29 * clock.DAY)
        advance(29 * clock.DAY)
        erased(ann.user_id)  # that of the second
        assert _signed_in()["code"] == "invalid_credentials"


@pytest.mark.usefixtures("_grace")
def test_a_new_name_within_the_grace_is_found_by_nobody_until_the_erasure_is_cancelled() -> None:
    _, token = registered()
    bob = someone("bob")

    def found() -> int:
        return len(ask(users, "GET", "/users", query={"q": "renamed"}, token=bob.token).body["items"])

    token = _asked_and_back(token)
    assert ask(users, "PATCH", "/users/me", body={"display_name": "Renamed"}, token=token).status == 200
    assert found() == 0
    assert ask(app, "POST", "/users/me/restore", token=token).status == 204
    assert found() == 1
