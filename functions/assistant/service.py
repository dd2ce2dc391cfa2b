"""AI help: one way for all features. Consent, what may be read, a budget, a provider, and a check of what it says."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from assistant import budgets, checking, consent, reading, retrieval
from assistant.consent import Consent
from assistant.embedded import moderating
from assistant.embedded.labels import NO_SUPPORT, said
from assistant.model import REPLIES, Citation, Feature, Length, Line
from assistant.neutral import clean
from assistant.providers.choice import provider
from assistant.providers.port import Outcome, Task
from kernel.caller import Caller
from kernel.errors import DependencyUnavailable, ValidationFailed

REPLY_LINES = 20
Show = Callable[[str], None]  # takes the pieces of a streamed answer


# --- tasks: what each feature asks ----------------------------------------------------------------------------


def summary(
    caller: Caller,
    *,
    conversation_id: str,
    after_seq: int | None = None,
    unread: bool | None = None,
    thread_root: str | None = None,
    length: Length = "short",
) -> Task:
    """What matters in a part of a conversation; without a choice in what is unread."""
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
    """Three things that the caller might say next."""
    given = consent.require(caller, "replies", conversation_id)
    return _task("replies", given, lines=reading.lines_after(given.conversation, 0, limit=REPLY_LINES))


def translation(caller: Caller, *, target_language: str, text: str | None, message_id: str | None) -> Task:
    """A text or a message in another language."""
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
    """A question, with what the caller may read that bears on it."""
    given = consent.require(caller, "answers", conversation_id)
    if given.context is not None:
        lines = retrieval.in_conversation(given.context, question)
    else:
        lines = retrieval.in_all(caller.user_id, question)
    return _task("answers", given, lines=lines, question=question)


def _task(feature: Feature, given: Consent, **what: Any) -> Task:
    return Task(feature=feature, language=given.language, reader_id=given.user_id, **what)


# --- doing them -----------------------------------------------------------------------------------------------


def carry_out(task: Task, *, show: Show | None = None) -> dict[str, Any]:
    """The checked answer to a task; with `show` its text piece by piece as it comes.

    Raises BudgetExceeded, DependencyUnavailable and Timeout. Without a price the call is counted when it is over.
    """
    chosen, told = provider(), _Told(task, show)
    if chosen.name == "embedded":
        outcome = chosen.do(task)
        budgets.charge(task.reader_id, outcome.usage)
        return _answer(task, outcome, told.whole(outcome), recheck=False)
    task = replace(task, names=reading.names_of(task.lines))
    with budgets.reserved(task.reader_id, chosen.most(task)) as meter:
        if show is None:
            outcome = chosen.do(task)
            meter.usage = outcome.usage
            return _answer(task, outcome, told.whole(outcome), recheck=True)
        return _streamed(task, told, meter)


class _Told:
    """What is shown of a text while it comes, if somebody watches: checked, whole sentences at a time.

    Of an answer to a question nothing is shown before it cites a message; one that cites none says so instead.
    """

    def __init__(self, task: Task, show: Show | None) -> None:
        self._task = task
        self._show = show
        self._held = ""

    def piece(self, shown: str, writer: checking.Writer) -> None:
        self._held += shown
        if self._held and not _lacks_support(self._task, writer.cited):
            self._out(self._held)
            self._held = ""

    def end(self, writer: checking.Writer) -> None:
        self.piece(writer.finish(), writer)
        if _lacks_support(self._task, writer.cited):
            self._out(said(NO_SUPPORT, self._task.language))

    def whole(self, outcome: Outcome) -> checking.Writer:
        """A text that is here already."""
        writer = checking.Writer(outcome.cited)
        for line in outcome.text.splitlines(keepends=True):
            self.piece(writer.take(line), writer)
        self.end(writer)
        return writer

    def _out(self, text: str) -> None:
        if self._show is not None:
            self._show(text)


def _lacks_support(task: Task, cited: Sequence[Line]) -> bool:
    return task.feature == "answers" and not cited


def _streamed(task: Task, told: _Told, meter: budgets.Meter) -> dict[str, Any]:
    chosen = provider()
    writer = checking.Writer(task.lines)
    whole = ""
    most = chosen.most(task)
    for piece in chosen.stream(task):
        if isinstance(piece, Outcome):
            meter.usage = piece.usage
            if piece.text != whole.strip():  # the provider's last word is another than what it streamed
                return _answer(task, piece, told.whole(piece), recheck=True)
            told.end(writer)
            return _answer(task, piece, writer, recheck=True)
        whole += piece
        meter.usage = replace(most, output_tokens=min(most.output_tokens, len(whole)))  # should the stream break
        told.piece(writer.take(piece), writer)
    raise DependencyUnavailable("The provider of AI help broke off.")


def _answer(task: Task, outcome: Outcome, writer: checking.Writer, *, recheck: bool) -> dict[str, Any]:
    text, cited = writer.text.strip(), writer.cited
    if recheck and cited:
        readable = reading.still_readable(task.reader_id, cited)
        gone = {line.message_id for line in cited} - readable
        text, cited = checking.without(text, cited, gone)
    if _lacks_support(task, cited):
        text = said(NO_SUPPORT, task.language)
    return {
        "result": _result(task, outcome, text),
        "citations": citations_of(cited),
        "model": outcome.model,
        "provider": provider().name,
        "usage": outcome.usage.shown(),
    }


def _result(task: Task, outcome: Outcome, text: str) -> Any:
    if task.feature == "replies":
        return {"suggestions": [clean(each)[:300] or "…" for each in outcome.suggestions][:REPLIES]}
    if task.feature == "moderations":
        return {"categories": dict(outcome.categories), "flagged": moderating.flagged(outcome.categories)}
    return text


def citations_of(lines: list[Line]) -> list[dict[str, Any]]:
    found = [Citation.of(line) for line in lines]
    return [{"message_id": each.message_id, "seq": each.seq, "conversation_id": each.conversation_id} for each in found]
