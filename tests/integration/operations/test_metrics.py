"""What the store, sign-ins, messages and deliveries tell the line of the call that they happen in."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders
from botocore.exceptions import ReadTimeoutError

from accounts import signin
from accounts.factors import passkeys
from accounts.model import InvalidCredentials
from conversations import store as conversations
from kernel import aws, clock, dynamo, telemetry
from kernel.errors import DependencyUnavailable, Locked
from log.schemas import frame
from realtime.frames import age_ms
from tests.helpers import ADDRESS, CONTEXT
from tests.integration.rooms import group, open_socket, people, say, send
from tests.management import Management
from tests.tools import Lines, captured_lines

PASSWORD = "correct horse battery staple"
LOCKED_AFTER = 5

pytestmark = pytest.mark.usefixtures("cloud")


@pytest.fixture
def lines(cloud: object) -> Iterator[Lines]:
    with captured_lines() as found:
        yield found


@contextmanager
def _instead(event: str, answer: Callable[..., Any]) -> Iterator[None]:
    """Replace the sending of an attempt to DynamoDB."""
    events = dynamo.connection().client.meta.events
    events.register_last(event, answer)
    try:
        yield
    finally:
        events.unregister(event, answer)


class _Refusal:
    """The body of a response, like urllib3's."""

    def __init__(self, code: str) -> None:
        self._text = f'{{"__type":"com.amazonaws.dynamodb.v20120810#{code}","message":"m"}}'.encode()

    def stream(self, **_: Any) -> Iterator[bytes]:
        yield self._text


# --- the store ------------------------------------------------------------------------------------------------


def _ask_in_vain() -> None:
    with telemetry.call("any", CONTEXT), pytest.raises(DependencyUnavailable):
        conversations.member("cnv_any", "usr_nobody")


def test_each_query_of_the_store_is_timed(lines: Lines) -> None:
    with telemetry.call("any", CONTEXT):
        for name in ("a", "b", "c"):
            conversations.member(f"cnv_{name}", "usr_nobody")
    assert len(lines.only["StoreDuration"]) == 3
    assert not {"StoreTimeouts", "StoreErrors", "StoreThrottles"} & lines.only.keys()


@pytest.mark.parametrize(
    ("metric", "status", "code"),
    [("StoreThrottles", 400, "ThrottlingException"), ("StoreErrors", 500, "InternalServerError")],
)
def test_tries_that_the_store_refuses_are_counted(lines: Lines, metric: str, status: int, code: str) -> None:
    def refuse(request: Any, **_: Any) -> AWSResponse:
        return AWSResponse(request.url, status, HTTPHeaders(), _Refusal(code))

    with _instead("before-send.dynamodb", refuse):
        _ask_in_vain()
    assert lines.only[metric] == len(lines.only["StoreDuration"]) == aws.TRIES


def test_tries_that_the_store_does_not_answer_are_counted(lines: Lines) -> None:
    def hang(request: Any, **_: Any) -> None:
        raise ReadTimeoutError(endpoint_url=request.url)

    with _instead("before-send", hang):  # after `kernel.aws` has begun the try
        _ask_in_vain()
    assert lines.only["StoreTimeouts"] == aws.TRIES_OF_A_HANG


# --- signing in -----------------------------------------------------------------------------------------------


def _sign_in(password: str = PASSWORD) -> None:
    signin.login(identifier="ada", password=password, device_name=None, ip=ADDRESS, pause=lambda _: None)


def test_sign_ins_are_counted_by_what_came_of_them(lines: Lines) -> None:
    signin.register(email="ada@example.com", username="ada", password=PASSWORD, display_name="Ada", ip=ADDRESS)
    with telemetry.call("any", CONTEXT):
        _sign_in()
        for _ in range(LOCKED_AFTER):
            with pytest.raises(InvalidCredentials):
                _sign_in("wrong wrong wrong")
        with pytest.raises(Locked):
            _sign_in()
        with pytest.raises(InvalidCredentials):
            passkeys.sign_in(challenge_id="pkc_none", credential={}, device_name=None, ip=ADDRESS)
    line = lines.all[-1]
    assert (line["SignInsAccepted"], line["SignInsRefused"], line["SignInsLocked"]) == (1, LOCKED_AFTER + 1, 1)
    assert line["refused"] == ["passkey: challenge", "password"]


# --- messages and deliveries ----------------------------------------------------------------------------------


def test_a_message_is_counted_once_however_often_it_is_sent(lines: Lines) -> None:
    ada, bob = people("ada", "bob")
    conversation_id = group(ada, bob)
    with telemetry.call("any", CONTEXT):
        for _ in range(3):
            say(ada, conversation_id, client_id="the same")
    assert lines.all[-1]["MessagesSent"] == 1


def test_what_sockets_get_is_counted_and_how_long_after_its_commit(lines: Lines, management: Management) -> None:
    ada, bob = people("ada", "bob")
    conversation_id = group(ada, bob)
    for name in ("one", "two"):
        open_socket(bob, name)
    with telemetry.call("any", CONTEXT):
        send(ada, conversation_id)
    line = lines.all[-1]
    assert line["FramesDelivered"] == 2
    assert len(line["DeliveryDelay"]) == 1
    assert line["DeliveryDelay"][0] >= 0


def test_a_frame_of_the_log_tells_its_age_and_one_that_stands_nowhere_does_not() -> None:
    typing = '{"conversation_id":"cnv_a","type":"typing","at":"2026-11-29T08:00:00.000Z","data":{}}'
    with clock.held(1_800_000_000_000):
        event = {
            "conversation_id": "cnv_a",
            "seq": 7,
            "type": "conversation.deleted",
            "actor_id": "usr_a",
            "at": clock.now() - 1_500,
            "data": None,
        }
        assert age_ms(frame(event)) == 1_500
    assert age_ms(typing) is None


def test_sockets_that_are_gone_are_counted(lines: Lines, management: Management) -> None:
    ada, bob = people("ada", "bob")
    conversation_id = group(ada, bob)
    management.status["one"] = 410
    with clock.held(clock.now()) as advance:
        open_socket(bob, "one")
        advance(clock.MINUTE)  # one that has just come would be told again
        with telemetry.call("any", CONTEXT):
            send(ada, conversation_id)
    assert lines.all[-1]["SocketsGone"] == 1
    assert "FramesDelivered" not in lines.all[-1]
