"""The default provider: rules and search, without network, key or cost."""

from __future__ import annotations

from collections.abc import Iterator

from assistant.embedded import answering, catchup, moderating, replies
from assistant.embedded.labels import NO_SUPPORT, NOTHING_NEW, ONLY_SMALL_TALK, localized
from assistant.model import AiUnavailable, Feature, ModelUsage, tokens, tokens_of
from assistant.providers.port import Outcome, Task

_FEATURES: frozenset[Feature] = frozenset({"summaries", "replies", "answers", "moderations"})
MODEL = "rules-1"


class Embedded:
    """Counts tokens like the other providers, so that budgets mean the same; they cost nothing."""

    name = "embedded"
    leaves_account = False

    def supports(self, feature: Feature) -> bool:
        return feature in _FEATURES

    def max_usage(self, task: Task) -> ModelUsage:
        return self._usage(task, "")

    def run(self, task: Task) -> Outcome:
        if task.feature == "summaries":
            return self._summary(task)
        if task.feature == "answers":
            cited = answering.answer(task.question, task.lines)
            text = answering.render(cited) if cited else localized(NO_SUPPORT, task.language)
            return Outcome(MODEL, self._usage(task, text), text, cited)
        if task.feature == "replies":
            found = replies.suggestions(task.lines, reader_id=task.reader_id, fallback_language=task.language)
            return Outcome(MODEL, self._usage(task, " ".join(found)), suggestions=found)
        if task.feature == "moderations":
            return Outcome(MODEL, self._usage(task, ""), categories=moderating.scores(task.text))
        raise AiUnavailable.of(task.feature, self.name)

    def stream(self, task: Task) -> Iterator[str | Outcome]:
        outcome = self.run(task)
        yield outcome.text
        yield outcome

    def _summary(self, task: Task) -> Outcome:
        found = catchup.extracts(task.lines, length=task.length, reader_id=task.reader_id)
        text, cited = catchup.render(found, length=task.length, language=task.language)
        if not text:
            text = localized(ONLY_SMALL_TALK if task.lines else NOTHING_NEW, task.language)
        return Outcome(MODEL, self._usage(task, text), text, cited)

    def _usage(self, task: Task, text: str) -> ModelUsage:
        read = tokens_of([line.text for line in task.lines]) + tokens(task.text) + tokens(task.question)
        return ModelUsage(input_tokens=read, output_tokens=tokens(text))
