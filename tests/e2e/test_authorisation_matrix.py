"""Who may do what: every route and socket action for every kind of caller (R33).

The table is the requirement: a route or an action of the code that is not in it fails, and so does one that is gone.
Beyond its status, no probe may change what the caller may not change: the scene is looked at again at the end.

The callers, as they stand to the group of the scene: its owner, an admin, a member, somebody who was removed, a
stranger, somebody in a direct conversation whose other side (the owner) has blocked them, nobody who is signed in,
and an administrator of the platform, who has no special rights in other people's conversations.
"""

from __future__ import annotations

import importlib
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest

from infra import documents
from kernel import websocket
from tests.e2e import drive_rights, keys_rights
from tests.e2e.live import Live, refused
from tests.e2e.people import Person, Town
from tests.e2e.tools import at_once, log_of

NEXT_YEAR = (datetime.now(UTC) + timedelta(days=300)).isoformat()
Values = dict[str, Any]
ROLES = ("owner", "admin", "member", "former", "stranger", "blocked", "anonymous", "platform_admin")

# Public routes are called with an empty body: 400 is how far anybody gets without sending what is theirs.
TABLE = """
                                                                                own adm mem for str blo ano pla
GET    /health                                                                  200 200 200 200 200 200 200 200
GET    /health/ready                                                            200 200 200 200 200 200 200 200
GET    /openapi.json                                                            200 200 200 200 200 200 200 200
GET    /.well-known/jwks.json                                                   200 200 200 200 200 200 200 200
POST   /auth/register                                                           400 400 400 400 400 400 400 400
POST   /auth/login                                                              400 400 400 400 400 400 400 400
POST   /auth/refresh                                                            400 400 400 400 400 400 400 400
POST   /auth/password/forgot                                                    400 400 400 400 400 400 400 400
POST   /auth/password/reset                                                     400 400 400 400 400 400 400 400
POST   /auth/email/verify                                                       400 400 400 400 400 400 400 400
POST   /auth/logout                                                             204 204 204 204 204 204 401 204
POST   /auth/logout-all                                                         204 204 204 204 204 204 401 204
GET    /auth/sessions                                                           200 200 200 200 200 200 401 200
DELETE /auth/sessions/{session_id}                                              204 404 404 404 404 404 401 404
POST   /auth/password/change                                                    400 400 400 400 400 400 401 400
POST   /auth/email/resend                                                       202 202 202 202 202 202 401 202
POST   /auth/totp                                                               400 400 400 400 400 400 401 400
POST   /auth/totp/confirm                                                       400 400 400 400 400 400 401 400
DELETE /auth/totp                                                               400 400 400 400 400 400 401 400
POST   /auth/passkeys/registrations                                             201 201 201 201 201 201 401 201
POST   /auth/passkeys                                                           400 400 400 400 400 400 401 400
GET    /auth/passkeys                                                           200 200 200 200 200 200 401 200
DELETE /auth/passkeys/{passkey_id}                                              404 404 404 404 404 404 401 404
POST   /auth/passkeys/challenges                                                201 201 201 201 201 201 201 201
POST   /auth/passkeys/login                                                     400 400 400 400 400 400 400 400
GET    /admin/users                                                             404 404 404 404 404 404 404 200
GET    /admin/users/{user_id}                                                   404 404 404 404 404 404 404 200
POST   /admin/users/{user_id}/ban                                               404 404 404 404 404 404 404 400
POST   /admin/users/{user_id}/unban                                             404 404 404 404 404 404 404 200
POST   /admin/users/{user_id}/sign-out                                          404 404 404 404 404 404 404 204
POST   /admin/users/{user_id}/role                                              404 404 404 404 404 404 404 400
GET    /admin/stats                                                             404 404 404 404 404 404 404 200
GET    /admin/reports                                                           404 404 404 404 404 404 404 200
GET    /admin/audit                                                             404 404 404 404 404 404 404 200
GET    /admin/audit/proof                                                       404 404 404 404 404 404 404 200
GET    /users/me                                                                200 200 200 200 200 200 401 200
PATCH  /users/me                                                                200 200 200 200 200 200 401 200
DELETE /users/me                                                                400 400 400 400 400 400 401 400
POST   /users/me/restore                                                        409 409 409 409 409 409 401 409
POST   /users/me/exports                                                        202 202 202 202 202 202 401 202
GET    /users/me/exports                                                        200 200 200 200 200 200 401 200
GET    /users/me/exports/{export_id}                                            404 404 404 404 404 404 401 404
GET    /users                                                                   200 200 200 200 200 200 401 200
GET    /users/{user_id}                                                         200 200 200 200 200 200 401 200
GET    /users/me/blocks                                                         200 200 200 200 200 200 401 200
PUT    /users/me/blocks/{user_id}                                               204 204 204 204 204 204 401 204
DELETE /users/me/blocks/{user_id}                                               204 204 204 204 204 204 401 204
GET    /contacts                                                                200 200 200 200 200 200 401 200
POST   /contacts/{user_id}                                                      400 201 201 201 201 404 401 201
POST   /contacts/{user_id}/accept                                               404 200 200 200 200 404 401 200
DELETE /contacts/{user_id}                                                      204 204 204 204 204 204 401 204
POST   /conversations                                                           201 201 201 201 201 404 401 201
GET    /conversations                                                           200 200 200 200 200 200 401 200
GET    /conversations/{conversation_id}                                         200 200 200 404 404 200 401 404
PATCH  /conversations/{conversation_id}                                         200 200 403 404 404 403 401 404
DELETE /conversations/{conversation_id}                                         204 403 403 404 404 403 401 404
GET    /conversations/{conversation_id}/members                                 200 200 200 404 404 200 401 404
POST   /conversations/{conversation_id}/members                                 200 200 403 404 404 403 401 404
PATCH  /conversations/{conversation_id}/members/{user_id}                       200 200 403 404 404 403 401 404
DELETE /conversations/{conversation_id}/members/{user_id}                       204 204 403 404 404 403 401 404
GET    /conversations/{conversation_id}/bans                                    200 200 403 404 404 403 401 404
DELETE /conversations/{conversation_id}/bans/{user_id}                          204 204 403 404 404 403 401 404
POST   /conversations/{conversation_id}/invitations                             201 201 403 404 404 403 401 404
GET    /conversations/{conversation_id}/invitations                             200 200 200 404 404 403 401 404
DELETE /conversations/{conversation_id}/invitations/{invitation_id}             204 204 404 404 404 403 401 404
GET    /invitations/{token}                                                     200 200 200 403 200 404 401 200
POST   /invitations/{token}/accept                                              200 200 200 403 201 404 401 201
GET    /conversations/{conversation_id}/join-requests                           200 200 403 404 404 403 401 404
POST   /conversations/{conversation_id}/join-requests/{user_id}/approve         200 200 403 404 404 403 401 404
DELETE /conversations/{conversation_id}/join-requests/{user_id}                 204 204 403 404 404 403 401 404
POST   /conversations/{conversation_id}/messages/{message_id}/reports           403 201 201 404 404 403 401 404
GET    /conversations/{conversation_id}/reports                                 200 200 403 404 404 403 401 404
PATCH  /conversations/{conversation_id}/reports/{report_id}                     200 200 403 404 404 403 401 404
PUT    /conversations/{conversation_id}/me                                      200 200 200 404 404 200 401 404
GET    /conversations/{conversation_id}/events                                  200 200 200 404 404 200 401 404
POST   /sync                                                                    200 200 200 200 200 200 401 200
POST   /conversations/{conversation_id}/messages                                201 201 201 404 404 404 401 404
GET    /conversations/{conversation_id}/messages                                200 200 200 404 404 200 401 404
GET    /conversations/{conversation_id}/messages/{message_id}                   200 200 200 404 404 200 401 404
PATCH  /conversations/{conversation_id}/messages/{message_id}                   200 403 403 404 404 404 401 404
DELETE /conversations/{conversation_id}/messages/{message_id}                   204 204 403 404 404 403 401 404
PUT    /conversations/{conversation_id}/messages/{message_id}/reactions/{emoji} 204 204 204 404 404 404 401 404
DELETE /conversations/{conversation_id}/messages/{message_id}/reactions/{emoji} 204 204 204 404 404 404 401 404
GET    /conversations/{conversation_id}/messages/{message_id}/thread            200 200 200 404 404 200 401 404
GET    /conversations/{conversation_id}/messages/{message_id}/edits             200 200 403 404 404 403 401 404
GET    /conversations/{conversation_id}/pins                                    200 200 200 404 404 200 401 404
PUT    /conversations/{conversation_id}/pins/{message_id}                       204 204 204 404 404 404 401 404
DELETE /conversations/{conversation_id}/pins/{message_id}                       204 204 204 404 404 404 401 404
GET    /drafts                                                                  200 200 200 200 200 200 401 200
PUT    /conversations/{conversation_id}/draft                                   200 200 200 404 404 200 401 404
GET    /conversations/{conversation_id}/draft                                   200 200 200 404 404 200 401 404
DELETE /conversations/{conversation_id}/draft                                   204 204 204 404 404 204 401 404
POST   /conversations/{conversation_id}/read                                    200 200 200 404 404 200 401 404
GET    /conversations/{conversation_id}/receipts                                200 200 200 404 404 200 401 404
POST   /conversations/{conversation_id}/typing                                  204 204 204 404 404 404 401 404
POST   /conversations/{conversation_id}/polls                                   201 201 201 404 404 404 401 404
GET    /conversations/{conversation_id}/polls                                   200 200 200 404 404 200 401 404
GET    /polls/{poll_id}                                                         200 200 200 404 404 200 401 404
PUT    /polls/{poll_id}/vote                                                    200 200 200 404 404 404 401 404
DELETE /polls/{poll_id}/vote                                                    204 204 204 404 404 404 401 404
POST   /polls/{poll_id}/options                                                 201 201 201 404 404 404 401 404
POST   /polls/{poll_id}/close                                                   200 200 403 404 404 404 401 404
GET    /polls/{poll_id}/voters                                                  200 200 200 404 404 200 401 404
POST   /conversations/{conversation_id}/scheduled                               201 201 201 404 404 404 401 404
GET    /conversations/{conversation_id}/scheduled                               200 200 200 404 404 200 401 404
DELETE /conversations/{conversation_id}/scheduled/{scheduled_id}                204 404 404 404 404 404 401 404
GET    /search                                                                  200 200 200 200 200 200 401 200
GET    /ai/settings                                                             200 200 200 200 200 200 401 200
PUT    /ai/settings                                                             200 200 200 200 200 200 401 200
POST   /ai/summaries                                                            200 200 200 404 404 403 401 404
POST   /ai/replies                                                              200 200 200 404 404 403 401 404
POST   /ai/answers                                                              200 200 200 404 404 403 401 404
POST   /ai/search                                                               200 200 200 404 404 403 401 404
POST   /ai/translations                                                         501 501 501 404 404 403 401 404
POST   /ai/rewrites                                                             501 501 501 501 501 501 401 501
POST   /ai/moderations                                                          200 200 200 200 200 200 401 200
POST   /ai/transcriptions                                                       404 404 404 404 404 404 401 404
GET    /ai/jobs/{job_id}                                                        404 404 404 404 404 404 401 404
DELETE /ai/requests/{request_id}                                                404 404 404 404 404 404 401 404
POST   /ai/digests                                                              200 200 200 200 200 200 401 200
PUT    /presence                                                                200 200 200 200 200 200 401 200
GET    /presence                                                                200 200 200 200 200 200 401 200
GET    /devices/webpush-key                                                     200 200 200 200 200 200 200 200
GET    /devices                                                                 200 200 200 200 200 200 401 200
PUT    /devices/{device_id}                                                     200 200 200 200 200 200 401 200
DELETE /devices/{device_id}                                                     204 204 204 204 204 204 401 204
GET    /notifications/preferences                                               200 200 200 200 200 200 401 200
PUT    /notifications/preferences                                               200 200 200 200 200 200 401 200
GET    /notifications                                                           200 200 200 200 200 200 401 200
POST   /notifications/read                                                      200 200 200 200 200 200 401 200
POST   /conversations/{conversation_id}/calls                                   201 201 201 404 404 404 401 404
GET    /conversations/{conversation_id}/calls                                   200 200 200 404 404 200 401 404
GET    /calls                                                                   200 200 200 200 200 200 401 200
GET    /calls/ice-servers                                                       200 200 200 200 200 200 401 200
GET    /calls/{call_id}                                                         200 200 200 404 404 200 401 404
POST   /calls/{call_id}/join                                                    200 200 200 404 404 404 401 404
POST   /calls/{call_id}/decline                                                 409 409 200 404 404 410 401 404
POST   /calls/{call_id}/leave                                                   200 200 403 404 404 200 401 404
POST   /calls/{call_id}/end                                                     200 200 403 404 404 200 401 404
POST   /calls/{call_id}/heartbeat                                               200 200 403 404 404 404 401 404
PUT    /calls/{call_id}/media-state                                             200 200 403 404 404 410 401 404
POST   /calls/{call_id}/signals                                                 202 202 403 404 404 404 401 404
GET    /calls/{call_id}/signals                                                 200 200 403 404 404 404 401 404
POST   /calls/{call_id}/quality                                                 202 202 403 404 404 202 401 404
POST   /realtime/tickets                                                        201 201 201 201 201 201 401 201
SOCKET sendMessage                                                              200 200 200 404 404 404 401 404
SOCKET editMessage                                                              200 403 403 404 404 404 401 404
SOCKET deleteMessage                                                            200 200 403 404 404 403 401 404
SOCKET react                                                                    200 200 200 404 404 404 401 404
SOCKET markRead                                                                 200 200 200 404 404 200 401 404
SOCKET typing                                                                   200 200 200 404 404 404 401 404
SOCKET vote                                                                     200 200 200 404 404 404 401 404
SOCKET sync                                                                     200 200 200 200 200 200 401 200
SOCKET signal                                                                   200 200 403 404 404 404 401 404
SOCKET callHeartbeat                                                            200 200 403 404 404 404 401 404
SOCKET ping                                                                     200 200 200 200 200 200 401 200
SOCKET setPresence                                                              200 200 200 200 200 200 401 200
SOCKET watchPresence                                                            200 200 200 404 404 200 401 404
SOCKET aiCancel                                                                 404 404 404 404 404 404 401 404
"""


