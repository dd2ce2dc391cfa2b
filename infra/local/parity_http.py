"""What MiniStack's REST API does differently from AWS, put right.

It takes the caller's address from the header `X-Forwarded-For`, which anybody may write; API Gateway tells the one it
has seen. Here everybody comes from this machine.
"""

from collections.abc import Callable
from typing import Any

from infra.local.patching import wrap

MODULE = "ministack.services.apigateway_v1"
SEEN = "127.0.0.1"


def apply() -> None:
    wrap(MODULE, "_build_lambda_event_v1", _with_the_address_seen)


def _with_the_address_seen(build: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, Any]]:
    def building(*arguments: Any, **options: Any) -> dict[str, Any]:
        event = build(*arguments, **options)
        event["requestContext"]["identity"]["sourceIp"] = SEEN
        return event

    return building
