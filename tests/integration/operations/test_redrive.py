"""The command that shows dead letters and has them tried again."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote

import pytest
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders

from infra import redrive
from kernel import aws, config, queues
from log.consumers import dispatch
from realtime.consumers import fanout
from realtime.jobs import queue_of
from tests.conftest import REGION, STACK
from tests.helpers import CONTEXT
from tests.infra.deployed import of_type
from tests.integration.following import told
from tests.integration.notifications.hearing import waiting
from tests.integration.rooms import group, people, send
from tests.tools import ACCOUNT, queue_event


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
    with pytest.raises(SystemExit, match="there is no queue test-nothing-dead"):
        _run("nothing")


# --- every dead-letter queue ----------------------------------------------------------------------------------


def test_each_dead_letter_queue_of_the_templates_can_be_redriven_and_says_what_that_does() -> None:
    queues_made = {
        each["Properties"]["QueueName"]["Fn::Sub"].removeprefix("${Prefix}-").removeprefix("${AWS::StackName}-")
        for each in of_type("AWS::SQS::Queue").values()
    }
    dead_ones = {name.removesuffix("-dead") for name in queues_made if name.endswith("-dead")}
    assert len(dead_ones) >= 12
    assert dead_ones <= redrive.EXPLAINED.keys()
    assert dead_ones - set(redrive.CALLED) <= queues_made


def _dead_queue(name: str) -> str:
    return str(aws.client("sqs").create_queue(QueueName=f"{STACK}-{name}-dead")["QueueUrl"])


def test_a_poisoned_job_of_the_fan_out_is_given_up_alone_and_jobs_go_back_into_the_queues_of_their_kinds(
    capsys: pytest.CaptureFixture[str],
) -> None:
    poison, ghost = {"kind": "of_a_later_version"}, {"kind": "gone", "user_id": "usr_1"}
    hint = {"kind": "hint", "targets": [], "turn": 0}
    answer = fanout.handler(queue_event(hint, poison), CONTEXT)
    assert answer == {"batchItemFailures": [{"itemIdentifier": "m1"}]}

    dead = _dead_queue("fanout")
    queues.send(dead, [poison, ghost, hint])
    _run("fanout", "--go")
    assert "of_a_later_version stays" in capsys.readouterr().out
    assert _count(dead) == 1
    for job in (ghost, hint):
        (found,) = waiting(queue_of(job))
        assert json.loads(found["body"]) == job


@pytest.fixture
def called(cloud: object) -> Iterator[list[tuple[str, Any]]]:
    """The functions that are invoked, with their payloads; the dispatcher does what it is told."""
    events, found = aws.client("lambda").meta.events, []

    def answer(params: dict[str, Any], **_: Any) -> Any:
        name = unquote(params["url_path"]).partition(":function:")[2].partition("/")[0]
        payload = json.loads(params["body"])
        found.append((name, payload))
        outcome = dispatch.handler(payload, CONTEXT) if name == f"{STACK}-Dispatch" else None
        return AWSResponse("", 200, HTTPHeaders(), None), {"Payload": io.BytesIO(json.dumps(outcome).encode())}

    events.register("before-call.lambda.Invoke", answer)
    yield found
    events.unregister("before-call.lambda.Invoke", answer)


def _function_arn(name: str) -> str:
    return f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{STACK}-{name}"


def _given_up_changes(records: list[dict[str, Any]]) -> dict[str, Any]:
    """Lambda's message about records of a stream that a function has failed to process."""
    client = aws.client("dynamodbstreams")
    arn = aws.client("dynamodb").describe_table(TableName=f"{STACK}-events")["Table"]["LatestStreamArn"]
    (shard,) = client.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"]
    numbers = [each["dynamodb"]["SequenceNumber"] for each in records]
    return {
        "requestContext": {"functionArn": _function_arn("Dispatch"), "condition": "RetryAttemptsExhausted"},
        "DDBStreamBatchInfo": {
            "streamArn": arn,
            "shardId": shard["ShardId"],
            "startSequenceNumber": numbers[0],
            "endSequenceNumber": numbers[-1],
            "batchSize": len(numbers),
        },
    }


