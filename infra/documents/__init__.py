"""Writes the generated documents: of the API, the settings, the alarms and the capacity (`make openapi`)."""

from __future__ import annotations

import importlib
import json
from pathlib import Path
from typing import Any

from infra import generate
from infra.documents import alarm_reference, capacity_plan, configuration_reference

ROOT = generate.ROOT
DOMAINS = sorted(path.parent.name for path in (ROOT / "functions").glob("*/app.py"))
ACTIONS = sorted(
    f"{path.parent.parent.name}.actions.{path.stem}"
    for path in (ROOT / "functions").glob("*/actions/*.py")
    if path.stem != "__init__"
)


def apps() -> list[Any]:
    """The HTTP apps of all domains."""
    return [importlib.import_module(f"{domain}.app").app for domain in DOMAINS]


def undeployed() -> list[str]:
    """The routes that no template has, each with the handler of the function that has to have it."""
    deployed = {
        (function.get("Handler"), event["Properties"]["Method"].upper(), event["Properties"]["Path"])
        for template in generate.templates().values()
        for function in (each.get("Properties", {}) for each in template["Resources"].values())
        for event in function.get("Events", {}).values()
        if event["Type"] == "Api"
    }
    return [
        f"{route.method} {route.path} of {app.name}.app.app"
        for app in apps()
        for route in app.routes
        if (f"{app.name}.app.app", route.method, route.path) not in deployed
    ]


def documents() -> dict[Path, str]:
    """Every generated document with its text."""
    import composition  # noqa: F401 - the events of all domains
    from infra.documents import asyncapi, openapi
    from kernel import websocket
    from kernel.config import config
    from log import registry
    from log.schemas import frame_model

    for action in ACTIONS:
        importlib.import_module(action)
    events = {kind.name: frame_model(kind) for kind in registry.event_types()}
    version = config().version
    http = json.dumps(openapi.document(apps(), version=version), indent=1, sort_keys=True) + "\n"
    socket = json.dumps(asyncapi.document(websocket.ACTIONS, events, version=version), indent=1, sort_keys=True) + "\n"
    return {
        ROOT / "functions/operations/openapi.json": http,  # docs/api/openapi.json is a link to it
        ROOT / "docs/api/asyncapi.json": socket,
        ROOT / "docs/configuration.md": configuration_reference.text(),
        ROOT / "docs/alarms.md": alarm_reference.text(),
        ROOT / "docs/capacity.md": capacity_plan.text(),
    }
