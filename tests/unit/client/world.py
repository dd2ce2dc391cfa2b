"""A small SecureConnect in memory, for testing its client: the log, sync, sessions and socket actions.

Keeps to the public contract. `handle` takes HTTP requests, `act` socket frames; what carries them (a mock
transport, real sockets) is not its business.
"""

from __future__ import annotations

import itertools
import json
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

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


class World:
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
        self.hide_own_events = False
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
        self.commit(made, "conversation.created", members[0], lambda _: self._shown(made, members[0]))
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
                    push(json.dumps(self._event(conversation, entry, user_id)))
        return entry

    def say(self, conversation: Conversation, sender: str, text: str, **fields: Any) -> dict[str, Any]:
        return self._send(sender, conversation, {"client_id": f"c{next(self._ids)}", "text": text, **fields})[
            0
        ]

    def add(self, conversation: Conversation, user_id: str) -> None:
        conversation.members[user_id] = len(conversation.log) + 1
        self.commit(
            conversation, "member.added", user_id, lambda _: {"user": {"id": user_id}, "role": "member"}
        )

    def remove(self, conversation: Conversation, user_id: str) -> None:
        self.commit(conversation, "member.removed", user_id, lambda _: {"user": {"id": user_id}})
        del conversation.members[user_id]

    def push(self, user_id: str, **frame: Any) -> None:
        for push in self.sockets[user_id]:
            push(json.dumps(frame))

    # -- HTTP

    def handle(self, method: str, target: str, headers: dict[str, str], body: Any) -> Reply:
        path, _, query = target.partition("?")
        self.requests.append((method, path))
        for fault in self.faults:
            outcome = fault(method, path)
            if isinstance(outcome, Exception):
                raise outcome
            if outcome is not None:
                return outcome
        params = dict(each.split("=", 1) for each in query.split("&") if each)
        try:
            return self._route(
                method, [unquote(each) for each in path.strip("/").split("/")], headers, body, params
            )
        except Refused as refused:
            return refused.reply

    def _route(
        self, method: str, path: list[str], headers: dict[str, str], body: Any, params: dict[str, str]
    ) -> Reply:
        match method, path:
            case "POST", ["auth", "login" | "register"]:
                user_id = body.get("identifier") or body["username"]
                return Reply(
                    200, {"user": {"id": user_id, "username": user_id}, "tokens": self._tokens(user_id)}
                )
            case "POST", ["auth", "refresh"]:
                user_id = self.refresh.pop(body["refresh_token"], "")
                if not user_id:
                    raise Refused(401, "refresh_reused")
                return Reply(200, {"tokens": self._tokens(user_id)})
        me = self._caller(headers)
        match method, path:
            case "POST", ["auth", "logout"]:
                self.access = {key: each for key, each in self.access.items() if each[0] != me}
                return Reply(204)
            case "GET", ["users", "me"]:
                return Reply(200, {"id": me, "username": me})
            case "POST", ["realtime", "tickets"]:
                ticket = f"t{next(self._ids)}"
                self.tickets[ticket] = me
                answer = {"ticket": ticket, "url": "/socket?stage=v1", "expires_in": 60}
                return Reply(201, answer | {"reconnect_spread_ms": self.spread_ms})
            case "POST", ["sync"]:
                return Reply(200, self._sync(me, body["cursors"]))
            case "GET", ["conversations"]:
                mine = [each for each in self.conversations.values() if me in each.members]
                items = [self._shown(each, me) for each in mine]
                start = int(params.get("cursor", 0))
                end = start + int(params.get("limit", 50))
                cursor = str(end) if end < len(items) else None
                return Reply(200, {"items": items[start:end], "next_cursor": cursor})
            case _, ["conversations", conversation_id, *rest]:
                conversation = self.conversations.get(conversation_id)
                if conversation is None or me not in conversation.members:
                    raise Refused(404, "not_found")
                return self._in(conversation, me, method, rest, body, params)
        raise Refused(404, "not_found")

    def _in(
        self,
        conversation: Conversation,
        me: str,
        method: str,
        path: list[str],
        body: Any,
        params: dict[str, str],
    ) -> Reply:
        match method, path:
            case "GET", ["events"]:
                events = self._after(conversation, me, int(params["after"]))
                limit = min(int(params.get("limit", 50)), self.page)
                more = len(events) > limit
                return Reply(200, {"items": events[:limit], "next_cursor": "more" if more else None})
            case "GET", ["messages"]:
                after, limit = int(params.get("after", 0)), int(params.get("limit", 50))
                seen = [each for each in conversation.messages.values() if each["seq"] > after]
                seen = [each for each in seen if each["seq"] >= conversation.members[me]]
                items = [self._message(conversation, each["id"], me) for each in seen[:limit]]
                return Reply(200, {"items": items, "next_cursor": None})
            case "POST", ["messages"]:
                message, new = self._send(me, conversation, body)
                return Reply(201 if new else 200, message)
            case "PATCH", ["messages", message_id]:
                return Reply(200, self._edit(me, conversation, message_id, body["text"]))
            case "DELETE", ["messages", message_id]:
                self._delete(me, conversation, message_id)
                return Reply(204)
            case "PUT" | "DELETE", ["messages", message_id, "reactions", emoji]:
                self._react(me, conversation, message_id, emoji, remove=method == "DELETE")
                return Reply(204)
            case "POST", ["read"]:
                return Reply(200, {"read_seq": body["seq"], "unread_count": 0})
            case "POST", ["typing"]:
                return Reply(204)
        raise Refused(404, "not_found")

    # -- the socket

    def admit(self, ticket: str) -> str | None:
        """Whose ticket this is; it is used up."""
        return self.tickets.pop(ticket, None)

    def act(self, me: str, text: str, push: Callable[[str], None]) -> None:
        """Take one client frame and answer it."""
        if self.deaf:
            return
        frame = json.loads(text)
        self.requests.append(("SOCKET", frame["action"]))
        try:
            data = self._action(me, frame, push)
        except Refused as refused:
            push(json.dumps({"type": "error", "id": frame["id"], "problem": refused.reply.body}))
        else:
            push(json.dumps({"type": "ack", "id": frame["id"], "data": data}))

    def _action(self, me: str, frame: dict[str, Any], push: Callable[[str], None]) -> Any:
        action = frame["action"]
        if action == "ping":
            behind = {
                each: len(self.conversations[each].log)
                for each, seq in frame.get("cursors", {}).items()
                if each in self.conversations and len(self.conversations[each].log) > seq
            }
            push(json.dumps({"type": "pong", "at": AT, "data": {"behind": behind}}))
            return None
        if action == "sync":
            return self._sync(me, frame["cursors"])
        conversation = self.conversations.get(frame.get("conversation_id", ""))
        if conversation is None or me not in conversation.members:
            raise Refused(404, "not_found")
        match action:
            case "sendMessage":
                fields = {k: v for k, v in frame.items() if k not in ("action", "id", "conversation_id")}
                return self._send(me, conversation, fields, by=push)[0]
            case "editMessage":
                return self._edit(me, conversation, frame["message_id"], frame["text"], by=push)
            case "deleteMessage":
                return self._delete(me, conversation, frame["message_id"], by=push)
            case "react":
                remove = frame.get("remove", False)
                return self._react(
                    me, conversation, frame["message_id"], frame["emoji"], remove=remove, by=push
                )
            case "markRead":
                return {"read_seq": frame["seq"], "unread_count": 0}
            case "typing":
                return None
        raise Refused(400, "unknown_action")

    # -- rules

    def _tokens(self, user_id: str) -> dict[str, Any]:
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

    def _caller(self, headers: dict[str, str]) -> str:
        user_id, expires = self.access.get(
            headers.get("authorization", "").removeprefix("Bearer "), ("", 0.0)
        )
        if not user_id:
            raise Refused(401, "unauthenticated")
        if time.time() >= expires:
            raise Refused(401, "token_expired")
        return user_id

    def _send(
        self,
        me: str,
        conversation: Conversation,
        body: dict[str, Any],
        by: Callable[[str], None] | None = None,
    ) -> tuple[dict[str, Any], bool]:
        key = (me, body["client_id"])
        if key in conversation.sent:
            return self._message(conversation, conversation.sent[key], me), False
        if not body.get("text"):
            raise Refused(400, "validation_failed")
        message = {"id": f"msg_{next(self._ids)}", "conversation_id": conversation.id, "sender_id": me}
        message |= {"seq": len(conversation.log) + 1, "created_at": AT, "type": "text", **body}
        conversation.messages[message["id"]] = message
        conversation.sent[key] = message["id"]
        self.commit(conversation, "message.created", me, self._view(conversation, message["id"]), by=by)
        return self._message(conversation, message["id"], me), True

    def _edit(
        self,
        me: str,
        conversation: Conversation,
        message_id: str,
        text: str,
        by: Callable[[str], None] | None = None,
    ) -> dict[str, Any]:
        message = self._own(conversation, message_id)
        message |= {"text": text, "edited_at": AT}
        self.commit(conversation, "message.updated", me, self._view(conversation, message_id), by=by)
        return self._message(conversation, message_id, me)

    def _delete(
        self, me: str, conversation: Conversation, message_id: str, by: Callable[[str], None] | None = None
    ) -> None:
        message = self._own(conversation, message_id)
        message |= {"text": None, "edited_at": None, "deleted_at": AT}
        conversation.reactions[message_id].clear()
        self.commit(conversation, "message.deleted", me, self._view(conversation, message_id), by=by)

    def _react(
        self,
        me: str,
        conversation: Conversation,
        message_id: str,
        emoji: str,
        *,
        remove: bool,
        by: Callable[[str], None] | None = None,
    ) -> None:
        self._own(conversation, message_id)
        reactions = conversation.reactions[message_id]
        if ((emoji, me) in reactions) != remove:
            return
        (reactions.discard if remove else reactions.add)((emoji, me))
        data = {"message_id": message_id, "user_id": me, "emoji": emoji}
        kind = "reaction.removed" if remove else "reaction.added"
        self.commit(conversation, kind, me, lambda _: data, by=by)

    def _own(self, conversation: Conversation, message_id: str) -> dict[str, Any]:
        message = conversation.messages.get(message_id)
        if message is None or message.get("deleted_at"):
            raise Refused(404, "not_found")
        return message

    def _view(self, conversation: Conversation, message_id: str) -> Callable[[str], Any]:
        return lambda viewer: self._message(conversation, message_id, viewer)

    def _message(self, conversation: Conversation, message_id: str, viewer: str) -> dict[str, Any]:
        """The present state, also where the log shows an old event."""
        reactions: dict[str, set[str]] = defaultdict(set)
        for emoji, user_id in conversation.reactions[message_id]:
            reactions[emoji].add(user_id)
        shown = [
            {"emoji": emoji, "count": len(users), "mine": viewer in users}
            for emoji, users in sorted(reactions.items())
        ]
        return conversation.messages[message_id] | {"reactions": shown}

    def _shown(self, conversation: Conversation, viewer: str) -> dict[str, Any]:
        return {"id": conversation.id, "type": "group", "last_seq": len(conversation.log)}

    def _event(self, conversation: Conversation, entry: dict[str, Any], viewer: str) -> dict[str, Any]:
        shown = {key: value for key, value in entry.items() if key != "view"}
        return shown | {"conversation_id": conversation.id, "at": AT, "data": entry["view"](viewer)}

    def _after(self, conversation: Conversation, viewer: str, after: int) -> list[dict[str, Any]]:
        first = max(after + 1, conversation.members[viewer])
        return [self._event(conversation, each, viewer) for each in conversation.log[first - 1 :]]

    def _sync(self, me: str, cursors: dict[str, int]) -> dict[str, Any]:
        mine = {key: each for key, each in self.conversations.items() if me in each.members}
        room, found, more = self.sync_events, [], False
        for conversation in mine.values():
            missed = self._after(conversation, me, cursors.get(conversation.id, 0))
            if missed and room == 0:
                more = True
            elif missed:
                shown = missed[:room]
                room -= len(shown)
                entry = {"conversation": self._shown(conversation, me), "events": shown}
                found.append(entry | {"more": len(shown) < len(missed)})
        removed = [each for each in cursors if each not in mine]
        return {"conversations": found, "removed": removed, "more": more, "ephemeral": {"calls": []}}
