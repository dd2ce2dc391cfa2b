from __future__ import annotations

import json
from typing import Any

import pytest
from moto.ses.models import ses_backends

from accounts import mail
from accounts.consumers import mail as consumer
from accounts.consumers import rotate_signing_key
from accounts.refresh_tokens import opened
from kernel import auth, aws, clock, ids, paging, secrets
from kernel.config import config
from kernel.errors import Unauthenticated
from tests.conftest import REGION, Cloud, fresh_process
from tests.helpers import CONTEXT, someone
from tests.tools import ACCOUNT


def delivered(*messages: Any) -> dict[str, Any]:
    return {"Records": [{"messageId": str(n), "body": json.dumps(each)} for n, each in enumerate(messages)]}


@pytest.fixture
def sender() -> None:
    aws.client("sesv2").create_email_identity(EmailIdentity=config().mail_sender)


def test_a_letter_is_sent_with_both_bodies(sender: None) -> None:
    answer = consumer.handler(delivered(mail.verify_email("ada@example.com", "ada", "the-token")), CONTEXT)

    assert answer == {"batchItemFailures": []}
    (sent,) = ses_backends[ACCOUNT][REGION].sent_messages
    assert sent.destinations["ToAddresses"] == ["ada@example.com"]


def test_nothing_is_sent_for_an_unknown_address(sender: None) -> None:
    assert consumer.handler(delivered(mail.nothing("token")), CONTEXT) == {"batchItemFailures": []}
    assert ses_backends[ACCOUNT][REGION].sent_messages == []


def test_a_poison_message_fails_alone(sender: None) -> None:
    messages = [
        mail.verify_email("a@example.com", "a", "t"),
        {"kind": "?"},
        mail.verify_email("b@example.com", "b", "t"),
    ]

    answer = consumer.handler(delivered(*messages), CONTEXT)

    assert answer == {"batchItemFailures": [{"itemIdentifier": "1"}]}
    assert len(ses_backends[ACCOUNT][REGION].sent_messages) == 2


def rotate(secret: str, version: str) -> None:
    for step in ("createSecret", "setSecret", "testSecret", "finishSecret"):
        event = {"SecretId": secret, "ClientRequestToken": version, "Step": step}
        rotate_signing_key.handler(event, CONTEXT)
        rotate_signing_key.handler(event, CONTEXT)  # Secrets Manager may repeat a step


def current(secret: str) -> dict[str, Any]:
    answer = aws.client("secretsmanager").get_secret_value(SecretId=secret, VersionStage="AWSCURRENT")
    fields: dict[str, Any] = json.loads(answer["SecretString"])
    return fields


def test_a_rotation_signs_nobody_out(cloud: Cloud) -> None:
    person, before = someone(), current(cloud.signing_secret_arn)
    place = paging.seal([1], bound_to=("a",))

    rotate(cloud.signing_secret_arn, "11111111-0000-4000-8000-000000000001")
    fresh_process()

    after = current(cloud.signing_secret_arn)
    assert after["previous"] == before["seed"] != after["seed"]
    assert len(after["seed"]) == 64
    assert auth.verify(person.token).user_id == person.user_id
    assert opened(person.refresh_token).session_id == person.session_id
    assert paging.unseal(place, bound_to=("a",)) == [1]


def test_a_new_key_signs_ten_minutes_after_the_rotation(cloud: Cloud) -> None:
    old = secrets.keyring.seeds()[0]
    with clock.held(clock.now()) as advance:
        rotate(cloud.signing_secret_arn, "11111111-0000-4000-8000-000000000001")
        fresh_process()
        assert secrets.keyring.seeds()[0] == old

        advance(secrets.ACTIVATION_MS)
        fresh_process()
        assert secrets.keyring.seeds()[0] != old
        assert auth.verify(auth.issue(ids.new("usr"), ids.new("ses")))


def test_a_second_rotation_before_the_first_is_over_is_refused(cloud: Cloud) -> None:
    rotate(cloud.signing_secret_arn, "11111111-0000-4000-8000-000000000001")

    with pytest.raises(RuntimeError, match="not over"):
        rotate(cloud.signing_secret_arn, "11111111-0000-4000-8000-000000000002")


def test_what_is_two_rotations_old_is_refused(cloud: Cloud) -> None:
    person = someone()
    with clock.held(clock.now()) as advance:
        rotate(cloud.signing_secret_arn, "11111111-0000-4000-8000-000000000001")
        advance(secrets.ACTIVATION_MS)
        rotate(cloud.signing_secret_arn, "11111111-0000-4000-8000-000000000002")
    fresh_process()

    with pytest.raises(Unauthenticated):
        auth.verify(person.token)
