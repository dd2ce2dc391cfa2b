from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pyotp
import pytest

from accounts import passwords
from accounts.app import app
from infra import unlock
from kernel import clock, config
from tests.conftest import STACK, Cloud
from tests.helpers import Reply, ask
from tests.integration.notifications.hearing import waiting
from tests.tools import rows

PASSWORD = "four lilac otters"
WRONG = "five lilac otters"
NOON = 1_795_000_000_000 // 30_000 * 30_000  # the beginning of a step


@pytest.fixture(autouse=True)
def _quick_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "COST", 4)


@pytest.fixture(autouse=True)
def advance() -> Iterator[Any]:
    """Hold the clock at the beginning of a step of 30 s."""
    with clock.held(NOON) as advance:
        yield advance


class Ada:
    """A person with a password and, once it is enabled, a second factor."""

    def __init__(self) -> None:
        new = {"email": "ada@example.com", "username": "ada", "password": PASSWORD, "display_name": "Ada"}
        self.token = ask(app, "POST", "/auth/register", body=new).body["tokens"]["access_token"]
        self.secret = ""
        self.recovery_codes: list[str] = []

    def begin(self, password: str = PASSWORD) -> Reply:
        reply = ask(app, "POST", "/auth/totp", body={"password": password}, token=self.token)
        if reply.status == 201:
            self.secret, self.recovery_codes = reply.body["secret"], reply.body["recovery_codes"]
        return reply

    def code(self, steps: int = 0) -> str:
        """The code of the present step, or of the one `steps` later."""
        return pyotp.TOTP(self.secret).generate_otp(clock.now_s() // 30 + steps)

    def confirm(self, code: str | None = None) -> Reply:
        return ask(app, "POST", "/auth/totp/confirm", body={"code": code or self.code()}, token=self.token)

    def remove(self, code: str, password: str = PASSWORD) -> Reply:
        return ask(app, "DELETE", "/auth/totp", body={"password": password, "code": code}, token=self.token)

    def login(self, totp: str | None = None, password: str = PASSWORD) -> Reply:
        body = {"identifier": "ada", "password": password} | ({} if totp is None else {"totp": totp})
        return ask(app, "POST", "/auth/login", body=body)


@pytest.fixture
def ada() -> Ada:
    return Ada()


@pytest.fixture
def guarded(ada: Ada, advance: Any) -> Ada:
    """Ada, a minute after she has enabled her second factor."""
    ada.begin()
    assert ada.confirm().status == 204
    advance(clock.MINUTE)
    return ada


def test_a_new_factor_shows_its_secret_an_address_for_authenticators_and_ten_codes(ada: Ada) -> None:
    made = ada.begin()

    assert made.status == 201
    parsed = pyotp.parse_uri(made.body["otpauth_uri"])
    assert (parsed.secret, parsed.issuer, parsed.name) == (ada.secret, "SecureConnect", "ada")
    assert len(set(ada.recovery_codes)) == 10


def test_a_factor_is_not_in_force_before_it_is_confirmed(ada: Ada) -> None:
    ada.begin()
    assert ada.login().status == 200


def test_a_factor_begun_again_replaces_the_one_that_waits(ada: Ada) -> None:
    ada.begin()
    first = ada.code()
    ada.begin()
    assert (ada.confirm(first).code, ada.confirm().status) == ("invalid_credentials", 204)


def test_with_a_factor_the_right_password_asks_for_a_code_and_a_wrong_one_does_not(guarded: Ada) -> None:
    assert (guarded.login().status, guarded.login().code) == (401, "totp_required")
    assert guarded.login(password=WRONG).code == "invalid_credentials"
    assert guarded.login(guarded.code(), password=WRONG).code == "invalid_credentials"
    assert guarded.login("").code == "totp_required"


@pytest.mark.parametrize(("steps", "status"), [(-2, 401), (-1, 200), (0, 200), (1, 200), (2, 401)])
def test_a_code_is_taken_one_step_either_way(guarded: Ada, steps: int, status: int) -> None:
    assert guarded.login(guarded.code(steps)).status == status


def test_a_factor_that_is_enabled_while_a_password_is_verified_is_not_passed_by(
    ada: Ada, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada.begin()
    verify, enabled = passwords.matches, list[int]()

    def matches(password: str, kept: str | None) -> bool:
        if not enabled:
            enabled.append(ada.confirm().status)
        return verify(password, kept)

    monkeypatch.setattr(passwords, "matches", matches)
    reply = ada.login()
    assert (enabled, reply.status, reply.code) == ([204], 401, "invalid_credentials")
    assert ada.login().code == "totp_required"


def test_a_code_signs_in_once(guarded: Ada) -> None:
    code = guarded.code()
    assert guarded.login(code).status == 200
    assert (guarded.login(code).status, guarded.login(code).code) == (401, "invalid_credentials")


def test_the_code_that_confirmed_does_not_sign_in(ada: Ada) -> None:
    ada.begin()
    code = ada.code()
    assert ada.confirm(code).status == 204
    assert ada.login(code).code == "invalid_credentials"
    assert ada.login(ada.code(1)).status == 200


def test_a_used_step_leaves_the_others_good_in_any_order(guarded: Ada) -> None:
    assert [guarded.login(guarded.code(steps)).status for steps in (1, 0, -1, 1)] == [200, 200, 200, 401]


def test_of_many_sign_ins_at_once_with_one_code_one_succeeds(guarded: Ada) -> None:
    code = guarded.code()
    with ThreadPoolExecutor(4) as threads:
        statuses = list(threads.map(lambda _: guarded.login(code).status, range(4)))
    assert sorted(statuses) == [200, 401, 401, 401]


def test_a_recovery_code_signs_in_once_however_it_is_typed(guarded: Ada) -> None:
    first, second, *_ = guarded.recovery_codes
    assert guarded.login(first).status == 200
    assert guarded.login(first).code == "invalid_credentials"
    assert guarded.login(second.upper().replace("-", " ")).status == 200


def test_a_secret_is_answered_again_for_its_key_until_it_is_in_force(ada: Ada) -> None:
    def begin() -> Reply:
        headers = {"Idempotency-Key": "lost"}
        return ask(app, "POST", "/auth/totp", body={"password": PASSWORD}, token=ada.token, headers=headers)

    first, again = begin(), begin()
    assert (again.body, again.headers["idempotent-replayed"]) == (first.body, "true")
    ada.secret = first.body["secret"]
    assert ada.confirm().status == 204
    assert begin().status == 409


def test_five_wrong_codes_lock_as_wrong_passwords_do(guarded: Ada) -> None:
    failures = [guarded.login("000000" if n % 2 else "nothing").status for n in range(5)]
    locked = guarded.login(guarded.code())
    assert failures == [401] * 5
    assert (locked.status, locked.code) == (423, "account_locked")


def test_wrong_codes_and_wrong_passwords_count_together(guarded: Ada) -> None:
    for _ in range(2):
        guarded.login("nothing")
    assert guarded.remove("000000").status == 401
    for _ in range(2):
        guarded.login(password=WRONG)
    assert guarded.login(guarded.code()).status == 423


def test_a_lock_by_wrong_codes_holds_for_every_name_of_the_account(guarded: Ada) -> None:
    for _ in range(5):
        guarded.login("nothing")
    by_address = {"identifier": "ada@example.com", "password": PASSWORD, "totp": guarded.code()}
    assert ask(app, "POST", "/auth/login", body=by_address).status == 423


def test_the_right_password_alone_neither_counts_nor_forgives(guarded: Ada) -> None:
    for _ in range(4):
        guarded.login("nothing")
    assert [guarded.login().code for _ in range(6)] == ["totp_required"] * 6
    guarded.login("nothing")
    assert guarded.login(guarded.code()).status == 423


def test_wrong_codes_at_confirm_lock(ada: Ada) -> None:
    ada.begin()
    assert [ada.confirm("000000").status for _ in range(6)] == [401] * 5 + [423]


def test_a_wrong_password_changes_no_factor(guarded: Ada) -> None:
    assert guarded.begin(WRONG).code == "invalid_credentials"
    assert guarded.remove(guarded.code(), WRONG).code == "invalid_credentials"
    assert guarded.login().code == "totp_required"


def test_a_factor_in_force_is_not_replaced(guarded: Ada) -> None:
    assert (guarded.begin().status, guarded.confirm().status) == (409, 409)


def test_a_factor_is_removed_by_password_and_code(guarded: Ada) -> None:
    assert guarded.remove("000000").code == "invalid_credentials"
    assert guarded.remove(guarded.code()).status == 204
    assert guarded.login().status == 200
    assert guarded.remove(guarded.code()).status == 404


def test_a_recovery_code_removes_a_factor_too(guarded: Ada) -> None:
    assert guarded.remove(guarded.recovery_codes[0]).status == 204


def test_there_is_nothing_to_confirm_before_a_factor_is_begun(ada: Ada) -> None:
    assert ada.confirm("123456").status == 404


def test_the_owner_is_told_of_changes_by_mail(guarded: Ada, cloud: Cloud) -> None:
    guarded.remove(guarded.code())
    assert [each["event"] for each in cloud.letters() if each["kind"] == "security_notice"] == [
        "totp_enabled",
        "totp_disabled",
    ]


def test_the_table_shows_neither_secret_nor_recovery_codes(guarded: Ada) -> None:
    kept = str(rows("credentials"))
    assert [each for each in [guarded.secret, *guarded.recovery_codes] if each in kept] == []


# --- an operator lets somebody in again ----------------------------------------------------------------------


def _unlock(*words: str) -> None:
    assert unlock.main([*words, "--stack", STACK]) == 0


def test_an_operator_unlocks_an_account_and_leaves_its_second_factor(
    guarded: Ada, capsys: pytest.CaptureFixture[str]
) -> None:
    for _ in range(5):
        assert guarded.login(password=WRONG).status == 401
    assert guarded.login(guarded.code(1)).status == 423
    _unlock("ada")
    assert "is not locked" in capsys.readouterr().out
    assert guarded.login().body["code"] == "totp_required"
    assert guarded.login(guarded.code(1)).status == 200


def test_an_operator_takes_a_lost_second_factor_from_an_account_and_the_audit_log_keeps_it(
    guarded: Ada, capsys: pytest.CaptureFixture[str]
) -> None:
    _unlock("ada@example.com", "--second-factor")
    assert "has no second factor any more" in capsys.readouterr().out
    assert guarded.login().status == 200
    assert "totp.disabled" in str(rows("audit"))
    _unlock("ada", "--second-factor")
    assert "has no second factor\n" in capsys.readouterr().out


def test_whose_second_factor_an_operator_takes_is_told_by_mail_and_on_their_devices(guarded: Ada, cloud: Cloud) -> None:
    cloud.letters()
    waiting("notifications")
    _unlock("ada", "--second-factor")
    (letter,) = cloud.letters()
    assert (letter["kind"], letter["to"], letter["event"]) == ("security_notice", "ada@example.com", "totp_disabled")
    (job,) = waiting("notifications")
    notice = json.loads(job["body"])
    assert (notice["kind"], notice["reference"]) == ("security", {"reason": "totp_disabled"})


def test_who_had_no_second_factor_is_told_nothing(ada: Ada, cloud: Cloud) -> None:
    ada.begin()
    cloud.letters()
    _unlock("ada", "--second-factor")
    assert cloud.letters() == []


def test_an_operator_finds_the_queues_by_the_name_of_the_stack(
    guarded: Ada, cloud: Cloud, settings: pytest.MonkeyPatch
) -> None:
    """An operator's process has none of the variables that functions have."""
    cloud.letters()
    for name in ("MAIL_QUEUE_URL", "NOTIFICATIONS_QUEUE_URL"):
        settings.delenv(name)
    config.config.cache_clear()
    _unlock("ada", "--second-factor")
    assert len(cloud.letters()) == 1


def test_nobody_is_unlocked_by_a_name_that_nobody_has() -> None:
    with pytest.raises(SystemExit, match="there is nobody called eve"):
        _unlock("eve")