def _parsed(table: str) -> dict[str, dict[str, int]]:
    found = {}
    for line in table.strip().splitlines()[1:]:
        method, place, *statuses = line.split()
        assert len(statuses) == len(ROLES), line
        found[f"{method} {place}"] = dict(zip(ROLES, map(int, statuses), strict=True))
    return found


EXPECTED = _parsed(TABLE.rstrip() + drive_rights.TABLE.rstrip() + keys_rights.TABLE)


# --- the scene ------------------------------------------------------------------------------------------------


@dataclass
class Scene:
    """The cast, their group with a message of the owner's, and the direct conversation of owner and blocked."""

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
        """What this caller is after: the group, or for the blocked one the direct conversation."""
        return self.direct if role == "blocked" else self.group

    def message(self, role: str) -> str:
        """A message of the owner's from before the block and the removal, which nobody deletes."""
        return self.old[self.conversation(role)]

    def poll(self, role: str) -> dict[str, Any]:
        """A poll of the owner's from before the block and the removal, which nobody closes."""
        return self.polls[self.conversation(role)]

    def fresh_poll(self, role: str) -> str:
        """One of the owner's to be closed; in the direct conversation no new one is possible."""
        return str((self.poll(role) if role == "blocked" else _ask(self.owner, self.group))["id"])

    def fresh_message(self, role: str) -> str:
        """One of the owner's to be changed or deleted; in the direct conversation no new one is possible."""
        if role == "blocked":
            return self.old[self.direct]
        return str(self.owner.send(self.group, "to be deleted")["id"])

    def fresh_group(self, role: str) -> str:
        """A group like the scene's, to be deleted."""
        if role == "blocked":
            return self.direct
        group = self.owner.group_with(self.people["admin"], self.people["member"])
        self.owner.ok("PATCH", f"/conversations/{group}/members/{self.people['admin'].id}", {"role": "admin"})
        return group

    def scheduled(self) -> str:
        """A message that the owner has scheduled in the group."""
        body = {"client_id": _unique(), "text": "later", "send_at": NEXT_YEAR}
        return str(self.owner.ok("POST", f"/conversations/{self.group}/scheduled", body)["id"])

    def fresh_member(self, role: str) -> str:
        """Somebody of whom the group can do without."""
        if role == "blocked":
            return self.owner.id
        self.owner.ok("POST", f"/conversations/{self.group}/members", {"user_ids": [self.bystander.id]})
        return self.bystander.id

    def invitation(self, group: str = "", **fields: Any) -> dict[str, Any]:
        """A new link into the group."""
        made: dict[str, Any] = self.owner.ok("POST", f"/conversations/{group or self.group}/invitations", fields)
        return made

    def invitation_elsewhere(self, role: str) -> dict[str, str]:
        """A link into another group of the same people, which who is let in may join."""
        group = self.owner.group_with(*(self.people[name] for name in ("admin", "member", "former")))
        self.owner.ok("DELETE", f"/conversations/{group}/members/{self.people['former'].id}")
        return {"token": self.invitation(group)["token"]}

    def fresh_request(self, role: str) -> str:
        """Somebody who asks to be let in."""
        if role == "blocked":
            return self.owner.id
        self.owner.delete(f"/conversations/{self.group}/members/{self.bystander.id}")
        self.owner.ok("DELETE", f"/conversations/{self.group}/bans/{self.bystander.id}")
        token = self.invitation(needs_approval=True)["token"]
        self.bystander.ok("POST", f"/invitations/{token}/accept")
        return self.bystander.id

    def fresh_report(self) -> str:
        """A report of what the member wrote, by the owner."""
        message = self.people["member"].send(self.group, "to be reported")["id"]
        place = f"/conversations/{self.group}/messages/{message}/reports"
        return str(self.owner.ok("POST", place, {"reason": "so it is"})["id"])

    def call(self, role: str) -> Values:
        """A call that the owner has begun and the admin has joined; for the blocked one an old one with them."""
        if role == "blocked":
            return self.old_call
        if role in ("owner", "admin", "member"):
            self.no_call()
            self.live_call = self.owner.call_in(self.group)
            self.people["admin"].ok("POST", f"/calls/{self.live_call['id']}/join")
        return self.live_call

    def no_call(self) -> None:
        """Nobody is in a call."""
        self.owner.ok("POST", f"/calls/{self.live_call['id']}/end")
        self.live_call = self.owner.ok("GET", f"/conversations/{self.group}/calls")["items"][0]
        self.owner.ok("POST", f"/calls/{self.live_call['id']}/end")

    def participant(self, role: str) -> str:
        """Somebody in that call whom this caller may talk to."""
        other = self.people["admin" if role == "owner" else "owner"].id
        call = self.old_call if role == "blocked" else self.live_call
        return str(next(each["participant_id"] for each in call["participants"] if each["user_id"] == other))

    def socket(self, role: str) -> Live:
        if role not in self.sockets:
            self.sockets[role] = Live(*self.people[role].ticket())
        return self.sockets[role]


