from __future__ import annotations

import json
from typing import Any

import pytest
from moto.ses.models import ses_backends

from accounts import mail
from accounts.consumers import mail as consumer
from kernel import aws
from kernel.config import config
from tests.conftest import REGION
from tests.helpers import CONTEXT
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
