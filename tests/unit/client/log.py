"""What a small SecureConnect in memory knows and does: people, conversations, their logs."""

from __future__ import annotations

import itertools
import json
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

AT = "2026-11-22T21:24:05.123Z"


@dataclass
class Reply:
    status: int
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)


class Refused(Exception):
    def __init__(self, status: int, code: str, **headers: str) -> None:
        self.reply = Reply(status, {"status": status, "code": code, "title": code}, headers)


@dataclass
class Conversation:
    id: str
    members: dict[str, int]  # user id -> first seq they may see
    log: list[dict[str, Any]] = field(default_factory=list)
    messages: dict[str, dict[str, Any]] = field(default_factory=dict)
    reactions: dict[str, set[tuple[str, str]]] = field(default_factory=lambda: defaultdict(set))
    sent: dict[tuple[str, str], str] = field(default_factory=dict)


Fault = Callable[[str, str], Reply | Exception | None]


class Log:
    """Everything the server knows. `faults` see each request first and may answer it, or break it."""

    def __init__(self, *, access_s: float = 900.0, page: int = 100, sync_events: int = 1000) -> None:
        self.access_s = access_s
        self.page = page
        self.sync_events = sync_events
        self.conversations: dict[str, Conversation] = {}
        self.access: dict[str, tuple[str, float]] = {}
        self.refresh: dict[str, str] = {}
        self.tickets: dict[str, str] = {}
        self.sockets: dict[str, list[Callable[[str], None]]] = defaultdict(list)
        self.requests: list[tuple[str, str]] = []
        self.faults: list[Fault] = []
        self.socket_url = "/socket?stage=v1"
        self.hide_own_events = False
        self.calls: list[dict[str, Any]] = []  # live ones, as every sync shows them
        self.deaf = False
        self.spread_ms: float | None = None
        self._ids = itertools.count(1)

    # -- what tests do to it

    def count(self, method: str, path: str) -> int:
        return sum(1 for each in self.requests if each == (method, path))

    def fail(self, method: str, path: str, *outcomes: Reply | Exception) -> None:
        """Let the next requests of this kind end like this."""
        left = list(outcomes)

        def fault(asked_method: str, asked_path: str) -> Reply | Exception | None:
            return left.pop(0) if left and (asked_method, asked_path) == (method, path) else None

        self.faults.append(fault)

    def conversation(self, *members: str, id: str = "") -> Conversation:
        made = Conversation(id or f"cnv_{next(self._ids)}", dict.fromkeys(members, 1))
        self.conversations[made.id] = made
        self.commit(made, "conversation.created", members[0], lambda _: self.shown(made, members[0]))
        return made

    def commit(
        self,
        conversation: Conversation,
        kind: str,
        actor: str,
        data: Callable[[str], Any],
        *,
        by: Callable[[str], None] | None = None,
    ) -> dict[str, Any]:
        """Append to the log and tell the members' sockets."""
        seq = len(conversation.log) + 1
        entry = {"seq": seq, "type": kind, "actor_id": actor, "view": data}
        conversation.log.append(entry)
        for user_id in list(conversation.members):
            for push in list(self.sockets[user_id]):
                if not (self.hide_own_events and push is by):
                    push(json.dumps(self.event(conversation, entry, user_id)))
        return entry

    def say(self, conversation: Conversation, sender: str, text: str, **fields: Any) -> dict[str, Any]:
        return self.send(sender, conversation, {"client_id": f"c{next(self._ids)}", "text": text, **fields})[0]

    def add(self, conversation: Conversation, user_id: str) -> None:
        conversation.members[user_id] = len(conversation.log) + 1
        self.commit(conversation, "member.added", user_id, lambda _: {"user": {"id": user_id}, "role": "member"})

    def remove(self, conversation: Conversation, user_id: str) -> None:
        self.commit(conversation, "member.removed", user_id, lambda _: {"user": {"id": user_id}})
        del conversation.members[user_id]

    def push(self, user_id: str, **frame: Any) -> None:
        for push in self.sockets[user_id]:
            push(json.dumps(frame))

    def tokens(self, user_id: str) -> dict[str, Any]:
        number = next(self._ids)
        access, refresh = f"access-{number}", f"refresh-{number}"
        self.access[access] = (user_id, time.time() + self.access_s)
        self.refresh[refresh] = user_id
        return {
            "access_token": access,
            "refresh_token": refresh,
            "token_type": "Bearer",
            "expires_in": self.access_s,
            "session_id": "ses_1",
        }

    def caller(self, headers: dict[str, str]) -> str:
        user_id, expires = self.access.get(headers.get("authorization", "").removeprefix("Bearer "), ("", 0.0))
        if not user_id:
            raise Refused(401, "unauthenticated")
        if time.time() >= expires:
            raise Refused(401, "token_expired")
        return user_id

    def send(
        self,
        me: str,
        conversation: Conversation,
        body: dict[str, Any],
        by: Callable[[str], None] | None = None,
    ) -> tuple[dict[str, Any], bool]:
        key = (me, body["client_id"])
        if key in conversation.sent:
            return self.message(conversation, conversation.sent[key], me), False
        if not body.get("text"):
            raise Refused(400, "validation_failed")
        message: dict[str, Any] = {
            "id": f"msg_{next(self._ids)}",
            "conversation_id": conversation.id,
            "sender_id": me,
        }
        message |= {"seq": len(conversation.log) + 1, "created_at": AT, "type": "text", **body}
        conversation.messages[message["id"]] = message
        conversation.sent[key] = message["id"]
        self.commit(conversation, "message.created", me, self.view(conversation, message["id"]), by=by)
        return self.message(conversation, message["id"], me), True

    def edit(
        self,
        me: str,
        conversation: Conversation,
        message_id: str,
        text: str,
        by: Callable[[str], None] | None = None,
    ) -> dict[str, Any]:
        message = self.own(conversation, message_id)
        message |= {"text": text, "edited_at": AT}
        self.commit(conversation, "message.updated", me, self.view(conversation, message_id), by=by)
        return self.message(conversation, message_id, me)

    def delete(
        self, me: str, conversation: Conversation, message_id: str, by: Callable[[str], None] | None = None
    ) -> None:
        message = self.own(conversation, message_id)
        message |= {"text": None, "edited_at": None, "deleted_at": AT, "metadata": {}}
        conversation.reactions[message_id].clear()
        self.commit(conversation, "message.deleted", me, self.view(conversation, message_id), by=by)

    def react(
        self,
        me: str,
        conversation: Conversation,
        message_id: str,
        emoji: str,
        *,
        remove: bool,
        by: Callable[[str], None] | None = None,
    ) -> None:
        self.own(conversation, message_id)
        reactions = conversation.reactions[message_id]
        if ((emoji, me) in reactions) != remove:
            return
        (reactions.discard if remove else reactions.add)((emoji, me))
        data = {"message_id": message_id, "user_id": me, "emoji": emoji}
        kind = "reaction.removed" if remove else "reaction.added"
        self.commit(conversation, kind, me, lambda _: data, by=by)

    def own(self, conversation: Conversation, message_id: str) -> dict[str, Any]:
        message = conversation.messages.get(message_id)
        if message is None or message.get("deleted_at"):
            raise Refused(404, "not_found")
        return message

    def view(self, conversation: Conversation, message_id: str) -> Callable[[str], Any]:
        return lambda viewer: self.message(conversation, message_id, viewer)

    def message(self, conversation: Conversation, message_id: str, viewer: str) -> dict[str, Any]:
        """The present state, also where the log shows an old event."""
        reactions: dict[str, set[str]] = defaultdict(set)
        for emoji, user_id in conversation.reactions[message_id]:
            reactions[emoji].add(user_id)
        shown = [
            {"emoji": emoji, "count": len(users), "mine": viewer in users} for emoji, users in sorted(reactions.items())
        ]
        return conversation.messages[message_id] | {"reactions": shown}

    def shown(self, conversation: Conversation, viewer: str) -> dict[str, Any]:
        return {"id": conversation.id, "type": "group", "last_seq": len(conversation.log)}

    def event(self, conversation: Conversation, entry: dict[str, Any], viewer: str) -> dict[str, Any]:
        shown = {key: value for key, value in entry.items() if key != "view"}
        return shown | {"conversation_id": conversation.id, "at": AT, "data": entry["view"](viewer)}

    def after(self, conversation: Conversation, viewer: str, after: int) -> list[dict[str, Any]]:
        first = max(after + 1, conversation.members[viewer])
        return [self.event(conversation, each, viewer) for each in conversation.log[first - 1 :]]

    def sync(self, me: str, cursors: dict[str, int]) -> dict[str, Any]:
        mine = {key: each for key, each in self.conversations.items() if me in each.members}
        room, found, more = self.sync_events, [], False
        for conversation in mine.values():
            missed = self.after(conversation, me, cursors.get(conversation.id, 0))
            if missed and room == 0:
                more = True
            elif missed:
                shown = missed[:room]
                room -= len(shown)
                entry = {"conversation": self.shown(conversation, me), "events": shown}
                found.append(entry | {"more": len(shown) < len(missed)})
        removed = [each for each in cursors if each not in mine]
        return {"conversations": found, "removed": removed, "more": more, "ephemeral": {"calls": list(self.calls)}}
