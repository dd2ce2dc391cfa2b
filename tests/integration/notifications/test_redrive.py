"""The command that shows dead letters and has them tried again."""

from __future__ import annotations

import json

import pytest

from infra import redrive
from kernel import aws, queues
from tests.conftest import STACK
from tests.integration.notifications.hearing import waiting


@pytest.fixture(autouse=True)
def dead(cloud: object) -> str:
    url: str = aws.client("sqs").create_queue(QueueName=f"{STACK}-push-dead")["QueueUrl"]
    queues.send(
        url,
        [
            {"push": "cnv_1/7", "at": 1, "tag": "cnv_1", "people": {"usr_1": "message", "usr_2": "mention"}},
            {"push": "cal_1/ring", "at": 1, "tag": "cal_1", "people": {"usr_1": "call"}},
        ],
    )
    return url


def _run(*arguments: str) -> None:
    assert redrive.main([*arguments, "--stack", STACK]) == 0


def _count(url: str) -> int:
    answer = aws.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    return int(answer["ApproximateNumberOfMessages"]) + int(answer["ApproximateNumberOfMessagesNotVisible"])


def test_without_go_it_tells_what_lies_there_and_changes_nothing(dead: str, capsys: pytest.CaptureFixture[str]) -> None:
    _run("push")
    told = capsys.readouterr().out
    assert "2 messages lie in push-dead" in told
    assert "1  call" in told
    assert "1  mention+message" in told
    assert "each device gets a push once" in told
    assert "usr_1" not in told  # nobody by id, nothing by content
    assert _count(dead) == 2


def test_what_was_looked_at_can_be_put_back_at_once(dead: str, capsys: pytest.CaptureFixture[str]) -> None:
    aws.client("sqs").create_queue(QueueName=f"{STACK}-push")
    _run("push")
    _run("push", "--kind", "call", "--go")
    assert "1 were put back" in capsys.readouterr().out
    _run("push", "--go")
    assert "1 were put back" in capsys.readouterr().out
    assert _count(dead) == 0


def test_with_go_those_of_a_kind_are_put_back(dead: str, capsys: pytest.CaptureFixture[str]) -> None:
    _run("push", "--kind", "call", "--go")
    assert "1 were put back" in capsys.readouterr().out
    assert _count(dead) == 1
    (job,) = waiting("push")
    assert json.loads(job["body"])["push"] == "cal_1/ring"


def test_what_nobody_can_read_is_told_as_such(dead: str) -> None:
    found = redrive.Dead("{", "", "1", 0)
    assert found.kind == "unreadable"
    assert redrive.told("push", []) == ["nothing lies in push-dead"]


def test_a_queue_that_is_not_there_is_named() -> None:
    with pytest.raises(SystemExit, match="there is no queue"):
        _run("nothing")
