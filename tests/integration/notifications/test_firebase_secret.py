"""Firebase's credentials come from Secrets Manager, and what is wrong with them holds up nobody else's pushes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest

from kernel import aws, config
from kernel.caller import Caller
from notifications import service
from notifications.providers import fcm
from tests.integration import rooms
from tests.integration.notifications.hearing import World, repeat, waiting
from tests.support.push_services import Browser, FcmService, fcm_service


@pytest.fixture
def firebase(monkeypatch: pytest.MonkeyPatch) -> Iterator[FcmService]:
    with fcm_service() as running:
        monkeypatch.setattr(fcm, "Sender", partial(fcm.Sender, url=running.messages_url))
        yield running


def _secret(settings: pytest.MonkeyPatch, text: str) -> None:
    arn = aws.client("secretsmanager").create_secret(Name="fcm", SecretString=text)["ARN"]
    settings.setenv("FCM_SECRET_ARN", arn)
    config.config.cache_clear()


def _phone(who: Caller) -> None:
    given: dict[str, Any] = {"subscription": None, "app_version": None, "locale": None, "voip": False}
    service.register(caller=who, device_id="phone", platform="android", provider="fcm", token="t1", **given)


def _told(world: World) -> tuple[Browser, list[dict[str, Any]]]:
    """Bob's browser, and the jobs by which a message of Ada's is pushed to it and to his phone."""
    ada, bob = rooms.people("ada", "bob")
    chat = rooms.direct(ada, bob)
    browser = world.browser(bob, "bob")
    _phone(bob)
    rooms.send(ada, chat, "hello")
    world.follow()
    return browser, [json.loads(job["body"]) for job in waiting("push")]


def test_credentials_are_read_from_their_secret(
    world: World, firebase: FcmService, settings: pytest.MonkeyPatch
) -> None:
    _secret(settings, json.dumps(firebase.service_account()))
    browser, jobs = _told(world)
    assert repeat(jobs) == {"batchItemFailures": []}
    assert len(browser.pushes) == 1
    assert [each["token"] for each in firebase.messages] == ["t1"]


@pytest.mark.parametrize("text", ["no JSON", '"text"', "null", "{}", '{"type": "service_account"}'])
def test_a_secret_that_is_no_service_account_is_tried_later_and_web_push_goes_out_once(
    world: World, firebase: FcmService, settings: pytest.MonkeyPatch, text: str
) -> None:
    _secret(settings, text)
    browser, jobs = _told(world)
    for _ in range(2):
        assert repeat(jobs) == {"batchItemFailures": [{"itemIdentifier": "m0"}]}
    assert len(browser.pushes) == 1
    assert firebase.messages == []


def test_a_secret_that_is_not_there_is_tried_later_and_web_push_goes_out_once(
    world: World, firebase: FcmService, settings: pytest.MonkeyPatch
) -> None:
    _secret(settings, "{}")
    aws.client("secretsmanager").delete_secret(SecretId="fcm", ForceDeleteWithoutRecovery=True)
    browser, jobs = _told(world)
    for _ in range(2):
        assert repeat(jobs) == {"batchItemFailures": [{"itemIdentifier": "m0"}]}
    assert len(browser.pushes) == 1
