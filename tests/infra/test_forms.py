"""Changes to the deployed templates by parameters: an optional network, versions and their alias, snapshots."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from infra import costs, forms, generate, translated
from kernel import origin
from perf.template import functions as all_functions
from tests.tools import ROOT

NETWORK = {"Environment": "prod", "CacheMode": "serverless"}


@cache
def _deployed(parameters: frozenset[tuple[str, str]]) -> dict[str, translated.Resource]:
    return translated.deployment({"Environment": "prod", **dict(parameters)})


def deployed(**parameters: str) -> dict[str, translated.Resource]:
    return _deployed(frozenset(parameters.items()))


def of_kind(kind: str, **parameters: str) -> dict[str, dict[str, Any]]:
    return {path: each.properties for path, each in deployed(**parameters).items() if each.kind == kind}


def rights_to_networks(**parameters: str) -> list[str]:
    roles = of_kind("AWS::IAM::Role", **parameters)
    return [path for path, role in roles.items() if "VPCAccess" in json.dumps(role.get("ManagedPolicyArns", []))]


# --- without a network ----------------------------------------------------------------------------------------


def test_without_a_network_templates_are_deployed_as_they_are_written() -> None:
    for path, template in generate.templates().items():
        assert forms.formed(template, forms.of({"Environment": "local", "CacheMode": "url"})) is template, path


@pytest.mark.parametrize("mode", ["none", "url"])
def test_without_a_network_no_function_may_touch_one(mode: str) -> None:
    assert not any("VpcConfig" in each for each in of_kind("AWS::Lambda::Function", CacheMode=mode).values())
    assert rights_to_networks(CacheMode=mode) == []
    assert not any(each.kind.startswith("AWS::EC2::") for each in deployed(CacheMode=mode).values())


# --- with one -------------------------------------------------------------------------------------------------


def test_every_function_is_in_the_network_and_knows_the_cache() -> None:
    functions = of_kind("AWS::Lambda::Function", CacheMode="serverless")
    assert len(functions) == len(of_kind("AWS::Lambda::Function"))
    for path, each in functions.items():
        subnets, groups = each["VpcConfig"]["SubnetIds"], each["VpcConfig"]["SecurityGroupIds"]
        assert subnets == ["<Network.PrivateSubnetA>", "<Network.PrivateSubnetB>"], path
        assert groups == ["<Network.FunctionGroup>"], path
        address = each["Environment"]["Variables"]["REDIS_URL"]
        assert address == "rediss://<Network.Cache.Endpoint.Address>:<Network.Cache.Endpoint.Port>", path
    assert len(rights_to_networks(CacheMode="serverless")) == len(functions)


def test_the_cache_is_reached_by_functions_only_and_functions_by_nobody() -> None:
    groups = of_kind("AWS::EC2::SecurityGroup", CacheMode="serverless")
    assert not any("SecurityGroupIngress" in each for each in groups.values())
    (entry,) = of_kind("AWS::EC2::SecurityGroupIngress", CacheMode="serverless").values()
    assert entry["GroupId"] == "<Network.CacheGroup>"
    assert entry["SourceSecurityGroupId"] == "<Network.FunctionGroup>"
    assert entry["FromPort"] == entry["ToPort"] == 6379
    (cache_,) = of_kind("AWS::ElastiCache::ServerlessCache", CacheMode="serverless").values()
    assert cache_["SecurityGroupIds"] == ["<Network.CacheGroup>"]


@pytest.mark.parametrize("gateways", ["1", "2"])
def test_a_private_subnet_leads_to_tables_and_buckets_for_nothing_and_out_by_nat(gateways: str) -> None:
    given = {"CacheMode": "serverless", "NatGateways": gateways}
    tables = {
        each["SubnetId"]: each["RouteTableId"]
        for each in of_kind("AWS::EC2::SubnetRouteTableAssociation", **given).values()
    }
    endpoints = of_kind("AWS::EC2::VPCEndpoint", **given).values()
    assert {each["ServiceName"].rpartition(".")[2] for each in endpoints} == {"dynamodb", "s3"}
    ways_out = set()
    for subnet in ("<Network.PrivateSubnetA>", "<Network.PrivateSubnetB>"):
        assert all(tables[subnet] in each["RouteTableIds"] for each in endpoints)
        routes = of_kind("AWS::EC2::Route", **given).values()
        (route,) = (each for each in routes if each["RouteTableId"] == tables[subnet])
        assert (route["DestinationCidrBlock"], "GatewayId" in route) == ("0.0.0.0/0", False)
        ways_out.add(route["NatGatewayId"])
    assert ways_out == {f"<{path}>" for path in of_kind("AWS::EC2::NatGateway", **given)}
    assert len(ways_out) == int(gateways)


def test_what_the_network_and_the_cache_cost_is_on_the_bill() -> None:
    without = costs.total(costs.monthly(deployed().values()))
    one = costs.total(costs.monthly(deployed(CacheMode="serverless").values())) - without
    two = costs.total(costs.monthly(deployed(CacheMode="serverless", NatGateways="2").values())) - without
    assert (round(one, 2), round(two - one, 2)) == (42.63, 36.50)


# --- CloudFront's key ---------------------------------------------------------------------------------------------


def test_cloudfront_shows_its_key_to_the_rest_api_alone_and_each_deployment_asks_for_it() -> None:
    (distribution,) = of_kind("AWS::CloudFront::Distribution").values()
    shown = {each["Id"]: each.get("OriginCustomHeaders") for each in distribution["DistributionConfig"]["Origins"]}
    (key,) = shown.pop("api")
    assert key["HeaderName"].lower() == origin.EDGE_KEY
    assert not origin.EDGE_KEY.startswith(("x-edge-", "x-amz-"))  # "Custom headers that CloudFront can't add"
    assert key["HeaderValue"].endswith("EdgeKey.Key>")
    assert set(shown.values()) == {None}
    web = generate.read(generate.ROOT / "infra/web.yaml")
    asked = [forms.formed(web, forms.Form(alias=True, build=build))["Resources"]["EdgeKey"] for build in ("1", "2")]
    assert [each["Properties"]["Build"] for each in asked] == ["1", "2"]
    assert forms.formed(web, forms.Form()) == web


def test_each_deployment_makes_the_rings_that_are_missing() -> None:
    """As docs/runbooks/keys.md promises; CloudFormation does not call a custom resource that stays the same."""
    workflows = generate.read(generate.ROOT / "infra/workflows.yaml")
    asked = [forms.formed(workflows, forms.Form(alias=True, build=build))["Resources"]["Keyrings"] for build in "12"]
    assert [each["Properties"]["Build"] for each in asked] == ["1", "2"]
    assert "Build" not in workflows["Resources"]["Keyrings"]["Properties"]


# --- versions and their alias ---------------------------------------------------------------------------------

# resource types that belong to a function itself, and those that CloudFormation cannot change
OF_THE_FUNCTION = {
    *("AWS::Lambda::Version", "AWS::Lambda::Alias", "AWS::Lambda::EventInvokeConfig"),
    *("Custom::Keyrings", "Custom::EdgeKey"),
}


@pytest.mark.parametrize("environment", ["dev", "prod"])
def test_whoever_calls_a_function_calls_its_live_version(environment: str) -> None:
    """APIs, sockets, queues, streams, schedules and state machines, and the rights of each."""
    functions = of_kind("AWS::Lambda::Function", Environment=environment)
    assert {f"{path}Aliaslive" for path in functions} == set(of_kind("AWS::Lambda::Alias", Environment=environment))
    calling = set()
    for each in deployed(Environment=environment).values():
        named = set(re.findall(r"<([\w.]+?Function)(Aliaslive|\.Arn)?>", json.dumps(each.properties)))
        if each.kind not in OF_THE_FUNCTION:
            assert {how for name, how in named if name in functions} <= {"Aliaslive"}, each.path
            calling |= {each.kind} if named else set()
    assert calling >= {
        *("AWS::ApiGateway::RestApi", "AWS::ApiGatewayV2::Integration", "AWS::ApiGatewayV2::Authorizer"),
        *("AWS::Events::Rule", "AWS::Lambda::EventSourceMapping", "AWS::StepFunctions::StateMachine"),
        *("AWS::Lambda::Permission", "AWS::IAM::Role"),
    }
    asynchronous = of_kind("AWS::Lambda::EventInvokeConfig", Environment=environment).values()
    assert {each["Qualifier"] for each in asynchronous} == {"live"}


def test_concurrency_is_reserved_by_functions_not_by_versions() -> None:
    assert any("ReservedConcurrentExecutions" in each for each in of_kind("AWS::Lambda::Function").values())
    for each in of_kind("AWS::Lambda::Alias").values():
        assert "ProvisionedConcurrencyConfig" not in each


@pytest.mark.parametrize("environment", ["staging", "prod"])
@pytest.mark.parametrize("slo_alarms", ["off", "on"])
def test_a_tenth_of_the_calls_goes_to_a_new_version_first_and_alarms_that_exist_take_it_back(
    environment: str, slo_alarms: str
) -> None:
    given = {"Environment": environment, "SloAlarms": slo_alarms}
    existing = {each["AlarmName"] for each in of_kind("AWS::CloudWatch::Alarm", **given).values()}
    groups = of_kind("AWS::CodeDeploy::DeploymentGroup", **given)
    assert len(groups) == len(of_kind("AWS::Lambda::Function", **given))
    for path, each in groups.items():
        assert each["DeploymentConfigName"] == "CodeDeployDefault.LambdaCanary10Percent5Minutes", path
        assert "DEPLOYMENT_STOP_ON_ALARM" in each["AutoRollbackConfiguration"]["Events"], path
        watched = {alarm["Name"] for alarm in each["AlarmConfiguration"]["Alarms"]}
        assert 2 < len(watched) <= 10, path
        assert watched <= existing, path
    for path, resource in deployed(**given).items():
        if resource.kind == "AWS::Lambda::Alias":
            assert resource.attributes["UpdatePolicy"]["CodeDeployLambdaAliasUpdate"], path


@pytest.mark.parametrize("given", [{"Environment": "dev"}, {"Environment": "prod", "Rollout": "at-once"}])
def test_a_new_version_can_get_all_calls_at_once(given: dict[str, str]) -> None:
    assert of_kind("AWS::Lambda::Alias", **given)
    assert not any(each.kind.startswith("AWS::CodeDeploy::") for each in deployed(**given).values())


def test_each_build_makes_a_version_of_each_function_which_differs_from_the_last_one() -> None:
    def versions(build: str) -> set[str]:
        form = forms.of({"Environment": "dev"}, build=build)
        resources = translated.translated(ROOT / "infra/streams.yaml", form)["Resources"]
        return {name for name, each in resources.items() if each["Type"] == "AWS::Lambda::Version"}

    assert versions("one") == versions("one")
    assert len(versions("one")) == len(versions("two"))
    assert not versions("one") & versions("two")


def test_a_build_is_another_one_for_each_file_and_each_parameter(tmp_path: Path) -> None:
    code = tmp_path / "SendFunction/app.py"
    code.parent.mkdir()
    code.write_text("1")
    first = forms.fingerprint(tmp_path, ["LogLevel=INFO", "Environment=prod"])
    assert forms.fingerprint(tmp_path, ["Environment=prod", "LogLevel=INFO"]) == first
    assert forms.fingerprint(tmp_path, ["Environment=prod", "LogLevel=DEBUG"]) != first
    code.write_text("2")
    assert forms.fingerprint(tmp_path, ["LogLevel=INFO", "Environment=prod"]) != first


def test_the_largest_form_keeps_within_a_stack_s_limits() -> None:
    """https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html"""
    form = forms.of({**NETWORK, "SloAlarms": "on"}, build="0123456789ab")
    for path in (*generate.templates(), "infra/observability.yaml"):
        template = translated.translated(ROOT / path, form)
        assert len(template["Resources"]) <= 500, path
        assert len(json.dumps(template)) < 1_000_000, path
        assert len(template.get("Parameters", {})) <= 200, path
        assert len(template.get("Outputs", {})) <= 200, path


# --- starts from snapshots ------------------------------------------------------------------------------------

SNAPSHOTS = {"ApplyOn": "PublishedVersions"}


def test_functions_that_answer_people_start_from_snapshots_if_it_is_asked_for() -> None:
    functions = of_kind("AWS::Lambda::Function", SnapStart="interactive")
    chosen = {path.rpartition(".")[2] for path, each in functions.items() if each.get("SnapStart") == SNAPSHOTS}
    assert chosen == {each.id for each in all_functions().values() if each.answers_people}
    assert not any("SnapStart" in each for each in of_kind("AWS::Lambda::Function").values())
    local = translated.deployment({"Environment": "local", "SnapStart": "interactive"})
    assert not any("SnapStart" in each.properties for each in local.values()), "nothing is published there"


def test_nothing_stands_beside_snapshots_that_lambda_does_not_take_with_them() -> None:
    """https://docs.aws.amazon.com/lambda/latest/dg/snapstart.html, "Supported features and limitations"."""
    deployment = deployed(SnapStart="interactive", Architecture="arm64", CacheMode="serverless")
    functions = {
        path: each.properties
        for path, each in deployment.items()
        if each.kind == "AWS::Lambda::Function" and each.properties.get("SnapStart") == SNAPSHOTS
    }
    assert functions
    for path, function in functions.items():
        assert "FileSystemConfigs" not in function, path
        assert function.get("EphemeralStorage", {}).get("Size", 512) <= 512, path
        assert int(function["Runtime"].removeprefix("python3.")) >= 12, path
        assert function["Architectures"] == ["arm64"], path
        assert "PackageType" not in function or function["PackageType"] == "Zip", path
    aliases = [each.properties for each in deployment.values() if each.kind == "AWS::Lambda::Alias"]
    assert len(aliases) >= len(functions)
    assert not any("ProvisionedConcurrencyConfig" in each for each in aliases)


