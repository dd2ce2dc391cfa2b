"""Digests: a short summary of each conversation with unread messages. Made by rules, never by a paid provider."""

from __future__ import annotations

from typing import Any

from assistant import budgets, checking, consent, reading, service
from assistant.embedded import catchup
from assistant.embedded.labels import ONLY_SMALL_TALK, localized
from assistant.model import Line, ModelUsage, tokens, tokens_of
from assistant.providers.embedded import MODEL
from conversations.model import MemberContext
from kernel import parallel
from kernel.caller import Caller

CONVERSATIONS = 20


def digest(caller: Caller) -> dict[str, Any]:
    """The most important conversations with unread messages, each with a summary and its citations."""
    given = consent.require(caller, "summaries", None)
    unread = reading.unread_conversations(consent.contexts(caller.user_id))[:CONVERSATIONS]
    lines = parallel.mapped(lambda each: reading.lines_after(each[0], each[0].member.read_seq), unread)
    items, usage = [], ModelUsage()
    for (context, count), read in zip(unread, lines, strict=True):
        text, cited = _summary(read, context, given.language, caller.user_id)
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
    return {"conversations": items, "model": MODEL, "provider": "embedded", "usage": usage.view()}


def _summary(lines: list[Line], context: MemberContext, language: str, reader_id: str) -> tuple[str, list[Line]]:
    theirs = [line for line in lines if line.conversation_id == context.conversation_id]
    found = catchup.extracts(theirs, length="short", reader_id=reader_id)
    text, cited = catchup.render(found, length="short", language=language)
    return checking.check(text, cited) if text else (localized(ONLY_SMALL_TALK, language), [])
