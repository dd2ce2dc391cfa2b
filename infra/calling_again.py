"""Dead letters of failed calls, which come from no queue: their description, and calling again (`infra.redrive`).

There are three kinds. EventBridge could not call an event's target: the message is the event, and its attribute
TARGET_ARN names the function or machine. A function called by a schedule failed three times: the message has the
function and its payload. The dispatcher gave up changes of the event table's stream: the message has their positions.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from kernel import aws

STREAM = "DDBStreamBatchInfo"
RECORDS_AT_ONCE = 10  # so many the dispatcher can handle within the time limit of a call
STREAM_KEEPS = "24 hours"  # DynamoDB Streams

Letter = Mapping[str, Any]


class CannotBeCalled(Exception):
    """Why a message stays in the dead-letter queue, in words for an operator."""


def target_of(letter: Letter, target_arn: str) -> str:
    """The ARN of the function or machine that a message was for; empty if the message does not say."""
    return str(letter.get("requestContext", {}).get("functionArn") or target_arn)


def told(letter: Letter, target_arn: str, reason: str) -> str:
    """A message in a few words: what was to be called, and why that failed."""
    name = re.sub(r".*:(?:function|stateMachine):([^:]+).*", r"\1", target_of(letter, target_arn))
    why = letter.get("requestContext", {}).get("condition") or reason
    return f"{name or 'nothing that can be called'}{f' ({why})' if why else ''}"


def again(letter: Letter, target_arn: str) -> None:
    """Make the call of a message again; if it has been made meanwhile, the repetition is harmless.

    Raises CannotBeCalled, and what the call raises.
    """
    target = target_of(letter, target_arn)
    if STREAM in letter:
        _dispatch(target, letter[STREAM])
    elif ":stateMachine:" in target:
        aws.client("stepfunctions").start_execution(stateMachineArn=target, input=json.dumps(letter))
    elif ":function:" in target:
        payload = letter["requestPayload"] if "requestContext" in letter else letter
        aws.client("lambda").invoke(FunctionName=target, InvocationType="Event", Payload=json.dumps(payload))
    else:
        raise CannotBeCalled("it does not say what it is for")


def _dispatch(function: str, batch: Mapping[str, Any]) -> None:
    """Have the dispatcher handle the changes that it gave up, read again from the stream."""
    records = _records(batch)
    for start in range(0, len(records), RECORDS_AT_ONCE):
        event = {"Records": records[start : start + RECORDS_AT_ONCE]}
        answer = aws.client("lambda").invoke(FunctionName=function, Payload=json.dumps(event))
        outcome = json.loads(answer["Payload"].read())
        if "FunctionError" in answer or outcome["batchItemFailures"]:
            raise CannotBeCalled("the dispatcher fails at it still")


def _records(batch: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The changes of a batch, in the form in which Lambda passes them to a function."""
    client = aws.client("dynamodbstreams")
    gone = CannotBeCalled(f"the stream keeps changes for {STREAM_KEEPS}: rebuild what followed (dispatch.md)")
    try:
        iterator = client.get_shard_iterator(
            StreamArn=batch["streamArn"],
            ShardId=batch["shardId"],
            ShardIteratorType="AT_SEQUENCE_NUMBER",
            SequenceNumber=batch["startSequenceNumber"],
        )["ShardIterator"]
        found: list[dict[str, Any]] = []
        while iterator and len(found) < batch["batchSize"]:
            answer = client.get_records(ShardIterator=iterator, Limit=batch["batchSize"] - len(found))
            if not answer["Records"]:
                break
            found += answer["Records"]
            iterator = answer.get("NextShardIterator")
    except (client.exceptions.TrimmedDataAccessException, client.exceptions.ResourceNotFoundException) as error:
        raise gone from error
    last = int(batch["endSequenceNumber"])
    wanted = [each for each in found if int(each["dynamodb"]["SequenceNumber"]) <= last]
    if not wanted:
        raise gone
    return [_handed_on(each) for each in wanted]


def _handed_on(record: dict[str, Any]) -> dict[str, Any]:
    """A record of the stream's API in the form of an event source mapping: the time as a number, and no bytes."""
    change = record["dynamodb"]
    at = change["ApproximateCreationDateTime"].timestamp()
    # subscribers need keys and a few texts; JSON cannot hold bytes
    images = {name: _without_bytes(change[name]) for name in ("OldImage", "NewImage") if name in change}
    return {**record, "dynamodb": {**change, **images, "ApproximateCreationDateTime": at}}


def _without_bytes(image: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in image.items() if "B" not in value and "BS" not in value}
