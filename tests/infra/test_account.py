"""Requirements of AWS accounts on the templates: kept and deleted resources, rights, destinations of failures."""

from __future__ import annotations

import json
import re
from functools import cache
from typing import Any

import pytest

from infra import costs, forms, generate, translated
from tests.infra.deployed import function_of, listed, socket_routes
from tests.tools import ROOT, template

COMPLETE = {
    "AlarmTopicArn": "arn:aws:sns:us-east-1:1:alarms",
    "MailSender": "chat@example.com",
    "PublicUrl": "https://chat.example.com",
    "TurnUrls": "turn:turn.example.com",
}


@cache
def deployed(environment: str, **parameters: str) -> dict[str, translated.Resource]:
    return translated.deployment({"Environment": environment, **parameters})


def of_kind(environment: str, kind: str, **parameters: str) -> dict[str, dict[str, Any]]:
    found = deployed(environment, **parameters).items()
    return {path: each.properties for path, each in found if each.kind == kind}


# --- deleting a stack -----------------------------------------------------------------------------------------

HOLDS_DATA = {"AWS::DynamoDB::Table", "AWS::S3::Bucket", "AWS::KMS::Key", "AWS::SecretsManager::Secret"}
BUILT = {"Web.Bucket"}  # built from this repository, so it can be built again


@pytest.mark.parametrize(
    ("environment", "deletion", "replacement"),
    [
        ("dev", "Delete", "Delete"),
        ("staging", "RetainExceptOnCreate", "Retain"),
        ("prod", "RetainExceptOnCreate", "Retain"),
    ],
)
def test_data_goes_with_a_stack_of_dev_and_outlives_the_others(
    environment: str, deletion: str, replacement: str
) -> None:
    holding = [each for path, each in deployed(environment).items() if each.kind in HOLDS_DATA and path not in BUILT]
    assert {each.kind for each in holding} == HOLDS_DATA
    for each in holding:
        assert each.attributes["DeletionPolicy"] == deletion, each.path
        assert each.attributes["UpdateReplacePolicy"] == replacement, each.path


def test_nothing_but_data_outlives_a_stack() -> None:
    kept = [each for each in deployed("prod").values() if "Retain" in each.attributes.get("DeletionPolicy", "")]
    assert {each.kind for each in kept} == HOLDS_DATA | {"AWS::Lambda::LayerVersion"}


def test_a_function_is_made_after_its_log_group_and_named_in_the_stack_s() -> None:
    """Otherwise Lambda would create the group at the first call, and the stack could not."""
    for path in ("realtime", "workflows", "streams", "drive", "assistant", "notifications"):
        (given,) = (
            each["Properties"]["Parameters"]["Prefix"]
            for each in template("template.yaml")["Resources"].values()
            if each["Properties"].get("Location") == f"infra/{path}.yaml"
        )
        assert given == {"Fn::GetAtt": "Observability.Outputs.Prefix"}
    variables = template("template.yaml")["Globals"]["Function"]["Environment"]["Variables"]
    assert variables["STACK_NAME"] == {"Fn::GetAtt": "Observability.Outputs.Prefix"}


LONGEST = "s" + "-abcdefg2" * 4 + "-xy"  # docs/deploy.md: 40 characters
# the longest name of each kind, by the reference of its resource; bucket names are in lower case
NAMES = {
    ("AWS::Lambda::Function", "FunctionName"): r"[\w-]{1,64}",
    ("AWS::S3::Bucket", "BucketName"): r"[a-z0-9-]{3,63}",
    ("AWS::SQS::Queue", "QueueName"): r"[\w-]{1,80}",
    ("AWS::DynamoDB::Table", "TableName"): r"[\w.-]{3,255}",
    ("AWS::Events::Rule", "Name"): r"[\w.-]{1,64}",
    ("AWS::StepFunctions::StateMachine", "StateMachineName"): r"[\w-]{1,80}",
    ("AWS::CloudFront::Function", "Name"): r"[\w-]{1,64}",
    ("AWS::ElastiCache::ServerlessCache", "ServerlessCacheName"): r"[a-z](?!.*--)[a-z0-9-]{0,39}",
    ("AWS::SES::ConfigurationSet", "Name"): r"[\w-]{1,64}",
    ("AWS::WAFv2::WebACL", "Name"): r"[\w-]{1,128}",
    ("AWS::CloudWatch::Alarm", "AlarmName"): r".{1,255}",
    ("AWS::Logs::LogGroup", "LogGroupName"): r"[\w./#-]{1,512}",
}


