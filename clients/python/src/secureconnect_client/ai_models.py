"""The values of AI help."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class AiBudget:
    """A person's budget per day (UTC), and what is used of it today."""

    tokens_per_day: int = 0
    usd_per_day: float = 0.0
    used_tokens: int = 0
    used_usd: float = 0.0
    resets_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AiSettings:
    """A person's choices and the provider; with `leaves_account` texts leave the deployment's AWS account."""

    enabled: bool = False
    features: Mapping[str, Any] = field(default_factory=dict)
    language: str = "en"
    provider: str = ""
    leaves_account: bool = False
    budget: AiBudget = AiBudget()


@dataclass(frozen=True, slots=True, kw_only=True)
class Citation:
    """A message that supports an answer."""

    message_id: str = ""
    seq: int = 0
    conversation_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AiUsage:
    input_tokens: int = 0
    output_tokens: int = 0
    cost_usd: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class AiAnswer:
    """An answer. A mark such as [2] in its text refers to the second of its citations."""

    result: Any = None
    citations: tuple[Citation, ...] = ()
    model: str = ""
    provider: str = ""
    usage: AiUsage = AiUsage()

    @property
    def text(self) -> str:
        """The result if it is a text, else an empty one."""
        return self.result if isinstance(self.result, str) else ""

    @property
    def suggestions(self) -> tuple[str, ...]:
        """The suggested replies of `Ai.replies`."""
        found = self.result.get("suggestions", ()) if isinstance(self.result, Mapping) else ()
        return tuple(str(each) for each in found)


@dataclass(frozen=True, slots=True, kw_only=True)
class DigestItem:
    """A summary of the unread messages of a conversation."""

    conversation_id: str = ""
    unread: int = 0
    mentions: int = 0
    summary: str = ""
    citations: tuple[Citation, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """The text of a part of a recording."""

    start_ms: int = 0
    end_ms: int = 0
    text: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Transcript:
    """The text of a recording, whole and by segments."""

    text: str = ""
    segments: tuple[Segment, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class AiJob:
    """Work that continues after the request was answered."""

    id: str = ""
    status: Literal["queued", "running", "done", "failed"] = "queued"
    result: Mapping[str, Any] | None = None
    problem: Mapping[str, Any] | None = None
