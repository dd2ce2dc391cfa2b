"""The port of providers: a task goes in, an outcome comes out. The deployment chooses the provider."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from assistant.model import Feature, Length, Line, ModelUsage


@dataclass(frozen=True, slots=True)
class Task:
    """A request to a provider. `lines` are its sources, oldest first; `text` is a single text to work on.

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
        """The ETag (RFC 9110, 8.8.3) of the answer: it changes with everything that the answer is based on."""
        read = [(line.message_id, line.text) for line in self.lines]
        asked = (self.feature, self.language, self.text, self.question, self.target_language, self.tone, self.length)
        return f'"{hashlib.sha256(repr((asked, read)).encode()).hexdigest()[:32]}"'


@dataclass(frozen=True, slots=True)
class Outcome:
    """A provider's unfiltered answer: a text in which the mark [2] cites the second line of `cited`, or the feature's
    suggestions or scores."""

    model: str
    usage: ModelUsage
    text: str = ""
    cited: Sequence[Line] = ()
    suggestions: Sequence[str] = ()
    categories: Mapping[str, float] = field(default_factory=dict)


class Provider(Protocol):
    """Answers tasks; raises DependencyUnavailable and Timeout. `leaves_account`: its input leaves the AWS account."""

    @property
    def name(self) -> str: ...

    @property
    def leaves_account(self) -> bool: ...

    def supports(self, feature: Feature) -> bool: ...

    def max_usage(self, task: Task) -> ModelUsage:
        """The maximum usage of a task, to be reserved before it is run."""
        ...

    def run(self, task: Task) -> Outcome: ...

    def stream(self, task: Task) -> Iterator[str | Outcome]:
        """Pieces of the text as they come, and at the end the outcome with the whole text."""
        ...
