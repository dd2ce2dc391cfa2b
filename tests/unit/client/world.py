"""A small SecureConnect for testing its client, by the public contract.

`handle` takes HTTP requests, `act` socket frames; what carries them (a mock transport, real sockets) is not
its business.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote

from tests.unit.client.log import AT, Conversation, Log, Refused, Reply

__all__ = ["Conversation", "Reply", "World"]


class World(Log):
    """The server's front."""

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
            return self._route(method, [unquote(each) for each in path.strip("/").split("/")], headers, body, params)
        except Refused as refused:
            return refused.reply

    def _route(self, method: str, path: list[str], headers: dict[str, str], body: Any, params: dict[str, str]) -> Reply:
        match method, path:
            case "POST", ["auth", "login" | "register"]:
                user_id = body.get("identifier") or body["username"]
                return Reply(200, {"user": {"id": user_id, "username": user_id}, "tokens": self.tokens(user_id)})
            case "POST", ["auth", "refresh"]:
                user_id = self.refresh.pop(body["refresh_token"], "")
                if not user_id:
                    raise Refused(401, "refresh_reused")
                return Reply(200, {"tokens": self.tokens(user_id)})
        me = self.caller(headers)
        match method, path:
            case "POST", ["auth", "logout"]:
                self.access = {key: each for key, each in self.access.items() if each[0] != me}
                return Reply(204)
            case "GET", ["users"]:
                people = [each for each in dict.fromkeys(self.refresh.values()) if each.startswith(params["q"])]
                items = [{"id": each, "username": each} for each in people]
                return Reply(200, {"items": items, "next_cursor": None})
            case "POST", ["conversations"]:
                return Reply(201, self.shown(self.conversation(me, *body["member_ids"]), me))
            case "GET", ["users", "me"]:
                return Reply(200, {"id": me, "username": me})
            case "POST", ["realtime", "tickets"]:
                ticket = f"t{next(self._ids)}"
                self.tickets[ticket] = me
                answer = {"ticket": ticket, "url": self.socket_url, "expires_in": 60}
                return Reply(201, answer | {"reconnect_spread_ms": self.spread_ms})
            case "POST", ["sync"]:
                return Reply(200, self.sync(me, body["cursors"]))
            case "GET", ["conversations"]:
                mine = [each for each in self.conversations.values() if me in each.members]
                items = [self.shown(each, me) for each in mine]
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
                events = self.after(conversation, me, int(params["after"]))
                limit = min(int(params.get("limit", 50)), self.page)
                more = len(events) > limit
                return Reply(200, {"items": events[:limit], "next_cursor": "more" if more else None})
            case "GET", ["messages"]:
                after, limit = int(params.get("after", 0)), int(params.get("limit", 50))
                seen = [each for each in conversation.messages.values() if each["seq"] > after]
                seen = [each for each in seen if each["seq"] >= conversation.members[me]]
                items = [self.message(conversation, each["id"], me) for each in seen[:limit]]
                return Reply(200, {"items": items, "next_cursor": None})
            case "POST", ["messages"]:
                message, new = self.send(me, conversation, body)
                return Reply(201 if new else 200, message)
            case "PATCH", ["messages", message_id]:
                return Reply(200, self.edit(me, conversation, message_id, body["text"]))
            case "DELETE", ["messages", message_id]:
                self.delete(me, conversation, message_id)
                return Reply(204)
            case "PUT" | "DELETE", ["messages", message_id, "reactions", emoji]:
                self.react(me, conversation, message_id, emoji, remove=method == "DELETE")
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
            return self.sync(me, frame["cursors"])
        conversation = self.conversations.get(frame.get("conversation_id", ""))
        if conversation is None or me not in conversation.members:
            raise Refused(404, "not_found")
        match action:
            case "sendMessage":
                fields = {k: v for k, v in frame.items() if k not in ("action", "id", "conversation_id")}
                return self.send(me, conversation, fields, by=push)[0]
            case "editMessage":
                return self.edit(me, conversation, frame["message_id"], frame["text"], by=push)
            case "deleteMessage":
                return self.delete(me, conversation, frame["message_id"], by=push)
            case "react":
                remove = frame.get("remove", False)
                return self.react(me, conversation, frame["message_id"], frame["emoji"], remove=remove, by=push)
            case "markRead":
                return {"read_seq": frame["seq"], "unread_count": 0}
            case "typing":
                return None
        raise Refused(400, "unknown_action")
