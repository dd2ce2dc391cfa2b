"""What MiniStack's REST API does differently from AWS, put right.

It takes the caller's address from the header `X-Forwarded-For`, which anybody may write; API Gateway tells the one it
has seen.

It leaves out the gateway responses of an API's OpenAPI document, and answers for a function that is throttled with
Lambda's own 429 and for one that failed with its exception; API Gateway gives its response INTEGRATION_FAILURE.

It begins a thread for a call that Lambda then refuses for want of room. Under overload most calls are such, and those
that are not wait for them: here the account's quota is asked before.
"""

import importlib
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from infra.local.patching import put, wrap

MODULE = "ministack.services.apigateway_v1"
LAMBDA = "ministack.services.lambda_svc"
RESPONSES = "x-amazon-apigateway-gateway-responses"
FAILED = 502


def apply() -> None:
    wrap(MODULE, "_build_lambda_event_v1", _with_the_address_seen)
    wrap(MODULE, "_import_rest_api", _with_gateway_responses)
    wrap(MODULE, "_lambda_proxy_response", _telling_throttles)
    wrap(MODULE, "_extract_lambda_ref_from_integration_uri", lambda original: original)  # used below: these must exist
    wrap(LAMBDA, "_emit_lambda_metrics", lambda original: original)
    put(LAMBDA, "_inflight_total", 0)
    wrap(MODULE, "_invoke_lambda_proxy_v1", _with_integration_failures)


def _with_the_address_seen(build: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, Any]]:
    seen: Callable[[], str] = importlib.import_module("ministack.core.responses").get_request_client_ip

    def building(*arguments: Any, **options: Any) -> dict[str, Any]:
        event = build(*arguments, **options)
        event["requestContext"]["identity"]["sourceIp"] = seen()
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


def _telling_throttles(shape: Callable[[Any], tuple[Any, Any]]) -> Callable[[Any], tuple[Any, Any]]:
    def shaping(result: Any) -> tuple[Any, Any]:
        return (None, "throttled") if result.get("throttle") else shape(result)

    return shaping


def _with_integration_failures(invoke: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    gateway, functions = importlib.import_module(MODULE), importlib.import_module(LAMBDA)

    async def invoking(integration: Mapping[str, Any], *arguments: Any, **options: Any) -> Any:
        if 0 < functions._ACCOUNT_CONCURRENCY_CAP <= functions._inflight_total:
            called = _name(gateway._extract_lambda_ref_from_integration_uri(integration.get("uri", "")))
            functions._emit_lambda_metrics(called, duration_ms=0.0, error=False, throttle=True)
            return gateway._gw_error("INTEGRATION_FAILURE", "Internal server error")
        answer = await invoke(integration, *arguments, **options)
        if isinstance(answer, tuple) and answer[0] == FAILED:  # no function of ours answers so itself
            return gateway._gw_error("INTEGRATION_FAILURE", "Internal server error")
        return answer

    return invoking


def _name(reference: str) -> str:
    """A function's name, of an ARN with or without an alias, or of itself."""
    return reference.split(":")[6] if reference.startswith("arn:") else reference