def _ask(who: Person, conversation_id: str) -> dict[str, Any]:
    body = {"client_id": _unique(), "question": "?", "options": ["yes", "no"], "allow_add_options": True}
    poll: dict[str, Any] = who.ok("POST", f"/conversations/{conversation_id}/polls", body)
    return poll


@pytest.fixture(scope="module")
def scene(town: Town) -> Iterator[Scene]:
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


# --- the probes -----------------------------------------------------------------------------------------------

Make = Callable[[Scene, str], Values]


def _unique() -> str:
    return secrets.token_hex(8)


# What goes into the path, where it is not the scene's own conversation or message: things that may be lost.
PATHS: dict[str, Make] = {
    "POST /conversations/{conversation_id}/calls": lambda scene, role: _no_call(scene, role),
    "DELETE /auth/sessions/{session_id}": lambda scene, role: {"session_id": scene.owner.another_session().session_id},
    "GET /users/me/exports/{export_id}": lambda scene, role: {"export_id": "exp_unknown"},
    "DELETE /auth/passkeys/{passkey_id}": lambda scene, role: {"passkey_id": "pky_unknown"},
    "POST /admin/users/{user_id}/sign-out": lambda scene, role: {"user_id": scene.town.person("away").id},
    "GET /ai/jobs/{job_id}": lambda scene, role: {"job_id": "aij_unknown"},
    "DELETE /ai/requests/{request_id}": lambda scene, role: {"request_id": "air_unknown"},
    "PUT /users/me/blocks/{user_id}": lambda scene, role: {"user_id": scene.bystander.id},
    "DELETE /users/me/blocks/{user_id}": lambda scene, role: {"user_id": scene.bystander.id},
    "POST /contacts/{user_id}/accept": lambda scene, role: {"user_id": _after_asking(scene, role)},
    "DELETE /conversations/{conversation_id}": lambda scene, role: {"conversation_id": scene.fresh_group(role)},
    "PATCH /conversations/{conversation_id}/members/{user_id}": lambda scene, role: {
        "user_id": scene.fresh_member(role)
    },
    "DELETE /conversations/{conversation_id}/members/{user_id}": lambda scene, role: {
        "user_id": scene.fresh_member(role)
    },
    "DELETE /conversations/{conversation_id}/invitations/{invitation_id}": lambda scene, role: {
        "invitation_id": scene.invitation()["id"]
    },
    "GET /invitations/{token}": lambda scene, role: {"token": scene.invitation()["token"]},
    "POST /invitations/{token}/accept": lambda scene, role: scene.invitation_elsewhere(role),
    "POST /conversations/{conversation_id}/join-requests/{user_id}/approve": lambda scene, role: {
        "user_id": scene.fresh_request(role)
    },
    "DELETE /conversations/{conversation_id}/join-requests/{user_id}": lambda scene, role: {
        "user_id": scene.fresh_request(role)
    },
    "PATCH /conversations/{conversation_id}/reports/{report_id}": lambda scene, role: {
        "report_id": scene.fresh_report()
    },
    "DELETE /conversations/{conversation_id}/scheduled/{scheduled_id}": lambda scene, role: {
        "scheduled_id": scene.scheduled()
    },
    "DELETE /conversations/{conversation_id}/messages/{message_id}": lambda scene, role: {
        "message_id": scene.fresh_message(role)
    },
    "POST /polls/{poll_id}/close": lambda scene, role: {"poll_id": scene.fresh_poll(role)},
    "GET /conversations/{conversation_id}/draft": lambda scene, role: _after_drafting(scene, role),
    "PUT /devices/{device_id}": lambda scene, role: {"device_id": f"phone-{role}"},
    "DELETE /devices/{device_id}": lambda scene, role: {"device_id": f"phone-{role}"},
}

