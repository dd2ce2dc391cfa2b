"""Any endpoint with the OpenAI chat protocol. Prompts leave the account (docs/ai.md).

The URL is the deployment's own but restricted like a user's (R40): HTTPS, a host on the allow list, a public IP address
when connecting, no redirects. 127.0.0.1 is allowed in local environments only.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from assistant.prompts import Prompt
from assistant.providers.language_model import MODEL_LIMITS, Completion, guarded_stream
from assistant.settings import settings
from kernel import aws, breakers, deadline, outbound
from kernel.breakers import CircuitOpen
from kernel.cache import Memo
from kernel.config import ConfigurationError
from kernel.errors import DependencyUnavailable, Timeout
from kernel.outbound import LOOPBACK, Target

if TYPE_CHECKING:
    from urllib3 import BaseHTTPResponse, HTTPConnectionPool

CONNECT_TIMEOUT_S = 2.0
READ_TIMEOUT_S = 20.0  # between two pieces of a response
MAX_ANSWER_BYTES = 512 * 1024
KEY_MEMO_S = 300

breaker = breakers.named("openai", MODEL_LIMITS)
_keys: Memo[str] = Memo(max_entries=2, ttl_s=KEY_MEMO_S)


class _EndpointFailure(Exception):
    """A failure of the endpoint that counts for the breaker."""

    def __init__(self, problem: Exception) -> None:
        self.problem = problem
        super().__init__(str(problem))


class OpenAiCompatible:
    """A `Model` of an endpoint."""

    def complete(self, model: str, prompt: Prompt) -> Completion:
        target = endpoint()
        with _translated_errors(), guarded_stream(breaker, (_EndpointFailure, *_transport_errors())):
            answer = _post(target, _body(model, prompt, stream=False))
            with _parsing(answer):
                found = json.loads(answer.read(MAX_ANSWER_BYTES + 1, decode_content=True)[: MAX_ANSWER_BYTES + 1])
                usage = found.get("usage") or {}
                text = found["choices"][0]["message"]["content"] or ""
                return Completion(str(text), usage.get("prompt_tokens"), usage.get("completion_tokens"))

    def pieces(self, model: str, prompt: Prompt) -> Iterator[str | Completion]:
        target = endpoint()
        with _translated_errors(), guarded_stream(breaker, (_EndpointFailure, *_transport_errors())):
            answer = _post(target, _body(model, prompt, stream=True))
            with _parsing(answer):
                yield from _events(answer)


def _events(answer: BaseHTTPResponse) -> Iterator[str | Completion]:
    for data in _server_sent(answer):
        if data == "[DONE]":
            return
        found = json.loads(data)
        if usage := found.get("usage"):
            yield Completion("", usage.get("prompt_tokens"), usage.get("completion_tokens"))
        for choice in found.get("choices") or ():
            if piece := (choice.get("delta") or {}).get("content"):
                yield str(piece)


@contextmanager
def _translated_errors() -> Iterator[None]:
    """Raise DependencyUnavailable or Timeout for failures of the endpoint and an open breaker."""
    try:
        yield
    except _EndpointFailure as failure:
        raise failure.problem from failure.problem.__cause__
    except CircuitOpen as error:
        raise _problem(error) from error
    except _transport_errors() as error:
        raise _problem(error) from error


@contextmanager
def _parsing(answer: BaseHTTPResponse) -> Iterator[None]:
    """Close a response after reading, and raise DependencyUnavailable if it cannot be parsed."""
    try:
        yield
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise DependencyUnavailable("The provider of AI help gave no answer that can be read.") from error
    finally:
        answer.close()


def endpoint() -> Target:
    """The URL of chat completions; raises ConfigurationError if it is not allowed."""
    try:
        target = outbound.parse(f"{settings().base_url}/chat/completions")
    except outbound.UnsafeUrl as error:
        raise ConfigurationError(f"AI_BASE_URL {error}") from error
    if target.host != LOOPBACK and target.host not in settings().allowed_hosts:
        raise ConfigurationError("AI_BASE_URL leads to a host that AI_ALLOWED_HOSTS does not name")
    return target


def _body(model: str, prompt: Prompt, *, stream: bool) -> dict[str, Any]:
    body: dict[str, Any] = {
        "model": model,
        "messages": [{"role": "system", "content": prompt.system}, {"role": "user", "content": prompt.user}],
        "max_tokens": prompt.most_output,
        "temperature": 0.2,
    }
    if stream:
        body |= {"stream": True, "stream_options": {"include_usage": True}}
    return body


def _post(target: Target, body: dict[str, Any]) -> BaseHTTPResponse:
    from urllib3 import Timeout as Limits

    headers = {"Host": target.authority, "Content-Type": "application/json", "User-Agent": "secureconnect"}
    if key := _key():
        headers["Authorization"] = f"Bearer {key}"
    limits = Limits(connect=CONNECT_TIMEOUT_S, read=deadline.bounded(READ_TIMEOUT_S))
    try:
        answer: BaseHTTPResponse = _pool(target, outbound.address(target)).request(
            "POST", target.path, body=json.dumps(body).encode(), headers=headers, timeout=limits,
            redirect=False, retries=False, preload_content=False,
        )  # fmt: skip
    except _transport_errors() as error:
        raise _EndpointFailure(_problem(error)) from error
    if answer.status != 200:
        answer.close()
        refused = DependencyUnavailable("The provider of AI help refused the call.", retry_after_s=15)
        refused.__cause__ = RuntimeError(f"status {answer.status}")
        raise _EndpointFailure(refused)
    return answer


def _server_sent(answer: BaseHTTPResponse) -> Iterator[str]:
    """The data of server-sent events (WHATWG HTML, 9.2); raises ValueError above the maximum size."""
    waiting, size = b"", 0
    for chunk in answer.stream(4_096, decode_content=True):
        size += len(chunk)
        if size > 8 * MAX_ANSWER_BYTES:
            raise ValueError("the answer is too long")
        *lines, waiting = (waiting + chunk).split(b"\n")
        for line in lines:
            if line.startswith(b"data:"):
                yield line[5:].strip().decode("utf-8", "replace")


def _key() -> str:
    """The endpoint's API key from Secrets Manager, cached for five minutes; empty if none is configured."""
    if not settings().key_secret_arn:
        return ""
    known = _keys.get("key")
    if known is None:
        answer = aws.client("secretsmanager").get_secret_value(SecretId=settings().key_secret_arn)
        known = str(answer["SecretString"]).strip()
        _keys.put("key", known)
    return known


@lru_cache(maxsize=2)
def _pool(target: Target, address: str) -> HTTPConnectionPool:
    """Connections to a checked address; the certificate must match the host's name."""
    from urllib3 import HTTPConnectionPool, HTTPSConnectionPool

    if target.scheme == "http":  # 127.0.0.1 of a local stack, which alone may be http
        return HTTPConnectionPool(address, target.port, maxsize=4)
    return HTTPSConnectionPool(
        address, target.port, maxsize=4, assert_hostname=target.host, server_hostname=target.host
    )


def _transport_errors() -> tuple[type[Exception], ...]:
    from urllib3.exceptions import HTTPError

    return (HTTPError, OSError, outbound.UnsafeUrl)  # an unresolved name is an OSError


def _problem(error: Exception) -> Exception:
    if "Timeout" in type(error).__name__:
        return Timeout("The provider of AI help did not answer in time.")
    return DependencyUnavailable("The provider of AI help does not answer now; try again.", retry_after_s=15)
