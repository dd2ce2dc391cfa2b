"""Checks that every answer of any test has the headers of the contract and fits the served OpenAPI document.

`Answers.check` is a hook of the tests' HTTP client, so an answer that violates either fails its test.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
from jsonschema import Draft202012Validator

HEADERS = {
    "strict-transport-security": re.compile(r"max-age=\d{8,}.*"),
    "content-security-policy": re.compile(r"default-src 'none'.*"),
    "x-content-type-options": re.compile("nosniff"),
    "x-frame-options": re.compile("DENY"),
    "x-xss-protection": re.compile("0"),
    "referrer-policy": re.compile("no-referrer"),
    "x-request-id": re.compile(r"\S{8,}"),
}
CACHEABLE = {"/.well-known/jwks.json"}
NOT_OURS = {*CACHEABLE, "/openapi.json"}  # their values follow other standards
INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
ID = re.compile(r"[A-Za-z0-9_.~-]{1,40}")
# internal words that no answer may contain
INSIDES = re.compile(
    r"Traceback|File \"|\.py\b|arn:aws|[a-z]+-local-[a-z_]+|dynamodb\.|pynamodb|botocore", re.IGNORECASE
)


class Answers:
    """Checks answers, and adds the operations that have succeeded to a file that all processes of tests share."""

    def __init__(self, base_url: str, succeeded: Path | None) -> None:
        self.base_path = httpx.URL(base_url).path
        self.document: dict[str, Any] = httpx.get(f"{base_url}/openapi.json", timeout=30.0).json()
        self._succeeded, self._noted = succeeded, set[str]()
        self._validators: dict[str, Draft202012Validator] = {}
        self._paths = [
            (re.compile(re.sub(r"{\w+}", "[^/]+", re.escape(path).replace(r"\{", "{").replace(r"\}", "}"))), path)
            for path in sorted(self.document["paths"], key=lambda path: path.count("{"))
        ]

    @property
    def routes(self) -> set[str]:
        """Every operation in the document, such as `GET /users/me`."""
        return {f"{method.upper()} {path}" for path, methods in self.document["paths"].items() for method in methods}

    def check(self, answer: httpx.Response) -> None:
        """Fail unless the answer agrees with the contract and the document."""
        answer.read()
        path = answer.request.url.path.removeprefix(self.base_path)
        what = f"{answer.request.method} {path}: {answer.status_code} {answer.text[:500]}"
        assert answer.status_code < 500 or answer.status_code == 501 or path == "/health/ready", what
        self._check_headers(answer, path, what)
        template = next((template for shape, template in self._paths if shape.fullmatch(path)), None)
        assert template is not None, f"{what}: no such path in the document"
        route = f"{answer.request.method} {template}"
        shape = self._shape(answer, template, what)
        if answer.content:
            errors = sorted(shape.iter_errors(answer.json()), key=str) if shape is not None else []
            assert not errors, f"{what}: {errors[0].message} at {errors[0].json_path}"
            if path not in NOT_OURS:
                assert not list(_odd_values(answer.json())), f"{what}: {list(_odd_values(answer.json()))}"
        if answer.status_code >= 400:
            assert not INSIDES.search(answer.text), what
            assert answer.json()["status"] == answer.status_code, what
            assert answer.json()["request_id"] == answer.headers["x-request-id"], what
        elif self._succeeded is not None and route not in self._noted:
            self._noted.add(route)
            with self._succeeded.open("a") as file:
                file.write(f"{route}\n")

    def _check_headers(self, answer: httpx.Response, path: str, what: str) -> None:
        for name, value in HEADERS.items():
            assert value.fullmatch(answer.headers.get(name, "")), f"{what}: header {name} is {answer.headers.get(name)}"
        cached = answer.headers.get("cache-control", "")
        assert cached == "no-store" or (path in CACHEABLE and "max-age" in cached), f"{what}: Cache-Control {cached}"
        if answer.status_code in (423, 429, 503):
            assert int(answer.headers["retry-after"]) >= 1, f"{what}: Retry-After"
        if answer.content:
            kind = "application/problem+json" if answer.status_code >= 400 else "application/json"
            assert answer.headers["content-type"].startswith(kind), f"{what}: {answer.headers['content-type']}"

    def _shape(self, answer: httpx.Response, template: str, what: str) -> Draft202012Validator | None:
        operation = self.document["paths"][template].get(answer.request.method.lower())
        assert operation is not None, f"{what}: no such operation in the document"
        response = operation["responses"].get(str(answer.status_code))
        assert response is not None, f"{what}: a status that the document does not name"
        content = response.get("content")
        if content is None:
            assert not answer.content, f"{what}: a body that the document does not name"
            return None
        (media,) = content.values()
        key = f"{answer.request.method} {template} {answer.status_code}"
        if key not in self._validators:
            schema = {**media["schema"], "components": self.document["components"]}
            self._validators[key] = Draft202012Validator(schema)
        return self._validators[key]


def _odd_values(value: Any, name: str = "") -> Iterator[str]:
    """Times and ids that are not in the contract's format."""
    if isinstance(value, dict):
        for key, each in value.items():
            if key != "metadata":
                yield from _odd_values(each, key)
    elif isinstance(value, list):
        for each in value:
            yield from _odd_values(each, name)
    elif isinstance(value, str):
        if (name.endswith("_at") or name in ("at", "muted_until")) and not INSTANT.fullmatch(value):
            yield f"{name}: {value}"
        if (name == "id" or name.endswith("_id")) and name not in ("client_id",) and not ID.fullmatch(value):
            yield f"{name}: {value}"