BODIES: dict[str, Make] = {
    "POST /conversations/{conversation_id}/scheduled": lambda scene, role: {
        "client_id": _unique(),
        "text": role,
        "send_at": NEXT_YEAR,
    },
    "PUT /ai/settings": lambda scene, role: {"enabled": True},
    "POST /ai/summaries": lambda scene, role: {"conversation_id": scene.conversation(role)},
    "POST /ai/replies": lambda scene, role: {"conversation_id": scene.conversation(role)},
    "POST /ai/answers": lambda scene, role: {"conversation_id": scene.conversation(role), "question": "When?"},
    "POST /ai/search": lambda scene, role: {"conversation_id": scene.conversation(role), "q": "before"},
    "POST /ai/translations": lambda scene, role: {"message_id": scene.message(role), "target_language": "de"},
    "POST /ai/rewrites": lambda scene, role: {"text": "Come here.", "tone": "friendly"},
    "POST /ai/moderations": lambda scene, role: {"text": "Come here."},
    "POST /ai/transcriptions": lambda scene, role: {"file_id": "fil_unknown"},
    "POST /ai/digests": lambda scene, role: {},
    "PUT /presence": lambda scene, role: {"status": "away"},
    # a token of one's own: somebody else's would be theirs no more
    "PUT /devices/{device_id}": lambda scene, role: {"platform": "android", "provider": "fcm", "token": _unique()},
    "PUT /notifications/preferences": lambda scene, role: {"mentions": True},
    "POST /notifications/read": lambda scene, role: {"up_to": f"ntf_{0:026}"},
    "POST /conversations/{conversation_id}/calls": lambda scene, role: {"client_id": _unique(), "media": "audio"},
    "PUT /calls/{call_id}/media-state": lambda scene, role: {"audio": True, "video": False, "screen": False},
    "POST /calls/{call_id}/signals": lambda scene, role: {"to": scene.participant(role), "kind": "ice", "payload": {}},
    "POST /calls/{call_id}/quality": lambda scene, role: {
        "rtt_ms": 40,
        "jitter_ms": 3,
        "packet_loss": 0.5,
        "bitrate_kbps": 900,
    },
    "PATCH /users/me": lambda scene, role: {"bio": role},
    "POST /conversations": lambda scene, role: _conversation_with_the_owner(scene, role),
    "PATCH /conversations/{conversation_id}": lambda scene, role: {"name": "Renamed"},
    "POST /conversations/{conversation_id}/members": lambda scene, role: {"user_ids": [scene.bystander.id]},
    "PATCH /conversations/{conversation_id}/members/{user_id}": lambda scene, role: {"role": "member"},
    "POST /conversations/{conversation_id}/messages/{message_id}/reports": lambda scene, role: {"reason": role},
    "PATCH /conversations/{conversation_id}/reports/{report_id}": lambda scene, role: {"state": "dismissed"},
    "PUT /conversations/{conversation_id}/me": lambda scene, role: {"pinned": True},
    "POST /sync": lambda scene, role: {"cursors": {scene.conversation(role): 0}},
    "POST /conversations/{conversation_id}/messages": lambda scene, role: {"client_id": _unique(), "text": role},
    "PATCH /conversations/{conversation_id}/messages/{message_id}": lambda scene, role: {"text": f"edited by {role}"},
    "PUT /conversations/{conversation_id}/draft": lambda scene, role: {"text": f"unsaid by {role}"},
    "POST /conversations/{conversation_id}/read": lambda scene, role: {"seq": 1},
    "POST /conversations/{conversation_id}/polls": lambda scene, role: {
        "client_id": _unique(),
        "question": role,
        "options": ["yes", "no"],
    },
    "PUT /polls/{poll_id}/vote": lambda scene, role: _vote(scene, role),
    "POST /polls/{poll_id}/options": lambda scene, role: {"text": f"{role} {_unique()}"},
    "POST /conversations/{conversation_id}/typing": lambda scene, role: {"typing": False},
}

