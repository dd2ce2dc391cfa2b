from __future__ import annotations

import copy
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from accounts import passwords
from accounts.app import app
from administration import service as administration
from kernel import clock
from kernel.caller import Caller
from tests.conftest import Cloud
from tests.helpers import Reply, ask
from tests.support.authenticator import MAY_SYNC, PRESENT, SYNCED, VERIFIED, Authenticator, text

PASSWORD = "four lilac otters"


@pytest.fixture(autouse=True)
def _quick_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "COST", 4)


class Person:
    """Somebody with a password and, once it is added, a passkey."""

    def __init__(self, name: str = "ada") -> None:
        new = {"email": f"{name}@example.com", "username": name, "password": PASSWORD, "display_name": name}
        made = ask(app, "POST", "/auth/register", body=new).body
        self.id, self.token = made["user"]["id"], made["tokens"]["access_token"]
        self.device = Authenticator()

    def begin(self, password: str | None = None) -> Reply:
        body = {} if password is None else {"password": password}
        return ask(app, "POST", "/auth/passkeys/registrations", body=body, token=self.token)

    def finish(self, begun: dict[str, Any], credential: Any = None, name: str = "Laptop") -> Reply:
        credential = credential or self.device.create(begun["options"])
        body = {"registration_id": begun["registration_id"], "credential": credential, "name": name}
        return ask(app, "POST", "/auth/passkeys", body=body, token=self.token)

    def add(self) -> dict[str, Any]:
        reply = self.finish(self.begin().body)
        assert reply.status == 201, reply.body
        added: dict[str, Any] = reply.body
        return added

    def passkeys(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = ask(app, "GET", "/auth/passkeys", token=self.token).body["items"]
        return found

    def remove(self, passkey_id: str, body: Any = None) -> Reply:
        return ask(
            app, "DELETE", "/auth/passkeys/{passkey_id}", {"passkey_id": passkey_id}, body=body, token=self.token
        )


def challenge() -> dict[str, Any]:
    made: dict[str, Any] = ask(app, "POST", "/auth/passkeys/challenges").body
    return made


def login(device: Authenticator, begun: dict[str, Any] | None = None, **fields: Any) -> Reply:
    begun = begun or challenge()
    body = {"challenge_id": begun["challenge_id"], "credential": device.get(begun["options"]), **fields}
    return ask(app, "POST", "/auth/passkeys/login", body=body)


@pytest.fixture
def ada() -> Person:
    return Person()


# --- adding ---------------------------------------------------------------------------------------------------


def test_the_options_ask_for_a_discoverable_credential_with_verification(ada: Person) -> None:
    begun = ada.begin()
    options = begun.body["options"]
    assert begun.status == 201
    assert options["rp"] == {"name": "SecureConnect", "id": "localhost"}
    assert options["authenticatorSelection"]["residentKey"] == "required"
    assert options["authenticatorSelection"]["userVerification"] == "required"
    assert [each["alg"] for each in options["pubKeyCredParams"]] == [-8, -7, -257]
    assert options["timeout"] == 300_000
    assert challenge()["options"]["userVerification"] == "required"


def test_an_added_passkey_is_listed_and_signs_in(ada: Person) -> None:
    added = ada.add()
    signed_in = login(ada.device, device_name="Laptop")
    (listed,) = ada.passkeys()
    assert (signed_in.status, signed_in.body["user"]["id"]) == (200, ada.id)
    assert {name: added[name] for name in ("name", "last_used_at", "synced")} == {
        "name": "Laptop",
        "last_used_at": None,
        "synced": False,
    }
    assert listed["id"] == added["id"]
    assert listed["last_used_at"] is not None
    again = ask(app, "GET", "/auth/sessions", token=signed_in.body["tokens"]["access_token"]).body["items"]
    assert again[0]["device_name"] == "Laptop"


def test_a_synced_passkey_says_so(ada: Person) -> None:
    ada.device.flags = PRESENT | VERIFIED | MAY_SYNC | SYNCED
    assert ada.add()["synced"] is True


def test_the_next_registration_leaves_out_what_is_there(ada: Person) -> None:
    ada.add()
    excluded = ada.begin().body["options"]["excludeCredentials"]
    assert [each["id"] for each in excluded] == [text(ada.device.credential_id)]


def test_a_registration_is_good_once_for_five_minutes_and_for_its_person(ada: Person) -> None:
    begun, bob = ada.begin().body, Person("bob")
    assert bob.finish(begun).code == "invalid_token"
    used = ada.begin().body
    assert [ada.finish(used).status for _ in range(2)] == [201, 400]
    with clock.held(clock.now()) as advance:
        late = ada.begin().body
        advance(5 * clock.MINUTE)
        assert ada.finish(late).code == "invalid_token"


@pytest.mark.attack
def test_a_passkey_of_another_account_is_not_taken(ada: Person) -> None:
    ada.add()
    bob = Person("bob")
    bob.device.credential_id = ada.device.credential_id
    assert bob.finish(bob.begin().body).status == 409


def _other_origin(device: Authenticator) -> None:
    device.origin = "https://evil.example"


def _look_alike(device: Authenticator) -> None:
    device.origin = "http://localhost.evil.example:8080"


def _framed(device: Authenticator) -> None:
    device.cross_origin = True  # our page within another site's page


def _unverified(device: Authenticator) -> None:
    device.flags = PRESENT


def _absent(device: Authenticator) -> None:
    device.flags = VERIFIED


@pytest.mark.attack
@pytest.mark.parametrize("lie", [_other_origin, _look_alike, _framed, _unverified, _absent])
def test_a_lying_device_is_not_added(ada: Person, lie: Callable[[Authenticator], None]) -> None:
    lie(ada.device)
    refused = ada.finish(ada.begin().body)
    assert (refused.status, refused.body["errors"][0]["field"]) == (400, "credential")


@pytest.mark.attack
@pytest.mark.parametrize(
    "broken",
    [
        {},
        {"id": 1},
        {"response": {}},
        {
            "id": "x",
            "rawId": "x",
            "type": "public-key",
            "response": {"clientDataJSON": "e30", "attestationObject": "AAAA"},
        },
    ],
)
def test_nonsense_is_refused_as_such(ada: Person, broken: dict[str, Any]) -> None:
    ada.add()
    assert ada.finish(ada.begin().body, {**broken, "x": 1}).status == 400
    body = {"challenge_id": challenge()["challenge_id"], "credential": broken}
    assert ask(app, "POST", "/auth/passkeys/login", body=body).code == "invalid_credentials"


# --- signing in -----------------------------------------------------------------------------------------------


def test_a_challenge_is_good_once_and_for_five_minutes(ada: Person) -> None:
    ada.add()
    begun = challenge()
    assert [login(ada.device, begun).status for _ in range(2)] == [200, 401]
    with clock.held(clock.now()) as advance:
        late = challenge()
        advance(5 * clock.MINUTE)
        assert login(ada.device, late).code == "invalid_credentials"


def test_of_many_answers_at_once_to_one_challenge_one_signs_in(ada: Person) -> None:
    ada.add()
    begun = challenge()
    with ThreadPoolExecutor(4) as threads:
        statuses = list(threads.map(lambda _: login(ada.device, begun).status, range(4)))
    assert sorted(statuses) == [200, 401, 401, 401]


@pytest.mark.attack
@pytest.mark.parametrize("lie", [_other_origin, _look_alike, _framed, _unverified, _absent])
def test_a_lying_device_does_not_sign_in(ada: Person, lie: Callable[[Authenticator], None]) -> None:
    ada.add()
    lie(ada.device)
    assert (login(ada.device).status, login(ada.device).code) == (401, "invalid_credentials")


def test_another_key_handle_or_site_does_not_sign_in(ada: Person) -> None:
    ada.add()
    bob = Person("bob")
    bob.add()
    for field, value in [
        ("key", bob.device.key),
        ("user_handle", bob.device.user_handle),
        ("credential_id", bob.device.credential_id),
        ("rp_id", "evil.example"),
    ]:
        liar = copy.copy(ada.device)
        setattr(liar, field, value)
        assert login(liar).code == "invalid_credentials", field


@pytest.mark.attack
def test_a_counter_that_runs_back_is_refused_and_its_owner_told(ada: Person, cloud: Cloud) -> None:
    ada.device.counter = 7
    ada.add()
    copied = copy.copy(ada.device)
    assert login(ada.device).status == 200
    assert login(copied).code == "invalid_credentials"
    assert "passkey_copied" in [each.get("event") for each in cloud.letters()]
    assert login(ada.device).status == 200


def test_a_device_without_a_counter_signs_in_again(ada: Person) -> None:
    ada.add()
    assert [login(ada.device).status for _ in range(3)] == [200] * 3


def test_a_banned_person_does_not_sign_in(ada: Person) -> None:
    ada.add()
    admin = Caller(Person("root_of_all").id, "ses_1")
    administration.ban(admin=admin, user_id=ada.id, reason="sends advertisements", until=None)
    assert login(ada.device).code == "invalid_credentials"


# --- step-up and removing -------------------------------------------------------------------------------------


def test_ten_minutes_after_signing_in_the_password_is_asked_for_and_renews_the_proof(ada: Person) -> None:
    with clock.held(clock.now()) as advance:
        assert ada.begin().status == 201
        advance(10 * clock.MINUTE + 1)
        asked, wrong = ada.begin(), ada.begin("not the password")
        right, later = ada.begin(PASSWORD), ada.begin()
    assert (asked.status, asked.code) == (401, "step_up_required")
    assert (wrong.status, wrong.code) == (401, "invalid_credentials")
    assert (right.status, later.status) == (201, 201)


def test_a_removed_passkey_does_not_sign_in_and_may_be_added_again(ada: Person) -> None:
    added = ada.add()
    with clock.held(clock.now()) as advance:
        advance(10 * clock.MINUTE + 1)
        assert ada.remove(added["id"]).code == "step_up_required"
        assert ada.remove(added["id"], {"password": PASSWORD}).status == 204
    assert ada.passkeys() == []
    assert login(ada.device).code == "invalid_credentials"
    assert ada.remove(added["id"]).status == 404
    ada.add()


@pytest.mark.attack
def test_nobody_removes_the_passkey_of_another(ada: Person) -> None:
    assert Person("bob").remove(ada.add()["id"]).status == 404
    assert len(ada.passkeys()) == 1
