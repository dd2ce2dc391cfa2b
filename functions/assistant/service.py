"""AI help, the same for all features: consent, reading, budget, provider, output filter."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from assistant import budgets, checking, consent, reading, retrieval
from assistant.consent import Consent
from assistant.embedded import moderating
from assistant.embedded.labels import NO_SUPPORT, localized
from assistant.model import REPLIES, Feature, Length, Line
from assistant.providers.choice import provider
from assistant.providers.port import Outcome, Task
from assistant.sanitizer import clean
from kernel.caller import Caller
from kernel.errors import DependencyUnavailable, ValidationFailed

REPLY_LINES = 20
Publish = Callable[[str], None]  # takes the pieces of a streamed answer


# --- tasks ----------------------------------------------------------------------------------------------------


def summary(
    caller: Caller,
    *,
    conversation_id: str,
    after_seq: int | None = None,
    unread: bool | None = None,
    thread_root: str | None = None,
    length: Length = "short",
) -> Task:
    """Summarise a part of a conversation, by default its unread messages."""
    if sum(each is not None and each is not False for each in (after_seq, unread, thread_root)) > 1:
        raise ValidationFailed.of("after_seq", "give one of after_seq, unread and thread_root")
    given = consent.require(caller, "summaries", conversation_id)
    context = given.conversation
    if thread_root is not None:
        lines = reading.thread(context, thread_root)
    else:
        lines = reading.lines_after(context, context.member.read_seq if after_seq is None else after_seq)
    return _task("summaries", given, lines=lines, length=length)


def replies(caller: Caller, *, conversation_id: str) -> Task:
    """Suggest three replies to the newest messages."""
    given = consent.require(caller, "replies", conversation_id)
    return _task("replies", given, lines=reading.lines_after(given.conversation, 0, limit=REPLY_LINES))


def translation(caller: Caller, *, target_language: str, text: str | None, message_id: str | None) -> Task:
    """Translate a text or a message."""
    if (text is None) == (message_id is None):
        raise ValidationFailed.of("text", "give either text or message_id")
    if message_id is None:
        given = consent.require(caller, "translations", None)
        return _task("translations", given, text=text or "", target_language=target_language)
    conversation_id = reading.conversation_of(caller.user_id, message_id)
    given = consent.require(caller, "translations", conversation_id)
    line = reading.message(given.conversation, message_id)
    return _task("translations", given, text=line.text, target_language=target_language)


def rewrite(caller: Caller, *, text: str, tone: str) -> Task:
    return _task("rewrites", consent.require(caller, "rewrites", None), text=text, tone=tone)


def moderation(caller: Caller, *, text: str) -> Task:
    return _task("moderations", consent.require(caller, "moderations", None), text=text)


def answer(caller: Caller, *, question: str, conversation_id: str | None) -> Task:
    """Answer a question from relevant messages that the caller may read."""
    given = consent.require(caller, "answers", conversation_id)
    if given.context is not None:
        lines = retrieval.in_conversation(given.context, question)
    else:
        lines = retrieval.in_all(caller.user_id, question)
    return _task("answers", given, lines=lines, question=question)


def _task(feature: Feature, given: Consent, **what: Any) -> Task:
    return Task(feature=feature, language=given.language, reader_id=given.user_id, **what)


# --- answers --------------------------------------------------------------------------------------------------


def carry_out(task: Task, *, publish: Publish | None = None) -> dict[str, Any]:
    """Run a task; returns its filtered answer. `publish` also gets the text piece by piece.

    Raises BudgetExceeded, DependencyUnavailable and Timeout. The embedded provider is free, so its usage is charged
    afterwards; others' usage is reserved before.
    """
    chosen, publisher = provider(), _Publisher(task, publish)
    if chosen.name == "embedded":
        outcome = chosen.run(task)
        budgets.charge(task.reader_id, outcome.usage)
        return _answer(task, outcome, publisher.whole(outcome), recheck=False)
    task = replace(task, names=reading.names_of(task.lines))
    with budgets.reserved(task.reader_id, chosen.max_usage(task)) as meter:
        if publish is None:
            outcome = chosen.run(task)
            meter.usage = outcome.usage
            return _answer(task, outcome, publisher.whole(outcome), recheck=True)
        return _stream(task, publisher, meter)


class _Publisher:
    """Publishes the filtered text while it is written, in whole sentences.

    An answer to a question is held back until it cites a message; without any citation a fixed text replaces it.
    """

    def __init__(self, task: Task, publish: Publish | None) -> None:
        self._task = task
        self._publish = publish
        self._held = ""

    def add(self, text: str, writer: checking.Writer) -> None:
        self._held += text
        if self._held and not _lacks_citation(self._task, writer.cited):
            self._emit(self._held)
            self._held = ""

    def end(self, writer: checking.Writer) -> None:
        self.add(writer.finish(), writer)
        if _lacks_citation(self._task, writer.cited):
            self._emit(localized(NO_SUPPORT, self._task.language))

    def whole(self, outcome: Outcome) -> checking.Writer:
        """Filter and publish a complete text."""
        writer = checking.Writer(outcome.cited)
        for line in outcome.text.splitlines(keepends=True):
            self.add(writer.take(line), writer)
        self.end(writer)
        return writer

    def _emit(self, text: str) -> None:
        if self._publish is not None:
            self._publish(text)


def _lacks_citation(task: Task, cited: Sequence[Line]) -> bool:
    return task.feature == "answers" and not cited


def _stream(task: Task, publisher: _Publisher, meter: budgets.Meter) -> dict[str, Any]:
    chosen = provider()
    writer = checking.Writer(task.lines)
    whole = ""
    most = chosen.max_usage(task)
    for piece in chosen.stream(task):
        if isinstance(piece, Outcome):
            meter.usage = piece.usage
            if piece.text != whole.strip():  # the provider replaced the streamed text
                return _answer(task, piece, publisher.whole(piece), recheck=True)
            publisher.end(writer)
            return _answer(task, piece, writer, recheck=True)
        whole += piece
        meter.usage = replace(most, output_tokens=min(most.output_tokens, len(whole)))  # should the stream break
        publisher.add(writer.take(piece), writer)
    raise DependencyUnavailable("The provider of AI help broke off.")


def _answer(task: Task, outcome: Outcome, writer: checking.Writer, *, recheck: bool) -> dict[str, Any]:
    text, cited = writer.text.strip(), writer.cited
    if recheck and cited:
        readable = reading.still_readable(task.reader_id, cited)
        gone = {line.message_id for line in cited} - readable
        text, cited = checking.drop_citations(text, cited, gone)
    if _lacks_citation(task, cited):
        text = localized(NO_SUPPORT, task.language)
    return {
        "result": _result(task, outcome, text),
        "citations": citations_of(cited),
        "model": outcome.model,
        "provider": provider().name,
        "usage": outcome.usage.view(),
    }


def _result(task: Task, outcome: Outcome, text: str) -> Any:
    if task.feature == "replies":
        return {"suggestions": [clean(each)[:300] or "…" for each in outcome.suggestions][:REPLIES]}
    if task.feature == "moderations":
        return {"categories": dict(outcome.categories), "flagged": moderating.flagged(outcome.categories)}
    return text


def citations_of(lines: list[Line]) -> list[dict[str, Any]]:
    return [{"message_id": each.message_id, "seq": each.seq, "conversation_id": each.conversation_id} for each in lines]
