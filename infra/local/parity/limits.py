"""Refuses calls that MiniStack accepts and AWS refuses, by the rules of infra/aws_limits.py.

1. Calls over the JSON protocol (DynamoDB, SQS, Step Functions) and schedules, before they are executed.
2. Answers of BatchGetItem above 16 MB, which are truncated.
3. Invocations and answers of functions, environments of functions, input and output of tasks.
4. Parts of uploads below 5 MiB, socket messages above 128 KB in either direction.
"""

import importlib
import json
from collections.abc import Awaitable, Callable
from typing import Any
from xml.sax.saxutils import escape

from infra import aws_limits
from infra.aws_limits import KB, LAMBDA_ASYNC_BYTES, LAMBDA_SYNC_BYTES, S3_PART_BYTES, SOCKET_MESSAGE_BYTES
from infra.local.patching import wrap

SERVICES = "ministack.services"
LAMBDA = f"{SERVICES}.lambda_svc"
WORKFLOWS = f"{SERVICES}.stepfunctions"
GATEWAY = f"{SERVICES}.apigateway"
S3 = f"{SERVICES}.s3"

Answer = tuple[int, dict[str, str], bytes]
Handle = Callable[..., Awaitable[Answer]]


def apply() -> None:
    for service in ("dynamodb", "sqs", "stepfunctions"):
        wrap(f"{SERVICES}.{service}", "handle_request", _by_target(service))
    wrap(f"{SERVICES}.scheduler", "handle_request", _schedules)
    wrap(LAMBDA, "_invoke", _invocations)
    wrap(LAMBDA, "_execute_function", _payloads)
    wrap(LAMBDA, "_create_function", _environments("CreateFunction"))
    wrap(WORKFLOWS, "_execute_task", _states)
    wrap(S3, "_complete_multipart_upload", _parts)
    wrap(GATEWAY, "handle_connections_api", _posts)
    wrap(GATEWAY, "handle_websocket", _messages)


def _refused(refusal: aws_limits.Refusal) -> Answer:
    return _no(refusal.code, refusal.message, refusal.status)


def _no(code: str, message: str, status: int = 400) -> Answer:
    headers = {"Content-Type": "application/x-amz-json-1.0", "x-amzn-errortype": code}
    return status, headers, json.dumps({"__type": code, "message": message}).encode()


def _by_target(service: str) -> Callable[[Handle], Handle]:
    def guarding(handle: Handle) -> Handle:
        async def handling(method: str, path: str, headers: dict[str, str], body: bytes, query: Any) -> Answer:
            operation = headers.get("x-amz-target", "").rpartition(".")[2]
            batch = (service, operation) == ("dynamodb", "BatchGetItem")
            if not batch and (service, operation) not in aws_limits.RULES:
                return await handle(method, path, headers, body, query)
            call = json.loads(body or b"{}")
            try:
                aws_limits.check(service, operation, call)
            except aws_limits.Refusal as refusal:
                return _refused(refusal)
            answer = await handle(method, path, headers, body, query)
            return _cut(call, answer) if batch and len(answer[2]) > aws_limits.BATCH_GET_BYTES else answer

        return handling

    return guarding


def _cut(call: dict[str, Any], answer: Answer) -> Answer:
    status, headers, body = answer
    content = json.loads(body)
    aws_limits.cut_batch(call, content)
    unsigned = {name: value for name, value in headers.items() if name.lower() not in ("x-amz-crc32", "content-length")}
    return status, unsigned, json.dumps(content).encode()


def _schedules(handle: Handle) -> Handle:
    async def handling(method: str, path: str, headers: dict[str, str], body: bytes, query: Any) -> Answer:
        if method in ("POST", "PUT") and path.startswith("/schedules/"):
            operation = "CreateSchedule" if method == "POST" else "UpdateSchedule"
            try:
                aws_limits.check("scheduler", operation, json.loads(body or b"{}"))
            except aws_limits.Refusal as refusal:
                return _refused(refusal)
        return await handle(method, path, headers, body, query)

    return handling


