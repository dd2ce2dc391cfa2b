"""The probes of the authorisation matrix: path, query, body and frame for each route and action."""

from __future__ import annotations

from collections.abc import Callable

from tests.e2e.live import refused
from tests.e2e.rights.authorisation_scene import NEXT_YEAR, Scene, Values, unique

Make = Callable[[Scene, str], Values]

# Path parameters, except the scene's conversation and message: objects that may be changed or deleted.
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
        "client_id": unique(),
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
    # a new token: a token that belongs to another caller would be taken from them
    "PUT /devices/{device_id}": lambda scene, role: {"platform": "android", "provider": "fcm", "token": unique()},
    "PUT /notifications/preferences": lambda scene, role: {"mentions": True},
    "POST /notifications/read": lambda scene, role: {"up_to": f"ntf_{0:026}"},
    "POST /conversations/{conversation_id}/calls": lambda scene, role: {"client_id": unique(), "media": "audio"},
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
    "POST /conversations/{conversation_id}/messages": lambda scene, role: {"client_id": unique(), "text": role},
    "PATCH /conversations/{conversation_id}/messages/{message_id}": lambda scene, role: {"text": f"edited by {role}"},
    "PUT /conversations/{conversation_id}/draft": lambda scene, role: {"text": f"unsaid by {role}"},
    "POST /conversations/{conversation_id}/read": lambda scene, role: {"seq": 1},
    "POST /conversations/{conversation_id}/polls": lambda scene, role: {
        "client_id": unique(),
        "question": role,
        "options": ["yes", "no"],
    },
    "PUT /polls/{poll_id}/vote": lambda scene, role: _vote(scene, role),
    "POST /polls/{poll_id}/options": lambda scene, role: {"text": f"{role} {unique()}"},
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
        "client_id": unique(),
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
    """The owner's id, after the owner has sent this caller a contact request."""
    if role not in ("owner", "anonymous", "blocked"):
        scene.people[role].delete(f"/contacts/{scene.owner.id}")
        scene.owner.ok("POST", f"/contacts/{scene.people[role].id}")
    return scene.owner.id


def _after_drafting(scene: Scene, role: str) -> Values:
    """A draft of this caller, if they may have one."""
    if role != "anonymous":
        scene.people[role].put(f"/conversations/{scene.conversation(role)}/draft", {"text": "unsaid"})
    return {}


def _conversation_with_the_owner(scene: Scene, role: str) -> Values:
    """A new direct conversation; the blocked person asks somebody who has blocked them and shares no conversation."""
    if role != "blocked":
        return {"type": "group", "member_ids": [scene.owner.id, scene.bystander.id], "name": role}
    scene.bystander.ok("PUT", f"/users/me/blocks/{scene.people[role].id}")
    return {"type": "direct", "member_ids": [scene.bystander.id]}


def status(scene: Scene, route: str, role: str) -> int:
    """The status of a route for this caller."""
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


def socket_status(scene: Scene, action: str, role: str) -> int:
    """The status of a frame for this caller, 200 for an ack; without a ticket no frame can be sent."""
    if role == "anonymous":
        return refused(scene.town.ws_url, "")
    answer = scene.socket(role).ask(action, **FRAMES[action](scene, role))
    return 200 if answer["type"] == "ack" else int(answer["problem"]["status"])
