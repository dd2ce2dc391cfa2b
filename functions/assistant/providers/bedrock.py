"""Amazon Bedrock by Converse and ConverseStream: within the account, no training on what is sent ("Data protection in
Amazon Bedrock"). The instructions are cached where the model can (a cache point after the system prompt)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from assistant.prompts import Prompt
from assistant.providers.language_model import Completion
from assistant.settings import settings
from kernel import aws
from kernel.errors import DependencyUnavailable, Timeout
from kernel.resilience import Breaker, CircuitOpen

breaker = Breaker("bedrock", threshold=3, cooldown_s=15.0)
_FAILURES = (BotoCoreError, ClientError)  # throttling and errors of the service count against it as timeouts do
_SLOW = ("ReadTimeoutError", "ConnectTimeoutError")
_CACHES = ("anthropic.claude", "amazon.nova")  # models that take cache points ("Prompt caching for faster inference")
_CACHED_FROM_TOKENS = 1_024


class Bedrock:
    """A way to Bedrock's models."""

    def complete(self, model: str, prompt: Prompt) -> Completion:
        answer = self._call("converse", model, prompt)
        blocks = answer["output"]["message"]["content"]
        usage = answer.get("usage", {})
        text = "".join(block.get("text", "") for block in blocks)
        return Completion(text, usage.get("inputTokens"), usage.get("outputTokens"))

    def pieces(self, model: str, prompt: Prompt) -> Iterator[str | Completion]:
        answer = self._call("converse_stream", model, prompt)
        try:
            for event in answer["stream"]:
                if "contentBlockDelta" in event:
                    yield event["contentBlockDelta"]["delta"].get("text", "")
                elif "metadata" in event:
                    usage = event["metadata"].get("usage", {})
                    yield Completion("", usage.get("inputTokens"), usage.get("outputTokens"))
        except _broken_off() as error:
            breaker.failed()
            raise _problem(error) from error
        finally:
            answer["stream"].close()

    def _call(self, operation: str, model: str, prompt: Prompt) -> Any:
        client = aws.client("bedrock-runtime", settings().endpoint_url or None)
        try:
            return breaker.call(lambda: getattr(client, operation)(**_arguments(model, prompt)), _FAILURES)
        except (*_FAILURES, CircuitOpen) as error:
            raise _problem(error) from error


def _arguments(model: str, prompt: Prompt) -> dict[str, Any]:
    system: list[dict[str, Any]] = [{"text": prompt.system}]
    if any(name in model for name in _CACHES) and prompt.input_tokens >= _CACHED_FROM_TOKENS:
        system.append({"cachePoint": {"type": "default"}})
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


def _broken_off() -> tuple[type[Exception], ...]:
    """What a stream raises that ends before its time: botocore hands these on as they are."""
    from urllib3.exceptions import HTTPError

    return (*_FAILURES, HTTPError, OSError)


def _problem(error: Exception) -> Exception:
    if type(error).__name__ in _SLOW:
        return Timeout("The provider of AI help did not answer in time.")
    return DependencyUnavailable("The provider of AI help does not answer now; try again.", retry_after_s=15)