def test_a_stack_may_have_a_name_of_forty_characters() -> None:
    assert len(LONGEST) == 40
    given = {
        "Environment": "prod",
        "CacheMode": "serverless",
        "Firewall": "on",
        "FunctionAlarms": "on",
        "AlarmTopicArn": "x",
    }
    found = translated.deployment(given, stack=LONGEST)
    seen = set()
    for path, each in found.items():
        for (kind, name), pattern in NAMES.items():
            if each.kind == kind and LONGEST in str(each.properties.get(name)):
                assert re.fullmatch(pattern, each.properties[name]), path
                seen.add((kind, name))
    assert seen == NAMES.keys()


# --- production is complete -----------------------------------------------------------------------------------


def test_production_is_refused_without_what_it_cannot_do_without() -> None:
    assert costs.refusals({"Environment": "prod", **COMPLETE}) == []
    for missing in COMPLETE:
        given = {name: value for name, value in COMPLETE.items() if name != missing}
        assert [said for said in costs.refusals({"Environment": "prod", **given}) if missing in said], missing
    assert costs.refusals({"Environment": "prod", **COMPLETE, "ConcurrencyQuota": "10"})
    assert costs.refusals({"Environment": "dev", "ConcurrencyQuota": "10"}) == []
    assert costs.refusals({"Environment": "dev", "DefaultEndpoint": "off"})


# --- rights and failures --------------------------------------------------------------------------------------


def _may(function: str) -> set[str]:
    """The actions of a function of infra/realtime.yaml."""
    policies = of_kind("prod", "AWS::IAM::ManagedPolicy")
    role = of_kind("prod", "AWS::IAM::Role")[f"Realtime.{function}Role"]
    own = [each["PolicyDocument"] for each in role.get("Policies", [])]
    given = [policies[arn.strip("<>")]["PolicyDocument"] for arn in role["ManagedPolicyArns"] if arn.startswith("<")]
    return {action for document in own + given for each in document["Statement"] for action in listed(each["Action"])}


@pytest.mark.parametrize("key", sorted(socket_routes()))
def test_whoever_answers_a_frame_may_close_its_socket(key: str) -> None:
    """A frame may exceed the limit, or its session may have ended."""
    assert "execute-api:ManageConnections" in _may(function_of(socket_routes()[key]).name)


def test_the_authorizer_of_sockets_knows_from_which_pages_they_may_come() -> None:
    given = {"PublicUrl": "https://chat.example.com/#", "CorsOrigins": "https://chat.example.org"}
    authorizer = of_kind("prod", "AWS::Lambda::Function", **given)["Realtime.AuthorizeFunction"]
    variables = authorizer["Environment"]["Variables"]
    assert (variables["PUBLIC_URL"], variables["CORS_ORIGINS"]) == (given["PublicUrl"], given["CorsOrigins"])


def test_whatever_is_started_by_an_event_has_dead_letters_that_are_watched() -> None:
    whole = {"CanaryMinutes": "10", "FunctionAlarms": "on"}
    rules = of_kind("prod", "AWS::Events::Rule", **whole)
    assert rules
    arns = [target["DeadLetterConfig"]["Arn"] for rule in rules.values() for target in rule["Targets"]]
    configured = of_kind("prod", "AWS::Lambda::EventInvokeConfig", **whole).values()
    called = {each["FunctionName"].strip("<>"): each for each in configured}
    for target in (target["Arn"].strip("<>") for rule in rules.values() for target in rule["Targets"]):
        if target.endswith("FunctionAliaslive"):
            arns.append(called[target.removesuffix("Aliaslive")]["DestinationConfig"]["OnFailure"]["Destination"])
    assert len(arns) > len(rules)
    assert any(name.startswith("Canary") for name in called)
    queues = of_kind("prod", "AWS::SQS::Queue", **whole)
    watched = json.dumps(list(of_kind("prod", "AWS::CloudWatch::Alarm", **whole).values()))
    for arn in arns:
        name = queues[arn.strip("<>").removesuffix(".Arn")]["QueueName"]
        assert f'"{name}"' in watched
        assert name.endswith("-dead"), "the lookout counts it (test_alarms.py)"


