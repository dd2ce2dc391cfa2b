"""Calls that AWS refuses and a local cloud accepts: rules over requests, each with the page of AWS that states it.

The local cloud (infra/local/parity/limits.py) and the tests with moto apply them, so that a test that passes here also
passes in AWS. Deployed functions do not use them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from zoneinfo import available_timezones

import yaml

Json = Mapping[str, Any]
KB, MB = 1024, 1024 * 1024

# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html
BATCH_GET_BYTES = 16 * MB
BATCH_WRITE_BYTES, BATCH_WRITE_REQUESTS = 16 * MB, 25
TRANSACTION_BYTES, TRANSACTION_ACTIONS = 4 * MB, 100
ITEM_BYTES = 400 * KB
EXPRESSION_BYTES = 4 * KB
IN_OPERANDS = 100
# https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html
WORKFLOW_STATE_BYTES, WORKFLOW_LIFE_S = 256 * KB, 365 * 24 * 60 * 60
# https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
LAMBDA_SYNC_BYTES, LAMBDA_ASYNC_BYTES, LAMBDA_ENVIRONMENT_BYTES = 6 * MB, 1 * MB, 4 * KB
# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html
SQS_DELAY_S, SQS_MESSAGE_BYTES = 900, 1 * MB
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html
S3_PART_BYTES = 5 * MB
# https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-execution-service-websocket-limits-table.html
SOCKET_MESSAGE_BYTES = 128 * KB

WRITES = ("Put", "Update", "Delete", "ConditionCheck")
TTL_ASSIGNED = r"(?:^|[\s,])(#?\w+)\s*=\s*(:\w+)"


class Refusal(Exception):
    """AWS would refuse the call, with this code and message."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(f"{code}: {message}")
        self.code, self.message, self.status = code, message, status


@dataclass(frozen=True, slots=True)
class Table:
    """The parts of a table that the rules need: its keys by index (None: the table itself) and its TTL attribute."""

    keys: Mapping[str | None, frozenset[str]]
    ttl: str | None


def check(service: str, operation: str, call: Json) -> None:
    """Check a call before it is made.

    Raises:
        Refusal: AWS would refuse it.
    """
    for rule in RULES.get((service, operation), ()):
        rule(call)


# --- DynamoDB -------------------------------------------------------------------------------------------------


class _Template(yaml.CSafeLoader):
    """Reads a template; intrinsic functions are kept as their text."""


_Template.add_multi_constructor("!", lambda _loader, _suffix, node: node.value)


@cache
def tables() -> dict[str, Table]:
    """The tables of infra/data.yaml by the last part of their names."""
    written = yaml.load((Path(__file__).parent / "data.yaml").read_text(), _Template)  # noqa: S506 - a SafeLoader
    found = (each["Properties"] for each in written["Resources"].values() if each["Type"] == "AWS::DynamoDB::Table")
    return {each["TableName"].rpartition("-")[2]: _table(each) for each in found}


def _table(properties: Json) -> Table:
    schemas = {None: properties["KeySchema"]} | {
        index["IndexName"]: index["KeySchema"] for index in properties.get("GlobalSecondaryIndexes", ())
    }
    keys = {index: frozenset(key["AttributeName"] for key in schema) for index, schema in schemas.items()}
    return Table(keys, properties.get("TimeToLiveSpecification", {}).get("AttributeName"))


def _known(call: Json) -> Table:
    name = str(call.get("TableName", "")).rpartition("/")[2]
    return tables().get(name.rpartition("-")[2], Table({}, None))


def size_of(value: Any) -> int:
    """Bytes of an item in DynamoDB's JSON, within a few per cent of what it counts:
    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html"""
    if isinstance(value, str):  # first, as most values are texts
        return len(value) if value.isascii() else len(value.encode())
    if isinstance(value, (dict, Mapping)):  # almost always a dict, and to ask whether it is a Mapping takes long
        return sum(len(str(key).encode()) + size_of(each) for key, each in value.items())
    if isinstance(value, list | tuple | set):
        return sum(1 + size_of(each) for each in value)
    return len(value) if isinstance(value, bytes) else len(str(value).encode())


