"""Calls of the most used services by botocore's own parts, without its costly steps.

For every call botocore resolves the endpoint by a ruleset, emits a dozen events, copies requests and answers, and tries
ten kinds of value for each DynamoDB attribute: two thirds of the CPU time of a call here. This module keeps botocore's
signer, connections, parser and errors, and the events that have listeners (`before-parameter-build`, `before-call`,
`before-send`, and `after-call` of a refusal). Arguments and answers are JSON as they are, except bytes and times.
"""

from __future__ import annotations

import json
import time
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from botocore.awsrequest import AWSPreparedRequest
from botocore.parsers import JSONParser
from botocore.serialize import JSONSerializer
from botocore.utils import parse_timestamp

from kernel import signing

# Services whose endpoint depends on no argument, and whose requests and answers are JSON.
SERVICES = frozenset({"dynamodb", "sqs", "stepfunctions"})
PROTOCOL = "json"
# Kinds of DynamoDB value that are the same in Python and in JSON. Bytes, lists and maps have to be converted.
_PLAIN = frozenset({"S", "N", "BOOL", "NULL", "SS", "NS"})
_VALUE = "AttributeValue"

# Called after each attempt; returns the pause before the next one in seconds, or None for no further attempt.
AfterATry = Callable[..., "float | None"]


_deep = _PLAIN.isdisjoint  # whether a DynamoDB value (a dict with its kind as the only key) needs conversion


def _as_time(value: Any) -> datetime:
    """A time of an answer, which JSON has in seconds since 1970; botocore's reading of it would load dateutil."""
    return datetime.fromtimestamp(value, UTC) if isinstance(value, int | float) else parse_timestamp(value)


class Parser(JSONParser):
    """botocore's parser, which leaves DynamoDB values alone that need no conversion."""

    def _handle_structure(self, shape: Any, value: Any) -> Any:
        if shape.name == _VALUE and value is not None and not _deep(value):
            return value
        return super()._handle_structure(shape, value)  # type: ignore[misc]

    def _handle_map(self, shape: Any, value: Any) -> Any:
        if shape.value.name != _VALUE:
            return super()._handle_map(shape, value)  # type: ignore[misc]
        of = shape.value
        return {name: self._handle_structure(of, each) if _deep(each) else each for name, each in value.items()}


def _converted(shape: Any, name: str, seen: set[tuple[str, str]]) -> Iterator[str]:
    """The names under which a value of this shape has bytes or times, which JSON has as texts and numbers."""
    if shape is None or (name, shape.name) in seen:
        return
    seen.add((name, shape.name))
    if shape.type_name in ("blob", "timestamp"):
        yield name
    elif shape.type_name == "structure":
        for member, part in shape.members.items():
            yield from _converted(part, member, seen)
    elif shape.type_name in ("list", "map"):
        yield from _converted(shape.member if shape.type_name == "list" else shape.value, name, seen)


def _as_text(value: bytes) -> str:
    return b64encode(value).decode()


@dataclass(frozen=True, slots=True)
class _Operation:
    """An operation of the service: its model, its full name, the headers of its requests, and the texts in an answer
    that has something to convert."""

    model: Any
    name: str
    headers: Mapping[str, str]
    converted: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class _Endpoint:
    """The address of a service, and the service name and Region with which its calls are signed."""

    url: str
    host: str
    headers: Mapping[str, str]
    service: str
    region: str