def test_every_state_machine_is_traced_in_the_cloud() -> None:
    """Step Functions writes traces with the machine's own role ("IAM policies for AWS X-Ray"), which SAM completes only
    if `Enabled` is a plain `true` in the template, and not a condition."""
    machines = of_kind("prod", "AWS::StepFunctions::StateMachine", AiTranscriptions="transcribe")
    assert len(machines) >= 7
    roles = of_kind("prod", "AWS::IAM::Role", AiTranscriptions="transcribe")
    for path, each in machines.items():
        assert each["TracingConfiguration"] == {"Enabled": True}, path
        role = roles[each["RoleArn"].strip("<>").removesuffix(".Arn")]
        assert role["ManagedPolicyArns"] == ["arn:aws:iam::aws:policy/AWSXRayDaemonWriteAccess"], path


def test_no_trace_holds_what_people_search_for_the_token_of_a_link_or_an_address() -> None:
    """A segment of API Gateway has the whole URL and the client's address ("Understanding the trace" of its guide),
    and no setting leaves them out. Those of functions and state machines have names and ids only."""
    for code in ("on", "off"):
        for kind in ("AWS::ApiGateway::Stage", "AWS::ApiGatewayV2::Stage"):
            for stage in of_kind("prod", kind, TraceCode=code).values():
                assert not stage.get("TracingEnabled")
        modes = {
            each["TracingConfig"]["Mode"] for each in of_kind("prod", "AWS::Lambda::Function", TraceCode=code).values()
        }
        assert ("PassThrough" in modes) is (code == "off")


def test_rules_are_called_as_the_rights_on_them_say() -> None:
    """A name that CloudFormation makes is cut to 64 characters, the stack's name in it included ("Name type" of the
    CloudFormation guide), so a right on rules that begin with the stack's name would miss those of a long one.

    EventBridge sends to dead letters on behalf of a rule: "Granting permissions to the dead-letter queue" asks for a
    condition on the rule's ARN.
    """
    rules = of_kind("prod", "AWS::Events::Rule", CanaryMinutes="10")
    assert all(each["Name"].startswith("secureconnect-") for each in rules.values())
    policies = of_kind("prod", "AWS::SQS::QueuePolicy").values()
    assert len(policies) == 2
    for policy in policies:
        (statement,) = policy["PolicyDocument"]["Statement"]
        given = "arn:aws:events:us-east-1:123456789012:rule/secureconnect-*"
        assert statement["Condition"] == {"ArnLike": {"aws:SourceArn": given}}


def test_loops_of_functions_and_queues_go_on_and_nothing_else_does() -> None:
    """Lambda follows an event through the queues that functions send to, and drops it when it has come to a function
    for the seventeenth time, unless the function's RecursiveLoop is Allow ("Use Lambda recursive loop detection").

    A recheck of presence, the end of a status in months and a retried close are such chains by design.
    """
    sends = {name: _queues_sent_to(name) for name in _consumers().values()}
    reached = {name: {_consumers()[queue] for queue in sends[name] & _consumers().keys()} for name in sends}
    for _ in reached:  # the transitive closure
        reached = {name: to.union(*(reached[each] for each in to)) for name, to in reached.items()}
    looping = {name for name, to in reached.items() if name in to}
    assert looping >= {"Realtime.FanoutFunction", "Notifications.NoticesFunction"}
    functions = of_kind("prod", "AWS::Lambda::Function")
    assert looping == {path for path, each in functions.items() if each.get("RecursiveLoop") == "Allow"}


def _consumers() -> dict[str, str]:
    """The function that consumes each queue, by the queue's ARN."""
    sources = of_kind("prod", "AWS::Lambda::EventSourceMapping").values()
    return {each["EventSourceArn"]: each["FunctionName"].strip("<>").removesuffix("Aliaslive") for each in sources}


