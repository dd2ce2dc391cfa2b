"""A table of lost rights (R52): each row a way to lose a right, each column an activity that needs it.

Each test is a row: Bob begins every activity that the right allows and loses the right; then each activity has ended or
does not happen. Cells that make no sense have a reason. The column of the SFU is in
tests/integration/calls/test_calls_sfu.py, row by row, because the local cloud has no Chime meetings; it has no cell for
a block, because a call of two has no meeting.
"""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from kernel import clock
from tests.e2e import drive
from tests.e2e.api.test_notifications import subscribe
from tests.e2e.live import Live
from tests.e2e.people import PASSWORD, Person, Town
from tests.e2e.tools import eventually, problem
from tests.support.push_services import WebPushService, web_push_service

WITHIN_S = 150.0  # on a busy machine; activities that would end by themselves do so later, or are judged otherwise
NEW_PASSWORD = "another long phrase 7"


@dataclass
class Scene:
    """Bob is about to lose a right. `place` is the conversation: a group of all three, or his chat with Ada."""

    town: Town
    ada: Person
    bob: Person
    cleo: Person
    admin: Person
    group: str
    place: str
    adas: Live
    bobs: Live
    pushes: WebPushService

    def bob_again(self) -> Person:
        """Bob, with a lifted ban and a new session if his account was banned."""
        if self.bob.get("/users/me").status_code == 401:
            self.admin.ok("POST", f"/admin/users/{self.bob.id}/unban")
            return self.bob.another_session()
        return self.bob

    def is_kept(self, table: str, text: str) -> bool:
        return self.town.stores(table, text)


# --- the rows: ways to lose a right ---------------------------------------------------------------------------


def _leave(it: Scene) -> None:
    it.bob.ok("DELETE", f"/conversations/{it.place}/members/{it.bob.id}")


def _remove(it: Scene) -> None:
    it.ada.ok("DELETE", f"/conversations/{it.place}/members/{it.bob.id}")


def _ban(it: Scene) -> None:
    """Removal by an admin, which also bans: no link lets Bob join again."""
    link = it.ada.ok("POST", f"/conversations/{it.place}/invitations", {"expires_in": 3600})
    _remove(it)
    problem(it.bob.post(f"/invitations/{link['token']}/accept"), 403, "banned")


def _block(it: Scene) -> None:
    it.ada.ok("PUT", f"/users/me/blocks/{it.bob.id}")


def _delete_group(it: Scene) -> None:
    it.ada.ok("DELETE", f"/conversations/{it.place}")


def _log_out(it: Scene) -> None:
    it.bob.ok("POST", "/auth/logout")


def _log_out_everywhere(it: Scene) -> None:
    it.bob.ok("POST", "/auth/logout-all")


def _remove_session(it: Scene) -> None:
    it.bob.another_session().ok("DELETE", f"/auth/sessions/{it.bob.session_id}")


def _change_password(it: Scene) -> None:
    body = {"current_password": PASSWORD, "new_password": NEW_PASSWORD}
    it.bob.another_session().ok("POST", "/auth/password/change", body)


def _reset_password(it: Scene) -> None:
    it.town.http.post("/auth/password/forgot", json={"email": it.bob.email})
    token = it.town.code_in_letter(it.bob.email, "Reset your password")
    answer = it.town.http.post("/auth/password/reset", json={"token": token, "new_password": NEW_PASSWORD})
    assert answer.status_code == 204, answer.text


def _ban_account(it: Scene) -> None:
    it.admin.ok("POST", f"/admin/users/{it.bob.id}/ban", {"reason": "sends advertisements to everybody"})


def _erase(it: Scene) -> None:
    it.bob.ok("DELETE", "/users/me", {"password": PASSWORD})


LOSSES: dict[str, Callable[[Scene], None]] = {
    "leaving": _leave,
    "removal": _remove,
    "ban from the group": _ban,
    "block": _block,
    "deletion of the group": _delete_group,
    "logout": _log_out,
    "logout-all": _log_out_everywhere,
    "session removal": _remove_session,
    "password change": _change_password,
    "password reset": _reset_password,
    "account ban": _ban_account,
    "erasure": _erase,
}
OF_THE_GROUP = ("leaving", "removal", "ban from the group", "deletion of the group")
OF_SESSIONS = ("logout", "logout-all", "session removal", "password change", "password reset")


# --- the columns: activities. Each begins one, and returns the condition that must hold after the loss ---------

Check = Callable[[str], None]


def _call(it: Scene) -> Check:
    call = it.ada.call_in(it.place)
    it.bob.ok("POST", f"/calls/{call['id']}/join")

    def bob_is_out(event: dict[str, Any]) -> bool:
        if event["type"] not in ("call.updated", "call.ended") or event["data"]["id"] != call["id"]:
            return False
        states = {each["user_id"]: each["state"] for each in event["data"]["participants"]}
        return event["type"] == "call.ended" or bool(states[it.bob.id] == "left")

    return lambda _: _eventually(lambda: any(bob_is_out(each) for each in list(it.adas.events)))


def _scheduled(it: Scene) -> Check:
    at = clock.rfc3339(clock.now() + clock.HOUR)
    path = f"/conversations/{it.place}/scheduled"
    kept = it.bob.ok("POST", path, {"client_id": secrets.token_hex(8), "text": "later", "send_at": at})

    def check(loss: str) -> None:
        if loss == "erasure":
            _eventually(lambda: not it.is_kept("scheduled", kept["id"]))
            return
        bob, reason = it.bob_again(), "account_banned" if loss == "account ban" else "not_found"

        def states() -> list[tuple[str, str | None]]:
            return [(each["state"], each["reason"]) for each in bob.ok("GET", path)["items"]]

        _eventually(lambda: states() == [("failed", reason)])

    return check


