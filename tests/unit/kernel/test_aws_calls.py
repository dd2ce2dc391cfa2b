"""The shorter way of a call does what botocore's own way does: it sends the same, reads the same, raises the same."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from io import BytesIO
from typing import Any

import botocore.session
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest, AWSResponse
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.exceptions import ClientError, EndpointConnectionError

from kernel.aws_calls import DirectCalls

VALUES = {
    "text": {"S": "ä"},
    "number": {"N": "1.5"},
    "flag": {"BOOL": False},
    "nothing": {"NULL": True},
    "bytes": {"B": b"\x00\xff"},
    "texts": {"SS": ["a", "b"]},
    "several": {"BS": [b"a", b"b"]},
    "list": {"L": [{"S": "a"}, {"B": b"b"}, {"M": {"deep": {"B": b"c"}}}]},
    "map": {"M": {"a": {"N": "1"}, "b": {"L": [{"NULL": True}]}}},
    "empty": {"M": {}},
}
WIRE = json.loads(
    json.dumps(VALUES, default=lambda raw: {b"\x00\xff": "AP8=", b"a": "YQ==", b"b": "Yg=="}.get(raw, "Yw=="))
)

PLAIN = {name: value for name, value in WIRE.items() if name not in ("bytes", "several", "list")}


class _Body(BytesIO):
    def stream(self, **_: Any) -> Iterator[bytes]:
        yield self.read()


class _Network:
    """Answers what the test says, and keeps what was sent."""

    def __init__(self, *answers: tuple[int, Any] | Exception) -> None:
        self._answers = list(answers)
        self.sent: list[Any] = []

    def __call__(self, *, request: Any, **_: Any) -> AWSResponse:
        self.sent.append(request)
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        if isinstance(answer, Exception):
            raise answer
        status, body = answer
        headers: Any = {"x-amzn-RequestId": "r1"}
        text = b"" if body is None else json.dumps(body).encode()
        return AWSResponse(request.url, status, headers, _Body(text))


def _client(network: _Network, service: str = "dynamodb", url: str | None = None) -> Any:
    session = botocore.session.Session()
    session.get_component("event_emitter").register("before-send", network)
    return session.create_client(
        service,
        region_name="eu-west-1",
        endpoint_url=url,
        aws_access_key_id="key",
        aws_secret_access_key="secret",
        aws_session_token="token",
        config=Config(parameter_validation=False, retries={"mode": "standard", "total_max_attempts": 1}),
    )


def _ends(**_: Any) -> None:
    return None


PUT = {"TransactItems": [{"Put": {"TableName": "t", "Item": VALUES}}], "ClientRequestToken": "once"}
QUERY = {
    "TableName": "t",
    "KeyConditionExpression": "#a = :a",
    "ExpressionAttributeNames": {"#a": "a"},
    "ExpressionAttributeValues": {":a": {"S": "x"}, ":b": {"B": b"a"}},
    "Limit": 5,
    "ConsistentRead": True,
}
START = {"stateMachineArn": "arn:aws:states:eu-west-1:1:stateMachine:m", "name": "n", "input": '{"ä": 1}'}
SEND = {
    "QueueUrl": "https://sqs.eu-west-1.amazonaws.com/1/q",
    "Entries": [{"Id": "1", "MessageBody": "ä", "DelaySeconds": 3}],
}


@pytest.mark.parametrize(
    ("service", "operation", "arguments", "answer"),
    [
        ("dynamodb", "TransactWriteItems", PUT, {}),
        ("dynamodb", "Query", QUERY, {"Items": [WIRE, {}], "Count": 2, "LastEvaluatedKey": {"a": {"S": "x"}}}),
        (
            "dynamodb",
            "BatchGetItem",
            {"RequestItems": {"t": {"Keys": [{"a": {"S": "x"}}]}}},
            {"Responses": {"t": [WIRE]}},
        ),
        ("dynamodb", "Query", QUERY, {"Items": [PLAIN, {"B": {"S": "B"}}], "Count": 2}),
        ("dynamodb", "GetItem", {"TableName": "t", "Key": {"a": {"S": "x"}}}, {"Item": WIRE}),
        ("dynamodb", "DescribeTable", {"TableName": "t"}, {"Table": {"CreationDateTime": 1.5, "TableName": "t"}}),
        ("stepfunctions", "StartExecution", START, {"executionArn": "e", "startDate": 1_795_000_000.25}),
        ("stepfunctions", "StartExecution", START, {"executionArn": "e", "startDate": "2026-11-17T12:26:40Z"}),
        ("sqs", "SendMessageBatch", SEND, {"Successful": [{"Id": "1", "MessageId": "m"}], "Failed": []}),
    ],
)
def test_it_sends_and_reads_what_botocore_does(service: str, operation: str, arguments: Any, answer: Any) -> None:
    theirs, ours = _Network((200, answer)), _Network((200, answer))
    expected = _client(theirs, service)._make_api_call(operation, arguments)
    found = DirectCalls(_client(ours, service), _ends)(operation, arguments)
    assert _without_metadata(found) == _without_metadata(expected)
    (sent,), (other,) = ours.sent, theirs.sent
    assert (sent.method, sent.url, json.loads(sent.body)) == (other.method, other.url, json.loads(other.body))
    for name in ("X-Amz-Target", "Content-Type", "X-Amz-Security-Token"):
        assert sent.headers[name] == _text(other.headers[name])
    assert sent.headers["Content-Length"] == str(len(sent.body))


def test_all_values_are_read_as_they_were_written() -> None:
    network = _Network((200, {"Items": [WIRE]}))
    assert DirectCalls(_client(network), _ends)("Query", QUERY)["Items"] == [VALUES]


def test_the_signature_is_that_of_what_is_sent() -> None:
    network = _Network((200, {}))
    DirectCalls(_client(network), _ends)("Query", QUERY)
    (sent,) = network.sent
    said = sent.headers["Authorization"]
    names = re.findall("SignedHeaders=([^,]+)", said)[0].split(";")
    assert {"host", "x-amz-date", "x-amz-security-token", "x-amz-target"} <= set(names)
    covered = {name: value for name, value in sent.headers.items() if name.lower() in names and name != "Host"}
    again = AWSRequest(sent.method, sent.url, covered, sent.body)
    again.context["timestamp"] = sent.headers["X-Amz-Date"]
    signer = SigV4Auth(Credentials("key", "secret", "token"), "dynamodb", "eu-west-1")
    expected = signer.signature(signer.string_to_sign(again, signer.canonical_request(again)), again)
    assert said.endswith(f"Signature={expected}")


def test_an_answer_without_a_body_is_read_as_empty() -> None:
    client = _client(_Network((200, None)), "sqs")
    arguments = {"QueueUrl": "q", "ReceiptHandle": "r", "VisibilityTimeout": 0}
    assert _without_metadata(DirectCalls(client, _ends)("ChangeMessageVisibility", arguments)) == {}


def test_an_address_of_ones_own_is_asked() -> None:
    network = _Network((200, {}))
    DirectCalls(_client(network, url="http://127.0.0.1:4566"), _ends)("Query", QUERY)
    assert network.sent[0].url == "http://127.0.0.1:4566/"


def test_a_refusal_is_raised_as_botocore_raises_it() -> None:
    refusal = {
        "__type": "com.amazonaws.dynamodb#TransactionCanceledException",
        "Message": "cancelled",
        "CancellationReasons": [{"Code": "ConditionalCheckFailed", "Item": WIRE, "Message": "no"}],
    }
    client = _client(_Network((400, refusal)))
    with pytest.raises(client.exceptions.TransactionCanceledException) as raised:
        DirectCalls(client, _ends)("TransactWriteItems", PUT)
    with pytest.raises(ClientError) as expected:
        _client(_Network((400, refusal)))._make_api_call("TransactWriteItems", PUT)
    expected.value.response.pop("ResponseMetadata")
    assert raised.value.response.pop("ResponseMetadata")["HTTPStatusCode"] == 400
    assert raised.value.response == expected.value.response
    assert raised.value.response["CancellationReasons"][0]["Item"] == VALUES


def test_another_try_is_signed_anew_and_what_the_last_one_met_is_raised() -> None:
    down = EndpointConnectionError(endpoint_url="x")
    network, told = _Network(down, (500, {}), (200, {"Count": 3})), []

    def after_a_try(*, attempts: int, caught_exception: Any, response: Any) -> float | None:
        told.append((attempts, caught_exception, response and response[0].status_code))
        return 0.0 if attempts < 3 else None

    assert DirectCalls(_client(network), after_a_try)("Query", QUERY)["Count"] == 3
    assert told == [(1, down, None), (2, None, 500), (3, None, 200)]
    assert len({id(each) for each in network.sent}) == 3
    with pytest.raises(EndpointConnectionError):
        DirectCalls(_client(_Network(down)), _ends)("Query", QUERY)


def _without_metadata(answer: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in answer.items() if name != "ResponseMetadata"}


def _text(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else value
