"""Counted operations of groups: members, joining by links and requests, preferences, and moderation."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from perf.fixtures import MESSAGES, Operation, call, conversation, new_conversation, say
from perf.gateway import Reply
from perf.in_process_stack import InProcessStack
from perf.people import Person, newcomers

CONVERSATION = "/conversations/{conversation_id}"
INVITATIONS, REQUESTS = f"{CONVERSATION}/invitations", f"{CONVERSATION}/join-requests"
MEMBERS, REPORTS = f"{CONVERSATION}/members", f"{CONVERSATION}/reports"


class _Group:
    """A group of five people, and people who want to join."""

    def __init__(self) -> None:
        self.id, (self.owner, *self.others) = new_conversation(5)
        self.coming: list[Person] = []

    def ask(self, function_id: str, route: str, who: Person | None = None, body: Any = None, **path: str) -> Reply:
        """A request by the owner, unless `who` is given."""
        if "{conversation_id}" in route:
            path["conversation_id"] = self.id
        return call(function_id, route, who or self.owner, body, **path)

    def invite(self, _turn: int = 0, **fields: Any) -> Reply:
        return self.ask("InvitationsFunction", f"POST {INVITATIONS}", body=fields)

    def follow(self, token: str) -> Reply:
        return self.ask("InvitationsFunction", "POST /invitations/{token}/accept", self.coming[-1], token=token)

    def newcomer(self, _turn: int = 0) -> None:
        self.coming.extend(newcomers(1))

    def report(self, message_id: str) -> Reply:
        route, body = f"POST {MESSAGES}/{{message_id}}/reports", {"reason": "It is rude."}
        return self.ask("ModerationFunction", route, self.others[1], body, message_id=message_id)

    def reported(self) -> str:
        """Report a new message; returns the report's id."""
        message_id = say(self.others[0], self.id).json()["id"]
        return str(self.report(message_id).json()["id"])


# --- links and requests -----------------------------------------------------------------------------------------


def invite(_stack: InProcessStack) -> Operation:
    return Operation(_Group().invite)


def list_invitations(_stack: InProcessStack) -> Operation:
    group = _Group()
    for _ in range(20):
        group.invite()
    return Operation(lambda _: group.ask("InvitationsFunction", f"GET {INVITATIONS}"))


def revoke(_stack: InProcessStack) -> Operation:
    group, made = _Group(), list[str]()
    route = f"DELETE {INVITATIONS}/{{invitation_id}}"
    return Operation(
        lambda _: group.ask("InvitationsFunction", route, invitation_id=made[-1]),
        before=lambda _: made.append(group.invite().json()["id"]),
    )


def preview(_stack: InProcessStack) -> Operation:
    group = _Group()
    group.newcomer()
    token = group.invite().json()["token"]
    route = "GET /invitations/{token}"
    return Operation(lambda _: group.ask("InvitationsFunction", route, group.coming[-1], token=token))


def follow(_stack: InProcessStack, *, needs_approval: bool) -> Operation:
    """Join by a link, or request to join."""
    group = _Group()
    token = group.invite(needs_approval=needs_approval).json()["token"]
    return Operation(lambda _: group.follow(token), before=group.newcomer)


def list_requests(_stack: InProcessStack) -> Operation:
    group = _Group()
    token = group.invite(needs_approval=True).json()["token"]
    for _ in range(10):
        group.newcomer()
        group.follow(token)
    return Operation(lambda _: group.ask("InvitationsFunction", f"GET {REQUESTS}"))


def decide_on_request(method: str, ending: str, _stack: InProcessStack) -> Operation:
    group = _Group()
    token = group.invite(needs_approval=True).json()["token"]

    def before(_turn: int) -> None:
        group.newcomer()
        group.follow(token)

    route = f"{method} {REQUESTS}/{{user_id}}{ending}"
    return Operation(lambda _: group.ask("InvitationsFunction", route, user_id=group.coming[-1].user_id), before=before)


