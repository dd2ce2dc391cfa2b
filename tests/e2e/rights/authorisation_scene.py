"""The people, conversations, polls and calls that the authorisation matrix probes (R33)."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from tests.e2e.live import Live
from tests.e2e.people import Person, Town
from tests.e2e.rights import drive_rights, keys_rights
from tests.e2e.rights.authorisation_table import ROLES
from tests.e2e.tools import at_once

NEXT_YEAR = (datetime.now(UTC) + timedelta(days=300)).isoformat()
Values = dict[str, Any]


def unique() -> str:
    """A new client-side id."""
    return secrets.token_hex(8)


@dataclass
class Scene:
    """The people, their group with a message of the owner, and the direct conversation of owner and blocked person."""

    town: Town
    people: dict[str, Person]
    bystander: Person
    group: str
    direct: str
    old: dict[str, str]
    polls: dict[str, dict[str, Any]]
    desk: drive_rights.Desk
    keyring: keys_rights.Keyring
    old_call: Values
    live_call: Values
    sockets: dict[str, Live] = field(default_factory=dict)

    @property
    def owner(self) -> Person:
        return self.people["owner"]

    def conversation(self, role: str) -> str:
        """The conversation to probe: the group, or for the blocked person the direct conversation."""
        return self.direct if role == "blocked" else self.group

    def message(self, role: str) -> str:
        """A message of the owner from before the block and the removal, which no probe deletes."""
        return self.old[self.conversation(role)]

    def poll(self, role: str) -> dict[str, Any]:
        """A poll of the owner from before the block and the removal, which no probe closes."""
        return self.polls[self.conversation(role)]

    def fresh_poll(self, role: str) -> str:
        """A poll of the owner that may be closed; the direct conversation allows no new one."""
        return str((self.poll(role) if role == "blocked" else _ask(self.owner, self.group))["id"])

    def fresh_message(self, role: str) -> str:
        """A message of the owner that may be changed or deleted; the direct conversation allows no new one."""
        if role == "blocked":
            return self.old[self.direct]
        return str(self.owner.send(self.group, "to be deleted")["id"])

    def fresh_group(self, role: str) -> str:
        """A group like the scene's that may be deleted."""
        if role == "blocked":
            return self.direct
        group = self.owner.group_with(self.people["admin"], self.people["member"])
        self.owner.ok("PATCH", f"/conversations/{group}/members/{self.people['admin'].id}", {"role": "admin"})
        return group

    def scheduled(self) -> str:
        """A message that the owner has scheduled in the group."""
        body = {"client_id": unique(), "text": "later", "send_at": NEXT_YEAR}
        return str(self.owner.ok("POST", f"/conversations/{self.group}/scheduled", body)["id"])

    def fresh_member(self, role: str) -> str:
        """A member who may be removed from the group."""
        if role == "blocked":
            return self.owner.id
        self.owner.ok("POST", f"/conversations/{self.group}/members", {"user_ids": [self.bystander.id]})
        return self.bystander.id

    def invitation(self, group: str = "", **fields: Any) -> dict[str, Any]:
        """A new link into the group."""
        made: dict[str, Any] = self.owner.ok("POST", f"/conversations/{group or self.group}/invitations", fields)
        return made

    def invitation_elsewhere(self, role: str) -> dict[str, str]:
        """A link into another group of the same people, which former members and others may join."""
        group = self.owner.group_with(*(self.people[name] for name in ("admin", "member", "former")))
        self.owner.ok("DELETE", f"/conversations/{group}/members/{self.people['former'].id}")
        return {"token": self.invitation(group)["token"]}

    def fresh_request(self, role: str) -> str:
        """A person with a pending request to join."""
        if role == "blocked":
            return self.owner.id
        self.owner.delete(f"/conversations/{self.group}/members/{self.bystander.id}")
        self.owner.ok("DELETE", f"/conversations/{self.group}/bans/{self.bystander.id}")
        token = self.invitation(needs_approval=True)["token"]
        self.bystander.ok("POST", f"/invitations/{token}/accept")
        return self.bystander.id

    def fresh_report(self) -> str:
        """The owner's report of a message of the member."""
        message = self.people["member"].send(self.group, "to be reported")["id"]
        place = f"/conversations/{self.group}/messages/{message}/reports"
        return str(self.owner.ok("POST", place, {"reason": "so it is"})["id"])

    def call(self, role: str) -> Values:
        """A call started by the owner and joined by the admin; for the blocked person, an old call with the owner."""
        if role == "blocked":
            return self.old_call
        if role in ("owner", "admin", "member"):
            self.no_call()
            self.live_call = self.owner.call_in(self.group)
            self.people["admin"].ok("POST", f"/calls/{self.live_call['id']}/join")
        return self.live_call

    def no_call(self) -> None:
        """End the live call."""
        self.owner.ok("POST", f"/calls/{self.live_call['id']}/end")
        self.live_call = self.owner.ok("GET", f"/conversations/{self.group}/calls")["items"][0]
        self.owner.ok("POST", f"/calls/{self.live_call['id']}/end")

    def participant(self, role: str) -> str:
        """A participant of that call to whom this caller may send signals."""
        other = self.people["admin" if role == "owner" else "owner"].id
        call = self.old_call if role == "blocked" else self.live_call
        return str(next(each["participant_id"] for each in call["participants"] if each["user_id"] == other))

    def socket(self, role: str) -> Live:
        if role not in self.sockets:
            self.sockets[role] = Live(*self.people[role].ticket())
        return self.sockets[role]


def _ask(who: Person, conversation_id: str) -> dict[str, Any]:
    body = {"client_id": unique(), "question": "?", "options": ["yes", "no"], "allow_add_options": True}
    poll: dict[str, Any] = who.ok("POST", f"/conversations/{conversation_id}/polls", body)
    return poll


@contextlib.contextmanager
def built(town: Town) -> Iterator[Scene]:
    """The scene with all people in it; its sockets are closed afterwards."""
    names = [role for role in ROLES if role != "anonymous"]
    made = at_once([partial(town.person, name) for name in [*names, "bystander"]])
    people = dict(zip(names, made, strict=False))
    owner, blocked = people["owner"], people["blocked"]
    group = owner.group_with(
        *(people[name] for name in ("admin", "member", "former")), settings={"who_can_add": "admins"}
    )
    owner.ok("PATCH", f"/conversations/{group}/members/{people['admin'].id}", {"role": "admin"})
    direct = owner.direct_with(blocked)
    old = {place: owner.send(place, "from before")["id"] for place in (group, direct)}
    polls = {place: _ask(owner, place) for place in (group, direct)}
    owner.ok("DELETE", f"/conversations/{group}/members/{people['former'].id}")
    old_call, live_call = owner.call_in(direct), owner.call_in(group)
    blocked.ok("POST", f"/calls/{old_call['id']}/join")
    owner.ok("POST", f"/calls/{old_call['id']}/end")
    owner.ok("PUT", f"/users/me/blocks/{blocked.id}")
    town.make_platform_admin(people["platform_admin"])
    for each in people.values():
        each.ok("PUT", "/ai/settings", {"enabled": True})
    owner.ok("PATCH", f"/conversations/{group}", {"settings": {"ai_enabled": True}})
    desk = drive_rights.Desk(owner, people["admin"], made[-1], group)
    keyring = keys_rights.Keyring(people, direct)
    scene = Scene(town, people, made[-1], group, direct, old, polls, desk, keyring, old_call, live_call)
    yield scene
    for socket in scene.sockets.values():
        socket.close()
