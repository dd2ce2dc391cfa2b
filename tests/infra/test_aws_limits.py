"""The local cloud and the tests' moto refuse what AWS refuses, so that green tests mean something (R57)."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError
from cfnlint.api import lint

from infra import aws_limits, translated
from infra.local.stack import Stack
from kernel import aws
from tests.conftest import STACK
from tests.infra import local_cloud
from tests.infra.deployed import of_type
from tests.tools import ROOT

S = {"S": "x"}


def refused(service: str, operation: str, call: dict[str, Any]) -> str:
    with pytest.raises(aws_limits.Refusal) as refusal:
        aws_limits.check(service, operation, call)
    return str(refusal.value)


def test_every_limit_and_rule_names_its_page_of_aws() -> None:
    written = (ROOT / "infra/aws_limits.py").read_text()
    limits = written[written.index("KB, MB =") : written.index("WRITES =")].splitlines()[2:]
    for above, line in itertools.pairwise(limits):
        assert not re.match(r"[A-Z]", line) or re.match(r"# https://docs.aws.amazon.com/|[A-Z]", above), line


# --- the rules ------------------------------------------------------------------------------------------------


def test_a_filter_on_a_key_is_refused_by_its_name_and_by_a_placeholder() -> None:
    query = {"TableName": "sc-messages-message_parts", "KeyConditionExpression": "message = :m"}
    for extra in (
        {"FilterExpression": "begins_with(part, :p)"},
        {"FilterExpression": "size(#a) > :n AND #b = :m", "ExpressionAttributeNames": {"#a": "text", "#b": "message"}},
    ):
        assert "Primary key attribute" in refused("dynamodb", "Query", query | extra)
    aws_limits.check("dynamodb", "Query", query | {"FilterExpression": "text = :part"})


def test_an_index_has_its_own_keys() -> None:
    query = {"TableName": "sc-events", "FilterExpression": "disappears_at < :now"}
    aws_limits.check("dynamodb", "Query", query)
    assert "disappears_at" in refused("dynamodb", "Query", query | {"IndexName": "by_expiry"})


def test_a_hundred_operands_are_taken_and_one_more_is_not() -> None:
    def scan(count: int) -> dict[str, Any]:
        return {"TableName": "sc-users", "FilterExpression": f"a IN ({', '.join(f':v{n}' for n in range(count))})"}

    aws_limits.check("dynamodb", "Scan", scan(100))
    assert "too many operands" in refused("dynamodb", "Scan", scan(101))


def test_a_ttl_is_a_number_however_it_is_written() -> None:
    put = {"TableName": "sc-sessions", "Item": {"user_id": S, "expires_at": {"N": "1"}}}
    aws_limits.check("dynamodb", "PutItem", put)
    text = {"expires_at": {"S": "1"}}
    update = {
        "TableName": "sc-sessions",
        "UpdateExpression": "SET #0 = :0, b = :1",
        "ExpressionAttributeNames": {"#0": "expires_at"},
        "ExpressionAttributeValues": {":0": {"S": "1"}, ":1": S},
    }
    batch = {"RequestItems": {"sc-sessions": [{"PutRequest": {"Item": text}}]}}
    transaction = {"TransactItems": [{"Put": {"TableName": "sc-sessions", "Item": text}}]}
    for operation, call in (
        ("PutItem", put | {"Item": text}),
        ("UpdateItem", update),
        ("BatchWriteItem", batch),
        ("TransactWriteItems", transaction),
    ):
        assert "would never expire" in refused("dynamodb", operation, call)


def test_writes_have_a_size_and_a_number() -> None:
    item = {"text": {"S": "x" * 399_000}}
    aws_limits.check("dynamodb", "PutItem", {"TableName": "sc-events", "Item": item})
    large = {"TableName": "sc-events", "Item": {"text": {"S": "x" * 410_000}}}
    assert "Item size" in refused("dynamodb", "PutItem", large)
    puts = [{"Put": {"TableName": "sc-events", "Item": item}}]
    aws_limits.check("dynamodb", "TransactWriteItems", {"TransactItems": puts * 10})
    assert "4 MB" in refused("dynamodb", "TransactWriteItems", {"TransactItems": puts * 11})
    assert "100" in refused("dynamodb", "TransactWriteItems", {"TransactItems": [{"Put": large}] * 101})
    requests = [{"PutRequest": {"Item": {"a": S}}}] * 26
    assert "Too many items" in refused("dynamodb", "BatchWriteItem", {"RequestItems": {"sc-events": requests}})


def test_a_batch_above_16_mb_is_answered_in_part() -> None:
    keys = [{"id": {"S": str(n)}} for n in range(50)]
    call = {"RequestItems": {"t": {"Keys": keys, "ConsistentRead": True}}}
    answer: dict[str, Any] = {"Responses": {"t": [{**key, "text": {"S": "x" * 390_000}} for key in keys]}}
    aws_limits.cut_batch(call, answer)
    given, left = answer["Responses"]["t"], answer["UnprocessedKeys"]["t"]
    assert aws_limits.size_of(given) <= aws_limits.BATCH_GET_BYTES
    assert len(given) + len(left["Keys"]) == 50
    assert left["ConsistentRead"] is True
    assert left["Keys"] == keys[len(given) :]


@pytest.mark.parametrize(
    ("service", "operation", "good", "bad"),
    [
        ("sqs", "SendMessage", {"DelaySeconds": 900}, {"DelaySeconds": 901}),
        ("sqs", "SendMessageBatch", {"Entries": [{"DelaySeconds": 900}]}, {"Entries": [{"DelaySeconds": 901}]}),
        ("stepfunctions", "StartExecution", {"input": "x" * 262_144}, {"input": "x" * 262_145}),
        (
            "lambda",
            "CreateFunction",
            {"Environment": {"Variables": {"A": "x" * 4_095}}},
            {"Environment": {"Variables": {"A": "x" * 4_096}}},
        ),
        (
            "scheduler",
            "CreateSchedule",
            {"ScheduleExpressionTimezone": "UTC"},
            {"ScheduleExpressionTimezone": "Europe/Atlantis"},
        ),
        ("scheduler", "CreateSchedule", {}, {"ScheduleExpressionTimezone": "Europe/Berlin"}),
    ],
)
def test_what_aws_takes_passes_and_what_it_refuses_does_not(
    service: str, operation: str, good: dict[str, Any], bad: dict[str, Any]
) -> None:
    aws_limits.check(service, operation, good)
    refused(service, operation, bad)


# --- rules checked in the templates ---------------------------------------------------------------------------


def _faults(*definitions: str) -> list[str]:
    """The linter's findings in definitions of state machines. It looks at them only if they stand in a template, where
    ours are files (DefinitionUri)."""
    machine = {"Type": "AWS::StepFunctions::StateMachine"}
    role = "arn:aws:iam::123456789012:role/any"
    arn = r"arn:aws:lambda:us-east-1:123456789012:function:\1"
    filled = [re.sub(r"\$\{(\w+)\}", arn, each) for each in definitions]
    given = {
        f"M{number}": {**machine, "Properties": {"RoleArn": role, "DefinitionString": each}}
        for number, each in enumerate(filled)
    }
    return [found.message for found in lint(json.dumps({"Resources": given}), regions=["us-east-1"])]


def test_step_functions_takes_the_definitions_of_state_machines() -> None:
    texts = [path.read_text() for path in (ROOT / "statemachines").glob("*.json")]
    assert _faults(*texts) == []
    assert len(_faults(*(text.replace('"Next":', '"Nxt":', 1) for text in texts))) >= len(texts)


@pytest.mark.parametrize("path", sorted((ROOT / "statemachines").glob("*.json")), ids=lambda path: path.stem)
def test_a_state_machine_ends_by_itself(path: Any) -> None:
    aws_limits.workflow_ends(json.loads(path.read_text()))


@pytest.mark.parametrize("definition", [{}, {"TimeoutSeconds": 365 * 24 * 60 * 60 + 1}])
def test_a_state_machine_without_an_end_is_found(definition: dict[str, Any]) -> None:
    with pytest.raises(aws_limits.Refusal):
        aws_limits.workflow_ends(definition)


def test_schedules_name_no_zone_but_utc() -> None:
    for schedule in of_type("AWS::Scheduler::Schedule").values():
        aws_limits.check("scheduler", "CreateSchedule", schedule["Properties"])
    assert "ScheduleExpressionTimezone" not in "".join(
        path.read_text() for path in (ROOT / "functions").rglob("*.py") if "scheduler" in path.read_text()
    )


def test_the_environment_of_every_function_fits_with_room_for_real_names() -> None:
    """ARNs and ids are only known in AWS; 150 bytes are assumed for each."""
    for each in translated.deployment({"Environment": "prod"}, stack="secureconnect-production").values():
        if each.kind == "AWS::Lambda::Function":
            variables = each.properties["Environment"]["Variables"]
            real = {name: re.sub(r"<[^>]*>", "x" * 150, str(value)) for name, value in variables.items()}
            aws_limits.check("lambda", "CreateFunction", {"Environment": {"Variables": real}})


# --- moto, as the tests use it --------------------------------------------------------------------------------


@pytest.mark.usefixtures("cloud")
def test_the_tests_cloud_refuses_it_as_an_error_of_aws() -> None:
    with pytest.raises(ClientError) as refusal:
        aws.client("dynamodb").query(
            TableName=f"{STACK}-drafts",
            KeyConditionExpression="user_id = :u",
            FilterExpression="conversation_id = :c",
            ExpressionAttributeValues={":u": S, ":c": S},
        )
    assert refusal.value.response["Error"]["Code"] == "ValidationException"


@pytest.mark.usefixtures("cloud")
def test_the_tests_cloud_answers_a_large_batch_in_part() -> None:
    client = aws.client("dynamodb")
    keys = [{"key": {"S": str(n)}} for n in range(45)]
    for key in keys:
        client.put_item(TableName=f"{STACK}-sends", Item={**key, "text": {"S": "x" * 390_000}})
    answer = client.batch_get_item(RequestItems={f"{STACK}-sends": {"Keys": keys}})
    assert 0 < len(answer["UnprocessedKeys"][f"{STACK}-sends"]["Keys"]) < 45


# --- the local cloud ------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with local_cloud.running(local_cloud.instance(tmp_path_factory.mktemp("cloud"))) as running:
        running.client("dynamodb").create_table(
            TableName="sc-sends",
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": "key", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "key", "KeyType": "HASH"}],
        )
        yield running


def code_of(call: Any, **given: Any) -> str:
    with pytest.raises(ClientError) as refusal:
        call(**given)
    return str(refusal.value.response["Error"]["Code"])


def test_the_local_cloud_refuses_what_the_rules_say(local: Stack) -> None:
    dynamodb, sqs, states = local.client("dynamodb"), local.client("sqs"), local.client("stepfunctions")
    queue = sqs.create_queue(QueueName="q")["QueueUrl"]
    scan = {"FilterExpression": f"a IN ({', '.join(f':v{n}' for n in range(101))})"}
    assert code_of(dynamodb.scan, TableName="sc-sends", **scan) == "ValidationException"
    assert "InvalidParameter" in code_of(sqs.send_message, QueueUrl=queue, MessageBody="x", DelaySeconds=901)
    arn = "arn:aws:states:us-east-1:000000000000:stateMachine:m"
    assert code_of(states.start_execution, stateMachineArn=arn, input="x" * 262_145) == "InvalidExecutionInput"


def test_the_local_cloud_answers_a_large_batch_in_part(local: Stack) -> None:
    client, keys = local.client("dynamodb"), [{"key": {"S": str(n)}} for n in range(45)]
    for key in keys:
        client.put_item(TableName="sc-sends", Item={**key, "text": {"S": "x" * 390_000}})
    answer = client.batch_get_item(RequestItems={"sc-sends": {"Keys": keys}})
    left = answer["UnprocessedKeys"]["sc-sends"]["Keys"]
    assert 0 < len(left) < 45
    assert len(left) + len(answer["Responses"]["sc-sends"]) == 45


def test_parts_of_an_upload_have_5_mib_but_for_the_last(local: Stack) -> None:
    client = local.client("s3")
    client.create_bucket(Bucket="parts")
    for sizes, taken in (((5 << 20, 10), True), (((5 << 20) - 1, 10), False)):
        upload = client.create_multipart_upload(Bucket="parts", Key="k")["UploadId"]
        named = {"Bucket": "parts", "Key": "k", "UploadId": upload}
        parts = [
            {"PartNumber": n, "ETag": client.upload_part(**named, PartNumber=n, Body=b"x" * size)["ETag"]}
            for n, size in enumerate(sizes, start=1)
        ]
        if taken:
            client.complete_multipart_upload(**named, MultipartUpload={"Parts": parts})
        else:
            given = {**named, "MultipartUpload": {"Parts": parts}}
            assert code_of(client.complete_multipart_upload, **given) == "EntityTooSmall"


def test_invocations_have_6_mb_and_those_for_later_1_mb(local: Stack) -> None:
    local_cloud.add_function(local, "slow")
    invoke = local.client("lambda").invoke
    event = json.dumps({"body": json.dumps({"pad": "x" * 2_000_000})}).encode()
    assert invoke(FunctionName="slow", Payload=event)["StatusCode"] == 200
    later = {"FunctionName": "slow", "InvocationType": "Event", "Payload": event}
    assert code_of(invoke, **later) == "RequestTooLargeException"
    assert code_of(invoke, FunctionName="slow", Payload=json.dumps("x" * 6_300_000).encode()) == (
        "RequestTooLargeException"
    )