def _invocations(invoke: Handle) -> Handle:
    async def invoking(name: str, event: Any, headers: dict[str, str], *rest: Any, **options: Any) -> Answer:
        later = headers.get("x-amz-invocation-type", "").lower() == "event"
        limit, size = LAMBDA_ASYNC_BYTES if later else LAMBDA_SYNC_BYTES, len(json.dumps(event))
        if size > limit:
            return _no("RequestTooLargeException", f"{size} byte payload is too large for {limit} bytes", 413)
        return await invoke(name, event, headers, *rest, **options)

    return invoking


def _payloads(execute: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, Any]]:
    def executing(function: Any, event: Any) -> dict[str, Any]:
        if len(json.dumps(event, default=str)) > LAMBDA_SYNC_BYTES:
            return _too_large("RequestTooLargeException", "The event is larger than 6 MB.")
        result = execute(function, event)
        body = result.get("body")
        if len(body if isinstance(body, str | bytes) else json.dumps(body, default=str)) > LAMBDA_SYNC_BYTES:
            return _too_large("Function.ResponseSizeTooLarge", "Response payload size exceeded maximum allowed.")
        return result

    return executing


def _too_large(code: str, message: str) -> dict[str, Any]:
    return {"error": True, "body": {"errorType": code, "errorMessage": message}}


def _environments(operation: str) -> Callable[[Callable[..., Answer]], Callable[..., Answer]]:
    def guarding(create: Callable[..., Answer]) -> Callable[..., Answer]:
        def creating(call: dict[str, Any], *rest: Any, **options: Any) -> Answer:
            try:
                aws_limits.check("lambda", operation, call)
            except aws_limits.Refusal as refusal:
                return _refused(refusal)
            return create(call, *rest, **options)

        return creating

    return guarding


def _states(execute: Callable[..., Any]) -> Callable[..., Any]:
    workflows = importlib.import_module(WORKFLOWS)

    def executing(state: Any, given: Any, *rest: Any) -> Any:
        output = execute(state, given, *rest)
        for size in (len(json.dumps(each, default=str)) for each in (given, output)):
            if size > aws_limits.WORKFLOW_STATE_BYTES:
                raise workflows._ExecutionError("States.DataLimitExceeded", f"{size} bytes of at most 256 KiB")
        return output

    return executing


def _parts(complete: Callable[..., Answer]) -> Callable[..., Answer]:
    s3 = importlib.import_module(S3)

    def completing(bucket: str, key: str, body: bytes, query: Any, *rest: Any) -> Answer:
        upload = s3._multipart_uploads.get(s3._qp(query, "uploadId"))
        sizes = [len(part["body"]) for _, part in sorted((upload or {}).get("parts", {}).items())]
        if any(size < S3_PART_BYTES for size in sizes[:-1]):
            message = "Your proposed upload is smaller than the minimum allowed size"
            found = f"<Error><Code>EntityTooSmall</Code><Message>{escape(message)}</Message></Error>"
            return 400, {"Content-Type": "application/xml"}, found.encode()
        return complete(bucket, key, body, query, *rest)

    return completing


def _posts(handle: Handle) -> Handle:
    async def handling(method: str, api: str, stage: str, connection: str, body: bytes, headers: Any) -> Answer:
        if method == "POST" and len(body or b"") > SOCKET_MESSAGE_BYTES:
            return _no("PayloadTooLargeException", f"A message has at most {SOCKET_MESSAGE_BYTES // KB} KB", 413)
        return await handle(method, api, stage, connection, body, headers)

    return handling


def _messages(handle: Callable[..., Awaitable[None]]) -> Callable[..., Awaitable[None]]:
    """API Gateway closes a socket with 1009 on a message that is too large; MiniStack passes it to the function."""

    async def handling(scope: Any, receive: Any, send: Any, *rest: Any, **options: Any) -> None:
        async def receiving() -> Any:
            message = await receive()
            content = message.get("text") or message.get("bytes") or ""
            size = len(content.encode() if isinstance(content, str) else content)
            if message.get("type") == "websocket.receive" and size > SOCKET_MESSAGE_BYTES:
                await send({"type": "websocket.close", "code": 1009})
                return {"type": "websocket.disconnect", "code": 1009}
            return message

        await handle(scope, receiving, send, *rest, **options)

    return handling