# --- the edge of the APIs -------------------------------------------------------------------------------------

DOMAIN = {"DomainName": "api.example.com", "HostedZoneId": "Z1"}


def test_a_firewall_is_before_the_rest_api_if_it_is_asked_for_and_on_the_bill() -> None:
    assert of_kind("AWS::WAFv2::WebACL") == {}
    (wall,) = of_kind("AWS::WAFv2::WebACL", Firewall="on").values()
    (joined,) = of_kind("AWS::WAFv2::WebACLAssociation", Firewall="on").values()
    assert joined["ResourceArn"] == "arn:aws:apigateway:us-east-1::/restapis/<RestApi>/stages/<RestApiv1Stage>"
    assert wall["Scope"] == "REGIONAL"
    more = costs.total(costs.monthly(deployed(Firewall="on").values())) - costs.total(
        costs.monthly(deployed().values())
    )
    assert more == pytest.approx(8.0)


def test_records_lead_to_the_apis_and_the_web_client() -> None:
    assert of_kind("AWS::Route53::RecordSetGroup", DomainName="api.example.com") == {}
    groups = of_kind("AWS::Route53::RecordSetGroup", WebDomainName="chat.example.com", **DOMAIN)
    records = {
        (each["Name"], each["Type"]): each["AliasTarget"] for group in groups.values() for each in group["RecordSets"]
    }
    assert records["api.example.com", "A"]["DNSName"] == "<RestDomain.RegionalDomainName>"
    assert records["ws.api.example.com", "A"]["DNSName"] == "<SocketDomain.RegionalDomainName>"
    assert records["chat.example.com", "AAAA"] == records["chat.example.com", "A"]
    assert records["chat.example.com", "A"]["DNSName"] == "<Web.Distribution.DomainName>"


