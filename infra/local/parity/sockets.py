"""Corrects differences between MiniStack's WebSocket APIs and API Gateway's.

1. A $connect authorizer that raises "Unauthorized" refuses the handshake with 401, as API Gateway documents for
   Lambda authorizers; MiniStack says 500.
2. A $connect integration that answers with another status than 2xx refuses the handshake with that status; MiniStack
   says 403 to all of them.
3. Frames of different connections run in separate environments, up to the function's concurrency, and write log
   events; MiniStack queues all frames of a route for one environment that logs nothing. Frames of one connection
   stay in order.
4. A route that fails sends {"message", "connectionId", "requestId"} to its client; MiniStack sends the error's text.
5. A frame without a route goes to $default, whatever its content; MiniStack closes the connection on a frame that is
   nested too deeply for Python, and sends one whose action is `$connect` or `$disconnect` to that route.
"""

import importlib
import json
from collections.abc import Awaitable, Callable, Mapping
from contextvars import ContextVar
from http import HTTPStatus
from typing import Any

from infra.local.patching import wrap

GATEWAY = "ministack.services.apigateway"
LAMBDA = "ministack.services.lambda_svc"
RUNTIME = "ministack.core.lambda_runtime"
DEFAULT = "$default"

Message = Mapping[str, Any]
Send = Callable[[Message], Awaitable[None]]
Call = Callable[..., Awaitable[Any]]

_authorizer_results: ContextVar[list[Any] | None] = ContextVar("authorizer_results", default=None)
_handshake: ContextVar[dict[str, Any] | None] = ContextVar("handshake", default=None)


def apply() -> None:
    wrap(LAMBDA, "_execute_function_with_config_scope", _remembering_results)
    wrap(GATEWAY, "_authorize_ws_connect", _refusing_with_401)
    wrap(GATEWAY, "_refuse_ws_handshake", lambda original: original)  # used below: it must exist
    wrap(GATEWAY, "_invoke_ws_lambda", _remembering_connect_status)
    wrap(GATEWAY, "handle_websocket", _refusing_with_integration_status)
    wrap(GATEWAY, "_evaluate_route_selection", choosing_a_route)
    wrap(LAMBDA, "_get_func_record_for_ref", lambda original: original)
    wrap(LAMBDA, "_execute_function", lambda original: original)
    wrap(RUNTIME, "get_or_create_worker", lambda _: Pooled)


def _remembering_results(execute: Callable[..., Any]) -> Callable[..., Any]:
    def remembering(*arguments: Any, **options: Any) -> Any:
        result = execute(*arguments, **options)
        if (results := _authorizer_results.get()) is not None:
            results.append(result)
        return result

    return remembering


def _refusing_with_401(authorize: Call) -> Call:
    async def authorizing(*arguments: Any, **options: Any) -> Any:
        results: list[Any] = []
        token = _authorizer_results.set(results)
        try:
            refusal, context = await authorize(*arguments, **options)
        finally:
            _authorizer_results.reset(token)
        if refusal and refusal[0] == 500 and any(_says_unauthorized(result) for result in results):
            refusal = (401, "Unauthorized")
        return refusal, context

    return authorizing


def _says_unauthorized(result: Any) -> bool:
    body = result.get("body") if isinstance(result, dict) and result.get("error") else None
    return isinstance(body, dict) and body.get("errorMessage") == "Unauthorized"


def _remembering_connect_status(invoke: Call) -> Call:
    """The sixth and seventh arguments are the connection's id and the kind of event, the eighth the request's id."""

    async def invoking(*arguments: Any, **options: Any) -> Any:
        response = await invoke(*arguments, **options)
        handshake = _handshake.get()
        if handshake is not None and arguments[6] == "CONNECT":
            status = int((response or {}).get("statusCode", 200))
            handshake.update(status=status, connection_id=arguments[5], request_id=arguments[7])
        return response

    return invoking


def _refusing_with_integration_status(handle: Call) -> Call:
    gateway = importlib.import_module(GATEWAY)

    async def handling(scope: Any, receive: Any, send: Send, *arguments: Any, **options: Any) -> None:
        handshake: dict[str, Any] = {}
        accepted = False

        async def sending(message: Message) -> None:
            nonlocal accepted
            accepted = accepted or message["type"] == "websocket.accept"
            if message["type"] == "websocket.close" and not accepted and handshake:
                status = handshake["status"]
                ids = (handshake["connection_id"], handshake["request_id"])
                await gateway._refuse_ws_handshake(scope, send, status, HTTPStatus(status).phrase, *ids)
            else:
                await send(message)

        token = _handshake.set(handshake)
        try:
            await handle(scope, receive, sending, *arguments, **options)
        finally:
            _handshake.reset(token)

    return handling


def choosing_a_route(evaluate: Callable[[str, str], str]) -> Callable[[str, str], str]:
    def choosing(expression: str, frame: str) -> str:
        try:
            key = evaluate(expression, frame)
        except RecursionError:
            return DEFAULT
        return DEFAULT if key.startswith("$") else key

    return choosing


class Pooled:
    """Replaces the single worker of a route: each invocation is made like those of the REST API."""

    def __init__(self, _name: str, config: dict[str, Any], code: bytes, **_: Any) -> None:
        self.config = config
        self.code = code

    def invoke(self, event: dict[str, Any], request_id: str) -> dict[str, Any]:
        functions = importlib.import_module(LAMBDA)
        record, _, _ = functions._get_func_record_for_ref(self.config["FunctionArn"])
        function = {**(record or {}), "config": self.config, "code_zip": self.code}
        result = functions._execute_function(function, event)
        answer = result.get("body")
        if result.get("error") or result.get("throttle") or not isinstance(answer, dict | None):
            body = {
                "message": "Internal server error",
                "connectionId": event["requestContext"]["connectionId"],
                "requestId": request_id,
            }
            answer = {"statusCode": 502, "body": json.dumps(body)}
        return {"status": "ok", "result": answer}
