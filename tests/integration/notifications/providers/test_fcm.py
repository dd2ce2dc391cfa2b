"""Firebase over real HTTP with the real library: what is asked of it, and what its answers mean."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from notifications.model import RegisteredDevice
from notifications.payloads import Payload, PushPreview
from notifications.providers import fcm
from notifications.providers.fcm import Sender
from notifications.providers.outcomes import Delivery, PushOutcome
from tests.support.push_services import Answer, FcmService, fcm_service

PLAIN = Payload("message", tag="cnv_1", badge=2, conversation_id="cnv_1")
RING = Payload("call", tag="cal_1", badge=0, conversation_id="cnv_1", call_id="cal_1")


@pytest.fixture
def service() -> Iterator[FcmService]:
    with fcm_service() as running:
        yield running


@pytest.fixture
def sender(service: FcmService) -> Sender:
    return Sender(service.service_account(), url=service.messages_url)


def delivery(token: str = "t1", payload: Payload = PLAIN, **fields: Any) -> Delivery:
    device = RegisteredDevice(
        user_id="usr_bob",
        device_id="d1",
        session_id="ses_1",
        platform="android",
        provider="fcm",
        key="k",
        created_at=1,
        updated_at=1,
        token=token,
    )
    return Delivery(replace(device, **fields), payload, "T" * 32)


def sent(sender: Sender, token: str = "t1") -> PushOutcome:
    (outcome,) = sender.send([delivery(token)])
    return outcome


def test_a_message_is_data_without_content(service: FcmService, sender: Sender) -> None:
    assert sent(sender).result == "delivered"

    (message,) = service.messages
    assert message["data"] == {"kind": "message", "conversation_id": "cnv_1", "badge": "2", "tag": "cnv_1"}
    assert "notification" not in message
    assert message["android"] == {"collapse_key": "T" * 32, "priority": "normal", "ttl": "86400s"}
    assert message["apns"]["headers"]["apns-push-type"] == "alert"
    assert message["apns"]["headers"]["apns-collapse-id"] == "T" * 32
    aps = message["apns"]["payload"]["aps"]
    assert aps == {
        "alert": {"loc-key": "push.message"},
        "badge": 2,
        "sound": "default",
        "mutable-content": 1,
        "thread-id": "cnv_1",
    }
    assert message["webpush"]["headers"] == {"TTL": "86400", "Urgency": "normal", "Topic": "T" * 32}


def test_a_call_comes_at_once_as_a_ring_where_that_is_asked_for(service: FcmService, sender: Sender) -> None:
    sender.send([delivery("t1", RING), delivery("t2", RING, voip=True, platform="ios")])
    plain, voip = sorted(service.messages, key=lambda each: each["token"])
    assert plain["android"]["priority"] == "high"
    assert plain["android"]["ttl"] == "45s"
    assert plain["apns"]["headers"]["apns-push-type"] == "alert"
    assert voip["apns"]["headers"]["apns-push-type"] == "voip"
    assert voip["apns"]["headers"]["apns-priority"] == "10"


def test_what_takes_something_away_shows_nothing(service: FcmService, sender: Sender) -> None:
    sender.send([delivery("t1", Payload("read", tag="cnv_1", badge=0, conversation_id="cnv_1"))])
    (message,) = service.messages
    assert message["apns"]["payload"]["aps"] == {"badge": 0, "content-available": 1}
    assert message["apns"]["headers"]["apns-push-type"] == "background"
    assert message["apns"]["headers"]["apns-priority"] == "5"


def test_a_preview_is_shown_where_it_was_chosen(service: FcmService, sender: Sender) -> None:
    sender.send([delivery("t1", replace(PLAIN, preview=PushPreview("Ada", "hello")))])
    (message,) = service.messages
    assert message["apns"]["payload"]["aps"]["alert"] == {"title": "Ada", "body": "hello"}
    assert message["data"]["title"] == "Ada"


error = FcmService.error


@pytest.mark.parametrize(
    ("answer", "result", "after_s"),
    [
        (error(404, "NOT_FOUND", fcm="UNREGISTERED"), "gone", None),
        (error(403, "PERMISSION_DENIED", fcm="SENDER_ID_MISMATCH"), "gone", None),
        (
            error(400, "INVALID_ARGUMENT", message="The registration token is not a valid FCM registration token"),
            "gone",
            None,
        ),
        (error(400, "INVALID_ARGUMENT", message="Invalid value at 'message.data[0].value'"), "refused", None),
        (error(404, "NOT_FOUND"), "refused", None),
        (error(429, "RESOURCE_EXHAUSTED", fcm="QUOTA_EXCEEDED", Retry_After="7"), "later", 7),
        (error(429, "RESOURCE_EXHAUSTED"), "later", 60),
        (error(429, "RESOURCE_EXHAUSTED", fcm="QUOTA_EXCEEDED"), "later", 60),
        (error(503, "UNAVAILABLE", Retry_After="90"), "later", 90),
        (error(503, "UNAVAILABLE"), "later", 30),
        (error(500, "INTERNAL"), "later", 30),
        (error(401, "UNAUTHENTICATED", fcm="THIRD_PARTY_AUTH_ERROR"), "later", 300),
        (Answer(502, {}, b"<html>bad gateway</html>"), "later", 30),
        (Answer(cut=True), "later", 30),
    ],
)
def test_what_its_answers_mean(
    service: FcmService, sender: Sender, answer: Answer, result: str, after_s: int | None
) -> None:
    service.answers("t1", answer)
    started = time.monotonic()

    outcome = sent(sender)

    assert (outcome.result, time.monotonic() - started < 1.0) == (result, True), "no pause of the library's own"
    if after_s is not None:
        assert outcome.retry_after_s == after_s
    if answer.status != 401:  # after which it asks for a new access token
        assert len(service.messages) == 1, "one attempt"


def test_one_dead_token_among_many_is_one_outcome(service: FcmService, sender: Sender) -> None:
    service.answers("t3", error(404, "NOT_FOUND", fcm="UNREGISTERED"))
    outcomes = sender.send([delivery(f"t{n}") for n in range(fcm.BATCH)])
    assert [each.result for each in outcomes].count("gone") == 1
    assert outcomes[3].result == "gone"


def test_a_batch_asks_for_one_access_token(service: FcmService, sender: Sender) -> None:
    sender.send([delivery(f"t{n}") for n in range(fcm.BATCH)])
    assert len(service.at("/token")) == 1


def test_a_hang_is_given_up_in_time_and_then_the_breaker_opens(service: FcmService, sender: Sender) -> None:
    service.answers("t1", Answer(hang_s=30))
    started = time.monotonic()
    assert sent(sender).result == "later"
    assert time.monotonic() - started < fcm.WORST_CASE_S
    service.answers("t1", error(503, "UNAVAILABLE"))
    sent(sender)
    sent(sender)
    assert sent(sender).reason == "circuit_open"


def test_credentials_that_are_refused_cost_no_token(service: FcmService, sender: Sender) -> None:
    service.answers("/token", Answer(400, {"Content-Type": "application/json"}, b'{"error":"invalid_grant"}'))
    assert sent(sender).result == "later"
    assert service.messages == []


def test_a_token_endpoint_that_hangs_is_given_up_in_time(service: FcmService, sender: Sender) -> None:
    service.answers("/token", Answer(hang_s=30))
    started = time.monotonic()
    assert sent(sender).result == "later"
    assert time.monotonic() - started < fcm.WORST_CASE_S


def test_without_a_firebase_project_nothing_is_sent() -> None:
    assert fcm.send([delivery()]) == [PushOutcome("refused", "not_configured")]
