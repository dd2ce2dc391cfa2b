"""The common part of providers with a language model: tasks become prompts, completions become outcomes."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

from assistant import prompts
from assistant.embedded import replies
from assistant.embedded.labels import NO_SUPPORT, NOTHING_NEW, localized
from assistant.model import REPLIES, Feature, ModelUsage, tokens
from assistant.prompts import Prompt
from assistant.providers.port import Outcome, Task
from assistant.settings import settings
from kernel import deadline
from kernel.breakers import Breaker, Limits
from kernel.errors import DependencyUnavailable, Timeout

_FEATURES: frozenset[Feature] = frozenset(
    {"summaries", "replies", "translations", "rewrites", "answers", "moderations"}
)


@dataclass(frozen=True, slots=True)
class Completion:
    """A model's text, and the tokens that the endpoint reported; None if it did not."""

    text: str
    input_tokens: int | None = None
    output_tokens: int | None = None


class Model(Protocol):
    """Access to language models. Both methods raise DependencyUnavailable and Timeout."""

    def complete(self, model: str, prompt: Prompt) -> Completion: ...

    def pieces(self, model: str, prompt: Prompt) -> Iterator[str | Completion]:
        """Pieces of the text as they come, and a completion with the tokens if the endpoint reports them."""
        ...


# Opened by three failures in a row, or by one call without a response for 20 s.
MODEL_LIMITS = Limits(failures=3, window=3, window_s=60.0, patience_s=20.0, probe_s=10.0, rest_s=15.0, rest_max_s=120.0)


@contextmanager
def guarded_stream(breaker: Breaker, failures: tuple[type[BaseException], ...]) -> Iterator[None]:
    """A stream from opening to end as one call of a breaker, so that a broken stream counts as a failure.

    Raises CircuitOpen, and Timeout at the invocation's deadline.
    """
    deadline.require()
    breaker.admit()
    started = time.monotonic()
    try:
        yield
    except failures as error:
        if deadline.left_s() <= 0:
            breaker.cut_off(time.monotonic() - started)
            raise Timeout from error
        breaker.failed(time.monotonic() - started)
        raise
    except BaseException:  # cancelled, or an unreadable response: no evidence about the provider's health
        breaker.abandoned()
        raise
    breaker.succeeded()


@dataclass(frozen=True, slots=True)
class LanguageModel:
    """A provider that answers tasks by `model`; `leaves_account` as in `Provider`."""

    name: str
    leaves_account: bool
    model: Model

    def supports(self, feature: Feature) -> bool:
        return feature in _FEATURES

    def max_usage(self, task: Task) -> ModelUsage:
        prompt = prompts.of(task)
        return settings().priced(prompt.input_tokens, prompt.most_output)

    def run(self, task: Task) -> Outcome:
        if _is_empty(task):
            return self._nothing(task)
        prompt = prompts.of(task)
        return self._outcome(task, prompt, self.model.complete(settings().model_of(task.feature), prompt))

    def stream(self, task: Task) -> Iterator[str | Outcome]:
        if _is_empty(task) or task.feature in ("replies", "moderations"):
            outcome = self.run(task)
            yield outcome.text
            yield outcome
            return
        prompt = prompts.of(task)
        text_so_far, counted = "", Completion("")
        for piece in self.model.pieces(settings().model_of(task.feature), prompt):
            if isinstance(piece, Completion):
                counted = piece
                continue
            text_so_far += piece
            yield piece
        whole = Completion(text_so_far, counted.input_tokens, counted.output_tokens)
        yield self._outcome(task, prompt, whole)

    def _outcome(self, task: Task, prompt: Prompt, completion: Completion) -> Outcome:
        model, usage = settings().model_of(task.feature), self._usage(prompt, completion)
        text = completion.text.strip()
        if task.feature == "replies":
            return Outcome(model, usage, suggestions=_with_fallback(task, text))
        if task.feature == "moderations":
            scores = prompts.categories(text)
            if scores is None:
                raise DependencyUnavailable("The model gave no scores; try again.")
            return Outcome(model, usage, categories=scores)
        if task.feature == "answers" and "NO SUPPORT" in text[:40]:
            return Outcome(model, usage, localized(NO_SUPPORT, task.language))
        return Outcome(model, usage, text, task.lines)

    def _usage(self, prompt: Prompt, completion: Completion) -> ModelUsage:
        read = prompt.input_tokens if completion.input_tokens is None else completion.input_tokens
        written = tokens(completion.text) if completion.output_tokens is None else completion.output_tokens
        return settings().priced(read, written)

    def _nothing(self, task: Task) -> Outcome:
        """The outcome of a task without any lines, which needs no model."""
        texts = NOTHING_NEW if task.feature == "summaries" else NO_SUPPORT
        return Outcome(settings().model_of(task.feature), ModelUsage(), localized(texts, task.language))


def _is_empty(task: Task) -> bool:
    return task.feature in ("summaries", "answers") and not task.lines


def _with_fallback(task: Task, text: str) -> list[str]:
    """The model's replies, with rule-based ones added if there are fewer than three."""
    found = prompts.suggestions(text)
    by_rules = replies.suggestions(task.lines, reader_id=task.reader_id, fallback_language=task.language)
    return list(dict.fromkeys([*found, *by_rules]))[:REPLIES]