def test_changes_that_the_dispatcher_gave_up_are_told_again(
    called: list[tuple[str, Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    ada, bob = people("ada", "bob")
    conversation_id = group(ada, bob)
    send(ada, conversation_id, "hello")
    records = told()
    aws.client("sqs").delete_queue(QueueUrl=config.config().queue("follow"))
    failed = dispatch.handler({"Records": records}, CONTEXT)["batchItemFailures"]
    assert failed  # the queue takes nothing: a poisoned record
    dead = _dead_queue("dispatch")
    queues.send(dead, [_given_up_changes(records)])

    _run("dispatch")
    assert "1  test-Dispatch (RetryAttemptsExhausted)" in capsys.readouterr().out
    _run("dispatch", "--go")
    assert "stays: the dispatcher fails at it still" in capsys.readouterr().out
    assert _count(dead) == 1

    aws.client("sqs").create_queue(QueueName=f"{STACK}-follow")
    _run("dispatch", "--go")
    assert "1 were called again" in capsys.readouterr().out
    assert _count(dead) == 0
    types = [json.loads(each["body"])["type"] for each in waiting("follow")]
    assert types == ["conversation.created", "message.created"]


def test_changes_that_the_stream_no_longer_has_stay_and_say_what_to_do(
    called: list[tuple[str, Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    ada, bob = people("ada", "bob")
    group(ada, bob)
    letter = _given_up_changes(told())
    batch = letter["DDBStreamBatchInfo"]
    letter["DDBStreamBatchInfo"] = {**batch, "streamArn": batch["streamArn"].replace("events", "others")}
    dead = _dead_queue("dispatch")
    queues.send(dead, [letter])
    _run("dispatch", "--go")
    assert "rebuild what followed" in capsys.readouterr().out
    assert (called, _count(dead)) == ([], 1)


def test_a_sweep_that_failed_is_called_again(called: list[tuple[str, Any]], capsys: pytest.CaptureFixture[str]) -> None:
    dead = _dead_queue("schedules")
    context = {"functionArn": f"{_function_arn('FollowUps')}:$LATEST", "condition": "RetriesExhausted"}
    queues.send(dead, [{"requestContext": context, "requestPayload": {"source": "aws.events"}}])
    _run("schedules", "--go")
    assert "1  test-FollowUps (RetriesExhausted)" in capsys.readouterr().out
    assert called == [(f"{STACK}-FollowUps:$LATEST", {"source": "aws.events"})]
    assert _count(dead) == 0


def test_a_file_whose_intake_could_not_be_called_gets_one(capsys: pytest.CaptureFixture[str]) -> None:
    machine = f"{config.config().state_machines}file-intake"
    event = {"source": "aws.s3", "detail": {"object": {"key": "intake/1"}}}
    about = {"TARGET_ARN": machine, "ERROR_CODE": "NO_PERMISSIONS"}
    dead = _dead_queue("drive")
    for letter in (event, {"source": "unknown"}):
        attributes = {name: {"DataType": "String", "StringValue": value} for name, value in about.items()}
        aws.client("sqs").send_message(
            QueueUrl=dead, MessageBody=json.dumps(letter), MessageAttributes=attributes if letter is event else {}
        )
    _run("drive", "--go")
    said = capsys.readouterr().out
    assert "1  file-intake (NO_PERMISSIONS)" in said.replace(f"{STACK}-", "")
    assert "stays: it does not say what it is for" in said
    (begun,) = aws.client("stepfunctions").list_executions(stateMachineArn=machine)["executions"]
    given = aws.client("stepfunctions").describe_execution(executionArn=begun["executionArn"])["input"]
    assert json.loads(given) == event
    assert _count(dead) == 1
