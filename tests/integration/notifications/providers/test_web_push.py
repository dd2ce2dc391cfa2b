"""Web Push over real HTTP: what a browser can read, and what the service's answers mean."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from kernel import clock, config
from notifications import vapid
from notifications.model import PushEndpoint, RegisteredDevice
from notifications.payloads import Payload
from notifications.providers import webpush
from notifications.providers.outcomes import Delivery, PushOutcome
from tests.support.push_services import Answer, Browser, WebPushService, web_push_service


@pytest.fixture(autouse=True)
def _loopback(settings: pytest.MonkeyPatch) -> None:
    settings.setenv("LOOPBACK_TARGETS", "on")
    config.config.cache_clear()


@pytest.fixture
def service() -> Iterator[WebPushService]:
    with web_push_service() as running:
        yield running


def delivery(browser: Browser, **fields: Any) -> Delivery:
    given = browser.subscription
    device = RegisteredDevice(
        user_id="usr_bob",
        device_id="d1",
        session_id="ses_1",
        platform="web",
        provider="webpush",
        key="k",
        created_at=1,
        updated_at=1,
        subscription=PushEndpoint(given["endpoint"], given["keys"]["p256dh"], given["keys"]["auth"]),
    )
    payload = Payload("message", tag="cnv_1", badge=2, conversation_id="cnv_1")
    return Delivery(device, replace(payload, **fields), "T" * 32)


def sent(browser: Browser) -> PushOutcome:
    (outcome,) = webpush.send([delivery(browser)])
    return outcome


def test_the_browser_reads_what_was_sent_and_the_service_knows_from_whom(service: WebPushService) -> None:
    browser = service.browser()

    assert sent(browser).result == "delivered"

    assert browser.pushes == [{"kind": "message", "conversation_id": "cnv_1", "badge": 2, "tag": "cnv_1"}]
    (request,) = service.received
    assert (request.headers["ttl"], request.headers["urgency"], request.headers["topic"]) == (
        str(24 * 60 * 60),
        "normal",
        "T" * 32,
    )
    claims = service.verified(request, vapid.application_server_key())
    assert claims["sub"].startswith("mailto:")
    assert clock.now_s() < claims["exp"] <= clock.now_s() + 24 * 60 * 60


def test_each_push_service_gets_a_token_of_its_own(service: WebPushService) -> None:
    with web_push_service() as other:
        webpush.send([delivery(service.browser()), delivery(other.browser())])
        service.verified(service.received[0], vapid.application_server_key())
        other.verified(other.received[0], vapid.application_server_key())


def test_no_two_pushes_are_encrypted_alike(service: WebPushService) -> None:
    browser = service.browser()
    webpush.send([delivery(browser), delivery(browser)])
    first, second = service.received
    assert first.body[:16] != second.body[:16], "the salt"
    assert first.body[21:86] != second.body[21:86], "the key"


@pytest.mark.parametrize(
    ("answer", "result", "after_s"),
    [
        (Answer(200), "delivered", None),
        (Answer(202), "delivered", None),
        (Answer(404), "gone", None),
        (Answer(410), "gone", None),
        (Answer(400), "refused", None),
        (Answer(403), "refused", None),
        (Answer(413), "refused", None),
        (Answer(307, {"Location": "http://127.0.0.1:1/elsewhere"}), "refused", None),
        (Answer(429, {"Retry-After": "7"}), "later", 7),
        (Answer(429), "later", 30),
        (Answer(500), "later", 30),
        (Answer(503, {"Retry-After": "120"}), "later", 120),
        (Answer(503, {"Retry-After": "soon"}), "later", 30),
        (Answer(503, {"Retry-After": "999999"}), "later", 6 * 60 * 60),
        (Answer(cut=True), "later", 30),
    ],
)
def test_what_the_service_s_answers_mean(
    service: WebPushService, answer: Answer, result: str, after_s: int | None
) -> None:
    browser = service.browser()
    service.answers(browser.path, answer)

    outcome = sent(browser)

    assert outcome.result == result
    if after_s is not None:
        assert outcome.retry_after_s == after_s
    assert len(service.received) == 1, "one attempt"


def test_a_date_in_retry_after_is_kept(service: WebPushService) -> None:
    browser = service.browser()
    service.answers(browser.path, Answer(503, {"Retry-After": "Sat, 28 Nov 2026 12:01:00 GMT"}))
    with clock.held(clock.parse("2026-11-28T12:00:00Z")):
        assert sent(browser).retry_after_s == 60


def test_a_service_that_hangs_is_given_up_in_time_and_left_alone_for_a_while(service: WebPushService) -> None:
    browser = service.browser("slow")
    service.answers(browser.path, Answer(hang_s=30))
    started = time.monotonic()

    outcomes = webpush.send([delivery(browser)] * 16)

    assert {each.result for each in outcomes} == {"later"}
    assert time.monotonic() - started < webpush.WORST_CASE_S
    before = len(service.received)
    assert sent(browser).reason == "circuit_open"
    assert len(service.received) == before


def test_one_service_s_breaker_holds_up_no_other(service: WebPushService) -> None:
    with web_push_service() as broken:
        ill = broken.browser()
        broken.answers(ill.path, Answer(500))
        for _ in range(6):
            sent(ill)
        assert sent(ill).reason == "circuit_open"
        assert sent(service.browser()).result == "delivered"


def test_what_leads_elsewhere_by_now_is_not_called_and_forgotten(settings: pytest.MonkeyPatch) -> None:
    settings.setenv("LOOPBACK_TARGETS", "off")
    config.config.cache_clear()
    with web_push_service() as service:
        assert sent(service.browser()).result == "gone"
        assert service.received == []
