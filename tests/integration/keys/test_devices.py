"""Devices and the key log: who is given what, and that every change of a key can be proved."""

from __future__ import annotations

import hashlib
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from accounts import recovery, store
from accounts.sessions import new_devices, session_store
from accounts.sessions import service as sessions
from accounts.sessions.model import RETURN_S, RETURNING_REASONS, SESSION_TTL_S, AccountSession
from kernel import auth, clock
from kernel.config import config
from kernel.errors import NotFound
from keys import app, service
from keys.model import Device
from secureconnect_client.encryption import merkle
from tests.helpers import Person, Reply, ask
from tests.integration.keys.desk import b64, listed, log, put, registered, signed_in_again
from tests.mls import credential
from users import relations


def proof(who: Person, about: Person, **query: str) -> Reply:
    asked = {"user_id": about.user_id, **query}
    return ask(app.app, "GET", "/keys/log/proof", token=who.token, query=asked)


def checked_head(body: Any) -> dict[str, Any]:
    """What the signed head of a proof says; the key is the one that everybody can get."""
    keys = {each["kid"]: each for each in auth.jwks()["keys"]}
    key = jwt.PyJWK(keys[jwt.get_unverified_header(body["head"])["kid"]])
    head: dict[str, Any] = jwt.decode(body["head"], key, algorithms=["ES256"])
    return head


def require_included(body: Any) -> bytes:
    """The root of a proof whose entry is really in the tree."""
    head = checked_head(body)
    assert head["size"] == body["size"]
    root = bytes.fromhex(head["root"])
    path = [bytes.fromhex(each) for each in body["inclusion"]]
    merkle.require_inclusion(merkle.leaf(body["entry"]), index=body["index"], size=body["size"], proof=path, root=root)
    return root


def test_a_device_is_registered_and_found_by_others(ada: Person, bob: Person) -> None:
    key = Ed25519PrivateKey.generate()
    now = clock.now()
    with clock.held(now):
        made = put(ada, "phone", key, name="Ada's phone")
    assert made.status == 200
    assert made.body == {
        "user_id": ada.user_id,
        "device_id": "phone",
        "name": "Ada's phone",
        "signature_key": b64(key.public_key().public_bytes_raw()),
        "credential": b64(credential(ada.user_id, "phone")),
        "added_at": clock.rfc3339(now),
    }
    registered(ada, "laptop")
    registered(bob, "phone")
    assert [(each["user_id"], each["device_id"]) for each in listed(bob, ada, bob)] == [
        (ada.user_id, "laptop"),
        (ada.user_id, "phone"),
        (bob.user_id, "phone"),
    ]


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"signature_key": b64(bytes(31))}, "signature_key"),
        ({"signature_key": "not base 64"}, "signature_key"),
        ({"credential": b64(credential("usr_other", "phone"))}, "credential"),
        ({"credential": b64(b"\x00\x02\x00")}, "credential"),
        ({"credential": b64(b"\x00")}, "credential"),
        ({"name": ""}, "name"),
        ({"color": "red"}, "color"),
    ],
    ids=lambda value: value if isinstance(value, str) else str(next(iter(value.values()))),
)
def test_a_device_that_is_not_the_callers_own_is_refused(ada: Person, changed: dict[str, str], field: str) -> None:
    answer = put(ada, "phone", Ed25519PrivateKey.generate(), **changed)
    assert (answer.status, answer.code) == (400, "validation_failed")
    assert answer.body["errors"][0]["field"] == field


def test_the_same_keys_again_change_the_name_and_not_the_log(ada: Person) -> None:
    key = Ed25519PrivateKey.generate()
    put(ada, "phone", key)
    assert put(ada, "phone", key, name="pocket").body["name"] == "pocket"
    assert [each["name"] for each in listed(ada, ada)] == ["pocket"]
    assert [each["action"] for each in log(ada, ada)] == ["added"]


def test_every_change_of_a_key_stands_in_the_log(ada: Person, bob: Person) -> None:
    first, second = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
    put(ada, "phone", first)
    registered(bob)
    put(ada, "phone", second)
    gone = ask(app.app, "DELETE", "/keys/devices/{device_id}", {"device_id": "phone"}, token=ada.token)
    assert gone.status == 204
    assert listed(bob, ada) == []
    entries = log(bob, ada)
    assert [(each["n"], each["action"], each["device_id"]) for each in entries] == [
        (1, "added", "phone"),
        (3, "changed", "phone"),
        (4, "removed", "phone"),
    ]
    hashes = [hashlib.sha256(key.public_key().public_bytes_raw()).hexdigest() for key in (first, second, second)]
    assert [each["key_hash"] for each in entries] == hashes
    assert [each["n"] for each in log(bob, ada, after="1")] == [3, 4]
    assert [each["n"] for each in log(bob, ada, limit="2")] == [1, 3]


