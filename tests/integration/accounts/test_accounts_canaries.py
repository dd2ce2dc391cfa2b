"""No personal data or secrets in logs (R42): canary texts are sent in every field and searched for."""

from __future__ import annotations

import json

import pytest

from accounts import passwords
from accounts.app import app as accounts
from accounts.consumers import mail as consumer
from tests.conftest import Cloud
from tests.helpers import CONTEXT, ask
from tests.tools import captured_lines
from users.app import app as users

PASSWORD = "canary password one"
NEW = "canary password two"
ADDRESS = "198.51.100.77"
CANARIES = ["canary", ADDRESS]


def test_no_canary_is_in_a_log(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "COST", 4)
    new = {
        "email": "canary.address@example.com",
        "username": "canary.name",
        "password": PASSWORD,
        "display_name": "Canary Display",
    }
    with captured_lines() as lines:
        signed_in = ask(accounts, "POST", "/auth/register", body=new, address=ADDRESS).body["tokens"]
        token = signed_in["access_token"]
        sign_in = {"identifier": "canary.name", "password": PASSWORD, "device_name": "Canary Phone"}
        ask(accounts, "POST", "/auth/login", body=sign_in, address=ADDRESS)
        ask(accounts, "POST", "/auth/login", body={**sign_in, "password": "canary wrong"}, address=ADDRESS)
        ask(accounts, "POST", "/auth/login", body={**sign_in, "canary_field": 1}, address=ADDRESS)
        ask(accounts, "POST", "/auth/register", body={**new, "email": "canary at home"}, address=ADDRESS)
        ask(accounts, "POST", "/auth/register", body='{"canary": ', address=ADDRESS)
        ask(accounts, "POST", "/auth/password/forgot", body={"email": new["email"]}, address=ADDRESS)
        ask(users, "PATCH", "/users/me", body={"bio": "canary bio"}, token=token, address=ADDRESS)
        ask(users, "GET", "/users", query={"q": "canary"}, token=token, address=ADDRESS)
        ask(accounts, "POST", "/auth/refresh", body={"refresh_token": signed_in["refresh_token"]}, address=ADDRESS)
        letters = cloud.letters()
        # the sender is not verified, so SES refuses, and the refusal may name addresses
        consumer.handler({"Records": [{"messageId": "1", "body": json.dumps(each)} for each in letters]}, CONTEXT)
        for each in letters:
            body = {"token": each["token"], "new_password": NEW}
            ask(accounts, "POST", "/auth/password/reset", body=body, address=ADDRESS)

    secrets = [token, signed_in["refresh_token"], *(each["token"] for each in letters)]
    text = lines.text
    assert "/auth/login" in text
    assert "LetterRefused" in text
    assert [each for each in [*CANARIES, *secrets] if each.lower() in text.lower()] == []
