"""What one missed everywhere: a short catch-up of each conversation with unread messages, by rules whatever provider
there is, so that it costs nothing."""

from __future__ import annotations

from typing import Any

from assistant import budgets, checking, consent, reading, service
from assistant.embedded import catchup
from assistant.embedded.labels import ONLY_SMALL_TALK, said
from assistant.model import Line, ModelUsage, tokens, tokens_of
from assistant.providers.embedded import MODEL
from conversations.model import MemberContext
from kernel import parallel
from kernel.caller import Caller

CONVERSATIONS = 20


def digest(caller: Caller) -> dict[str, Any]:
    """The most important conversations with something unread, each with a summary and its citations."""
    given = consent.require(caller, "summaries", None)
    waiting = reading.behind(consent.contexts(caller.user_id))[:CONVERSATIONS]
    lines = parallel.mapped(lambda each: reading.lines_after(each[0], each[0].member.read_seq), waiting)
    items, usage = [], ModelUsage()
    for (context, count), read in zip(waiting, lines, strict=True):
        text, cited = _caught_up(read, context, given.language, caller.user_id)
        usage += ModelUsage(tokens_of([line.text for line in read]), tokens(text))
        items.append(
            {
                "conversation_id": context.conversation_id,
                "unread": count.messages,
                "mentions": count.mentions,
                "summary": text,
                "citations": service.citations_of(cited),
            }
        )
    budgets.charge(caller.user_id, usage)
    return {"conversations": items, "model": MODEL, "provider": "embedded", "usage": usage.shown()}


def _caught_up(lines: list[Line], context: MemberContext, language: str, reader_id: str) -> tuple[str, list[Line]]:
    theirs = [line for line in lines if line.conversation_id == context.conversation_id]
    found = catchup.extracts(theirs, length="short", reader_id=reader_id)
    text, cited = catchup.written(found, length="short", language=language)
    return checking.checked(text, cited) if text else (said(ONLY_SMALL_TALK, language), [])