def _queues_sent_to(function: str) -> set[str]:
    policies = of_kind("prod", "AWS::IAM::ManagedPolicy")
    role = of_kind("prod", "AWS::IAM::Role")[f"{function}Role"]
    documents = [each["PolicyDocument"] for each in role.get("Policies", ())]
    documents += [policies[arn.strip("<>")]["PolicyDocument"] for arn in role["ManagedPolicyArns"] if arn[0] == "<"]
    statements = [each for document in documents for each in document["Statement"]]
    return {
        arn for each in statements if "sqs:SendMessage*" in listed(each["Action"]) for arn in listed(each["Resource"])
    }


def test_letters_go_by_a_configuration_that_suppresses_bounced_addresses() -> None:
    (settings,) = of_kind("prod", "AWS::SES::ConfigurationSet").values()
    assert settings["SuppressionOptions"] == {"SuppressedReasons": ["BOUNCE", "COMPLAINT"]}
    variables = of_kind("prod", "AWS::Lambda::Function")["MailFunction"]["Environment"]["Variables"]
    assert variables["MAIL_CONFIGURATION_SET"] == "<MailSettings>"


# --- the APIs -------------------------------------------------------------------------------------------------


def test_answers_of_the_rest_api_are_compressed() -> None:
    (api,) = of_kind("prod", "AWS::ApiGateway::RestApi").values()
    assert 0 < api["MinimumCompressionSize"] <= 4096


def test_the_rest_api_is_deployed_anew_if_only_a_parameter_is_another() -> None:
    """An API's stage serves the deployment that was made last. SAM makes one when the text of the API's body changes
    (`make_auto_deployable` of its translator), in which a parameter is a name: another value of CorsOrigins would be
    in the API and not in its stage."""
    form = forms.of({"Environment": "prod"}, build="1")
    api = forms.formed(generate.read(ROOT / "template.yaml"), form)["Resources"]["RestApi"]
    assert api["Properties"]["AlwaysDeploy"] is True
    local = forms.formed(generate.read(ROOT / "template.yaml"), forms.of({"Environment": "local"}))
    assert "AlwaysDeploy" not in local["Resources"]["RestApi"]["Properties"]
    (stage,) = of_kind("prod", "AWS::ApiGateway::Stage").values()
    (deployment,) = of_kind("prod", "AWS::ApiGateway::Deployment")
    assert stage["DeploymentId"] == f"<{deployment}>"


def test_a_preflight_names_the_origin_if_there_is_one() -> None:
    """A header's fixed value is a text in single quotes ("API Gateway mapping template and access logging variable
    reference"); whether API Gateway takes an empty one is not said."""
    (api,) = of_kind("prod", "AWS::ApiGateway::RestApi").values()
    assert "\"''\"" not in json.dumps(api)
    (api,) = of_kind("prod", "AWS::ApiGateway::RestApi", CorsOrigins="https://chat.example.com").values()
    answers = api["Body"]["paths"]["/auth/login"]["options"]["x-amazon-apigateway-integration"]["responses"]["default"]
    named = answers["responseParameters"]["method.response.header.Access-Control-Allow-Origin"]
    assert named == "'https://chat.example.com'"


def test_access_logs_are_there_when_asked_for_and_know_no_addresses() -> None:
    (rest,) = of_kind("dev", "AWS::ApiGateway::Stage", AccessLogs="on").values()
    (socket,) = of_kind("dev", "AWS::ApiGatewayV2::Stage", AccessLogs="on").values()
    for setting in (rest["AccessLogSetting"], socket["AccessLogSettings"]):
        assert {"request_id", "route", "status", "latency_ms"} <= json.loads(setting["Format"]).keys()
        assert not re.search(r"sourceIp|userAgent|querystring|authorizer|identity|\.path\b", setting["Format"])
    for stage in of_kind("dev", "AWS::ApiGateway::Stage").values():
        assert "AccessLogSetting" not in stage


def test_no_code_knows_how_addresses_of_aws_end() -> None:
    code = [*(ROOT / "functions").rglob("*.py"), *(ROOT / "layers/shared").rglob("*.py")]
    assert [path for path in code if "amazonaws" in path.read_text()] == []
