"""Dead letters that lie in no queue's place: a call that failed, told with what was called (`infra.redrive`).

Three kinds: EventBridge could not call what an event is for (the letter is the event, its attribute TARGET_ARN the
function or machine); a function that was called by the clock failed three times (Lambda tells the function and its
payload); the dispatcher gave up changes of the event table's stream (Lambda tells where in the stream they stand).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from kernel import aws

STREAM = "DDBStreamBatchInfo"
RECORDS_AT_ONCE = 10  # what the dispatcher does within the time limit of a call
STREAM_KEEPS = "24 hours"  # DynamoDB Streams

Letter = Mapping[str, Any]


class CannotBeCalled(Exception):
    """Why a letter stays where it is, in words for an operator."""


def target_of(letter: Letter, target_arn: str) -> str:
    """The ARN of what a letter would have called; empty where it does not say."""
    return str(letter.get("requestContext", {}).get("functionArn") or target_arn)


def told(letter: Letter, target_arn: str, reason: str) -> str:
    """A letter in a few words: what was to be called, and why it was not."""
    name = re.sub(r".*:(?:function|stateMachine):([^:]+).*", r"\1", target_of(letter, target_arn))
    why = letter.get("requestContext", {}).get("condition") or reason
    return f"{name or 'nothing that can be called'}{f' ({why})' if why else ''}"


def again(letter: Letter, target_arn: str) -> None:
    """Call what a letter is for once more; it may have been done meanwhile, which is harmless.

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
    """Have the dispatcher take changes that it gave up, from the stream as it is now."""
    records = _records(batch)
    for start in range(0, len(records), RECORDS_AT_ONCE):
        event = {"Records": records[start : start + RECORDS_AT_ONCE]}
        answer = aws.client("lambda").invoke(FunctionName=function, Payload=json.dumps(event))
        outcome = json.loads(answer["Payload"].read())
        if "FunctionError" in answer or outcome["batchItemFailures"]:
            raise CannotBeCalled("the dispatcher fails at it still")


def _records(batch: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The changes of a batch, as Lambda hands them on."""
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
    """A record of the stream's API as an event source mapping writes it: the time as a number, no bytes."""
    change = record["dynamodb"]
    at = change["ApproximateCreationDateTime"].timestamp()
    # what is told needs keys and a few texts; bytes, which JSON cannot hold, are no part of that
    images = {name: _without_bytes(change[name]) for name in ("OldImage", "NewImage") if name in change}
    return {**record, "dynamodb": {**change, **images, "ApproximateCreationDateTime": at}}


def _without_bytes(image: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in image.items() if "B" not in value and "BS" not in value}