def _typing(it: Scene) -> Check:
    path = f"/conversations/{it.place}/typing"
    it.bob.ok("POST", path, {"typing": True})
    it.adas.expect("typing", user_id=it.bob.id, typing=True, within_s=WITHIN_S)

    def check(loss: str) -> None:
        assert it.bob.post(path, {"typing": True}).status_code in (401, 404)
        if loss != "deletion of the group":  # where nobody is left to notify
            it.adas.expect("typing", user_id=it.bob.id, typing=False, within_s=WITHIN_S)

    return check


def _draft(it: Scene) -> Check:
    text = f"draft {secrets.token_hex(8)}"
    it.bob.ok("PUT", f"/conversations/{it.place}/draft", {"text": text})
    assert it.is_kept("drafts", text)
    return lambda _: _eventually(lambda: not it.is_kept("drafts", text))


def _watch(it: Scene) -> Check:
    it.bobs.ok("watchPresence", user_ids=[it.ada.id])

    def check(loss: str) -> None:
        if loss != "block":
            it.bobs.wait_closed(within_s=WITHIN_S)
            return
        it.bobs.expect("presence", user_id=it.ada.id, status="offline", within_s=WITHIN_S)
        it.ada.ok("PUT", "/presence", {"status": "busy"})
        it.adas.expect("presence", user_id=it.ada.id, status="busy", within_s=WITHIN_S)
        it.bobs.settle()
        shown = [each["data"] for each in it.bobs.events if each["type"] == "presence"]
        assert [each for each in shown if each["user_id"] == it.ada.id][-1]["status"] == "offline"

    return check


def _upload(it: Scene) -> Check:
    begun = drive.begin(it.bob, b"", size=17 * drive.MIB, content_type=drive.BYTES, conversation_id=it.place)
    file_id = begun["file"]["id"]
    it.bob.ok("POST", f"/drive/uploads/{file_id}/parts", {"part_numbers": [1]})

    def check(loss: str) -> None:
        if loss == "erasure":
            _eventually(lambda: not it.is_kept("drive", file_id))
            return
        bob = it.bob_again()
        _eventually(lambda: bob.get(f"/drive/files/{file_id}").status_code == 404)
        problem(bob.post(f"/drive/uploads/{file_id}/complete", {}), 404, "not_found")

    return check


def _push(it: Scene) -> Check:
    bobs, cleos = subscribe(it.bob, it.pushes), subscribe(it.cleo, it.pushes)

    def check(_: str) -> None:
        said = it.ada.send(it.group, "hello")
        assert said["conversation_id"] == it.group
        _eventually(lambda: "message" in [each["kind"] for each in cleos.pushes])
        assert "message" not in [each["kind"] for each in bobs.pushes]

    return check


THINGS: dict[str, Callable[[Scene], Check]] = {
    "call": _call,
    "scheduled message": _scheduled,
    "typing": _typing,
    "draft": _draft,
    "watch of presence": _watch,
    "upload in flight": _upload,
    "push": _push,
}

NO_SENSE: dict[tuple[str, str], str] = {
    **{(loss, "watch of presence"): "a group gives no right to it: it is shown to all but across a block"
       for loss in OF_THE_GROUP},
    **{(loss, "scheduled message"): "it is the person's, whatever devices they have by then" for loss in OF_SESSIONS},
    **{(loss, "draft"): "it is the person's: their next device goes on with it" for loss in OF_SESSIONS},
    **{(loss, "upload in flight"): "it is the person's: their next device goes on with it" for loss in OF_SESSIONS},
    ("block", "draft"): "one's own text; the block keeps it from being sent",
    ("block", "upload in flight"): "one's own file until a message brings it, which the block refuses",
    ("deletion of the group", "push"): "nobody can send any more; what waits is tried in tests/field/test_pushes.py",
    ("account ban", "draft"): "a ban ends or is lifted, and then it is there",
}  # fmt: skip


def _eventually(check: Callable[[], object]) -> None:
    eventually(check, within_s=WITHIN_S, every_s=0.2)


@pytest.fixture(scope="module")
def pushes() -> Iterator[WebPushService]:
    with web_push_service() as running:
        yield running


@pytest.fixture(scope="module")
def admin(town: Town) -> Person:
    person = town.person("root")
    town.make_platform_admin(person)
    return person


@contextlib.contextmanager
def _scene(loss: str, town: Town, admin: Person, pushes: WebPushService) -> Iterator[Scene]:
    ada, bob, cleo = town.people("ada", "bob", "cleo")
    group = ada.group_with(bob, cleo)
    place = ada.direct_with(bob) if loss == "block" else group
    with ada.live() as adas, bob.live() as bobs:
        yield Scene(town, ada, bob, cleo, admin, group, place, adas, bobs, pushes)


@pytest.mark.parametrize("loss", LOSSES)
def test_what_goes_on_ends_with_the_right(loss: str, town: Town, admin: Person, pushes: WebPushService) -> None:
    with _scene(loss, town, admin, pushes) as scene:
        going_on = {name: begin(scene) for name, begin in THINGS.items() if (loss, name) not in NO_SENSE}
        LOSSES[loss](scene)
        failed = {}
        for name, check in going_on.items():
            try:
                check(loss)
            except AssertionError as error:  # the other columns are checked all the same
                failed[name] = str(error)
        assert failed == {}


def test_each_cell_that_makes_no_sense_is_one_of_the_table() -> None:
    assert {loss for loss, _ in NO_SENSE} <= LOSSES.keys()
    assert {name for _, name in NO_SENSE} <= THINGS.keys()
