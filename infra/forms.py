"""Changes to templates that depend on parameters, before SAM's transform: `python -m infra.forms BUILD [NAME=VALUE …]`.

SAM decides some things by the text of a template, whatever CloudFormation's conditions say: a function with a VpcConfig
gets the right to create network interfaces, even if the VpcConfig is AWS::NoValue, and a function with an
AutoPublishAlias has an alias in every deployment. Therefore this program writes such properties into the templates of a
finished `sam build`, only for deployments that ask for them.
"""

from __future__ import annotations

import copy
import hashlib
import sys
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from samcli.yamlhelper import yaml_dump, yaml_parse

from infra import generate

LOCAL, CAREFUL = {"local", "localstack"}, {"staging", "prod"}  # environments
UNHEARD = {"dev", "staging"}  # environments that may run without a receiver of alarms
ALIAS = "live"
CANARY = "Canary10Percent5Minutes"
# The alarms that roll a version back. CodeDeploy takes no composite alarms and at most ten others; if burn rates are
# on, they replace the two of the API:
# https://docs.aws.amazon.com/codedeploy/latest/userguide/monitoring-create-alarms.html
ALARMS, WITHOUT_BURN_RATES = ("Errors", "Breakers"), ("ApiServerErrors", "ApiLatency")

ON_ALARMS = ("FunctionAlarms", "SloAlarms", "Dashboard")  # a deployment with one of these uses its alarms

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Form:
    """The properties that a deployment requires of its templates.

    `network`: functions are in the VPC of infra/network.yaml. `alias`: functions are called by an alias of one version,
    so nobody calls a version before it is complete. `alarms`: these roll a version back while it gets a tenth of the
    calls; without any, it gets all calls at once. `build` changes with the code and with every parameter. `snapshots`:
    versions of functions that answer people start from snapshots. `closed`: the REST API has no address but its own
    domain. `silent`: only alarms that roll a version back are deployed, because others would notify nobody.
    """

    network: bool = False
    snapshots: bool = False
    closed: bool = False
    silent: bool = False
    alias: bool = False
    alarms: tuple[str, ...] = ()
    build: str = ""


def complete(parameters: Mapping[str, str], root: Path = generate.ROOT) -> dict[str, Any]:
    """These parameters, and the template's defaults for all others."""
    declared = generate.read(root / "template.yaml")["Parameters"]
    return {name: each.get("Default") for name, each in declared.items()} | dict(parameters)


def of(parameters: Mapping[str, str], root: Path = generate.ROOT, *, build: str = "") -> Form:
    """The form of a deployment with these parameters."""
    given = complete(parameters, root)
    environment = given["Environment"]
    slowly = environment in CAREFUL and given["Rollout"] == "canary"
    watched = _burn_rates() if given["SloAlarms"] == "on" else WITHOUT_BURN_RATES
    if str(given["CanaryMinutes"]) != "0":
        watched += ("CanaryFailed",)
    return Form(
        network=given["CacheMode"] == "serverless",
        snapshots=environment not in LOCAL and given["SnapStart"] == "interactive",
        closed=given["DefaultEndpoint"] == "off",
        silent=environment in UNHEARD
        and not given["AlarmTopicArn"]
        and all(given[name] == "off" for name in ON_ALARMS),
        alias=environment not in LOCAL,
        alarms=(*ALARMS, *watched) if slowly else (),
        build=build,
    )


def _burn_rates() -> tuple[str, ...]:
    """The alarms of infra/slos.toml over the shortest window, which fire within minutes."""
    asked = tomllib.loads(generate.OBJECTIVES.read_text())
    window = asked["windows"][0]["short"]["name"]
    return tuple(f"{name}Burns{window}" for name in asked["objectives"])


def formed(template: Json, form: Form) -> Json:
    """A template in a form; the same object if the form requires no change."""
    alarms = {
        name for name, each in template["Resources"].items() if each["Type"] in (generate.ALARM, generate.COMPOSITE)
    }
    if form.silent and alarms:
        kept = {name: each for name, each in template["Resources"].items() if name not in alarms - set(form.alarms)}
        return {**template, "Resources": kept}
    if form.alias and (edge_key := template["Resources"].get("EdgeKey")):
        key = _made_again(edge_key, form)  # in case it was rotated since
        return {**template, "Resources": {**template["Resources"], "EdgeKey": key}}
    functions = {name for name, each in template["Resources"].items() if each["Type"] == generate.FUNCTION}
    if not functions or not (form.network or form.alias or form.closed):
        return template
    changed = copy.deepcopy(template)
    if form.network:
        _enter_network(changed)
    if form.closed and "RestApi" in changed["Resources"]:
        changed["Resources"]["RestApi"]["Properties"]["DisableExecuteApiEndpoint"] = True
    if form.alias:
        changed["Resources"] = _by_alias(changed["Resources"], functions)
        _publish(changed, form)
        if api := changed["Resources"].get("RestApi"):
            api["Properties"]["AlwaysDeploy"] = True  # SAM compares texts with parameters' names, not their values
    if form.snapshots:
        for name in functions:
            _start_from_snapshot(changed["Resources"][name]["Properties"])
    return changed