class DirectCalls:
    """Makes the calls of one client in place of its `_make_api_call`.

    `after_a_try` gets each answer or failure, and decides whether to try again.
    """

    def __init__(self, client: Any, after_a_try: AfterATry) -> None:
        self._client, self._after_a_try = client, after_a_try
        self._events, self._signer = client.meta.events, client._request_signer
        self._parser = Parser(timestamp_parser=_as_time)
        self._user_agent: str = client._user_agent_creator.to_string()
        self._endpoint: _Endpoint | None = None
        self._operations: dict[str, _Operation] = {}

    def __call__(self, operation: str, arguments: Any) -> Any:
        client, emit = self._client, self._events.emit
        asked = self._operations.get(operation) or self._learn(operation)
        model, name = asked.model, asked.name
        context: dict[str, Any] = {"client_config": client.meta.config, "client_region": client.meta.region_name}
        emit(f"before-parameter-build.{name}", params=arguments, model=model, context=context)
        endpoint = self._endpoint or self._resolve(model, arguments)
        body = json.dumps(arguments, default=_as_text).encode()
        request = {"headers": {**asked.headers, **endpoint.headers}, "body": body}
        emit(f"before-call.{name}", model=model, params=request, request_signer=self._signer, context=context)
        answer, parsed = self._send(endpoint, request, asked, context)
        if answer.status_code >= 300:
            emit(f"after-call.{name}", http_response=answer, parsed=parsed, model=model, context=context)
            code = context.get("error_code_override") or parsed.get("Error", {}).get("Code")
            raise client.exceptions.from_code(code)(parsed, operation)
        return parsed

    def _learn(self, operation: str) -> _Operation:
        """Prepare an operation for its first call."""
        service = self._client.meta.service_model
        model = service.operation_model(operation)
        serializer: Any = JSONSerializer()
        self._operations[operation] = known = _Operation(
            model,
            f"{service.service_id.hyphenize()}.{operation}",
            serializer.serialize_to_request({}, model)["headers"],
            tuple(f'"{name}"'.encode() for name in _converted(model.output_shape, "", set())),
        )
        return known

    def _resolve(self, model: Any, arguments: Any) -> _Endpoint:
        """Resolve the endpoint by botocore for the first call and keep it for all others."""
        context: dict[str, Any] = {}
        url, headers, _ = self._client._resolve_endpoint_ruleset(model, arguments, context)
        scope, signer = context.get("signing", {}), self._signer
        self._endpoint = found = _Endpoint(
            url.rstrip("/") + "/",
            urlsplit(url).netloc,
            headers,
            scope.get("signing_name", signer.signing_name),
            scope.get("region", signer.region_name),
        )
        return found

    def _send(
        self, endpoint: _Endpoint, request: Mapping[str, Any], asked: _Operation, context: dict[str, Any]
    ) -> tuple[Any, Any]:
        """The HTTP answer and its parsed body after all attempts; raises the last attempt's error."""
        attempts = 0
        while True:
            attempts += 1
            answer = parsed = failure = None
            try:
                answer = self._ask(self._signed(endpoint, request, context), asked.name)
            except Exception as error:  # `after_a_try` decides; raised below after the last attempt
                failure = error
            else:
                parsed = self._parsed(answer, asked)
            told = None if failure is not None else (answer, parsed)
            pause_s = self._after_a_try(response=told, caught_exception=failure, attempts=attempts)
            if pause_s is not None:
                time.sleep(pause_s)
            elif failure is not None:
                raise failure
            else:
                return answer, parsed

    def _signed(self, endpoint: _Endpoint, request: Mapping[str, Any], context: dict[str, Any]) -> AWSPreparedRequest:
        body: bytes = request["body"]
        headers = signing.signed(
            self._signer._credentials, endpoint.service, endpoint.region,
            method="POST", host=endpoint.host, path="/", body=body, headers=request["headers"],
        )  # fmt: skip
        sent: Any = {**headers, "User-Agent": self._user_agent, "Content-Length": str(len(body))}
        return AWSPreparedRequest("POST", endpoint.url, sent, body, False, context)

    def _ask(self, request: AWSPreparedRequest, name: str) -> Any:
        for _, answer in self._events.emit(f"before-send.{name}", request=request):
            if answer is not None:
                return answer
        return self._client._endpoint.http_session.send(request)

    def _parsed(self, answer: Any, asked: _Operation) -> Any:
        """The parsed body; of an error also the fields of its type, such as the reasons of a cancellation.

        Its status and headers (`ResponseMetadata`) are added to errors and to what botocore's parser reads.
        """
        body: bytes = answer.content
        if answer.status_code < 300 and not any(name in body for name in asked.converted):
            return json.loads(body or b"{}")
        raw = {"headers": answer.headers, "status_code": answer.status_code, "body": body, "context": {}}
        parsed = self._parser.parse(raw, asked.model.output_shape)
        if answer.status_code >= 300:
            self._client._endpoint._add_modeled_error_fields(raw, parsed, asked.model, self._parser)
        return parsed
