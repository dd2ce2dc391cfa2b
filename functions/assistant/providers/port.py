"""The port of all providers: a task goes in, an answer comes out. Which provider does it is the deployment's choice."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from assistant.model import Feature, Length, Line, ModelUsage


@dataclass(frozen=True, slots=True)
class Task:
    """What is asked of a provider. `lines` are what it may speak of, oldest first; `text` is a single text to work on.

    `names` are the display names of the lines' senders, for providers that need them.
    """

    feature: Feature
    language: str
    reader_id: str
    lines: Sequence[Line] = ()
    text: str = ""
    question: str = ""
    target_language: str = ""
    tone: str = ""
    length: Length = "short"
    names: Mapping[str, str] = field(default_factory=dict)

    @property
    def basis(self) -> str:
        """The ETag (RFC 9110, 8.8.3) of its answer: other where anything that it rests on is other."""
        read = [(line.message_id, line.text) for line in self.lines]
        asked = (self.feature, self.language, self.text, self.question, self.target_language, self.tone, self.length)
        return f'"{hashlib.sha256(repr((asked, read)).encode()).hexdigest()[:32]}"'


@dataclass(frozen=True, slots=True)
class Outcome:
    """A provider's answer: a text whose marks such as [2] stand for the second of `cited`, or what the feature asks
    for instead of a text. Not checked yet: that is the service's work."""

    model: str
    usage: ModelUsage
    text: str = ""
    cited: Sequence[Line] = ()
    suggestions: Sequence[str] = ()
    categories: Mapping[str, float] = field(default_factory=dict)


class Provider(Protocol):
    """Raises DependencyUnavailable and Timeout where the outside does not answer."""

    @property
    def name(self) -> str: ...

    @property
    def leaves_account(self) -> bool: ...

    def has(self, feature: Feature) -> bool: ...

    def most(self, task: Task) -> ModelUsage:
        """What the task may consume at most: so much is reserved before it is done."""
        ...

    def do(self, task: Task) -> Outcome: ...

    def stream(self, task: Task) -> Iterator[str | Outcome]:
        """Pieces of the text as they come, and at the end the outcome, whose `text` is all of them together."""
        ...
