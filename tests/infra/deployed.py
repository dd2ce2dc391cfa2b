"""The templates' resources, read together: resources by kind, functions with the Globals applied."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from functools import cache
from typing import Any

from infra import generate
from tests.tools import template

Resource = dict[str, Any]
TEMPLATES = tuple(generate.templates())


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
def resources() -> dict[str, dict[str, Resource]]:
    written = {path: template(path)["Resources"] for path in TEMPLATES}
    return {**written, "infra/observability.yaml": generate.observability()["Resources"]}


@cache
def functions() -> dict[str, Function]:
    found = {}
    for path in TEMPLATES:
        defaults = template(path).get("Globals", {}).get("Function", {})
        for name, resource in resources()[path].items():
            if resource["Type"] == "AWS::Serverless::Function":
                assert name not in found, f"{name} stands in two templates"
                own = resource["Properties"]
                variables = {
                    **defaults["Environment"]["Variables"],
                    **own.get("Environment", {}).get("Variables", {}),
                }
                found[name] = Function(name, {**defaults, **own, "Environment": {"Variables": variables}}, path)
    return found


def of_type(kind: str) -> dict[str, Resource]:
    """All resources of a type by logical id, from all templates."""
    return {
        name: resource
        for resources in resources().values()
        for name, resource in resources.items()
        if resource["Type"] == kind
    }


def socket_routes() -> dict[str, Resource]:
    routes: dict[str, Resource] = resources()["infra/realtime.yaml"]["WebSocketApi"]["Properties"]["Routes"]
    return routes


def function_of(route: Resource) -> Function:
    return functions()[route["FunctionArn"]["Fn::GetAtt"].partition(".")[0]]


FUNCTIONS = sorted(functions())
STREAM_CONSUMERS = [name for name in FUNCTIONS if any(e["Type"] == "DynamoDB" for e in functions()[name].events)]
QUEUE_CONSUMERS = [name for name in FUNCTIONS if any(e["Type"] == "SQS" for e in functions()[name].events)]
CALLED = sorted({name for name in FUNCTIONS if functions()[name].routes} | {
    function_of(route).name for route in socket_routes().values()
} | {"AuthorizeFunction"})  # fmt: skip


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def text(resource: Any) -> str:
    """A resource as text, with every optional part."""
    if isinstance(resource, dict) and "Fn::If" in resource:
        condition, then, otherwise = resource["Fn::If"]
        return text(otherwise if condition == "IsLocal" else then)
    return resource["Fn::Sub"] if isinstance(resource, dict) and "Fn::Sub" in resource else str(resource)
