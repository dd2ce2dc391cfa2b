"""Corrects differences between MiniStack's REST API and API Gateway.

MiniStack takes the caller's address from the header `X-Forwarded-For`, which anybody can set; API Gateway reports the
address that it sees.

MiniStack decodes path parameters; a REST API hands them on as the client wrote them.

MiniStack ignores the gateway responses of an API's OpenAPI document: for a throttled function it answers with Lambda's
429, for a failed one with its exception; API Gateway sends its response INTEGRATION_FAILURE. For a body that is too
large for Lambda (6 MB) it sends REQUEST_TOO_LARGE, as for one above its own 10 MB: 413, which nobody tries again.

MiniStack leaves out the answers of an OpenAPI document's mock integrations, which are those to preflights.

MiniStack starts a thread even for a call that Lambda then throttles. Under overload these are most calls, and the
others wait for them; here the account's quota is checked first.
"""

import importlib
import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from urllib.parse import quote

from infra.local.patching import put, wrap

MODULE = "ministack.services.apigateway_v1"
LAMBDA = "ministack.services.lambda_svc"
RESPONSES = "x-amazon-apigateway-gateway-responses"
INTEGRATION = "x-amazon-apigateway-integration"
FAILED, TOO_LARGE = 502, "RequestTooLargeException"
UNQUOTED = "!$&'()*+,;=:@"  # what a segment of a path may have as it is (RFC 3986, `pchar`)


def apply() -> None:
    wrap(MODULE, "_build_lambda_event_v1", _with_the_address_and_the_path_as_sent)
    wrap(MODULE, "_import_rest_api", _with_gateway_responses)
    wrap(MODULE, "_import_operation", _with_mock_answers)
    wrap(MODULE, "_lambda_proxy_response", _telling_what_lambda_refused)
    wrap(MODULE, "_extract_lambda_ref_from_integration_uri", lambda original: original)  # used below: these must exist
    wrap(LAMBDA, "_emit_lambda_metrics", lambda original: original)
    put(LAMBDA, "_inflight_total", 0)
    wrap(MODULE, "_invoke_lambda_proxy_v1", _with_integration_failures)


def _with_the_address_and_the_path_as_sent(build: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, Any]]:
    seen: Callable[[], str] = importlib.import_module("ministack.core.responses").get_request_client_ip

    def building(*arguments: Any, **options: Any) -> dict[str, Any]:
        event = build(*arguments, **options)
        event["requestContext"]["identity"]["sourceIp"] = seen()
        given = event["pathParameters"] or {}
        event["pathParameters"] = {name: quote(value, safe=UNQUOTED) for name, value in given.items()} or None
        return event

    return building


def _with_gateway_responses(bring_in: Callable[..., str]) -> Callable[..., str]:
    def importing(spec: Mapping[str, Any], *arguments: Any, **options: Any) -> str:
        api_id = bring_in(spec, *arguments, **options)
        put = importlib.import_module(MODULE)._put_gateway_response
        for kind, response in (spec.get(RESPONSES) or {}).items():
            put(api_id, kind, response)
        return api_id

    return importing


def _with_mock_answers(bring_in: Callable[..., None]) -> Callable[..., None]:
    def importing(api_id: str, resource_id: str, method: str, operation: Mapping[str, Any] | None, *rest: Any) -> None:
        bring_in(api_id, resource_id, method, operation, *rest)
        put = importlib.import_module(MODULE)._put_integration_response
        integration = (operation or {}).get(INTEGRATION) or {}
        if integration.get("type") == "mock":
            for answer in (integration.get("responses") or {}).values():
                put(api_id, resource_id, method, answer["statusCode"], answer)

    return importing


def _telling_what_lambda_refused(shape: Callable[[Any], tuple[Any, Any]]) -> Callable[[Any], tuple[Any, Any]]:
    def shaping(result: Any) -> tuple[Any, Any]:
        if result.get("throttle"):
            return None, "throttled"
        body = result.get("body")
        if result.get("error") and isinstance(body, dict) and body.get("errorType") == TOO_LARGE:
            return None, TOO_LARGE
        return shape(result)

    return shaping


def _with_integration_failures(invoke: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    gateway, functions = importlib.import_module(MODULE), importlib.import_module(LAMBDA)

    async def invoking(integration: Mapping[str, Any], *arguments: Any, **options: Any) -> Any:
        if 0 < functions._ACCOUNT_CONCURRENCY_CAP <= functions._inflight_total:
            called = _name(gateway._extract_lambda_ref_from_integration_uri(integration.get("uri", "")))
            functions._emit_lambda_metrics(called, duration_ms=0.0, error=False, throttle=True)
            return gateway._gw_error("INTEGRATION_FAILURE", "Internal server error")
        answer = await invoke(integration, *arguments, **options)
        if isinstance(answer, tuple) and answer[0] == FAILED:  # our functions never return this
            if json.loads(answer[2]) == {"message": TOO_LARGE}:
                return gateway._gw_error("REQUEST_TOO_LARGE", "Request Too Long")
            return gateway._gw_error("INTEGRATION_FAILURE", "Internal server error")
        return answer

    return invoking


def _name(reference: str) -> str:
    """A function's name, from its ARN with or without an alias, or from the name itself."""
    return reference.split(":")[6] if reference.startswith("arn:") else reference