QUERIES: dict[str, Make] = {
    "GET /drive/search": lambda scene, role: {"q": "ada"},
    "GET /users": lambda scene, role: {"q": "ada"},
    "GET /search": lambda scene, role: {"q": "ada"},
    "GET /presence": lambda scene, role: {"user_ids": scene.owner.id},
}

FRAMES: dict[str, Make] = {
    "setPresence": lambda scene, role: {"status": "busy"},
    "aiCancel": lambda scene, role: {"request_id": "air_unknown"},
    "watchPresence": lambda scene, role: {"conversation_id": scene.conversation(role)},
    "signal": lambda scene, role: {
        "call_id": scene.call(role)["id"],
        "to": scene.participant(role),
        "kind": "ice",
        "payload": {},
    },
    "callHeartbeat": lambda scene, role: {"call_id": scene.call(role)["id"]},
    "sendMessage": lambda scene, role: {
        "conversation_id": scene.conversation(role),
        "client_id": _unique(),
        "text": role,
    },
    "editMessage": lambda scene, role: {**_message(scene, role), "text": f"edited by {role}"},
    "deleteMessage": lambda scene, role: {
        "conversation_id": scene.conversation(role),
        "message_id": scene.fresh_message(role),
    },
    "react": lambda scene, role: {**_message(scene, role), "emoji": "👍"},
    "markRead": lambda scene, role: {"conversation_id": scene.conversation(role), "seq": 1},
    "typing": lambda scene, role: {"conversation_id": scene.conversation(role), "typing": False},
    "vote": lambda scene, role: {"poll_id": scene.poll(role)["id"], **_vote(scene, role)},
    "sync": lambda scene, role: {"cursors": {scene.conversation(role): 0}},
    "ping": lambda scene, role: {"cursors": {scene.conversation(role): 0}},
}