def _validation(message: str) -> Refusal:
    return Refusal("ValidationException", message)


def _filter_names_no_key(call: Json) -> None:
    """https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Query.FilterExpression.html"""
    names = call.get("ExpressionAttributeNames") or {}
    keys = _known(call).keys.get(call.get("IndexName"), frozenset())
    for token in re.findall(r"(?<![\w:.#])#?[A-Za-z_]\w*", call.get("FilterExpression") or ""):
        if names.get(token, token) in keys:
            attribute = names.get(token, token)
            raise _validation(
                f"Filter Expression can only contain non-primary key attributes: Primary key attribute: {attribute}"
            )


def _expressions_are_small(call: Json) -> None:
    """https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html#limits-expression-parameters"""
    for name in ("FilterExpression", "KeyConditionExpression", "ConditionExpression", "UpdateExpression"):
        expression = call.get(name) or ""
        if len(expression.encode()) > EXPRESSION_BYTES:
            raise _validation(f"Invalid {name}: Expression size has exceeded the maximum allowed size")
        for operands in re.findall(r"\bIN\s*\(([^()]*)\)", expression, re.IGNORECASE):
            if operands.count(",") + 1 > IN_OPERANDS:
                raise _validation(f"Invalid {name}: The IN operator is provided with too many operands")


def _item_fits(call: Json) -> None:
    if size_of(call.get("Item") or {}) > ITEM_BYTES:
        raise _validation("Item size has exceeded the maximum allowed size")


def _ttl_is_a_number(call: Json) -> None:
    """DynamoDB stores a TTL that is text without an error, and the item never expires:
    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/howitworks-ttl.html"""
    ttl, names = _known(call).ttl, call.get("ExpressionAttributeNames") or {}
    given = [value for name, value in (call.get("Item") or {}).items() if name == ttl]
    values = call.get("ExpressionAttributeValues") or {}
    for name, placeholder in re.findall(TTL_ASSIGNED, call.get("UpdateExpression") or ""):
        if names.get(name, name) == ttl and placeholder in values:
            given.append(values[placeholder])
    if any(set(value) - {"N", "NULL"} for value in given):
        raise _validation(f"{ttl} is the TTL of {call['TableName']} and no Number: the item would never expire")


def _batch_write_fits(call: Json) -> None:
    requests = [(table, each) for table, batch in call["RequestItems"].items() for each in batch]
    if len(requests) > BATCH_WRITE_REQUESTS:
        raise _validation("Too many items requested for the BatchWriteItem call")
    size = size_of(call["RequestItems"])
    if size > BATCH_WRITE_BYTES:
        raise _validation("The size of the BatchWriteItem request exceeds 16 MB")
    for table, each in requests:
        write = {"TableName": table, **each.get("PutRequest", {})}
        if size > ITEM_BYTES:  # otherwise each item is smaller
            _item_fits(write)
        _ttl_is_a_number(write)


def _transaction_fits(call: Json) -> None:
    """https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html"""
    if len(call["TransactItems"]) > TRANSACTION_ACTIONS:
        raise _validation(f"Member must have length less than or equal to {TRANSACTION_ACTIONS}")
    size = size_of(call["TransactItems"])
    if size > TRANSACTION_BYTES:
        raise _validation("Collection size of transaction exceeds 4 MB")
    for action in _actions(call):
        _expressions_are_small(action)
        if size > ITEM_BYTES:  # otherwise each item is smaller
            _item_fits(action)
        _ttl_is_a_number(action)


def _actions(call: Json) -> Iterator[Json]:
    yield from (each[kind] for each in call["TransactItems"] for kind in WRITES if kind in each)


def cut_batch(call: Json, answer: dict[str, Any]) -> None:
    """Move the items above 16 MB of a BatchGetItem's answer to its UnprocessedKeys, as AWS does:
    https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchGetItem.html"""
    room = BATCH_GET_BYTES
    for table, items in answer.get("Responses", {}).items():
        asked = call["RequestItems"][table]
        for position, item in enumerate(items):
            room -= size_of(item)
            if room < 0:
                left = [{name: each[name] for name in asked["Keys"][0]} for each in items[position:]]
                answer.setdefault("UnprocessedKeys", {})[table] = {**asked, "Keys": left}
                del items[position:]
                break


