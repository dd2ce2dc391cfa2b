"""Second factors: codes, recovery codes, passkeys (contract §2)."""

from __future__ import annotations

from typing import Any

import httpx
import pyotp

from tests.e2e.people import PASSWORD, Person, Town
from tests.e2e.tools import problem
from tests.support.authenticator import Authenticator


def login(town: Town, who: Person, **fields: Any) -> httpx.Response:
    return town.http.post("/auth/login", json={"identifier": who.username, "password": PASSWORD, **fields})


def test_a_second_factor_is_set_up_used_and_removed(town: Town) -> None:
    # given somebody who has set up an authenticator
    ada = town.person("ada")
    problem(ada.post("/auth/totp", {"password": "not the password"}), 401, "invalid_credentials")
    made = ada.ok("POST", "/auth/totp", {"password": PASSWORD})
    codes = pyotp.TOTP(made["secret"])
    assert pyotp.parse_uri(made["otpauth_uri"]).secret == made["secret"]
    assert login(town, ada).status_code == 200, "it is not confirmed yet"
    confirming = codes.now()
    ada.ok("POST", "/auth/totp/confirm", {"code": confirming})
    # then signing in needs an unused code, or a recovery code, once
    problem(login(town, ada), 401, "totp_required")
    problem(login(town, ada, totp=confirming), 401, "invalid_credentials")
    recovery = made["recovery_codes"]
    assert len(recovery) == 10
    assert login(town, ada, totp=recovery[0]).status_code == 200
    problem(login(town, ada, totp=recovery[0]), 401, "invalid_credentials")
    # and needs none after the app is removed with password and code
    problem(ada.call("DELETE", "/auth/totp", {"password": PASSWORD, "code": "nothing"}), 401, "invalid_credentials")
    assert ada.call("DELETE", "/auth/totp", {"password": PASSWORD, "code": recovery[1]}).status_code == 204
    assert login(town, ada).status_code == 200


def test_wrong_codes_lock_like_wrong_passwords(town: Town) -> None:
    eve = town.person("eve")
    made = eve.ok("POST", "/auth/totp", {"password": PASSWORD})
    eve.ok("POST", "/auth/totp/confirm", {"code": pyotp.TOTP(made["secret"]).now()})
    for _ in range(5):
        problem(login(town, eve, totp="nothing"), 401, "invalid_credentials")
    locked = login(town, eve, totp=made["recovery_codes"][0])
    problem(locked, 423, "account_locked")
    assert 0 < int(locked.headers["retry-after"]) <= 15 * 60


def test_an_earlier_sign_in_is_not_given_again_with_a_changed_password(town: Town) -> None:
    # given a sign-in with an Idempotency-Key, repeated after a lost answer
    dan = town.person("dan")
    body = {"identifier": dan.username, "password": PASSWORD}
    key = {"Idempotency-Key": f"again-{dan.username}"}
    first, lost = (town.http.post("/auth/login", json=body, headers=key) for _ in range(2))
    assert (first.status_code, lost.status_code, lost.json()) == (200, 200, first.json())
    assert lost.headers["idempotent-replayed"] == "true"
    # when the password is changed
    dan.ok("POST", "/auth/password/change", {"current_password": PASSWORD, "new_password": "another horse, battery"})
    # then the same request is refused
    again = town.http.post("/auth/login", json=body, headers=key)
    problem(again, 401, "invalid_credentials")
    assert "idempotent-replayed" not in again.headers


def test_a_passkey_is_added_signs_in_and_is_removed(town: Town) -> None:
    # given somebody whose device has made a passkey
    pam = town.person("pam")
    device = Authenticator()
    begun = pam.ok("POST", "/auth/passkeys/registrations", {})
    body = {
        "registration_id": begun["registration_id"],
        "credential": device.create(begun["options"]),
        "name": "Pam’s laptop",
    }
    added = pam.ok("POST", "/auth/passkeys", body)
    problem(pam.post("/auth/passkeys", body), 400, "invalid_token")
    assert pam.ok("GET", "/auth/passkeys")["items"] == [added]
    # when they sign in with it
    challenge = town.http.post("/auth/passkeys/challenges").json()
    answer = {"challenge_id": challenge["challenge_id"], "credential": device.get(challenge["options"])}
    signed_in = town.http.post("/auth/passkeys/login", json={**answer, "device_name": "laptop"})
    # then they are signed in, once per challenge
    assert signed_in.status_code == 200
    assert signed_in.json()["user"]["id"] == pam.id
    problem(town.http.post("/auth/passkeys/login", json=answer), 401, "invalid_credentials")
    # and no longer once the passkey is removed
    assert pam.call("DELETE", f"/auth/passkeys/{added['id']}", {"password": PASSWORD}).status_code == 204
    challenge = town.http.post("/auth/passkeys/challenges").json()
    answer = {"challenge_id": challenge["challenge_id"], "credential": device.get(challenge["options"])}
    problem(town.http.post("/auth/passkeys/login", json=answer), 401, "invalid_credentials")
