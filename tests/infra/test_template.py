"""The templates say what the code says, and what reliability and security ask of every resource."""

from __future__ import annotations

import importlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from infra import documents
from kernel import aws, config, dynamo, resilience, sockets, websocket
from kernel import cache as redis_cache
from kernel.http import SECURITY_HEADERS, App
from kernel.idempotency import CALL_MAX_MS, KEEP_S
from tests.conftest import Cloud
from tests.helpers import CONTEXT
from tests.management import serving
from tests.tools import ROOT, captured_lines, template

Resource = dict[str, Any]
TEMPLATES = (
    "template.yaml",
    "infra/realtime.yaml",
    "infra/workflows.yaml",
    "infra/streams.yaml",
    "infra/drive.yaml",
    "infra/data.yaml",
    "infra/observability.yaml",
)
WITHOUT_RESOURCE = {"chime:CreateMeeting"}  # actions for which AWS takes none but `*`
HTTP_AND_SOCKET_MAX_S = 29
ANSWER_MAX_S = 10
UNRESERVED_OF_1000 = 100  # AWS refuses reservations that leave fewer
# Rights with a `*` that somebody has looked at, and why.
REVIEWED_ACTIONS = {"sqs:SendMessage*": "AWS knows only sqs:SendMessage, a local cloud sqs:SendMessageBatch too"}
REVIEWED_RESOURCES = {
    "identity/*": "SES: the sender's identity is a parameter, an address or a domain",
    "execution:${AWS::StackName}-poll-closing:*": "the id of an execution is not known before it is started",
    "/files/*": "S3: the keys of files are made of ids",
    "/thumbnails/*": "S3: the same",
    "/avatars/*": "S3: the key of an avatar is made of its person's id and chance",
    "/v1/*/@connections/*": "the id of a socket is not known before it is opened",
    "meeting/*": "the id of a meeting is not known before it is made",
}


@dataclass(frozen=True, slots=True)
class Function:
    """A function of a template with the Globals applied."""

    name: str
    properties: Resource
    template: str

    @property
    def handler(self) -> str:
        return str(self.properties["Handler"])

    @property
    def timeout_s(self) -> int:
        return int(self.properties["Timeout"])

    @property
    def events(self) -> list[Resource]:
        return list(self.properties.get("Events", {}).values())

    @property
    def routes(self) -> set[tuple[str, str]]:
        found = (event["Properties"] for event in self.events if event["Type"] == "Api")
        return {(each["Method"].upper(), each["Path"]) for each in found}

    def load(self) -> Any:
        module, _, attribute = self.handler.rpartition(".")
        return getattr(importlib.import_module(module), attribute)


@cache
def _resources() -> dict[str, dict[str, Resource]]:
    return {path: template(path)["Resources"] for path in TEMPLATES}


@cache
def _functions() -> dict[str, Function]:
    found = {}
    for path in TEMPLATES:
        defaults = template(path).get("Globals", {}).get("Function", {})
        for name, resource in _resources()[path].items():
            if resource["Type"] == "AWS::Serverless::Function":
                assert name not in found, f"{name} stands in two templates"
                own = resource["Properties"]
                variables = {
                    **defaults["Environment"]["Variables"],
                    **own.get("Environment", {}).get("Variables", {}),
                }
                found[name] = Function(name, {**defaults, **own, "Environment": {"Variables": variables}}, path)
    return found


def _of_type(kind: str) -> dict[str, Resource]:
    """All resources of a type by logical id, whichever template they are in."""
    return {
        name: resource
        for resources in _resources().values()
        for name, resource in resources.items()
        if resource["Type"] == kind
    }


def _socket_routes() -> dict[str, Resource]:
    routes: dict[str, Resource] = _resources()["infra/realtime.yaml"]["WebSocketApi"]["Properties"]["Routes"]
    return routes


def _function_of(route: Resource) -> Function:
    return _functions()[route["FunctionArn"]["Fn::GetAtt"].partition(".")[0]]


