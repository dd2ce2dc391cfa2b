"""What parameters change in templates, before SAM's transform: `python -m infra.forms BUILD [NAME=VALUE …]`.

SAM decides some things by what stands in a template, whatever CloudFormation's conditions say: a function with a
VpcConfig gets the right to make network interfaces, even if the VpcConfig is AWS::NoValue. So they are put into the
templates of a finished `sam build`, for the deployments that ask for them, and into no others.
"""

from __future__ import annotations

import copy
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from samcli.yamlhelper import yaml_dump, yaml_parse

from infra import generate

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Form:
    """What a deployment asks of the templates: `network` has its functions in the VPC of infra/network.yaml."""

    network: bool = False


def of(parameters: Mapping[str, str], root: Path = generate.ROOT) -> Form:
    """The form that a deployment with these parameters has."""
    declared = generate.read(root / "template.yaml")["Parameters"]
    given = {name: each.get("Default") for name, each in declared.items()} | dict(parameters)
    return Form(network=given["CacheMode"] == "serverless")


def formed(template: Json, form: Form) -> Json:
    """A template in a form; itself, where the form asks nothing of it."""
    has_functions = any(each["Type"] == generate.FUNCTION for each in template["Resources"].values())
    if not form.network or not has_functions:
        return template
    changed = copy.deepcopy(template)
    _enter_network(changed)
    return changed


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


def main() -> int:
    build, *words = sys.argv[1:]
    form = of(dict(word.split("=", 1) for word in words))
    for path in write(Path(build), form):
        print(f"{path} puts its functions into the network")
    return 0


if __name__ == "__main__":
    sys.exit(main())
