"""Generates the OpenAPI 3.1 document from the routes. `infra.documents` calls it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from http import HTTPStatus
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from kernel.http import App, Route

_REF = "#/components/schemas/{model}"
_WITHOUT_BODY = (202, 204)  # for routes without a `returns` model
_COMMON = {
    400: ("validation_failed", "malformed_json", "invalid_cursor"),
    401: ("unauthenticated", "token_expired", "token_revoked"),
    403: ("forbidden",),
    404: ("not_found",),
    409: ("conflict",),
    410: ("gone",),
    413: ("payload_too_large",),
    415: ("unsupported_media_type",),
    422: ("idempotency_mismatch",),
    423: ("account_locked",),
    429: ("rate_limited",),
    500: ("internal",),
    501: ("ai_unavailable",),
    503: ("dependency_unavailable",),
    504: ("timeout",),
}


def document(apps: Sequence[App], *, version: str) -> dict[str, Any]:
    """The document of all routes of these apps."""
    routes = [(app.name, route) for app in apps for route in app.routes]
    models = {model for _, route in routes for model in (route.body, route.returns) if model is not None}
    inputs = {route.body for _, route in routes}
    modes = [(model, "validation" if model in inputs else "serialization") for model in _ordered(models)]
    refs, definitions = models_json_schema(modes, ref_template=_REF)  # type: ignore[arg-type]  # literal modes
    by_model: dict[Any, Any] = {model: ref for (model, _mode), ref in refs.items()}
    paths: dict[str, Any] = {}
    for tag, route in routes:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(tag, route, by_model)
    return {
        "openapi": "3.1.0",
        "info": {"title": "SecureConnect", "version": version},
        "paths": dict(sorted(paths.items())),
        "components": {
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}},
            "schemas": {**definitions.get("$defs", {}), "Problem": _PROBLEM},
        },
    }


def _ordered(models: Iterable[type[BaseModel]]) -> list[type[BaseModel]]:
    return sorted(models, key=lambda model: (model.__name__, model.__module__))


def _operation(tag: str, route: Route, refs: dict[Any, Any]) -> dict[str, Any]:
    summary, _, description = (route.view.__doc__ or route.view.__name__).strip().partition("\n")
    operation: dict[str, Any] = {
        "operationId": route.view.__name__,
        "tags": [tag],
        "summary": summary,
        "security": [] if route.public else [{"bearer": []}],
        "parameters": _parameters(route),
        "responses": _responses(route, refs),
    }
    if description.strip():
        operation["description"] = description.strip()
    if route.body is not None:
        operation["requestBody"] = {
            "required": not route.takes_no_body,
            "content": {"application/json": {"schema": refs[route.body]}},
        }
    return operation


def _parameters(route: Route) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in re.findall(r"{(\w+)}", route.path)
    ]
    if route.query is not None:
        schema = route.query.model_json_schema()
        for name, shape in schema["properties"].items():
            required = name in schema.get("required", ())
            found.append({"name": name, "in": "query", "required": required, "schema": shape})
    for name in route.headers:
        found.append({"name": name, "in": "header", "required": False, "schema": {"type": "string"}})
    if route.method == "POST":
        key = {"type": "string", "minLength": 1, "maxLength": 64}
        found.append({"name": "Idempotency-Key", "in": "header", "required": False, "schema": key})
    return found


def _responses(route: Route, refs: dict[Any, Any]) -> dict[str, Any]:
    success: dict[str, Any] = {}
    for status in (route.status, *route.other_statuses):
        answer: dict[str, Any] = {"description": HTTPStatus(status).phrase}
        if route.returns is not None:
            answer["content"] = {"application/json": {"schema": refs[route.returns]}}
        elif status not in _WITHOUT_BODY:
            answer["content"] = {"application/json": {"schema": {}}}
        success[str(status)] = answer
    problem = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    for status, codes in _COMMON.items():
        if _possible(route, status):
            enrolling = ("second_factor_required",) if status == 403 and _may_demand_a_factor(route) else ()
            own = ", ".join((*codes, *enrolling, *(route.errors if status in (401, 403, 409) else ())))
            success[str(status)] = {"description": f"{HTTPStatus(status).phrase}: {own}", "content": problem}
    return success


def _may_demand_a_factor(route: Route) -> bool:
    """Whether sessions without a demanded second factor are refused."""
    return not (route.public or route.while_enrolling)


def _possible(route: Route, status: int) -> bool:
    if status in (401, 403):
        return not route.public or bool(route.errors)
    if status in (413, 415):
        return route.body is not None
    if status == 423:
        return "account_locked" in route.errors
    if status == 501:
        return "ai_unavailable" in route.errors
    if status == 422:
        return route.method == "POST"
    return True


_PROBLEM = {
    "title": "Problem",
    "description": "RFC 9457",
    "type": "object",
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "code": {"type": "string"},
        "request_id": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"field": {"type": "string"}, "message": {"type": "string"}},
                "required": ["field", "message"],
            },
        },
    },
    "required": ["type", "title", "status", "detail", "code", "request_id", "errors"],
}