@pytest.mark.parametrize("reason", sorted(RETURNING_REASONS))
def test_who_signs_in_again_after_the_service_ended_their_session_goes_on_with_the_same_device(
    ada: Person, bob: Person, reason: str
) -> None:
    key = Ed25519PrivateKey.generate()
    put(ada, "phone", key)
    sessions.revoke(ada.user_id, [ada.session_id], reason=reason, sockets_of=[])
    assert [each["device_id"] for each in listed(bob, ada)] == ["phone"]

    again = signed_in_again(ada)
    assert put(again, "phone", key).status == 200

    assert [each["device_id"] for each in listed(bob, ada)] == ["phone"]
    assert [each["action"] for each in log(bob, ada)] == ["added"]


def test_who_signs_in_again_after_their_session_expired_goes_on_with_the_same_device(ada: Person, bob: Person) -> None:
    key = Ed25519PrivateKey.generate()
    put(ada, "phone", key)
    with clock.held(clock.now() + SESSION_TTL_S * clock.SECOND + clock.DAY):
        reader, again = signed_in_again(bob), signed_in_again(ada)
        assert [each["device_id"] for each in listed(reader, ada)] == ["phone"]
        put(again, "phone", key)
    with clock.held(clock.now() + (SESSION_TTL_S + RETURN_S) * clock.SECOND):
        assert [each["device_id"] for each in listed(signed_in_again(bob), ada)] == ["phone"]
        assert [each["action"] for each in log(signed_in_again(bob), ada)] == ["added"]


def test_a_device_is_removed_30_days_after_its_session_if_nobody_signed_in_there_again(
    ada: Person, bob: Person
) -> None:
    registered(ada)
    with clock.held(clock.now() + (SESSION_TTL_S + RETURN_S + 1) * clock.SECOND):
        assert listed(signed_in_again(bob), ada) == []
        assert [each["action"] for each in log(signed_in_again(bob), ada)] == ["added", "removed"]


@pytest.mark.parametrize("reason", sorted(RETURNING_REASONS))
def test_a_device_to_return_to_goes_when_all_sessions_are_ended(ada: Person, bob: Person, reason: str) -> None:
    registered(ada)
    sessions.revoke(ada.user_id, [ada.session_id], reason=reason, sockets_of=[])
    assert [each["device_id"] for each in listed(bob, ada)] == ["phone"]

    sessions.end_all(ada.user_id, reason="password_changed", but=signed_in_again(ada).session_id)

    assert listed(bob, ada) == []


def test_the_device_of_an_expired_session_goes_when_all_sessions_are_ended(ada: Person, bob: Person) -> None:
    registered(ada)
    with clock.held(clock.now() + SESSION_TTL_S * clock.SECOND + clock.DAY):
        again, reader = signed_in_again(ada), signed_in_again(bob)
        registered(again, "laptop")

        sessions.end_all(ada.user_id, reason="password_changed", but=again.session_id)

        assert [each["device_id"] for each in listed(reader, ada)] == ["laptop"]


def disown(person: Person) -> None:
    """What the link in the e-mail about the sign-in to this person's session does."""
    owner = store.credentials(person.user_id)
    token = recovery.issue_token(owner, "disown_session", session_id=person.session_id)
    new_devices.disown(token)


@pytest.mark.parametrize("reason", sorted(RETURNING_REASONS))
def test_a_device_to_return_to_goes_when_its_session_is_disowned(ada: Person, bob: Person, reason: str) -> None:
    registered(ada, "earlier")
    sessions.revoke(ada.user_id, [ada.session_id], reason=reason, sockets_of=[])
    with clock.held(clock.now() + clock.SECOND):
        stranger = signed_in_again(ada)
    registered(stranger, "stranger")
    sessions.revoke(ada.user_id, [stranger.session_id], reason=reason, sockets_of=[])
    assert [each["device_id"] for each in listed(bob, ada)] == ["earlier", "stranger"]

    disown(stranger)

    assert [each["device_id"] for each in listed(bob, ada)] == ["earlier"]


def test_the_device_of_an_expired_session_goes_when_it_is_disowned(
    ada: Person, bob: Person, settings: pytest.MonkeyPatch
) -> None:
    settings.setenv("SESSION_MAX_DAYS", "1")
    config.cache_clear()
    stranger = signed_in_again(ada)
    registered(stranger)
    with clock.held(clock.now() + 2 * clock.DAY):
        reader = signed_in_again(bob)
        assert [each["device_id"] for each in listed(reader, ada)] == ["phone"]

        disown(stranger)

        assert listed(reader, ada) == []


