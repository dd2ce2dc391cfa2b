"""A poison record in each queue and stream is given up by itself, and what was given up can be tried again (R24)."""

from __future__ import annotations

import json
from typing import Any

import pytest

from infra import redrive
from kernel import aws
from tests.conftest import STACK
from tests.helpers import CONTEXT
from tests.infra.deployed import QUEUE_CONSUMERS, STREAM_CONSUMERS, functions, of_type
from tests.tools import queue_event, stream_event

POISON = "no JSON"
OF_NO_SHAPE: dict[str, Any] = {"of": "a later version"}


def _names(suffix: str) -> set[str]:
    names = {
        each["Properties"]["QueueName"]["Fn::Sub"].partition("}-")[2] for each in of_type("AWS::SQS::Queue").values()
    }
    return {name.removesuffix(suffix) for name in names if name.endswith(suffix)}


DEAD = sorted(_names("-dead"))
FROM_A_QUEUE = [name for name in DEAD if name not in redrive.CALLED and name != "fanout"]


@pytest.mark.parametrize("name", QUEUE_CONSUMERS)
@pytest.mark.usefixtures("cloud")
def test_a_poison_message_is_reported_by_itself_by_the_consumer_of_each_queue(name: str) -> None:
    handler = functions()[name].load()
    for poison in (POISON, OF_NO_SHAPE):
        answer = handler(queue_event(poison), CONTEXT)
        assert answer == {"batchItemFailures": [{"itemIdentifier": "m0"}]}, poison


@pytest.mark.parametrize("name", STREAM_CONSUMERS)
@pytest.mark.usefixtures("cloud")
def test_a_poison_change_is_reported_by_itself_by_the_consumer_of_each_stream(name: str) -> None:
    good = {"Keys": {"conversation_id": {"S": "cnv_1"}, "seq": {"N": "1"}}, "NewImage": {"type": {"S": "unknown"}}}
    other = {"conversation_id": {"S": "cnv_2"}, "seq": {"N": "1"}}
    poison = {"Keys": other, "NewImage": {"type": {"N": "1"}}}
    answer = functions()[name].load()(stream_event(good, poison), CONTEXT)
    assert answer == {"batchItemFailures": [{"itemIdentifier": "2"}]}


@pytest.mark.parametrize("queue", FROM_A_QUEUE)
@pytest.mark.usefixtures("cloud")
def test_what_each_dead_letter_queue_holds_is_shown_explained_and_put_back(
    queue: str, capsys: pytest.CaptureFixture[str]
) -> None:
    sqs = aws.client("sqs")
    dead, live = (sqs.create_queue(QueueName=f"{STACK}-{name}")["QueueUrl"] for name in (f"{queue}-dead", queue))
    for body in (POISON, json.dumps(OF_NO_SHAPE)):
        sqs.send_message(QueueUrl=dead, MessageBody=body)
    assert redrive.main([queue, "--stack", STACK]) == 0
    said = capsys.readouterr().out
    assert f"2 messages lie in {queue}-dead" in said
    assert "1  unreadable" in said
    assert redrive.EXPLAINED[queue] in said
    assert redrive.main([queue, "--stack", STACK, "--go"]) == 0
    assert "2 were put back" in capsys.readouterr().out
    back = sqs.receive_message(QueueUrl=live, MaxNumberOfMessages=10)["Messages"]
    assert sorted(each["Body"] for each in back) == sorted([POISON, json.dumps(OF_NO_SHAPE)])


@pytest.mark.parametrize("queue", [*redrive.CALLED, "fanout"])
@pytest.mark.usefixtures("cloud")
def test_what_cannot_be_tried_again_stays_and_says_why(queue: str, capsys: pytest.CaptureFixture[str]) -> None:
    sqs = aws.client("sqs")
    dead = sqs.create_queue(QueueName=f"{STACK}-{queue}-dead")["QueueUrl"]
    for body in (POISON, json.dumps(OF_NO_SHAPE)):
        sqs.send_message(QueueUrl=dead, MessageBody=body)
    assert redrive.main([queue, "--stack", STACK, "--go"]) == 0
    said = capsys.readouterr().out
    assert said.count(" stays: ") == 2, said
    assert f"0 were {'called again' if queue in redrive.CALLED else 'put back'}" in said
    assert len(sqs.receive_message(QueueUrl=dead, MaxNumberOfMessages=10)["Messages"]) == 2


def test_every_dead_letter_queue_of_the_templates_is_among_these() -> None:
    assert {*FROM_A_QUEUE, *redrive.CALLED, "fanout"} == set(DEAD)
    assert len(DEAD) >= 12