FUNCTIONS = sorted(_functions())
STREAM_CONSUMERS = [name for name in FUNCTIONS if any(e["Type"] == "DynamoDB" for e in _functions()[name].events)]
QUEUE_CONSUMERS = [name for name in FUNCTIONS if any(e["Type"] == "SQS" for e in _functions()[name].events)]
CALLED = sorted({name for name in FUNCTIONS if _functions()[name].routes} | {
    _function_of(route).name for route in _socket_routes().values()
} | {"AuthorizeFunction"})  # fmt: skip

pytestmark = pytest.mark.usefixtures("settings")


# --- routes ---------------------------------------------------------------------------------------------------


def test_every_route_of_an_app_stands_in_the_template_on_its_handler_and_no_other_does() -> None:
    apps: list[App] = documents.apps()
    in_code = {(f"{app.name}.app.app", route.method, route.path) for app in apps for route in app.routes}
    in_template = {(each.handler, *route) for each in _functions().values() for route in each.routes}
    assert in_template == in_code


def test_no_route_stands_in_the_template_twice() -> None:
    routes = [route for each in _functions().values() for route in each.routes]
    assert len(routes) == len(set(routes))


def test_the_openapi_document_has_the_routes_of_the_template() -> None:
    document = json.loads((ROOT / "docs/api/openapi.json").read_text())
    documented = {(method.upper(), path) for path, methods in document["paths"].items() for method in methods}
    assert documented == {route for each in _functions().values() for route in each.routes}


def test_every_action_has_a_route_key_and_every_route_key_an_action() -> None:
    for route in documents.SOCKET_ROUTES:
        importlib.import_module(f"realtime.{route}")
    assert {key for key in _socket_routes() if not key.startswith("$")} == websocket.ACTIONS.keys()


def test_route_keys_are_alphanumeric() -> None:
    assert all(re.fullmatch(r"\$?[a-zA-Z0-9]+", key) for key in _socket_routes())


@pytest.mark.parametrize("key", [key for key in _socket_routes() if not key.startswith("$")])
def test_a_route_key_leads_to_the_handler_of_its_action(key: str) -> None:
    event = json.loads((ROOT / "events/UnknownFunction.json").read_text()) | {"body": "{"}
    with captured_lines() as lines:
        answer = json.loads(_function_of(_socket_routes()[key]).load()(event, CONTEXT)["body"])
    assert answer["problem"]["code"] == "malformed_json"
    assert lines.only["function"] == f"socket.{key}"


def test_every_route_that_answers_has_a_route_response() -> None:
    answering = {key for key in _socket_routes() if key not in ("$connect", "$disconnect")}
    assert all(_socket_routes()[key]["RouteResponseSelectionExpression"] == "$default" for key in answering)
    responses = {
        resource["Properties"]["RouteId"]["Ref"] for resource in _of_type("AWS::ApiGatewayV2::RouteResponse").values()
    }
    assert responses == {f"WebSocketApi{key.removeprefix('$').capitalize()}Route" for key in answering}


# --- functions ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_names_a_handler_that_can_be_called(name: str) -> None:
    assert callable(_functions()[name].load())


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_is_built_from_the_functions_folder(name: str) -> None:
    function = _functions()[name]
    assert (ROOT / Path(function.template).parent / function.properties["CodeUri"]).resolve() == ROOT / "functions"


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_states_memory_time_and_concurrency(name: str) -> None:
    properties = _functions()[name].properties
    assert 256 <= properties["MemorySize"] <= 3_008
    assert 1 <= properties["Timeout"] <= 900
    assert properties["ReservedConcurrentExecutions"] >= 1


@pytest.mark.parametrize("name", CALLED)
def test_a_function_that_somebody_waits_for_ends_in_time(name: str) -> None:
    assert _functions()[name].timeout_s <= min(HTTP_AND_SOCKET_MAX_S, ANSWER_MAX_S)


@pytest.mark.parametrize("name", CALLED)
def test_a_call_with_an_idempotency_key_may_be_made_again_as_soon_as_the_first_must_have_ended(name: str) -> None:
    assert _functions()[name].timeout_s * 1_000 <= CALL_MAX_MS


