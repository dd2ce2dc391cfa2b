"""A deployment's settings of AI help, read once from the environment and validated before the first call."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from functools import lru_cache

from assistant.model import FEATURES, MICRO, ModelUsage
from kernel.config import ConfigurationError

PROVIDERS = ("embedded", "bedrock", "openai")
DEFAULT_MODEL = "default"


@dataclass(frozen=True, slots=True)
class Budget:
    """The limits of a day (UTC): tokens, and money in millionths of a dollar."""

    tokens: int
    micro_usd: int


@dataclass(frozen=True, slots=True)
class AssistantSettings:
    """The provider, its models (by feature, or under `default`) and budgets.

    Prices are millionths of a dollar, per million tokens and (`minute_price`) per transcribed minute. `meaning` enables
    semantic search, `transcribes` Amazon Transcribe.
    """

    provider: str
    models: Mapping[str, str]
    guardrail: str
    guardrail_version: str
    base_url: str
    key_secret_arn: str
    allowed_hosts: tuple[str, ...]
    input_price: int
    output_price: int
    person_budget: Budget
    deployment_budget: Budget
    meaning: bool
    queue_url: str
    endpoint_url: str
    transcribes: bool
    transcribe_url: str
    minute_price: int

    def model_of(self, feature: str) -> str:
        return self.models.get(feature) or self.models.get(DEFAULT_MODEL, "")

    def priced(self, input_tokens: int, output_tokens: int) -> ModelUsage:
        """The usage of these tokens, with the price rounded up."""
        cost = input_tokens * self.input_price + output_tokens * self.output_price
        return ModelUsage(input_tokens, output_tokens, -(-cost // MICRO))

    def priced_sound(self, seconds: int, text_tokens: int = 0) -> ModelUsage:
        """The usage of transcribing so many seconds, with the price rounded up."""
        return ModelUsage(0, text_tokens, -(-seconds * self.minute_price // 60))


@lru_cache(maxsize=1)
def settings() -> AssistantSettings:
    """The settings of this process; raises ConfigurationError naming the variable that is wrong."""
    env = os.environ.get
    provider = env("AI_PROVIDER", "embedded")
    if provider not in PROVIDERS:
        raise ConfigurationError(f"AI_PROVIDER must be one of {', '.join(PROVIDERS)}, not {provider!r}")
    models = _models(env("AI_MODELS", ""))
    if provider != "embedded" and DEFAULT_MODEL not in models:
        raise ConfigurationError(f"AI_MODELS must name a default model for the provider {provider}: default=MODEL")
    if provider == "openai" and not env("AI_BASE_URL"):
        raise ConfigurationError("AI_BASE_URL must be the address of the OpenAI-compatible endpoint")
    return AssistantSettings(
        provider=provider,
        models=models,
        guardrail=env("AI_GUARDRAIL", ""),
        guardrail_version=env("AI_GUARDRAIL_VERSION", "DRAFT"),
        base_url=env("AI_BASE_URL", "").rstrip("/"),
        key_secret_arn=env("AI_KEY_SECRET_ARN", ""),
        allowed_hosts=tuple(host.strip().lower() for host in env("AI_ALLOWED_HOSTS", "").split(",") if host.strip()),
        input_price=_micro_usd("AI_INPUT_USD", "0"),
        output_price=_micro_usd("AI_OUTPUT_USD", "0"),
        person_budget=Budget(_whole("AI_TOKENS_PER_DAY", "500000"), _micro_usd("AI_USD_PER_DAY", "1")),
        deployment_budget=Budget(_whole("AI_ALL_TOKENS_PER_DAY", "50000000"), _micro_usd("AI_ALL_USD_PER_DAY", "50")),
        meaning=env("AI_MEANING", "off") == "on",
        queue_url=env("AI_QUEUE_URL", ""),
        endpoint_url=env("AI_ENDPOINT_URL", ""),
        transcribes=env("AI_TRANSCRIPTIONS", "off") == "transcribe",
        transcribe_url=env("AI_TRANSCRIBE_URL", ""),
        minute_price=_micro_usd("AI_MINUTE_USD", "0.024"),
    )


def _models(text: str) -> dict[str, str]:
    """Models by feature from a text such as `default=MODEL,summaries=OTHER`."""
    models = {}
    for part in filter(None, (each.strip() for each in text.split(","))):
        name, _, model = part.partition("=")
        if name not in (*FEATURES, DEFAULT_MODEL) or not model:
            raise ConfigurationError(f"AI_MODELS must be a list of feature=model, not {part!r}")
        models[name] = model
    return models


def _whole(name: str, default: str) -> int:
    raw = os.environ.get(name) or default
    if not raw.isdigit():
        raise ConfigurationError(f"{name} must be a whole number, not {raw!r}")
    return int(raw)


def _micro_usd(name: str, default: str) -> int:
    raw = os.environ.get(name) or default
    try:
        amount = Decimal(raw)
    except InvalidOperation as error:
        raise ConfigurationError(f"{name} must be an amount of dollars, not {raw!r}") from error
    if not 0 <= amount <= MICRO:
        raise ConfigurationError(f"{name} must be an amount of dollars from 0 to a million, not {raw!r}")
    return int(amount * MICRO)
