"""A group's moderation policy: messages that look harmful are reported to its admins, and nothing else is done.

It uses word lists and rules with every provider, so that it costs nothing and no text leaves the account. It runs
asynchronously on the log's present state: a repeated event reports once, a late one sees the edited text.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from assistant import consent, reading
from assistant.embedded import moderating
from assistant.model import FLAG_FROM
from conversations import api as conversations
from conversations.model import ConversationInfo
from kernel import telemetry
from log import api as log
from messages import api as messages
from moderation import api as moderation

Place = tuple[str, int]


def review(places: Iterable[Place]) -> int:
    """Review these messages (conversation, seq); returns the number of new reports."""
    wanted = list(dict.fromkeys(places))
    infos = conversations.infos(list({conversation_id for conversation_id, _ in wanted}))
    covered = {conversation_id for conversation_id, info in infos.items() if applies(info)}
    chosen = [place for place in wanted if place[0] in covered]
    reported = 0
    for (conversation_id, _), event in log.events_at(chosen).items() if chosen else ():
        line = reading.line_of(event)
        scores = moderating.scores(line.text) if line is not None else {}
        if moderating.flagged(scores):
            (message,) = messages.message_views([event], event.actor_id)
            reported += moderation.flag(conversation_id=conversation_id, message=message, reason=_reason(scores))
    telemetry.count("MessagesLookedAt", len(chosen))
    return reported


def applies(info: ConversationInfo) -> bool:
    """Whether a group has the policy, and AI help may read it."""
    return info.kind == "group" and info.settings.moderation == "flag" and consent.covers(info)


def _reason(scores: Mapping[str, float]) -> str:
    found = sorted(((score, name) for name, score in scores.items() if score >= FLAG_FROM), reverse=True)
    return f"Looks like {', '.join(f'{name} ({score:.2f})' for score, name in found)}: found by rules, which may err."