def _no_call(scene: Scene, role: str) -> Values:
    scene.no_call()
    return {"conversation_id": scene.conversation(role)}


def _message(scene: Scene, role: str) -> Values:
    return {"conversation_id": scene.conversation(role), "message_id": scene.message(role)}


def _vote(scene: Scene, role: str) -> Values:
    return {"option_ids": [scene.poll(role)["options"][0]["id"]]}


def _after_asking(scene: Scene, role: str) -> str:
    """The owner's id, after the owner has asked this caller to be a contact."""
    if role not in ("owner", "anonymous", "blocked"):
        scene.people[role].delete(f"/contacts/{scene.owner.id}")
        scene.owner.ok("POST", f"/contacts/{scene.people[role].id}")
    return scene.owner.id


def _after_drafting(scene: Scene, role: str) -> Values:
    """Whoever may have a draft has one."""
    if role != "anonymous":
        scene.people[role].put(f"/conversations/{scene.conversation(role)}/draft", {"text": "unsaid"})
    return {}


def _conversation_with_the_owner(scene: Scene, role: str) -> Values:
    """A new direct conversation; the blocked one asks somebody who has blocked them and has none with them yet."""
    if role != "blocked":
        return {"type": "group", "member_ids": [scene.owner.id, scene.bystander.id], "name": role}
    scene.bystander.ok("PUT", f"/users/me/blocks/{scene.people[role].id}")
    return {"type": "direct", "member_ids": [scene.bystander.id]}


