"""AI help: types and rules. Standard library and kernel only."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from kernel import clock
from kernel.errors import Forbidden, Problem

Feature = Literal["summaries", "replies", "translations", "rewrites", "answers", "moderations", "transcriptions"]
FEATURES: tuple[Feature, ...] = get_args(Feature)
Length = Literal["short", "long"]
DEFAULT_LANGUAGE = "en"
MAX_LINES = 300  # messages per prompt or summary
REPLIES = 3
FLAG_FROM = 0.5  # the score of a category from which a text is flagged
MICRO = 1_000_000  # money is counted in integer millionths of a dollar

_WIDE = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff]")


class AiDisabled(Forbidden):
    code, detail = "ai_disabled", "AI help is switched off here or for you."


class EncryptedConversation(Forbidden):
    code, detail = "encrypted_conversation", "There is no AI help in an encrypted conversation."


class AiUnavailable(Problem):
    status, code, detail = 501, "ai_unavailable", "The configured provider does not have this feature."

    @classmethod
    def of(cls, feature: str, provider: str) -> AiUnavailable:
        return cls(f"The provider {provider} does not have the feature {feature}.")


class BudgetExceeded(Problem):
    status, code, detail = 429, "ai_budget_exceeded", "The budget for AI help of today is used up."


@dataclass(frozen=True, slots=True)
class Line:
    """One message as AI help reads it. `reply_to` is the id of the message that it replies to; `at` in ms."""

    message_id: str
    conversation_id: str
    seq: int
    sender_id: str
    text: str
    at: int = 0
    reply_to: str | None = None
    reactions: int = 0
    mentions: frozenset[str] = frozenset()
    mentions_all: bool = False
    pinned: bool = False

    def concerns(self, user_id: str) -> bool:
        """Whether the message mentions this person or everybody."""
        return self.mentions_all or user_id in self.mentions


@dataclass(frozen=True, slots=True)
class SpokenSegment:
    """A segment of a transcript."""

    start_ms: int
    end_ms: int
    text: str


@dataclass(frozen=True, slots=True)
class ModelUsage:
    """The usage of a call: input and output tokens, and its price in millionths of a dollar."""

    input_tokens: int = 0
    output_tokens: int = 0
    cost_micro_usd: int = 0

    @property
    def tokens(self) -> int:
        return self.input_tokens + self.output_tokens

    def view(self) -> dict[str, Any]:
        """The usage as answers have it (contract §9)."""
        return {
            "input_tokens": self.input_tokens,
            "output_tokens": self.output_tokens,
            "cost_usd": self.cost_micro_usd / MICRO,
        }

    def __add__(self, other: ModelUsage) -> ModelUsage:
        return ModelUsage(
            self.input_tokens + other.input_tokens,
            self.output_tokens + other.output_tokens,
            self.cost_micro_usd + other.cost_micro_usd,
        )


@dataclass(frozen=True, slots=True)
class AiPreferences:
    """A person's enabled features (all by default) and language of answers; the main switch is in their profile."""

    features: Mapping[str, bool] = field(default_factory=dict)
    language: str | None = None

    def wants(self, feature: Feature) -> bool:
        return self.features.get(feature, True)

    def changed(self, changes: Mapping[str, Any]) -> AiPreferences:
        features = {**self.features, **changes.get("features", {})}
        return AiPreferences(features, changes.get("language", self.language))


def tokens(text: str) -> int:
    """An estimate of a text's tokens: one per character of scripts without spaces, one per four other characters."""
    wide = len(_WIDE.findall(text))
    return wide + -(-(len(text) - wide) // 4)


def tokens_of(texts: Sequence[str]) -> int:
    return sum(tokens(text) for text in texts)


def day_of(now: int) -> str:
    """The day of a budget (UTC), such as 2026-11-28."""
    return clock.rfc3339(now)[:10]


def day_ends(now: int) -> int:
    """When today's budgets are reset: midnight UTC, in ms."""
    return (now // clock.DAY + 1) * clock.DAY