# --- the others -----------------------------------------------------------------------------------------------


def _workflow_state_fits(call: Json) -> None:
    for name in ("input", "output"):
        if len(str(call.get(name) or "").encode()) > WORKFLOW_STATE_BYTES:
            raise Refusal("InvalidExecutionInput", f"{name} must have length less than or equal to 262144")


def workflow_ends(definition: Json) -> None:
    """MiniStack ignores the time limit of a machine, so a missing one would not be noticed there:
    https://docs.aws.amazon.com/step-functions/latest/dg/sfn-stuck-execution.html

    Raises:
        Refusal: an execution could wait until it fails after a year.
    """
    if not 0 < definition.get("TimeoutSeconds", 0) <= WORKFLOW_LIFE_S:
        raise Refusal("InvalidDefinition", "the machine has no TimeoutSeconds, or one above a year")


def _delay_fits(call: Json) -> None:
    for each in call.get("Entries", [call]):
        if int(each.get("DelaySeconds") or 0) > SQS_DELAY_S:
            raise Refusal("InvalidParameterValue", "Value for parameter DelaySeconds is invalid. Must be 0 to 900.")


def _message_fits(call: Json) -> None:
    if (
        sum(len(str(each.get("MessageBody") or "").encode()) for each in call.get("Entries", [call]))
        > SQS_MESSAGE_BYTES
    ):
        raise Refusal(
            "InvalidParameterValue", "One or more parameters are invalid. Message must be shorter than 1 MiB."
        )


def _environment_fits(call: Json) -> None:
    variables = (call.get("Environment") or {}).get("Variables") or {}
    if sum(len(str(key).encode()) + len(str(value).encode()) for key, value in variables.items()) > (
        LAMBDA_ENVIRONMENT_BYTES
    ):
        raise Refusal(
            "InvalidParameterValueException",
            "Lambda was unable to configure your environment variables because the environment variables you have "
            "provided exceeded the 4KB limit.",
        )


def _zone_is_known(call: Json) -> None:
    """MiniStack fires at the wall time of a zone as if it were UTC, so schedules are in UTC:
    https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html"""
    zone = call.get("ScheduleExpressionTimezone") or "UTC"
    if zone not in available_timezones():
        raise _validation(f"Invalid Schedule Expression Timezone {zone}.")
    if zone not in ("UTC", "Etc/UTC"):
        raise _validation(f"{zone}: the local cloud knows UTC only; convert the time before")


RULES: dict[tuple[str, str], tuple[Callable[[Json], None], ...]] = {
    ("dynamodb", "Query"): (_expressions_are_small, _filter_names_no_key),
    ("dynamodb", "Scan"): (_expressions_are_small,),
    ("dynamodb", "PutItem"): (_expressions_are_small, _item_fits, _ttl_is_a_number),
    ("dynamodb", "UpdateItem"): (_expressions_are_small, _ttl_is_a_number),
    ("dynamodb", "DeleteItem"): (_expressions_are_small,),
    ("dynamodb", "BatchWriteItem"): (_batch_write_fits,),
    ("dynamodb", "TransactWriteItems"): (_transaction_fits,),
    ("stepfunctions", "StartExecution"): (_workflow_state_fits,),
    ("stepfunctions", "SendTaskSuccess"): (_workflow_state_fits,),
    ("sqs", "SendMessage"): (_delay_fits, _message_fits),
    ("sqs", "SendMessageBatch"): (_delay_fits, _message_fits),
    ("lambda", "CreateFunction"): (_environment_fits,),
    ("lambda", "UpdateFunctionConfiguration"): (_environment_fits,),
    ("scheduler", "CreateSchedule"): (_zone_is_known,),
    ("scheduler", "UpdateSchedule"): (_zone_is_known,),
}
