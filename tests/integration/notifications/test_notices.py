"""Notifications by `realtime.notify`: who is notified, and the items in their list."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any, Literal

from accounts.sessions import service as sessions
from accounts.sessions import session_store
from conversations import members
from drive.sharing import service as sharing
from kernel import config
from kernel.caller import Caller
from kernel.errors import Conflict
from kernel.resilience import retried
from moderation import service as moderation
from notifications import service, store
from notifications.consumers import notifying
from notifications.model import RegisteredDevice
from realtime.notify import notify
from tests.helpers import CONTEXT, someone
from tests.integration import desk, rooms
from tests.integration.invitations.test_invitations import accept, link
from tests.integration.notifications.hearing import World, queued, register, repeat, waiting
from users import relations


def items(who: Caller) -> list[dict[str, Any]]:
    page, _ = service.list_notices(caller=who, limit=50, cursor=None)
    return page.items


def kinds(who: Caller) -> list[str]:
    return [each["kind"] for each in items(who)]


def test_a_contact_request_is_told_to_whom_it_is_for(world: World) -> None:
    ada, bob = rooms.people("ada", "bob")
    browser = world.browser(bob, "bob")
    relations.request(user_id=ada.user_id, other_id=bob.user_id)
    relations.request(user_id=ada.user_id, other_id=bob.user_id)
    world.work()
    assert [each["kind"] for each in browser.pushes] == ["contact_request"]
    (item,) = items(bob)
    assert (item["text"], item["reference"]) == ("Ada would like to be your contact.", {"user_id": ada.user_id})
    assert kinds(ada) == []


def test_a_request_to_join_is_told_to_admins_alone(world: World) -> None:
    ada, bob, eve = rooms.people("ada", "bob", "eve")
    team = rooms.group(ada, bob, name="Tea")
    world.work()
    admin, member = world.browser(ada, "ada"), world.browser(bob, "bob")
    assert accept(eve, link(ada, team, needs_approval=True)) == ("requested", True)
    world.work()
    assert [each["kind"] for each in admin.pushes] == ["join_request"]
    assert member.pushes == []
    assert items(ada)[0]["text"] == "Eve asks to join Tea."


def test_a_report_is_told_to_admins_but_not_to_who_wrote_the_message(world: World) -> None:
    ada, bob, eve = rooms.people("ada", "bob", "eve")
    team = rooms.group(ada, bob, eve)
    members.change_role(caller=ada, conversation_id=team, user_id=bob.user_id, role="admin")
    world.work()
    said = rooms.send(bob, team, "something rude")
    moderation.report(caller=eve, conversation_id=team, message_id=said["id"], reason="rude")
    world.work()
    assert "report" in kinds(ada)
    assert "report" not in kinds(bob)
    assert "report" not in kinds(eve)


def test_a_shared_file_is_told_once_whatever_becomes_of_its_role(world: World) -> None:
    ada, bob = rooms.people("ada", "bob")
    file_id = desk.put(ada)
    browser = world.browser(bob, "bob")
    roles: tuple[Literal["viewer", "editor"], ...] = ("viewer", "editor")
    for role in roles:
        sharing.share(caller=ada, node_id=file_id, file=True, user_id=bob.user_id, conversation_id=None, role=role)
    world.work()
    assert [each["kind"] for each in browser.pushes] == ["file_shared"]
    (item,) = items(bob)
    assert item["reference"]["file_id"] == file_id


def test_a_file_shared_with_a_conversation_is_told_to_its_members(world: World) -> None:
    ada, bob, eve = rooms.people("ada", "bob", "eve")
    team = rooms.group(ada, bob)
    world.work()
    sharing.share(caller=ada, node_id=desk.put(ada), file=True, user_id=None, conversation_id=team, role="viewer")
    world.work()
    assert kinds(bob)[0] == "file_shared"
    assert items(bob)[0]["conversation_id"] == team
    assert kinds(eve) == []


def test_a_sign_in_is_told_on_the_other_devices(world: World) -> None:
    ada = rooms.people("ada")[0]
    old = world.browser(ada, "old", "old")
    fresh = rooms.caller_again(ada)
    notify([ada.user_id], "security", {"reason": "new_sign_in", "session_id": fresh.session_id})
    new = world.service.browser("new")
    register(fresh, new, "new")
    world.work()
    assert [each["kind"] for each in old.pushes] == ["security"]
    assert new.pushes == []
    assert items(ada)[0]["text"] == "Your account was signed in to on a new device."


def test_a_refresh_token_that_was_copied_is_told(world: World) -> None:
    person = someone("ada")
    session = session_store.find(person.user_id, person.session_id)
    assert session is not None
    sessions._end_copied(session)
    world.work()
    (item,) = items(Caller(person.user_id, person.session_id))
    assert (item["kind"], item["reference"]) == ("security", {"reason": "refresh_reused"})


def test_a_notice_that_comes_again_stands_in_the_list_once(world: World) -> None:
    ada, bob = rooms.people("ada", "bob")
    browser = world.browser(bob, "bob")
    relations.request(user_id=ada.user_id, other_id=bob.user_id)
    bodies = [job["body"] for job in waiting("notifications")]
    for _ in range(4):
        assert notifying.handler(queued(bodies), CONTEXT) == {"batchItemFailures": []}
    world.work()
    repeat(world.jobs)
    assert kinds(bob) == ["contact_request"]
    assert len(browser.pushes) == 1
    assert json.loads(bodies[0])["actor_id"] == ada.user_id


def test_what_cannot_be_queued_does_not_fail_what_it_tells_of(settings: Any) -> None:
    ada, bob = rooms.people("ada", "bob")
    settings.setenv("NOTIFICATIONS_QUEUE_URL", "https://sqs.us-east-1.amazonaws.com/123456789012/no-such-queue")
    config.config.cache_clear()
    relations.request(user_id=ada.user_id, other_id=bob.user_id)


# --- devices --------------------------------------------------------------------------------------------------


def _device(who: Caller, device_id: str, key: str, **fields: Any) -> RegisteredDevice:
    return RegisteredDevice(
        user_id=who.user_id,
        device_id=device_id,
        session_id=who.session_id,
        platform="android",
        provider="fcm",
        key=key,
        created_at=1,
        updated_at=fields.pop("updated_at", 1),
        token=key,
    )


def test_a_token_that_moves_to_another_account_leaves_the_first() -> None:
    ada, bob = rooms.people("ada", "bob")
    store.register(_device(ada, "d1", "token"))
    store.register(_device(ada, "d2", "other"))
    store.register(_device(bob, "d1", "token"))
    assert set(store.person(ada.user_id).devices) == {"d2"}
    assert set(store.person(bob.user_id).devices) == {"d1"}
    store.remove([_device(ada, "d1", "token")])
    assert set(store.person(bob.user_id).devices) == {"d1"}


def test_a_device_gets_a_new_token_and_gives_the_old_one_free() -> None:
    ada, bob = rooms.people("ada", "bob")
    store.register(_device(ada, "d1", "old"))
    store.register(_device(ada, "d1", "new"))
    store.register(_device(bob, "d1", "old"))
    assert store.person(ada.user_id).devices["d1"].key == "new"
    assert store.person(bob.user_id).devices["d1"].key == "old"


def test_a_device_that_registers_again_keeps_the_time_of_its_first_registration() -> None:
    (ada,) = rooms.people("ada")
    for token in ("token", "token", "new"):
        saved = store.register(replace(_device(ada, "d1", token, updated_at=9), created_at=9 if token == "new" else 1))
        assert (saved.created_at, saved.updated_at) == (1, 9)
        assert store.person(ada.user_id).devices["d1"] == saved


def test_one_token_under_two_names_is_one_device() -> None:
    (ada,) = rooms.people("ada")
    store.register(_device(ada, "d1", "token"))
    store.register(_device(ada, "d2", "token"))
    assert set(store.person(ada.user_id).devices) == {"d2"}


def test_the_device_registered_longest_ago_makes_room() -> None:
    (ada,) = rooms.people("ada")
    for n in range(26):
        store.register(_device(ada, f"d{n}", f"token{n}", updated_at=n))
    assert set(store.person(ada.user_id).devices) == {f"d{n}" for n in range(1, 26)}


def test_registrations_at_once_all_take_effect() -> None:
    (ada,) = rooms.people("ada")

    def register(n: int) -> None:
        retried(lambda: store.register(_device(ada, f"d{n}", f"token{n}")), on=Conflict, tries=20)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(register, range(8)))
    assert len(store.person(ada.user_id).devices) == 8
