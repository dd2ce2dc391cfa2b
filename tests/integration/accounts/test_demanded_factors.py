"""Deployments that demand a second factor (RequireSecondFactor): who may do what, and from when on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pyotp
import pytest

from accounts import passwords
from accounts.app import app
from accounts.model import LOCK_AFTER
from accounts.sessions import service as sessions
from accounts.sessions import session_store
from administration import service as administration
from administration.app import app as admin_app
from conversations.app import app as conversations_app
from infra import unlock
from kernel import after_commit, clock
from kernel.config import config
from realtime.app import app as realtime_app
from tests.helpers import Reply, ask
from tests.support.authenticator import Authenticator
from users.app import app as users_app

PASSWORD = "four lilac otters"
Demand = Callable[[str], None]


@pytest.fixture(autouse=True)
def _quick_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "COST", 4)


@pytest.fixture
def demand(settings: pytest.MonkeyPatch) -> Demand:
    """Deploys with another `RequireSecondFactor`."""

    def deploy(of: str) -> None:
        settings.setenv("REQUIRE_SECOND_FACTOR", of)
        config.cache_clear()

    return deploy


class Ada:
    """A person with a password, in one session; `passkey` and `secret` are their factors."""

    def __init__(self) -> None:
        new = {"email": "ada@example.com", "username": "ada", "password": PASSWORD, "display_name": "Ada"}
        made = ask(app, "POST", "/auth/register", body=new).body
        self.id = made["user"]["id"]
        self.use(made["tokens"])
        self.passkey = Authenticator()
        self.secret = ""

    def use(self, tokens: dict[str, Any]) -> None:
        self.token, self.refresh_token = tokens["access_token"], tokens["refresh_token"]
        self.must_enrol = tokens.get("must_enrol", False)  # as the client is told

    def login(self, **more: str) -> Reply:
        return ask(app, "POST", "/auth/login", body={"identifier": "ada", "password": PASSWORD, **more})

    def login_with_passkey(self) -> Reply:
        begun = ask(app, "POST", "/auth/passkeys/challenges").body
        body = {"challenge_id": begun["challenge_id"], "credential": self.passkey.get(begun["options"])}
        return ask(app, "POST", "/auth/passkeys/login", body=body)

    def refresh(self) -> Reply:
        return ask(app, "POST", "/auth/refresh", body={"refresh_token": self.refresh_token})

    def conversations(self, token: str = "") -> Reply:
        return ask(conversations_app, "GET", "/conversations", token=token or self.token)

    def code(self) -> str:
        return pyotp.TOTP(self.secret).generate_otp(clock.now_s() // 30)

    def begin_code(self, token: str = "") -> Reply:
        reply = ask(app, "POST", "/auth/totp", body={"password": PASSWORD}, token=token or self.token)
        self.secret = reply.body.get("secret", self.secret)
        return reply

    def enrol_code(self) -> None:
        assert self.begin_code().status == 201
        assert ask(app, "POST", "/auth/totp/confirm", body={"code": self.code()}, token=self.token).status == 204

    def begin_passkey(self, token: str = "") -> Reply:
        body = {"password": PASSWORD}
        return ask(app, "POST", "/auth/passkeys/registrations", body=body, token=token or self.token)

    def enrol_passkey(self) -> str:
        begun = self.begin_passkey().body
        credential = self.passkey.create(begun["options"])
        body = {"registration_id": begun["registration_id"], "credential": credential, "name": "Laptop"}
        added = ask(app, "POST", "/auth/passkeys", body=body, token=self.token)
        assert added.status == 201, added.body
        return str(added.body["id"])

    def remove_passkey(self, passkey_id: str) -> Reply:
        path = {"passkey_id": passkey_id}
        return ask(app, "DELETE", "/auth/passkeys/{passkey_id}", path, body={"password": PASSWORD}, token=self.token)

    def remove_code(self) -> Reply:
        return ask(app, "DELETE", "/auth/totp", body={"password": PASSWORD, "code": self.code()}, token=self.token)


def refused(reply: Reply) -> bool:
    return (reply.status, reply.body.get("code")) == (403, "second_factor_required")


# --- of everybody -----------------------------------------------------------------------------------------------


def test_by_default_a_password_is_enough() -> None:
    ada = Ada()

    assert ada.conversations().status == 200
    assert ada.refresh().status == 200
    assert not ada.must_enrol


def test_who_registers_may_do_nothing_but_enrol_read_their_account_and_sign_out(demand: Demand) -> None:
    demand("everybody")
    ada = Ada()

    assert ada.must_enrol
    assert refused(ada.conversations())
    assert refused(ask(realtime_app, "POST", "/realtime/tickets", token=ada.token))
    assert refused(ask(app, "GET", "/auth/sessions", token=ada.token))
    assert ask(users_app, "GET", "/users/me", token=ada.token).status == 200
    assert ask(app, "GET", "/auth/passkeys", token=ada.token).status == 200
    assert ask(app, "POST", "/auth/logout", token=ada.token).status == 204


def test_a_code_that_is_enrolled_opens_the_session(demand: Demand) -> None:
    demand("everybody")
    ada = Ada()

    ada.enrol_code()

    assert ada.conversations().status == 200
    ada.use(ada.refresh().body["tokens"])
    assert not ada.must_enrol
    assert ada.conversations().status == 200


def test_a_passkey_that_is_enrolled_opens_the_session_at_once_with_redis_too(demand: Demand, redis: Any) -> None:
    demand("everybody")
    ada = Ada()
    assert refused(ada.conversations())

    ada.enrol_passkey()

    assert ada.conversations().status == 200


def test_a_session_that_has_to_enrol_is_renewed_as_such_until_nothing_is_demanded(demand: Demand) -> None:
    demand("everybody")
    ada = Ada()
    ada.use(ada.refresh().body["tokens"])
    assert ada.must_enrol
    assert refused(ada.conversations())

    demand("none")
    ada.use(ada.refresh().body["tokens"])

    assert not ada.must_enrol
    assert ada.conversations().status == 200


def test_a_renewal_takes_back_no_enrolment_that_it_has_not_seen(demand: Demand, settings: pytest.MonkeyPatch) -> None:
    demand("everybody")
    ada = Ada()
    rotate = session_store.rotate

    def enrol_before(*session: Any, **renewed: Any) -> None:
        ada.enrol_code()
        rotate(*session, **renewed)

    settings.setattr(session_store, "rotate", enrol_before)
    ada.use(ada.refresh().body["tokens"])

    assert ada.conversations().status == 200


def test_a_session_of_before_ends_when_it_is_renewed_and_signing_in_again_leads_to_enrolment(demand: Demand) -> None:
    ada = Ada()
    demand("everybody")

    assert ada.refresh().body["code"] == "token_revoked"
    assert ada.conversations().status == 401
    ada.use(ada.login().body["tokens"])
    assert refused(ada.conversations())


def test_a_session_that_began_with_two_factors_goes_on(demand: Demand) -> None:
    ada = Ada()
    ada.enrol_passkey()
    ada.use(ada.login_with_passkey().body["tokens"])
    demand("everybody")

    ada.use(ada.refresh().body["tokens"])

    assert ada.conversations().status == 200


def test_password_and_code_sign_in_without_enrolment(demand: Demand) -> None:
    demand("everybody")
    ada = Ada()
    ada.enrol_code()
    with clock.held(clock.now() + clock.MINUTE):  # a code is good once
        signed_in = ada.login(totp=ada.code())

        assert ada.conversations(signed_in.body["tokens"]["access_token"]).status == 200


def test_who_has_a_passkey_does_not_get_in_by_the_password_alone(demand: Demand) -> None:
    ada = Ada()
    ada.enrol_passkey()
    assert ada.login().status == 200
    demand("everybody")

    reply = ada.login()

    assert (reply.status, reply.body["code"]) == (401, "passkey_required")
    assert ada.conversations(ada.login_with_passkey().body["tokens"]["access_token"]).status == 200


@pytest.mark.attack
def test_who_signed_in_with_the_password_before_somebody_enrolled_adds_no_factor_of_their_own(demand: Demand) -> None:
    demand("everybody")
    ada = Ada()
    other = ada.login().body["tokens"]["access_token"]
    assert ada.begin_passkey(other).status == 201

    ada.enrol_code()

    assert ask(app, "GET", "/auth/passkeys", token=other).status == 401
    assert ada.conversations().status == 200


def test_a_factor_that_is_enrolled_in_a_session_of_before_ends_those_that_were_to_enrol(demand: Demand) -> None:
    ada = Ada()
    demand("everybody")
    other = ada.login().body["tokens"]

    ada.enrol_code()

    assert ada.conversations(other["access_token"]).status == 401
    demand("none")
    renewed = ask(app, "POST", "/auth/refresh", body={"refresh_token": other["refresh_token"]})
    assert renewed.body["code"] == "token_revoked"
    assert ada.conversations().status == 200


@pytest.mark.attack
def test_a_session_that_has_to_enrol_adds_nothing_beside_a_factor_that_is_there(demand: Demand) -> None:
    ada = Ada()
    demand("everybody")
    other = ada.login().body["tokens"]["access_token"]
    begun = ada.begin_passkey(other).body
    credential = Authenticator().create(begun["options"])
    demand("none")
    ada.enrol_code()
    demand("everybody")

    body = {"registration_id": begun["registration_id"], "credential": credential, "name": "Mine"}
    assert refused(ask(app, "POST", "/auth/passkeys", body=body, token=other))
    assert refused(ada.begin_passkey(other))
    assert refused(ada.conversations(other))


@pytest.mark.attack
def test_of_two_first_factors_at_once_one_is_enrolled(demand: Demand, settings: pytest.MonkeyPatch) -> None:
    demand("everybody")
    ada = Ada()
    other = ada.login().body["tokens"]["access_token"]
    begun = ada.begin_passkey(other).body
    stage_enrolled = session_store.stage_enrolled

    def enrol_before(*enrolment: Any) -> None:
        settings.setattr(session_store, "stage_enrolled", stage_enrolled)
        with settings.context() as slow:  # it has committed, and not ended the other session yet
            slow.setattr(sessions, "end_enrolling", lambda *_, **__: None)
            ada.enrol_code()
        stage_enrolled(*enrolment)

    settings.setattr(session_store, "stage_enrolled", enrol_before)
    credential = Authenticator().create(begun["options"])
    body = {"registration_id": begun["registration_id"], "credential": credential, "name": "Mine"}

    assert refused(ask(app, "POST", "/auth/passkeys", body=body, token=other))
    assert refused(ada.conversations(other))
    assert ada.conversations().status == 200


def test_two_factors_that_somebody_adds_at_once_both_count(settings: pytest.MonkeyPatch) -> None:
    ada = Ada()
    stage_enrolled = session_store.stage_enrolled

    def enrol_before(*enrolment: Any) -> None:
        settings.setattr(session_store, "stage_enrolled", stage_enrolled)
        ada.enrol_code()
        stage_enrolled(*enrolment)

    settings.setattr(session_store, "stage_enrolled", enrol_before)

    ada.enrol_passkey()

    assert ada.login().body["code"] == "totp_required"
    assert ada.login_with_passkey().status == 200


def test_the_last_factor_stays_while_one_is_demanded(demand: Demand) -> None:
    demand("everybody")
    ada = Ada()
    passkey_id = ada.enrol_passkey()

    last = ada.remove_passkey(passkey_id)
    ada.enrol_code()
    with clock.held(clock.now() + clock.MINUTE):
        removed = ada.remove_passkey(passkey_id)
        last_code = ada.remove_code()

        assert (last.status, last.body["code"]) == (409, "last_factor")
        assert removed.status == 204
        assert (last_code.status, last_code.body["code"]) == (409, "last_factor")
        demand("none")
    with clock.held(clock.now() + 2 * clock.MINUTE):
        assert ada.remove_code().status == 204


def test_right_codes_that_may_not_remove_the_last_factor_lock_nothing(demand: Demand) -> None:
    demand("everybody")
    ada = Ada()
    ada.enrol_code()
    with clock.held(clock.now() + clock.MINUTE) as advance:
        answers = [ada.remove_code().body["code"] for _ in range(LOCK_AFTER)]
        advance(clock.MINUTE)

        assert answers == ["last_factor"] * LOCK_AFTER
        assert ada.login(totp=ada.code()).status == 200


def test_a_code_may_go_while_a_passkey_stays(demand: Demand) -> None:
    demand("everybody")
    ada = Ada()
    ada.enrol_code()
    ada.enrol_passkey()
    with clock.held(clock.now() + clock.MINUTE):
        assert ada.remove_code().status == 204

    assert ada.login().body["code"] == "passkey_required"


def test_who_has_lost_a_passkey_enrols_anew_once_an_operator_has_removed_it(demand: Demand) -> None:
    demand("everybody")
    ada = Ada()
    ada.enrol_passkey()

    assert "has no second factor any more" in unlock.unlock("ada", second_factor=True)

    ada.use(ada.login().body["tokens"])
    assert refused(ada.conversations())
    ada.enrol_code()
    assert ada.conversations().status == 200


# --- sessions whose factor is gone ------------------------------------------------------------------------------


def test_a_session_counts_no_more_as_confirmed_once_the_last_factor_is_removed(demand: Demand) -> None:
    ada = Ada()
    ada.enrol_code()
    with clock.held(clock.now() + clock.MINUTE):
        assert ada.remove_code().status == 204
    demand("everybody")

    assert ada.refresh().body["code"] == "token_revoked"
    ada.use(ada.login().body["tokens"])
    assert refused(ada.conversations())


def test_nor_does_another_session_that_a_passkey_opened(demand: Demand) -> None:
    ada = Ada()
    passkey_id = ada.enrol_passkey()
    other = ada.login_with_passkey().body["tokens"]["refresh_token"]
    assert ada.remove_passkey(passkey_id).status == 204
    demand("everybody")

    assert ask(app, "POST", "/auth/refresh", body={"refresh_token": other}).body["code"] == "token_revoked"


def test_a_session_stays_confirmed_while_another_factor_is_left(demand: Demand) -> None:
    ada = Ada()
    passkey_id = ada.enrol_passkey()
    ada.enrol_code()
    assert ada.remove_passkey(passkey_id).status == 204
    demand("everybody")

    ada.use(ada.refresh().body["tokens"])

    assert ada.conversations().status == 200


def test_a_session_counts_no_more_as_confirmed_once_an_operator_has_removed_the_factors(demand: Demand) -> None:
    demand("everybody")
    ada = Ada()
    ada.enrol_passkey()
    ada.enrol_code()

    unlock.unlock("ada", second_factor=True)

    assert ada.refresh().body["code"] == "token_revoked"


def test_what_a_process_that_dies_upon_the_removal_has_not_done_the_sweep_does(
    demand: Demand, settings: pytest.MonkeyPatch
) -> None:
    ada = Ada()
    passkey_id = ada.enrol_passkey()
    with settings.context() as dying:
        dying.setattr(after_commit.FollowUp, "complete", lambda self: None)
        ada.remove_passkey(passkey_id)
    with clock.held(clock.now() + 2 * clock.MINUTE):
        after_commit.sweep(patience_s=5.0)
    demand("everybody")

    assert ada.refresh().body["code"] == "token_revoked"


# --- of administrators ------------------------------------------------------------------------------------------


def test_of_administrators_a_factor_is_demanded_and_of_nobody_else(demand: Demand) -> None:
    demand("administrators")
    ada = Ada()
    assert ada.conversations().status == 200

    administration.give_role(user_id=ada.id, role="admin", by=None)

    assert ada.refresh().body["code"] == "token_revoked"
    ada.use(ada.login().body["tokens"])
    assert refused(ada.conversations())
    assert refused(ask(admin_app, "GET", "/admin/users", token=ada.token))
    ada.enrol_code()
    assert ask(admin_app, "GET", "/admin/users", token=ada.token).status == 200