def test_the_default_address_can_be_closed_and_then_all_go_by_the_domain() -> None:
    assert "disableExecuteApiEndpoint" not in json.dumps(of_kind("AWS::ApiGateway::RestApi"))
    (api,) = of_kind("AWS::ApiGateway::RestApi", DefaultEndpoint="off", **DOMAIN).values()
    assert '"disableExecuteApiEndpoint": true' in json.dumps(api)
    (web,) = of_kind("AWS::CloudFront::Distribution", DefaultEndpoint="off", **DOMAIN).values()
    origins = {each["Id"]: each["DomainName"] for each in web["DistributionConfig"]["Origins"]}
    assert origins["api"] == "api.example.com"
    mappings = of_kind("AWS::ApiGateway::BasePathMapping", DefaultEndpoint="off", **DOMAIN).values()
    assert {each.get("BasePath") for each in mappings} == {None, "v1"}


# --- writing the form into a build ----------------------------------------------------------------------------


def test_a_build_is_brought_into_its_form(tmp_path: Path) -> None:
    """A build has each nested template in a folder of its name."""
    for path in generate.templates():
        folder = tmp_path if path == "template.yaml" else tmp_path / Path(path).stem.capitalize()
        folder.mkdir(exist_ok=True)
        (folder / "template.yaml").write_text((ROOT / path).read_text())
    written = forms.write(tmp_path, forms.of(NETWORK))
    with_functions = [path for path in generate.templates() if "Globals" in generate.read(ROOT / path)]
    changed = [template for built in written if "Globals" in (template := generate.read(built))]
    assert (len(changed), len(written) - len(changed)) == (len(with_functions), 1)  # the one is CloudFront's key
    for each in changed:
        assert "VpcConfig" in each["Globals"]["Function"]
    assert forms.write(tmp_path, forms.of({"Environment": "local"})) == []


def test_formed_templates_pass_the_linter(tmp_path: Path) -> None:
    for each in ("functions", "layers", "statemachines"):
        (tmp_path / each).symlink_to(ROOT / each)
    (tmp_path / "infra").mkdir()
    for path, template in generate.templates().items():
        (tmp_path / path).write_text(yaml.safe_dump(forms.formed(template, forms.of(NETWORK)), sort_keys=False))
    (tmp_path / "infra/observability.yaml").write_text(yaml.safe_dump(generate.observability()))
    paths = [str(tmp_path / path) for path, each in generate.templates().items() if "Globals" in each]
    program = (
        "from cfnlint.runner import main; from infra.local.speed import requests; "
        "requests.translate_without_copies(); main()"
    )
    # without credentials, because with some SAM's transform would read its policies from AWS
    done = subprocess.run(
        [sys.executable, "-c", program, *paths],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        cwd=ROOT,
        env={},
    )
    assert done.returncode == 0, done.stdout
