"""Prepares the templates for the local cloud as `sam package` does: local paths become addresses of uploads."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infra import generate
from infra.local.artifacts import FUNCTIONS

ROOT = generate.ROOT / "template.yaml"
LAYER = "AWS::Serverless::LayerVersion"

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Package:
    """The files to upload by key; `root` is the key of the root template."""

    root: str
    files: Mapping[str, bytes]


def layers() -> dict[str, Path]:
    """The folders from which layers are built, by the layers' logical ids."""
    return {
        name: (generate.ROOT / path).parent / resource["Properties"]["ContentUri"]
        for path, template in generate.templates().items()
        for name, resource in template["Resources"].items()
        if resource["Type"] == LAYER
    }


def packaged(artifacts: Mapping[str, str], bucket: str, *, root: Path = ROOT) -> Package:
    """The templates and the definitions of state machines, for a bucket that has artifacts at these keys.

    `artifacts` has the keys by name: `functions`, and the layers' logical ids. The other keys are made from contents,
    so packages with the same root are equal.
    """
    files: dict[str, bytes] = {}

    def added(content: bytes, suffix: str) -> str:
        key = hashlib.sha256(content).hexdigest()[:24] + suffix
        files[key] = content
        return key

    def at(key: str) -> str:
        return f"s3://{bucket}/{key}"

    def template(path: Path) -> str:
        found = generate.read(path)
        if code := found.get("Globals", {}).get("Function"):
            code["CodeUri"] = at(artifacts[FUNCTIONS])
        for name, resource in found["Resources"].items():
            properties = resource.get("Properties", {})
            match resource["Type"]:
                case "AWS::Serverless::LayerVersion":
                    properties["ContentUri"] = at(artifacts[name])
                case "AWS::Serverless::StateMachine":
                    definition = (path.parent / properties["DefinitionUri"]).read_bytes()
                    properties["DefinitionUri"] = at(added(definition, ".asl.json"))
                case "AWS::Serverless::Application":
                    properties["Location"] = (
                        f"https://s3.amazonaws.com/{bucket}/{template(path.parent / properties['Location'])}"
                    )
        return added(json.dumps(found).encode(), ".json")

    return Package(template(root), files)