def test_reservations_leave_what_aws_wants_unreserved() -> None:
    reserved = sum(each.properties["ReservedConcurrentExecutions"] for each in _functions().values())
    assert reserved <= 1_000 - UNRESERVED_OF_1000


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_is_told_its_environment(name: str) -> None:
    variables = _functions()[name].properties["Environment"]["Variables"]
    assert {"ENVIRONMENT", "STACK_NAME", "LOG_LEVEL", "REDIS_URL", "SIGNING_SECRET_ARN"} <= variables.keys()


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_has_a_log_group_that_ends_and_an_alarm(name: str) -> None:
    short = name.removesuffix("Function")
    groups = {
        resource["Properties"]["LogGroupName"]["Fn::Sub"]: resource["Properties"]
        for resource in _of_type("AWS::Logs::LogGroup").values()
    }
    assert groups[f"/aws/lambda/${{Prefix}}-{short}"]["RetentionInDays"]
    assert f"{short}Errors" in _of_type("AWS::CloudWatch::Alarm")


def test_every_state_machine_has_alarms_for_what_fails_and_what_does_not_end() -> None:
    watched = {
        (alarm["Properties"]["MetricName"], str(alarm["Properties"]["Dimensions"]).partition(":stateMachine:")[2])
        for alarm in _of_type("AWS::CloudWatch::Alarm").values()
        if alarm["Properties"]["Namespace"] == "AWS/States"
    }
    machines = [each["Properties"]["Name"]["Fn::Sub"] for each in _of_type("AWS::Serverless::StateMachine").values()]
    assert machines
    for name in machines:
        for metric in ("ExecutionsFailed", "ExecutionsTimedOut"):
            assert [named for of, named in watched if of == metric and named.startswith(f"{name}'")], (name, metric)


def test_what_runs_by_the_clock_has_an_alarm_for_when_it_stops() -> None:
    scheduled = [
        name.removesuffix("Function")
        for name, each in _functions().items()
        if any(event["Type"] == "Schedule" for event in each.properties.get("Events", {}).values())
    ]
    assert scheduled
    for name in scheduled:
        stopped = _of_type("AWS::CloudWatch::Alarm")[f"{name}Stopped"]["Properties"]
        assert stopped["TreatMissingData"] == "breaching"
        assert f"-{name}'" in str(stopped["Dimensions"])


def test_every_alarm_names_a_runbook_that_exists() -> None:
    alarms = _of_type("AWS::CloudWatch::Alarm")
    assert alarms
    for name, alarm in alarms.items():
        named = re.search(r"docs/runbooks/[\w-]+\.md", alarm["Properties"]["AlarmDescription"])
        assert named, name
        assert (ROOT / named[0]).is_file(), name


# --- rights ---------------------------------------------------------------------------------------------------


def _statements() -> Iterator[tuple[str, Resource]]:
    for name, policy in _of_type("AWS::IAM::ManagedPolicy").items():
        for statement in policy["Properties"]["PolicyDocument"]["Statement"]:
            yield name, statement
    for name, function in _functions().items():
        for policy in function.properties.get("Policies") or []:
            for statement in policy.get("Statement", []):
                yield name, statement


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _text(resource: Any) -> str:
    """A resource as it is in the cloud."""
    if isinstance(resource, dict) and "Fn::If" in resource:
        condition, then, otherwise = resource["Fn::If"]
        return _text({"IsLocal": otherwise, "IsCloud": then}[condition])
    return resource["Fn::Sub"] if isinstance(resource, dict) and "Fn::Sub" in resource else str(resource)


def test_no_action_is_a_wildcard_that_nobody_has_looked_at() -> None:
    broken = [
        (name, action)
        for name, each in _statements()
        for action in _listed(each["Action"])
        if "*" in action and action not in REVIEWED_ACTIONS
    ]
    assert broken == []


