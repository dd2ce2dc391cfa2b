"""The resources of a deployment: those of the root and the nested templates, with resolved values.

SAM's translator turns the templates into CloudFormation; then parameters, conditions and intrinsic functions are
replaced by their values. A value that only AWS knows (an id, an ARN) becomes a name: `<Stack.Resource.Attribute>`.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import boto3
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator

from infra import forms, generate
from infra.local.speed import requests

NESTED = "AWS::CloudFormation::Stack"
PSEUDO = {
    "AWS::Region": "us-east-1",
    "AWS::AccountId": "123456789012",
    "AWS::Partition": "aws",
    "AWS::URLSuffix": "amazonaws.com",
}
NO_VALUE = object()
# Local paths, which the translator refuses; `sam package` replaces them by the URLs of uploads.
PATHS = {"CodeUri", "ContentUri", "DefinitionUri", "Location"}

logging.getLogger("samtranslator").setLevel(logging.ERROR)  # it logs its own metrics
requests.translate_without_copies()

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Resource:
    """A resource of a deployment: `path` is its stack's and its own logical id, `Data.Users` or `RestApi`."""

    path: str
    kind: str
    properties: Json
    attributes: Json  # DeletionPolicy and the like


def deployment(
    parameters: Mapping[str, str], *, stack: str = "secureconnect", root: Path = generate.ROOT
) -> dict[str, Resource]:
    """Every resource of a deployment with these parameters, by path.

    Raises:
        ValueError: a template is not valid, or refers to something that does not exist.
    """
    found: dict[str, Resource] = {}
    pseudo = PSEUDO | {"AWS::StackName": stack}
    form = forms.of(parameters, root)
    _Stack(root / "template.yaml", "", dict(parameters), found, pseudo, form).outputs()
    return found


@cache
def translated(path: Path, form: forms.Form) -> Json:
    """One template after SAM's transform, which keeps references to parameters. It is cached: do not change it."""
    template = _source(path, form)
    if "Transform" not in template:
        return template
    for resource in template["Resources"].values():
        _uploaded(resource.get("Properties", {}))
    _uploaded(template.get("Globals", {}).get("Function", {}))
    session = boto3.session.Session(region_name=PSEUDO["AWS::Region"])
    result: Json = Translator({}, Parser(), boto_session=session).translate(template, {})
    return result


def _source(path: Path, form: forms.Form) -> Json:
    """A template as built, in its form; the generated one is made here, because its file may not exist yet."""
    return forms.formed(generate.observability() if path == generate.TARGET else generate.read(path), form)


def _uploaded(properties: Json) -> None:
    for name in PATHS & properties.keys():
        if isinstance(properties[name], str):
            properties[name] = f"s3://uploads/{Path(properties[name]).name}"


def _given(declared: Json, value: Any) -> Any:
    """The value of a parameter."""
    return value.split(",") if declared["Type"] == "CommaDelimitedList" else value