def _made_again(custom: Json, form: Form) -> Json:
    """A custom resource whose function each deployment calls, as CloudFormation calls none that stays the same."""
    return {**custom, "Properties": {**custom["Properties"], "Build": form.build}}


def _publish(template: Json, form: Form) -> None:
    """Have each deployment make a version of each function, to which the function's alias is moved.

    Lambda makes no version of an unchanged function, and SAM asks for one only where the code or a variable changed: so
    all functions have a variable that changes with everything. Versions that no alias points to are deleted.
    """
    function = template["Globals"]["Function"]
    function |= {"AutoPublishAlias": ALIAS, "VersionDeletionPolicy": "Delete"}
    function["Environment"]["Variables"]["BUILD"] = form.build
    if keyrings := template["Resources"].get("Keyrings"):
        template["Resources"]["Keyrings"] = _made_again(keyrings, form)  # in case one is missing
    if form.alarms:
        prefix = "Prefix" if "Prefix" in template["Parameters"] else "AWS::StackName"
        alarms = [{"Fn::Sub": f"${{{prefix}}}-{name}"} for name in form.alarms]
        function["DeploymentPreference"] = {"Type": CANARY, "PassthroughCondition": True, "Alarms": alarms}


def _start_from_snapshot(function: Json) -> None:
    """Have versions of a function start from a snapshot, if the function answers people.

    SnapStart needs published versions and excludes provisioned concurrency, EFS and more than 512 MB of
    /tmp: https://docs.aws.amazon.com/lambda/latest/dg/snapstart.html
    """
    events = {event["Type"] for event in function.get("Events", {}).values()}
    if "Api" in events or ".actions." in function["Handler"]:
        function["SnapStart"] = {"ApplyOn": "PublishedVersions"}


def _by_alias(value: Any, functions: set[str]) -> Any:
    """A part of a template with every reference to a function's ARN replaced by the ARN of its alias.

    SAM does so for events. A custom resource keeps the function's ARN, because CloudFormation does not let it change.
    """
    if isinstance(value, list):
        return [_by_alias(each, functions) for each in value]
    if not isinstance(value, dict) or str(value.get("Type")).startswith("Custom::"):
        return value
    if target := value.get("Fn::GetAtt"):
        name, _, attribute = (target if isinstance(target, str) else ".".join(target)).partition(".")
        return {"Ref": f"{name}.Alias"} if attribute == "Arn" and name in functions else value
    return {key: _by_alias(each, functions) for key, each in value.items()}


def _enter_network(template: Json) -> None:
    """Put the functions of a template, and of those nested in it, into the network, which the root template creates."""
    if network := template["Resources"].get("Network"):
        network.pop("Condition")  # this deployment has a network
        subnets = {"Fn::GetAtt": ["Network", "Outputs.Subnets"]}
        group = {"Fn::GetAtt": ["Network", "Outputs.FunctionGroup"]}
        place: Json = {"SubnetIds": {"Fn::Split": [",", subnets]}, "SecurityGroupIds": [group]}
        for parameters in _parameters_of_nested(template):
            parameters |= {"FunctionSubnets": subnets, "FunctionGroup": group}
    else:
        place = {"SubnetIds": {"Ref": "FunctionSubnets"}, "SecurityGroupIds": [{"Ref": "FunctionGroup"}]}
        template["Parameters"] |= {
            "FunctionSubnets": {"Type": "CommaDelimitedList"},
            "FunctionGroup": {"Type": "String"},
        }
    template["Globals"]["Function"]["VpcConfig"] = place


def _parameters_of_nested(template: Json) -> list[Json]:
    """The parameters of the nested templates with functions, recognised by the parameter for the functions' layers."""
    nested = (each["Properties"] for each in template["Resources"].values() if each["Type"] == generate.NESTED)
    return [each["Parameters"] for each in nested if "RuntimeLayerArn" in each.get("Parameters", {})]


def write(build: Path, form: Form) -> list[Path]:
    """Write the form into the templates of a finished `sam build`. Returns the changed ones."""
    written = []
    for path in sorted(build.rglob("template.yaml")):
        template = yaml_parse(path.read_text())
        if "Resources" in template and (changed := formed(template, form)) is not template:
            path.write_text(yaml_dump(changed))
            written.append(path)
    return written


def fingerprint(build: Path, words: Iterable[str]) -> str:
    """A hash of every file of a finished `sam build` and of every parameter."""
    digest = hashlib.sha256("\n".join(sorted(words)).encode())
    for path in sorted(path for path in build.rglob("*") if path.is_file()):
        digest.update(str(path.relative_to(build)).encode())
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()[:12]


def main() -> int:
    build, given = Path(sys.argv[1]), complete(dict(word.split("=", 1) for word in sys.argv[2:]))
    form = of(given, build=fingerprint(build, (f"{name}={value}" for name, value in given.items())))
    written = write(build, form)
    how = f"to a tenth of the calls first, watched by {', '.join(form.alarms)}" if form.alarms else "at once"
    print(f"{len(written)} templates in the form of this deployment: version {form.build} goes out {how}.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