def test_no_resource_is_a_wildcard_that_nobody_has_looked_at() -> None:
    broken = [
        (name, _text(resource))
        for name, each in _statements()
        for resource in _listed(each["Resource"])
        if not WITHOUT_RESOURCE.issuperset(_listed(each["Action"]))
        if "*" in _text(resource) and not any(_text(resource).endswith(known) for known in REVIEWED_RESOURCES)
    ]
    assert broken == []


def test_every_table_that_a_right_names_exists() -> None:
    tables = {name.removeprefix("${Prefix}-") for name in _tables()}
    named = {
        found[1]
        for _, each in _statements()
        for resource in _listed(each["Resource"])
        if (found := re.search(r"table/\$\{[\w:]+\}-(\w+)", _text(resource)))
    }
    assert named == tables


@pytest.mark.parametrize("name", FUNCTIONS)
def test_policies_are_inline_statements_or_ours(name: str) -> None:
    for given in _functions()[name].properties.get("Policies") or []:
        policy = given["Fn::If"][1] if "Fn::If" in given else given
        ours = policy.get("Ref") or policy.get("Fn::GetAtt", "")
        assert "Statement" in policy or "Policy" in ours


def _answers_with_people(function: Function) -> bool:
    """Whether profiles are in what any of a function's routes answers, however deep."""
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
    showing = {name for name in FUNCTIONS if "ShowPeoplePolicyArn" in json.dumps(_functions()[name].properties)}
    assert showing == {name for name in FUNCTIONS if _answers_with_people(_functions()[name])} | {"SyncFunction"}
    assert all("BLOB_BUCKET" in _functions()[name].properties["Environment"]["Variables"] for name in showing)


def test_an_avatar_is_no_upload_and_does_not_go_to_slower_storage() -> None:
    drive = _resources()["infra/drive.yaml"]
    arriving = drive["FileArrived"]["Properties"]["EventPattern"]["detail"]["object"]["key"]
    rules = drive["Bucket"]["Properties"]["LifecycleConfiguration"]["Rules"]
    assert arriving == [{"prefix": "files/"}]
    assert all(rule["Prefix"] == "files/" for rule in rules if "Transitions" in rule or "ExpirationInDays" in rule)


# --- streams (R24) --------------------------------------------------------------------------------------------


def _followed(name: str) -> Resource:
    """The event source of a stream's consumer."""
    (source,) = (event["Properties"] for event in _functions()[name].events if event["Type"] == "DynamoDB")
    found: Resource = source
    return found


def _dead_letters_of_stream(name: str) -> str:
    return str(_followed(name)["DestinationConfig"]["OnFailure"]["Destination"]["Fn::GetAtt"].partition(".")[0])


def test_something_follows_the_stream() -> None:
    assert STREAM_CONSUMERS


def test_the_stream_tells_what_was_and_what_is() -> None:
    table = _resources()["infra/data.yaml"]["Events"]["Properties"]
    assert table["StreamSpecification"] == {"StreamViewType": "NEW_AND_OLD_IMAGES"}