# --- members and settings -----------------------------------------------------------------------------------------


def add_members(_stack: InProcessStack) -> Operation:
    group = _Group()

    def run(_turn: int) -> Reply:
        return group.ask(
            "ConversationsFunction", f"POST {MEMBERS}", body={"user_ids": [each.user_id for each in group.coming]}
        )

    def before(_turn: int) -> None:
        group.coming = newcomers(5)

    return Operation(run, before=before)


def remove_member(_stack: InProcessStack) -> Operation:
    group = _Group()

    def before(_turn: int) -> None:
        group.newcomer()
        group.ask("ConversationsFunction", f"POST {MEMBERS}", body={"user_ids": [group.coming[-1].user_id]})

    route = f"DELETE {MEMBERS}/{{user_id}}"
    return Operation(
        lambda _: group.ask("ConversationsFunction", route, user_id=group.coming[-1].user_id), before=before
    )


def change_role(_stack: InProcessStack) -> Operation:
    group = _Group()
    route, user_id = f"PATCH {MEMBERS}/{{user_id}}", group.others[0].user_id

    def run(turn: int) -> Reply:
        return group.ask("ConversationsFunction", route, body={"role": ("admin", "member")[turn % 2]}, user_id=user_id)

    return Operation(run)


def list_members(stack: InProcessStack) -> Operation:
    conversation_id, people = conversation(stack, 50)
    route = f"GET {MEMBERS}"
    return Operation(lambda _: call("ConversationsFunction", route, people[0], conversation_id=conversation_id))


def change_settings(_stack: InProcessStack) -> Operation:
    group = _Group()

    def run(turn: int) -> Reply:
        body = {"settings": {"who_can_send": ("admins", "all")[turn % 2]}}
        return group.ask("ConversationsFunction", f"PATCH {CONVERSATION}", body=body)

    return Operation(run)


def change_preferences(_stack: InProcessStack) -> Operation:
    group = _Group()
    route = f"PUT {CONVERSATION}/me"
    return Operation(lambda turn: group.ask("ConversationsFunction", route, body={"pinned": turn % 2 == 0}))


# --- moderation -----------------------------------------------------------------------------------------------------


def report(_stack: InProcessStack) -> Operation:
    group, written = _Group(), list[str]()
    return Operation(
        lambda _: group.report(written[-1]),
        before=lambda _: written.append(say(group.others[0], group.id).json()["id"]),
    )


def list_reports(_stack: InProcessStack) -> Operation:
    group = _Group()
    for _ in range(10):
        group.reported()
    return Operation(lambda _: group.ask("ModerationFunction", f"GET {REPORTS}"))


def decide(_stack: InProcessStack, **decision: Any) -> Operation:
    group, made = _Group(), list[str]()
    route = f"PATCH {REPORTS}/{{report_id}}"
    return Operation(
        lambda _: group.ask("ModerationFunction", route, body=decision, report_id=made[-1]),
        before=lambda _: made.append(group.reported()),
    )


OPERATIONS: dict[str, Callable[[InProcessStack], Operation]] = {
    "create an invitation": invite,
    "list 20 invitations": list_invitations,
    "preview an invitation": preview,
    "revoke an invitation": revoke,
    "accept an invitation": partial(follow, needs_approval=False),
    "ask to join": partial(follow, needs_approval=True),
    "list 10 requests to join": list_requests,
    "approve a request to join": partial(decide_on_request, "POST", "/approve"),
    "decline a request to join": partial(decide_on_request, "DELETE", ""),
    "add 5 members to a group": add_members,
    "remove a member": remove_member,
    "change a member's role": change_role,
    "list 50 members": list_members,
    "change a group's settings": change_settings,
    "change one's own view of a group": change_preferences,
    "report a message": report,
    "list 10 reports": list_reports,
    "dismiss a report": partial(decide, state="dismissed"),
    "resolve a report and delete its message": partial(decide, state="resolved", delete_message=True),
}