def test_a_device_to_return_to_goes_when_its_person_ends_its_session(ada: Person, bob: Person) -> None:
    registered(ada)
    sessions.revoke(ada.user_id, [ada.session_id], reason="too_many_sessions", sockets_of=[])

    with pytest.raises(NotFound):
        sessions.end_one(user_id=ada.user_id, session_id=ada.session_id)

    assert listed(bob, ada) == []


def test_nor_does_it_stay_if_the_service_ends_the_session_while_its_person_does(
    ada: Person, bob: Person, settings: pytest.MonkeyPatch
) -> None:
    registered(ada)
    find = session_store.find

    def find_late(user_id: str, session_id: str) -> AccountSession | None:
        found = find(user_id, session_id)
        settings.setattr(session_store, "find", find)
        sessions.revoke(user_id, [session_id], reason="too_many_sessions", sockets_of=[])
        return found

    settings.setattr(session_store, "find", find_late)
    with pytest.raises(NotFound):
        sessions.end_one(user_id=ada.user_id, session_id=ada.session_id)

    assert listed(bob, ada) == []


@pytest.mark.parametrize("reason", ["logout", "revoked", "banned", "disowned", "signed_out_by_admin"])
def test_a_device_whose_session_was_ended_by_somebody_is_removed_at_once(ada: Person, bob: Person, reason: str) -> None:
    registered(ada)
    sessions.revoke(ada.user_id, [ada.session_id], reason=reason, sockets_of=[])

    assert listed(bob, ada) == []
    assert [each["action"] for each in log(bob, ada)] == ["added", "removed"]


def test_a_device_that_another_session_goes_on_with_while_it_is_listed_stays(
    ada: Person, bob: Person, settings: pytest.MonkeyPatch
) -> None:
    key = Ed25519PrivateKey.generate()
    put(ada, "phone", key)
    sessions.revoke(ada.user_id, [ada.session_id], reason="logout", sockets_of=[])
    again, retire = signed_in_again(ada), service._retire

    def retire_late(device: Device) -> None:
        put(again, "phone", key)
        retire(device)

    settings.setattr(service, "_retire", retire_late)
    listed(bob, ada)

    assert [each["device_id"] for each in listed(bob, ada)] == ["phone"]
    assert [each["action"] for each in log(bob, ada)] == ["added"]


def test_a_device_that_is_not_there_cannot_be_removed(ada: Person, bob: Person) -> None:
    registered(ada)
    answer = ask(app.app, "DELETE", "/keys/devices/{device_id}", {"device_id": "phone"}, token=bob.token)
    assert answer.status == 404


def test_each_entry_is_proved_and_each_later_log_begins_with_the_earlier_one(ada: Person, bob: Person) -> None:
    sizes: list[tuple[int, bytes]] = []
    for number in range(9):
        registered(ada if number % 2 else bob, f"device-{number}")
        body = proof(bob, ada if number % 2 else bob).body
        assert (body["entry"]["n"], body["index"], body["size"]) == (number + 1, number, number + 1)
        sizes.append((body["size"], require_included(body)))
    for earlier, earlier_root in sizes:
        body = proof(ada, ada, **{"from": str(earlier)}).body
        root = require_included(body)
        path = [bytes.fromhex(each) for each in body["consistency"]]
        merkle.require_consistency(earlier=earlier, earlier_root=earlier_root, size=body["size"], root=root, proof=path)


def test_there_is_no_proof_of_who_has_no_keys_and_of_a_log_that_never_was(ada: Person, bob: Person) -> None:
    assert proof(ada, bob).status == 404
    registered(bob)
    assert proof(ada, bob, **{"from": "2"}).status == 400


def test_a_block_hides_devices_and_their_log_from_both_sides(ada: Person, bob: Person) -> None:
    registered(ada)
    registered(bob)
    relations.block(user_id=ada.user_id, other_id=bob.user_id)
    for one, other in ((ada, bob), (bob, ada)):
        assert listed(one, other) == []
        assert proof(one, other).status == 404
        assert ask(app.app, "GET", "/keys/log", token=one.token, query={"user_id": other.user_id}).status == 404


def test_one_has_at_most_fifty_devices(ada: Person, settings: pytest.MonkeyPatch) -> None:
    settings.setattr("keys.service.MAX_DEVICES", 2)
    registered(ada, "one")
    registered(ada, "two")
    answer = put(ada, "three", Ed25519PrivateKey.generate())
    assert (answer.status, answer.code) == (409, "too_many_devices")
