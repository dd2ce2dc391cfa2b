"""Generates the AsyncAPI 3 document of the socket from its actions. `infra.documents` calls it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import BaseModel

from kernel.websocket import Action

_DEFS = "#/components/schemas/{model}"


def document(
    actions: Mapping[str, Action], events: Mapping[str, type[BaseModel] | None], *, version: str
) -> dict[str, Any]:
    """The document of these client actions and server events.

    An event's model describes its whole frame; None allows any `data`.
    """
    schemas: dict[str, Any] = {}
    messages: dict[str, Any] = {}
    for _, action in sorted(actions.items()):  # the order in which modules were imported must not show
        messages[action.name] = {
            "summary": action.summary,
            "payload": _schema(action.frame, "validation", schemas),
        }
        answer = {"type": "null"} if action.returns is None else _schema(action.returns, "serialization", schemas)
        messages[f"{action.name}.ack"] = {"summary": f"Answers {action.name}.", "payload": _ack(answer)}
    messages["error"] = {"summary": "Answers a frame that could not be carried out.", "payload": _ERROR}
    for name, model in events.items():
        payload = _event(name) if model is None else _schema(model, "serialization", schemas)
        messages[f"event.{name}"] = {"name": name, "payload": payload}  # `typing` is also an action
    messages["batch"] = {"summary": "Several events in one frame.", "payload": _batch(events)}
    received = sorted(actions)
    sent = [name for name in messages if name not in actions]
    return {
        "asyncapi": "3.0.0",
        "info": {"title": "SecureConnect socket", "version": version},
        "channels": {
            "socket": {
                "address": "/",
                "description": "Connect with ?ticket=… (POST /realtime/tickets). Frames are JSON of at most 32 KB.",
                "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in messages},
            }
        },
        "operations": {
            "receive": _operation("receive", received),
            "send": _operation("send", sent),
        },
        "components": {"messages": messages, "schemas": schemas},
    }


def _operation(kind: str, names: list[str]) -> dict[str, Any]:
    return {
        "action": kind,
        "channel": {"$ref": "#/channels/socket"},
        "messages": [{"$ref": f"#/channels/socket/messages/{name}"} for name in names],
    }


def _schema(model: type[BaseModel], mode: Any, schemas: dict[str, Any]) -> dict[str, Any]:
    schema = model.model_json_schema(ref_template=_DEFS, mode=mode)
    schemas |= schema.pop("$defs", {})
    return schema


def _ack(data: dict[str, Any]) -> dict[str, Any]:
    fields = {"type": {"const": "ack"}, "id": {"type": "string"}, "data": data}
    return {"type": "object", "properties": fields, "required": ["type", "id", "data"]}


def _event(name: str) -> dict[str, Any]:
    fields = {"type": {"const": name}, "at": {"type": "string", "format": "date-time"}, "data": {}}
    return {"type": "object", "properties": fields, "required": ["type", "at", "data"]}


def _batch(events: Iterable[str]) -> dict[str, Any]:
    of = [{"$ref": f"#/components/messages/event.{name}/payload"} for name in events]
    fields = {"type": {"const": "batch"}, "events": {"type": "array", "items": {"oneOf": of, "discriminator": "type"}}}
    return {"type": "object", "properties": fields, "required": ["type", "events"]}


_ERROR = {
    "type": "object",
    "properties": {
        "type": {"const": "error"},
        "id": {"type": ["string", "null"]},
        "problem": {"type": "object"},
    },
    "required": ["type", "id", "problem"],
}
