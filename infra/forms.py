"""What parameters change in templates, before SAM's transform: `python -m infra.forms BUILD [NAME=VALUE …]`.

SAM decides some things by what stands in a template, whatever CloudFormation's conditions say: a function with a
VpcConfig gets the right to make network interfaces, even if the VpcConfig is AWS::NoValue, and one with an
AutoPublishAlias has an alias everywhere. So they are put into the templates of a finished `sam build`, for the
deployments that ask for them, and into no others.
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
UNHEARD = {"dev", "staging"}  # where nobody has to hear of alarms
ALIAS = "live"
CANARY = "Canary10Percent5Minutes"
# What takes a version back. CodeDeploy sees no composite alarms and ten others at most, and burn rates stand in for
# the two of the API where they are on: https://docs.aws.amazon.com/codedeploy/latest/userguide/monitoring-create-alarms.html
ALARMS, WITHOUT_BURN_RATES = ("Errors", "Breakers"), ("ApiServerErrors", "ApiLatency")

ON_ALARMS = ("FunctionAlarms", "SloAlarms", "Dashboard")  # who asks for one of these looks at alarms

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Form:
    """What a deployment asks of the templates.

    `network`: its functions are in the VPC of infra/network.yaml. `alias`: they are called by an alias that leads to
    one version, and nobody calls what is being put together. `alarms`: these take a version back while a tenth of the
    calls go to it; none has it get all calls at once. `build`: changes with the code and with every parameter.
    `snapshots`: versions of functions that answer people start from snapshots. `closed`: the REST API has no address
    but its own domain. `silent`: there are no alarms but those that take a version back, as they would tell nobody.
    """

    network: bool = False
    snapshots: bool = False
    closed: bool = False
    silent: bool = False
    alias: bool = False
    alarms: tuple[str, ...] = ()
    build: str = ""


def of(parameters: Mapping[str, str], root: Path = generate.ROOT, *, build: str = "") -> Form:
    """The form that a deployment with these parameters has."""
    declared = generate.read(root / "template.yaml")["Parameters"]
    given = {name: each.get("Default") for name, each in declared.items()} | dict(parameters)
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
    """The alarms of infra/slos.toml over the shortest window, which tell within minutes."""
    asked = tomllib.loads(generate.OBJECTIVES.read_text())
    window = asked["windows"][0]["short"]["name"]
    return tuple(f"{name}Burns{window}" for name in asked["objectives"])


def formed(template: Json, form: Form) -> Json:
    """A template in a form; itself, where the form asks nothing of it."""
    alarms = {
        name for name, each in template["Resources"].items() if each["Type"] in (generate.ALARM, generate.COMPOSITE)
    }
    if form.silent and alarms:
        kept = {name: each for name, each in template["Resources"].items() if name not in alarms - set(form.alarms)}
        return {**template, "Resources": kept}
    if form.alias and (edge_key := template["Resources"].get("EdgeKey")):
        # one that was rotated meanwhile is asked for
        key = {**edge_key, "Properties": {**edge_key["Properties"], "Build": form.build}}
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
    if form.snapshots:
        for name in functions:
            _start_from_snapshot(changed["Resources"][name]["Properties"])
    return changed


def _publish(template: Json, form: Form) -> None:
    """Have each deployment make a version of each function, to which its alias is led.

    Lambda makes no version of what has not changed, and SAM asks for one where a variable has: so all have one that
    changes with everything. Versions that nothing leads to are deleted.
    """
    function = template["Globals"]["Function"]
    function |= {"AutoPublishAlias": ALIAS, "VersionDeletionPolicy": "Delete"}
    function["Environment"]["Variables"]["BUILD"] = form.build
    if form.alarms:
        prefix = "Prefix" if "Prefix" in template["Parameters"] else "AWS::StackName"
        alarms = [{"Fn::Sub": f"${{{prefix}}}-{name}"} for name in form.alarms]
        function["DeploymentPreference"] = {"Type": CANARY, "PassthroughCondition": True, "Alarms": alarms}


def _start_from_snapshot(function: Json) -> None:
    """Have versions of a function start from a snapshot, if people wait for it.

    SnapStart is for published versions, and not together with provisioned concurrency, EFS or more than 512 MB of
    /tmp: https://docs.aws.amazon.com/lambda/latest/dg/snapstart.html
    """
    events = {event["Type"] for event in function.get("Events", {}).values()}
    if "Api" in events or ".actions." in function["Handler"]:
        function["SnapStart"] = {"ApplyOn": "PublishedVersions"}


def _by_alias(value: Any, functions: set[str]) -> Any:
    """A part of a template in which whoever names a function's ARN names its alias.

    SAM does that for events. A custom resource keeps its function, as CloudFormation lets nobody change it.
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
    """Put the functions of a template and of those that it nests into the network, which the root template makes."""
    if network := template["Resources"].get("Network"):
        network.pop("Condition")  # it is there now
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
    """The parameters of the nested templates with functions: those that are given the functions' layers."""
    nested = (each["Properties"] for each in template["Resources"].values() if each["Type"] == generate.NESTED)
    return [each["Parameters"] for each in nested if "RuntimeLayerArn" in each.get("Parameters", {})]


def write(build: Path, form: Form) -> list[Path]:
    """Bring the templates of a finished `sam build` into a form. Returns those that it changed."""
    written = []
    for path in sorted(build.rglob("template.yaml")):
        template = yaml_parse(path.read_text())
        if "Resources" in template and (changed := formed(template, form)) is not template:
            path.write_text(yaml_dump(changed))
            written.append(path)
    return written


def fingerprint(build: Path, words: Iterable[str]) -> str:
    """Changes with every file of a finished `sam build` and with every parameter."""
    digest = hashlib.sha256("\n".join(sorted(words)).encode())
    for path in sorted(path for path in build.rglob("*") if path.is_file()):
        digest.update(str(path.relative_to(build)).encode())
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()[:12]


def main() -> int:
    build, words = Path(sys.argv[1]), sys.argv[2:]
    form = of(dict(word.split("=", 1) for word in words), build=fingerprint(build, words))
    written = write(build, form)
    how = f"to a tenth of the calls first, watched by {', '.join(form.alarms)}" if form.alarms else "at once"
    print(f"{len(written)} templates in the form of this deployment: version {form.build} goes out {how}.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
