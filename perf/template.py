"""Reads the SAM templates: tags as plain values, and the functions with their handlers and memory."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parent.parent
TEMPLATES = (
    ROOT / "template.yaml",
    ROOT / "infra" / "realtime.yaml",
    ROOT / "infra" / "workflows.yaml",
    ROOT / "infra" / "streams.yaml",
    ROOT / "infra" / "notifications.yaml",
    ROOT / "infra" / "drive.yaml",
    ROOT / "infra" / "assistant.yaml",
)
ACTIVE_IN_THE_CLOUD = {"If": ["IsCloud", "Active", "PassThrough"]}


class _Loader(yaml.SafeLoader):
    """Reads CloudFormation's short tags: `!Sub x` becomes {"Sub": "x"}."""


def _tag(loader: yaml.SafeLoader, suffix: str, node: yaml.Node) -> dict[str, Any]:
    if isinstance(node, yaml.ScalarNode):
        return {suffix: loader.construct_scalar(node)}
    if isinstance(node, yaml.SequenceNode):
        return {suffix: loader.construct_sequence(node, deep=True)}
    assert isinstance(node, yaml.MappingNode)
    return {suffix: loader.construct_mapping(node, deep=True)}


_Loader.add_multi_constructor("!", _tag)


def load(template: Path) -> dict[str, Any]:
    """A template as plain values."""
    parsed: dict[str, Any] = yaml.load(template.read_text(), _Loader)
    return parsed


@dataclass(frozen=True, slots=True)
class Function:
    """A function of the templates, by its logical id."""

    id: str
    handler: str
    memory_mb: int
    serves_http: bool
    serves_queue: bool
    traced: bool  # traced by Lambda, also without TraceCode=on
    own_layers: tuple[str, ...]  # names of layers that not all functions have

    @property
    def answers_people(self) -> bool:
        """Whether a person waits for its answer, over HTTP or a socket."""
        return self.serves_http or ".actions." in self.handler

    @property
    def module(self) -> str:
        return self.handler.rpartition(".")[0]


@lru_cache(maxsize=1)
def functions() -> dict[str, Function]:
    """All functions by id, in the order of the templates."""
    found = {}
    for template in map(load, TEMPLATES):
        memory = template["Globals"]["Function"]["MemorySize"]
        tracing = template["Globals"]["Function"]["Tracing"]
        for name, resource in template["Resources"].items():
            if resource["Type"] == "AWS::Serverless::Function":
                properties = resource["Properties"]
                events = {event["Type"] for event in properties.get("Events", {}).values()}
                size = properties.get("MemorySize", memory)
                traced = properties.get("Tracing", tracing) == ACTIVE_IN_THE_CLOUD
                layers = properties.get("Layers", [])
                own = tuple(each["Ref"] for each in layers if isinstance(each, dict) and "Ref" in each)
                found[name] = Function(name, properties["Handler"], size, "Api" in events, "SQS" in events, traced, own)
    return found