def _status(scene: Scene, route: str, role: str) -> int:
    """What this caller gets from a route."""
    method, place = route.split()
    values = {
        "conversation_id": scene.conversation(role),
        "message_id": scene.message(role),
        "poll_id": scene.poll(role)["id"],
        "user_id": scene.owner.id,
        "call_id": scene.call(role)["id"] if "{call_id}" in place else "",
        "emoji": "👍",
        **scene.desk.values(route),
        **scene.keyring.values(route, role),
        **(PATHS[route](scene, role) if route in PATHS else {}),
    }
    given = BODIES[route](scene, role) if route in BODIES else scene.desk.body(route) or scene.keyring.body(route, role)
    body = given if given is not None else {} if method in ("POST", "PUT", "PATCH") else None
    query = QUERIES[route](scene, role) if route in QUERIES else scene.keyring.query(route)
    path = place.format(**values)
    if role == "anonymous":
        return scene.town.http.request(method, path, json=body, params=query).status_code
    return scene.people[role].call(method, path, body, params=query).status_code


def _socket_status(scene: Scene, action: str, role: str) -> int:
    """What this caller gets for a frame, 200 for an ack; nobody without a ticket gets as far as a frame."""
    if role == "anonymous":
        return refused(scene.town.ws_url, "")
    answer = scene.socket(role).ask(action, **FRAMES[action](scene, role))
    return 200 if answer["type"] == "ack" else int(answer["problem"]["status"])


