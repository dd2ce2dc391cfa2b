"""Amazon Bedrock by Converse and ConverseStream, within the account, without training on its input ("Data protection in
Amazon Bedrock").

Rules are cached if the model supports it and they are long enough. Chat data is not cached: it is hardly ever reused.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from assistant.model import tokens
from assistant.prompts import Prompt
from assistant.providers.language_model import MODEL_LIMITS, Completion, guarded_stream
from assistant.settings import settings
from kernel import aws, breakers
from kernel.breakers import CircuitOpen
from kernel.errors import DependencyUnavailable, Timeout

breaker = breakers.named("bedrock", MODEL_LIMITS)  # in addition to the AWS client's, which does not cover streams
_FAILURES = (BotoCoreError, ClientError, DependencyUnavailable)
_SLOW = ("ReadTimeoutError", "ConnectTimeoutError")
_CACHES = ("anthropic.claude", "amazon.nova")  # models with cache points ("Prompt caching for faster inference")
_CACHED_FROM_TOKENS = 1_024  # models cache nothing shorter


class Bedrock:
    """A `Model` of Bedrock."""

    def complete(self, model: str, prompt: Prompt) -> Completion:
        try:
            answer = breaker.call(lambda: _client().converse(**arguments(model, prompt)), _FAILURES)
        except (*_FAILURES, CircuitOpen) as error:
            raise _problem(error) from error
        blocks = answer["output"]["message"]["content"]
        usage = answer.get("usage", {})
        text = "".join(block.get("text", "") for block in blocks)
        return Completion(text, usage.get("inputTokens"), usage.get("outputTokens"))

    def pieces(self, model: str, prompt: Prompt) -> Iterator[str | Completion]:
        try:
            with guarded_stream(breaker, _stream_errors()):
                yield from _events(_client().converse_stream(**arguments(model, prompt))["stream"])
        except CircuitOpen as error:
            raise _problem(error) from error
        except _stream_errors() as error:
            raise _problem(error) from error


def _client() -> Any:
    return aws.client("bedrock-runtime", settings().endpoint_url or None)


def _events(stream: Any) -> Iterator[str | Completion]:
    try:
        for event in stream:
            if "contentBlockDelta" in event:
                yield event["contentBlockDelta"]["delta"].get("text", "")
            elif "metadata" in event:
                usage = event["metadata"].get("usage", {})
                yield Completion("", usage.get("inputTokens"), usage.get("outputTokens"))
    finally:
        stream.close()


def arguments(model: str, prompt: Prompt) -> dict[str, Any]:
    """The arguments of both Converse and ConverseStream."""
    system: list[dict[str, Any]] = [{"text": prompt.rules}]
    if any(name in model for name in _CACHES) and tokens(prompt.rules) >= _CACHED_FROM_TOKENS:
        system.append({"cachePoint": {"type": "default"}})
    system.append({"text": f"\n{prompt.mark}"})
    arguments: dict[str, Any] = {
        "modelId": model,
        "system": system,
        "messages": [{"role": "user", "content": [{"text": prompt.user}]}],
        "inferenceConfig": {"maxTokens": prompt.most_output, "temperature": 0.2},
    }
    if settings().guardrail:
        arguments["guardrailConfig"] = {
            "guardrailIdentifier": settings().guardrail,
            "guardrailVersion": settings().guardrail_version,
        }
    return arguments


def _stream_errors() -> tuple[type[Exception], ...]:
    """The exceptions of a broken stream, including urllib3's, which botocore does not wrap."""
    from urllib3.exceptions import HTTPError

    return (*_FAILURES, HTTPError, OSError)


def _problem(error: Exception) -> Exception:
    if type(error.__cause__ or error).__name__ in _SLOW:
        return Timeout("The provider of AI help did not answer in time.")
    return DependencyUnavailable("The provider of AI help does not answer now; try again.", retry_after_s=15)