@pytest.mark.parametrize("name", STREAM_CONSUMERS)
def test_a_poisoned_change_is_cut_out_of_its_batch_and_given_up_in_time(name: str) -> None:
    source = _followed(name)
    assert source["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert source["BisectBatchOnFunctionError"] is True
    assert source["MaximumRetryAttempts"] <= 10
    assert 60 <= source["MaximumRecordAgeInSeconds"] < 24 * 60 * 60


@pytest.mark.parametrize("name", STREAM_CONSUMERS)
def test_the_stream_s_consumer_begins_with_what_is_there_and_soon(name: str) -> None:
    source = _followed(name)
    assert source["StartingPosition"] == "TRIM_HORIZON"
    assert source["MaximumBatchingWindowInSeconds"] <= 2
    assert 1 <= source["ParallelizationFactor"] <= 10


@pytest.mark.parametrize("name", STREAM_CONSUMERS)
def test_a_change_that_was_given_up_is_told_of_for_14_days_with_an_alarm(name: str) -> None:
    properties = _of_type("AWS::SQS::Queue")[_dead_letters_of_stream(name)]["Properties"]
    assert _followed(name)["DestinationConfig"]["OnFailure"]["Type"] == "SQS"
    assert properties["MessageRetentionPeriod"] == 14 * 24 * 60 * 60
    assert _is_watched(properties)


@pytest.mark.parametrize("name", STREAM_CONSUMERS)
def test_a_consumer_that_falls_behind_the_stream_raises_an_alarm(name: str) -> None:
    alarms = [alarm["Properties"] for alarm in _of_type("AWS::CloudWatch::Alarm").values()]
    ages = [alarm for alarm in alarms if alarm["MetricName"] == "IteratorAge"]
    watched = [_text(each["Value"]) for alarm in ages for each in alarm["Dimensions"]]
    assert f"${{Prefix}}-{name.removesuffix('Function')}" in watched


# --- queues (R24) ---------------------------------------------------------------------------------------------


def _consumed(name: str) -> tuple[Resource, Resource]:
    """The event source of a queue's consumer, and the queue."""
    (source,) = (event["Properties"] for event in _functions()[name].events if event["Type"] == "SQS")
    return source, _of_type("AWS::SQS::Queue")[source["Queue"]["Fn::GetAtt"].partition(".")[0]]["Properties"]


@pytest.mark.parametrize("name", QUEUE_CONSUMERS)
def test_a_message_stays_out_of_sight_for_six_times_its_consumer_s_timeout(name: str) -> None:
    _, queue = _consumed(name)
    assert queue["VisibilityTimeout"] >= 6 * _functions()[name].timeout_s


@pytest.mark.parametrize("name", QUEUE_CONSUMERS)
def test_a_consumer_reports_partial_failures(name: str) -> None:
    source, _ = _consumed(name)
    assert source["FunctionResponseTypes"] == ["ReportBatchItemFailures"]


@pytest.mark.parametrize("name", QUEUE_CONSUMERS)
def test_a_message_that_failed_five_times_is_kept_for_14_days_with_an_alarm(name: str) -> None:
    _, queue = _consumed(name)
    assert queue["RedrivePolicy"]["maxReceiveCount"] == 5
    dead = queue["RedrivePolicy"]["deadLetterTargetArn"]["Fn::GetAtt"].partition(".")[0]
    properties = _of_type("AWS::SQS::Queue")[dead]["Properties"]
    assert properties["MessageRetentionPeriod"] == 14 * 24 * 60 * 60
    assert _is_watched(properties)


def _is_watched(queue: Resource) -> bool:
    """Whether an alarm looks at what is in a queue."""
    watched = queue["QueueName"]["Fn::Sub"].rpartition("}")[2]
    alarms = [alarm["Properties"] for alarm in _of_type("AWS::CloudWatch::Alarm").values()]
    dimensions = [alarm["Dimensions"] for alarm in alarms if alarm.get("Namespace") == "AWS/SQS"]
    return any(_text(each[0]["Value"]).endswith(watched) for each in dimensions)


@pytest.mark.parametrize("name", QUEUE_CONSUMERS)
def test_a_message_outlives_its_tries(name: str) -> None:
    _, queue = _consumed(name)
    assert queue["MessageRetentionPeriod"] > 5 * queue["VisibilityTimeout"]


def test_every_queue_is_encrypted_and_consumed_or_a_dead_letter_queue() -> None:
    queues = _of_type("AWS::SQS::Queue")
    consumed = {
        event["Properties"]["Queue"]["Fn::GetAtt"].partition(".")[0]
        for function in _functions().values()
        for event in function.events
        if event["Type"] == "SQS"
    }
    dead = {
        queue["Properties"]["RedrivePolicy"]["deadLetterTargetArn"]["Fn::GetAtt"].partition(".")[0]
        for queue in queues.values()
        if "RedrivePolicy" in queue["Properties"]
    }
    dead |= {_dead_letters_of_stream(name) for name in STREAM_CONSUMERS}
    assert queues.keys() == consumed | dead
    assert all(queue["Properties"]["SqsManagedSseEnabled"] is True for queue in queues.values())


# --- tables ---------------------------------------------------------------------------------------------------


@cache
def _tables() -> dict[str, Resource]:
    return {
        resource["Properties"]["TableName"]["Fn::Sub"]: resource
        for resource in _of_type("AWS::DynamoDB::Table").values()
    }


def _records() -> list[type[dynamo.Record]]:
    for function in _functions().values():
        function.load()
    pending, found = [dynamo.Record], []
    while pending:
        kind = pending.pop()
        pending += kind.__subclasses__()
        if kind is not dynamo.Record:
            found.append(kind)
    return found


def test_every_table_is_encrypted_kept_and_recoverable_in_the_cloud() -> None:
    for name, table in _tables().items():
        properties = table["Properties"]
        assert properties["SSESpecification"] == {"SSEEnabled": True}, name
        recovery = properties["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"]
        assert recovery == {"Fn::If": ["IsCloud", True, False]}, name
        assert properties["DeletionProtectionEnabled"] == {"Fn::If": ["IsProduction", True, False]}, name
        assert properties["BillingMode"] == "PAY_PER_REQUEST", name
        assert table["DeletionPolicy"].startswith("Retain"), name
        assert table["UpdateReplacePolicy"] == "Retain", name


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


# --- time limits (R18) ----------------------------------------------------------------------------------------

# One call of a dependency that hangs: every attempt connects and waits, and the pause between lies below 1 s.
AWS_WORST_S = (
    resilience.AWS_ATTEMPTS * (resilience.AWS_CONNECT_TIMEOUT_S + resilience.AWS_READ_TIMEOUT_S)
    + (resilience.AWS_ATTEMPTS - 1) * 1.0
)
REDIS_WORST_S = redis_cache.breaker.threshold * resilience.REDIS_TIMEOUT_S


@pytest.mark.parametrize("service", ["dynamodb", "sqs", "secretsmanager", "sesv2", "s3"])
@pytest.mark.usefixtures("_fresh_clients")
def test_an_aws_client_has_our_limits(service: str) -> None:
    found = aws.client(service).meta.config
    assert found.connect_timeout == resilience.AWS_CONNECT_TIMEOUT_S <= 1
    assert found.read_timeout == resilience.AWS_READ_TIMEOUT_S <= 3
    assert found.retries == {"mode": "standard", "total_max_attempts": resilience.AWS_ATTEMPTS}


@pytest.mark.usefixtures("_fresh_clients")
def test_pynamodb_has_our_limits() -> None:
    found: Any = dynamo.connection().client.meta.config
    assert (found.connect_timeout, found.read_timeout) == (
        resilience.AWS_CONNECT_TIMEOUT_S,
        resilience.AWS_READ_TIMEOUT_S,
    )
    assert found.retries["total_max_attempts"] == resilience.AWS_ATTEMPTS


def test_redis_has_our_limits(settings: pytest.MonkeyPatch) -> None:
    settings.setenv("REDIS_URL", "redis://127.0.0.1:1")
    config.config.cache_clear()
    redis_cache._redis.cache_clear()
    found = redis_cache._redis().connection_pool.connection_kwargs
    assert found["socket_timeout"] == found["socket_connect_timeout"] == resilience.REDIS_TIMEOUT_S <= 0.1
    assert found["retry"]._retries == 0


def test_posts_to_sockets_have_our_limits() -> None:
    found = sockets._http().connection_pool_kw
    assert found["retries"].total is False
    assert found["timeout"].connect_timeout == resilience.AWS_CONNECT_TIMEOUT_S
    assert found["timeout"].read_timeout == resilience.SOCKET_POST_TIMEOUT_S <= 1


@pytest.mark.parametrize("name", sorted(set(CALLED) - {"UnknownFunction"}))
def test_a_function_outlives_the_worst_call_of_a_dependency_that_hangs(name: str) -> None:
    assert _functions()[name].timeout_s > AWS_WORST_S + REDIS_WORST_S + 1


def test_a_breaker_stands_before_every_store() -> None:
    assert dynamo.breaker.threshold <= 5
    assert redis_cache.breaker.threshold * resilience.REDIS_TIMEOUT_S <= 0.25


# --- sample events --------------------------------------------------------------------------------------------


def test_every_function_has_a_sample_event_and_every_sample_a_function() -> None:
    assert sorted(path.stem for path in (ROOT / "events").glob("*.json")) == FUNCTIONS


# what the drive's steps say of bytes that nobody expects
DRIVE_STEPS: dict[str, Any] = {
    "IntakeInspectFunction": {},
    "IntakeVerdictFunction": {},
    "IntakeThumbnailFunction": None,
    "IntakeSettleFunction": {"outcome": "stale"},
    "DriveSweepFunction": {"done": 0},
}


def _prepare(name: str, event: Resource, cloud: Cloud) -> None:
    """What has to be there before a sample makes sense."""
    if name == "AuthorizeFunction":
        from realtime import store

        owner = store.Ticket("usr_01kb0000000000000000000001", "ses_01kb0000000000000000000003")
        store.keep_ticket(event["queryStringParameters"]["ticket"], owner, ttl_s=60)
    if name == "MailFunction":
        aws.client("sesv2").create_email_identity(EmailIdentity="no-reply@secureconnect.example")
    if name == "RotateSigningKeyFunction":
        event["SecretId"] = cloud.signing_secret_arn


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_sample_event_passes_through_its_function(name: str, cloud: Cloud, settings: pytest.MonkeyPatch) -> None:
    event = json.loads((ROOT / "events" / f"{name}.json").read_text())
    _prepare(name, event, cloud)
    with serving(settings):
        answer = _functions()[name].load()(event, CONTEXT)
    if name in QUEUE_CONSUMERS + STREAM_CONSUMERS:
        assert answer == {"batchItemFailures": []}
    elif name == "AuthorizeFunction":
        assert answer["policyDocument"]["Statement"][0]["Effect"] == "Allow"
    elif name == "ClosePollFunction":
        assert answer == {"done": True, "closes_at": None}
    elif name == "SendScheduledFunction":
        assert answer == {"done": True, "again_at": None}
    elif name == "EraseExpiredFunction":
        assert answer == {"erased": 0, "finished": True}
    elif name in DRIVE_STEPS:
        assert answer == DRIVE_STEPS[name] or answer["verdict"] == "stale"
    elif name == "SweepCallFunction":
        assert answer["over"] is True
    elif name != "RotateSigningKeyFunction":
        assert answer["statusCode"] < 500
        assert '"internal"' not in answer.get("body", "")


@pytest.mark.parametrize(
    "refusal", ["MISSING_AUTHENTICATION_TOKEN", "THROTTLED", "REQUEST_TOO_LARGE", "INTEGRATION_TIMEOUT", "DEFAULT_5XX"]
)
def test_what_never_reaches_a_function_is_answered_with_a_problem(refusal: str) -> None:
    api = template("template.yaml")["Resources"]["RestApi"]["Properties"]
    answer = api["GatewayResponses"][refusal]
    document = json.loads(answer["ResponseTemplates"]["application/problem+json"])
    assert set(document) == {"type", "title", "status", "detail", "code", "request_id", "errors"}
    assert document["status"] == answer["StatusCode"]
    headers = answer["ResponseParameters"]["Headers"]
    assert {*SECURITY_HEADERS, "Cache-Control", "X-Request-Id"} <= headers.keys()
    assert ("Retry-After" in headers) == (document["status"] in (429, 503, 504))


def test_files_wait_for_a_busy_intake_instead_of_being_left() -> None:
    """Its functions run a few at a time (bulkheads), and the bytes of one file take minutes."""
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
    variables = _functions()["IntakeSettleFunction"].properties["Environment"]["Variables"]
    assert variables["DRIVE_VERSIONS_KEPT"] == {"Ref": "VersionsKept"}