class _Stack:
    """One template with its parameters; adds its resources to `found` as they are resolved."""

    def __init__(
        self,
        path: Path,
        prefix: str,
        parameters: Json,
        found: dict[str, Resource],
        pseudo: dict[str, str],
        form: forms.Form,
    ) -> None:
        self.template_path, self.prefix, self.found, self.pseudo, self.form = path, prefix, found, pseudo, form
        source = _source(path, form)
        self.parameters = {
            name: _given(declared, parameters.get(name, declared.get("Default")))
            for name, declared in source.get("Parameters", {}).items()
        }
        self.locations = {
            name: each["Properties"]["Location"]
            for name, each in source["Resources"].items()
            if each["Type"] == "AWS::Serverless::Application"
        }
        self.template = translated(path, form)
        self.nested: dict[str, Json] = {}

    def outputs(self) -> Json:
        for name, resource in self.template["Resources"].items():
            if self._there(resource):
                self._made(name, resource)
        outputs = self.template.get("Outputs", {})
        return {name: self.value(each["Value"]) for name, each in outputs.items() if self._there(each)}

    def _there(self, resource: Json) -> bool:
        return "Condition" not in resource or self.condition(resource["Condition"])

    def _made(self, name: str, resource: Json) -> None:
        path = f"{self.prefix}{name}"
        if path in self.found:
            return
        attributes = {
            key: self.value(each) for key, each in resource.items() if key not in ("Type", "Properties", "Metadata")
        }
        self.found[path] = Resource(path, resource["Type"], {}, attributes)  # others may refer to it meanwhile
        if resource["Type"] == NESTED:
            self._outputs_of(name)
            return
        self.found[path].properties.update(self.value(resource.get("Properties", {})))

    def _outputs_of(self, name: str) -> Json:
        if name not in self.nested:
            given = self.value(self.template["Resources"][name]["Properties"].get("Parameters", {}))
            path = self.template_path.parent / self.locations[name]
            self.nested[name] = _Stack(
                path, f"{self.prefix}{name}.", given, self.found, self.pseudo, self.form
            ).outputs()
        return self.nested[name]

    def condition(self, name: str) -> bool:
        return self._holds(self.template["Conditions"][name])

    def _holds(self, test: Any) -> bool:
        ((function, given),) = test.items()
        if function == "Condition":
            return self.condition(given)
        if function == "Fn::Equals":
            left, right = (str(self.value(each)) for each in given)
            return left == right
        held = [self._holds(each) for each in given]
        return {"Fn::Not": not held[0], "Fn::And": all(held), "Fn::Or": any(held)}[function]

    def value(self, given: Any) -> Any:
        if isinstance(given, list):
            return [each for each in map(self.value, given) if each is not NO_VALUE]
        if not isinstance(given, dict):
            return given
        if len(given) == 1:
            ((function, argument),) = given.items()
            known = getattr(self, f"_{function.removeprefix('Fn::').lower()}", None)
            if known and (function == "Ref" or function.startswith("Fn::")):
                return known(argument)
        worked_out = {key: self.value(each) for key, each in given.items()}
        return {key: each for key, each in worked_out.items() if each is not NO_VALUE}

    def _ref(self, name: str) -> Any:
        if name == "AWS::NoValue":
            return NO_VALUE
        if name in self.pseudo:
            return self.pseudo[name]
        if name in self.parameters:
            return self.parameters[name]
        resource = self.template["Resources"][name]
        return f"<{self.prefix}{name}>" if self._there(resource) else f"<{self.prefix}{name}: none>"

    def _getatt(self, given: Any) -> Any:
        name, attribute = given.split(".", 1) if isinstance(given, str) else given
        if self.template["Resources"][name]["Type"] == NESTED:
            return self._outputs_of(name)[attribute.removeprefix("Outputs.")]
        return f"<{self.prefix}{name}.{attribute}>"

    def _sub(self, given: Any) -> str:
        text, own = (given, {}) if isinstance(given, str) else given

        def replaced(match: re.Match[str]) -> str:
            name = match[1]
            if name.startswith("!"):
                return f"${{{name[1:]}}}"
            if name in own:
                return str(self.value(own[name]))
            return str(self._getatt(name) if "." in name else self._ref(name))

        return re.sub(r"\$\{([^}]+)\}", replaced, text)

    def _if(self, given: Any) -> Any:
        name, then, otherwise = given
        return self.value(then if self.condition(name) else otherwise)

    def _join(self, given: Any) -> str:
        separator, parts = given
        return str(separator).join(str(each) for each in self.value(parts))

    def _split(self, given: Any) -> list[str]:
        separator, text = given
        return str(self.value(text)).split(separator)

    def _select(self, given: Any) -> Any:
        index, values = given
        return self.value(values)[int(index)]

    def _findinmap(self, given: Any) -> Any:
        name, first, second = (self.value(each) for each in given)
        return self.template["Mappings"][name][first][second]