# --- the tests ------------------------------------------------------------------------------------------------


def test_every_route_and_action_is_in_the_table() -> None:
    for module in documents.ACTIONS:
        importlib.import_module(module)
    routes = {f"{route.method} {route.path}" for app in documents.apps() for route in app.routes}
    actions = {f"SOCKET {name}" for name in websocket.ACTIONS}
    assert EXPECTED.keys() == routes | actions
    assert FRAMES.keys() == set(websocket.ACTIONS)
    assert PATHS.keys() | BODIES.keys() <= routes


ENDING = ("POST /auth/logout", "POST /auth/logout-all")
PROBED = [name for name in EXPECTED if name not in ENDING and not name.startswith("SOCKET")]


@pytest.mark.parametrize("route", PROBED)
def test_a_route_is_for_whom_the_table_says(scene: Scene, route: str) -> None:
    assert {role: _status(scene, route, role) for role in ROLES} == EXPECTED[route]


@pytest.mark.parametrize("action", [name.split()[1] for name in EXPECTED if name.startswith("SOCKET")])
def test_an_action_is_for_whom_the_table_says(scene: Scene, action: str) -> None:
    assert {role: _socket_status(scene, action, role) for role in ROLES} == EXPECTED[f"SOCKET {action}"]


def test_nobody_changed_what_was_not_theirs(scene: Scene) -> None:
    """All events of both conversations were caused by those whom the table lets."""
    members = {scene.people[role].id for role in ("owner", "admin", "member")}
    assert {event["actor_id"] for event in log_of(scene.owner, scene.group)} == members
    assert {event["actor_id"] for event in log_of(scene.owner, scene.direct)} == {scene.owner.id}
    assert {each["user"]["id"] for each in scene.owner.ok("GET", f"/conversations/{scene.group}/members")["items"]} in (
        members,
        members | {scene.bystander.id},
    )


def test_lists_and_sync_show_only_what_is_ones_own(scene: Scene) -> None:
    for role in ("former", "stranger", "platform_admin"):
        person = scene.people[role]
        assert scene.group not in person.get("/conversations").text
        answer = person.ok("POST", "/sync", {"cursors": {scene.group: 0, scene.direct: 0}})
        assert sorted(answer["removed"]) == sorted([scene.group, scene.direct])
        assert scene.group not in str(answer["conversations"])
        assert scene.group not in str(scene.socket(role).events)


def test_the_platform_admin_is_one(scene: Scene) -> None:
    assert scene.people["platform_admin"].ok("GET", "/users/me")["role"] == "admin"


@pytest.mark.parametrize("route", ENDING)
def test_signing_out_is_for_whom_the_table_says(scene: Scene, route: str) -> None:
    """Last, as nobody of the cast is signed in afterwards."""

    def probe(role: str) -> int:
        if role == "anonymous":
            return _status(scene, route, role)
        device = scene.people[role].another_session()
        return device.post(route.split()[1]).status_code

    statuses = at_once([partial(probe, role) for role in ROLES])
    assert dict(zip(ROLES, statuses, strict=True)) == EXPECTED[route]
