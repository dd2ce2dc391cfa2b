"""Groups: making, finding, changing and ending them; one's own view of them."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

import pytest
from pynamodb.expressions.operand import Path

from conversations import record_store, service
from conversations.model import Settings
from kernel import clock
from kernel.caller import Caller
from kernel.errors import Forbidden, InvalidCursor, NotFound, ValidationFailed
from tests.integration.rooms import add, group, open_socket, people, place_of, remove, seen, send, whole_log
from tests.management import Management
from tests.tools import captured_lines, jobs, rows


def _get(who: Caller, conversation_id: str) -> dict[str, Any]:
    return service.get(caller=who, conversation_id=conversation_id)


def _prefer(who: Caller, conversation_id: str, **changes: Any) -> dict[str, Any]:
    return service.update_preferences(caller=who, conversation_id=conversation_id, changes=changes)


def _change(who: Caller, conversation_id: str, **fields: Any) -> dict[str, Any]:
    return service.change(caller=who, conversation_id=conversation_id, fields=fields)


# --- making ---------------------------------------------------------------------------------------------------


def test_a_new_group_is_seen_by_its_members_alone() -> None:
    ada, bob, eve = people("ada", "bob", "eve")
    conversation_id = group(ada, bob, name="Tea")
    assert (_get(ada, conversation_id)["role"], _get(bob, conversation_id)["role"]) == ("owner", "member")
    assert (_get(bob, conversation_id)["name"], _get(bob, conversation_id)["member_count"]) == ("Tea", 2)
    with pytest.raises(NotFound):
        _get(eve, conversation_id)


def test_a_new_group_s_log_begins_with_its_creation() -> None:
    (ada,) = people("ada")
    (first,) = whole_log(group(ada))
    assert (first.seq, first.type, first.actor_id) == (1, "conversation.created", ada.user_id)


def test_oneself_and_doubles_count_once() -> None:
    ada, bob = people("ada", "bob")
    asked = [ada.user_id, bob.user_id, bob.user_id]
    made, _ = service.create(caller=ada, kind="group", member_ids=asked, name=None, description=None, settings={})
    assert made["member_count"] == 2


def test_a_group_with_an_unknown_person_is_refused() -> None:
    (ada,) = people("ada")
    with pytest.raises(ValidationFailed) as refusal:
        service.create(caller=ada, kind="group", member_ids=["usr_nobody"], name=None, description=None, settings={})
    assert refusal.value.errors[0].field == "member_ids"
    assert rows("conversations") == []


def test_a_group_of_more_people_than_a_write_takes_has_them_all() -> None:
    ada, *others = people("ada", *(f"p{n:03}" for n in range(service.MEMBERS_IN_LAST_WRITE + 5)))
    conversation_id = group(ada, *others)
    assert _get(others[-1], conversation_id)["member_count"] == len(others) + 1
    assert len([row for row in rows("members") if row["conversation_id"] == conversation_id]) == len(others) + 1
    assert [event.seq for event in whole_log(conversation_id)] == [1]


def test_settings_given_are_kept_and_the_others_have_their_defaults() -> None:
    (ada,) = people("ada")
    settings = _get(ada, group(ada, settings={"who_can_send": "admins", "disappearing_seconds": 60}))["settings"]
    assert (settings["who_can_send"], settings["disappearing_seconds"]) == ("admins", 60)
    assert (settings["who_can_add"], settings["encrypted"]) == ("all", False)


@pytest.mark.parametrize("conversation_id", ["", "cnv_", "cnv_x", "usr_01kb0000000000000000000001", "x" * 41, "\0"])
def test_what_is_no_id_is_not_found(conversation_id: str) -> None:
    (ada,) = people("ada")
    with pytest.raises(NotFound):
        _get(ada, conversation_id)
    with pytest.raises(NotFound):
        _change(ada, conversation_id, name="x")


# --- finding --------------------------------------------------------------------------------------------------


def test_conversations_are_listed_most_recent_activity_first() -> None:
    (ada,) = people("ada")
    with clock.held(1_800_000_000_000) as advance:
        made = []
        for _ in range(3):
            made.append(group(ada))
            advance(1_000)
        send(ada, made[0])
        listed = service.list_conversations(caller=ada, limit=50, after=None)
    assert [each["id"] for each in listed.items] == [made[0], made[2], made[1]]
    assert listed.next_cursor is None


def test_a_list_comes_in_pages_without_a_hole_or_a_double() -> None:
    ada, bob = people("ada", "bob")
    with clock.held(1_800_000_000_000):  # all of one instant
        made = {group(ada, bob) for _ in range(7)}
    found: list[str] = []
    cursor: str | None = None
    for _ in range(4):
        page = service.list_conversations(caller=ada, limit=2, after=cursor)
        found += [each["id"] for each in page.items]
        cursor = page.next_cursor
    assert cursor is None
    assert sorted(found) == sorted(made)


def test_a_cursor_of_somebody_else_s_list_is_refused() -> None:
    ada, bob = people("ada", "bob")
    for _ in range(2):
        group(ada, bob)
    cursor = service.list_conversations(caller=ada, limit=1, after=None).next_cursor
    with pytest.raises(InvalidCursor):
        service.list_conversations(caller=bob, limit=1, after=cursor)


def test_the_last_message_and_the_unread_ones_are_shown() -> None:
    ada, bob = people("ada", "bob")
    conversation_id = group(ada, bob)
    send(ada, conversation_id, "one")
    send(ada, conversation_id, "two")
    shown = _get(bob, conversation_id)
    assert (shown["last_message"]["text"], shown["unread_count"], shown["last_seq"]) == ("two", 2, 3)


# --- changing -------------------------------------------------------------------------------------------------


def test_an_owner_changes_name_description_and_settings() -> None:
    ada, bob = people("ada", "bob")
    conversation_id = group(ada, bob)
    _change(ada, conversation_id, name="Rum", description="ho", settings={"who_can_add": "admins"})
    shown = _get(bob, conversation_id)
    assert (shown["name"], shown["description"], shown["settings"]["who_can_add"]) == ("Rum", "ho", "admins")
    assert seen(bob, conversation_id)[-1]["type"] == "conversation.updated"


def test_what_is_not_named_in_a_change_stays() -> None:
    (ada,) = people("ada")
    conversation_id = group(ada, name="Tea", settings={"who_can_send": "admins"})
    shown = _change(ada, conversation_id, description="ho")
    assert (shown["name"], shown["settings"]["who_can_send"]) == ("Tea", "admins")


def test_a_change_to_what_is_so_already_makes_no_event() -> None:
    (ada,) = people("ada")
    conversation_id = group(ada, name="Tea")
    same: list[dict[str, Any]] = [{}, {"name": "Tea"}, {"settings": {}}, {"settings": {"who_can_send": "all"}}]
    for fields in same:
        assert _change(ada, conversation_id, **fields)["name"] == "Tea"
    assert len(whole_log(conversation_id)) == 1


def test_a_name_can_be_taken_away() -> None:
    (ada,) = people("ada")
    assert _change(ada, group(ada, name="Tea"), name=None)["name"] is None


def test_a_member_changes_nothing() -> None:
    ada, bob = people("ada", "bob")
    conversation_id = group(ada, bob)
    with pytest.raises(Forbidden):
        _change(bob, conversation_id, name="Mine")
    assert len(whole_log(conversation_id)) == 1


def test_encryption_cannot_be_switched_off_again() -> None:
    (ada,) = people("ada")
    conversation_id = group(ada, settings={"encrypted": True})
    with pytest.raises(Forbidden):
        _change(ada, conversation_id, settings={"encrypted": False})
    assert _get(ada, conversation_id)["settings"]["encrypted"] is True


@pytest.mark.parametrize("reads", [{"ai_enabled": True}, {"moderation": "flag"}])
def test_what_reads_messages_is_off_where_they_are_encrypted(
    reads: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AI_MODERATION", "on")
    ada, bob = people("ada", "bob")
    conversation_id = group(ada, bob, settings=reads)
    (name,) = reads
    changed = _change(ada, conversation_id, settings={"encrypted": True})
    assert changed["settings"][name] == getattr(Settings(), name)
    assert whole_log(conversation_id)[-1].data["metadata"] == {"kind": name, "enabled": False}
    for attempt in (
        lambda: _change(ada, conversation_id, settings=reads),
        lambda: _change(ada, group(ada), settings={**reads, "encrypted": True}),
        lambda: group(ada, bob, settings={**reads, "encrypted": True}),
    ):
        with pytest.raises(Forbidden) as refused:
            attempt()
        assert refused.value.stable_code == "encrypted_conversation"


# --- ending ---------------------------------------------------------------------------------------------------


def test_a_group_that_was_ended_is_gone_for_everybody() -> None:
    ada, bob = people("ada", "bob")
    conversation_id = group(ada, bob)
    service.delete(caller=ada, conversation_id=conversation_id)
    for who in (ada, bob):
        with pytest.raises(NotFound):
            _get(who, conversation_id)
        with pytest.raises(NotFound):
            send(who, conversation_id)
        assert service.list_conversations(caller=who, limit=50, after=None).items == []


@pytest.mark.parametrize("role", ["admin", "member"])
def test_only_an_owner_ends_a_group(role: Any) -> None:
    from conversations import members

    ada, bob = people("ada", "bob")
    conversation_id = group(ada, bob)
    members.change_role(caller=ada, conversation_id=conversation_id, user_id=bob.user_id, role=role)
    with pytest.raises(Forbidden):
        service.delete(caller=bob, conversation_id=conversation_id)


def test_the_end_of_a_group_is_told_to_its_members() -> None:
    ada, bob = people("ada", "bob")
    conversation_id = group(ada, bob)
    with captured_lines() as lines:
        service.delete(caller=ada, conversation_id=conversation_id)
    assert "not published" not in lines.text


# --- one's own view -------------------------------------------------------------------------------------------


def test_preferences_are_one_s_own() -> None:
    ada, bob = people("ada", "bob")
    conversation_id = group(ada, bob)
    shown = _prefer(bob, conversation_id, pinned=True, archived=True, muted_until="2030-01-01T00:00:00Z")
    assert (shown["pinned"], shown["muted_until"]) == (True, 1_893_456_000_000)
    assert (_get(ada, conversation_id)["pinned"], _get(ada, conversation_id)["muted_until"]) == (False, None)
    assert place_of(bob, conversation_id).archived


def test_ones_other_devices_are_told_of_preferences_and_nobody_else(management: Management) -> None:
    ada, bob = people("ada", "bob")
    conversation_id = group(ada, bob)
    for who, name in ((ada, "phone"), (bob, "bob's")):
        open_socket(who, name)
    _prefer(ada, conversation_id, archived=True, muted_until="2030-01-01T00:00:00Z")
    _prefer(ada, conversation_id)
    (told,) = management.frames("phone")
    assert (told["type"], told["conversation_id"]) == ("preferences.updated", conversation_id)
    assert told["data"] == {
        "muted_until": "2030-01-01T00:00:00.000Z",
        "pinned": False,
        "archived": True,
        "notifications": "all",
    }
    assert "seq" not in told
    assert management.frames("bob's") == []


def test_preferences_write_no_event() -> None:
    (ada,) = people("ada")
    conversation_id = group(ada)
    _prefer(ada, conversation_id, pinned=True)
    assert len(whole_log(conversation_id)) == 1
    assert jobs() == []


def test_a_mute_can_be_lifted() -> None:
    (ada,) = people("ada")
    conversation_id = group(ada)
    _prefer(ada, conversation_id, muted_until="2030-01-01T01:00:00+01:00")
    assert _prefer(ada, conversation_id, muted_until=None)["muted_until"] is None


def test_a_mute_may_last_as_long_as_times_can_be_written() -> None:
    (ada,) = people("ada")
    muted = _prefer(ada, group(ada), muted_until="9999-12-31T23:59:59.999Z")
    assert clock.rfc3339(muted["muted_until"]) == "9999-12-31T23:59:59.999Z"


@pytest.mark.parametrize(
    "instant",
    [
        "", "soon", "2030-01-01", "2030-01-01T00:00:00", "2030-13-01T00:00:00Z", "0001-01-01T00:00:00+23:59",
        "9999-12-31T23:59:59-23:59",
    ],
)  # fmt: skip
def test_a_mute_until_no_instant_is_refused(instant: str) -> None:
    (ada,) = people("ada")
    with pytest.raises(ValidationFailed) as refusal:
        _prefer(ada, group(ada), muted_until=instant)
    assert refusal.value.errors[0].field == "muted_until"


@pytest.mark.parametrize("field", ["pinned", "archived", "notifications"])
def test_a_preference_that_cannot_be_null_is_refused_as_null(field: str) -> None:
    (ada,) = people("ada")
    with pytest.raises(ValidationFailed):
        _prefer(ada, group(ada), **{field: None})


def test_somebody_who_is_out_prefers_nothing() -> None:
    ada, eve = people("ada", "eve")
    with pytest.raises(NotFound):
        _prefer(eve, group(ada), pinned=True)


def test_a_member_who_joins_later_is_in_the_list() -> None:
    ada, bob = people("ada", "bob")
    conversation_id = group(ada)
    add(ada, conversation_id, bob)
    assert [each["id"] for each in service.list_conversations(caller=bob, limit=50, after=None).items] == [
        conversation_id
    ]


# --- archives and mutes ---------------------------------------------------------------------------------------


def _archived(who: Caller) -> list[str]:
    return [each["id"] for each in service.list_conversations(caller=who, limit=50, after=None, archived=True).items]


def test_a_new_message_brings_an_archived_conversation_back() -> None:
    ada, bob = people("ada", "bob")
    conversation_id = group(ada, bob)
    send(ada, conversation_id, "before")
    assert _prefer(bob, conversation_id, archived=True)["archived"] is True
    assert (_archived(bob), _archived(ada)) == ([conversation_id], [])
    send(ada, conversation_id, "after")
    assert (_get(bob, conversation_id)["archived"], _archived(bob)) == (False, [])
    assert _prefer(bob, conversation_id, archived=True)["archived"] is True


def test_what_is_no_message_leaves_an_archived_conversation_where_it_is() -> None:
    ada, bob = people("ada", "bob")
    conversation_id = group(ada, bob)
    _prefer(bob, conversation_id, archived=True)
    _change(ada, conversation_id, name="Rum")
    assert _archived(bob) == [conversation_id]


@pytest.mark.parametrize("mute", [{"muted_until": "2030-01-01T00:00:00Z"}, {"notifications": "none"}])
def test_a_muted_conversation_stays_archived(mute: dict[str, Any]) -> None:
    ada, bob = people("ada", "bob")
    conversation_id = group(ada, bob)
    with clock.held(1_800_000_000_000):
        _prefer(bob, conversation_id, archived=True, **mute)
        send(ada, conversation_id)
        assert _archived(bob) == [conversation_id]


def test_what_is_not_archived_is_listed_by_itself() -> None:
    ada, bob = people("ada", "bob")
    first, second = group(ada, bob), group(ada, bob)
    _prefer(bob, first, archived=True)
    assert [
        each["id"] for each in service.list_conversations(caller=bob, limit=50, after=None, archived=False).items
    ] == [second]
    assert len(service.list_conversations(caller=bob, limit=50, after=None).items) == 2


def test_a_cursor_of_the_archive_is_none_of_the_whole_list() -> None:
    ada, bob = people("ada", "bob")
    for _ in range(2):
        _prefer(bob, group(ada, bob), archived=True)
    cursor = service.list_conversations(caller=bob, limit=1, after=None, archived=True).next_cursor
    with pytest.raises(InvalidCursor):
        service.list_conversations(caller=bob, limit=1, after=cursor)


def test_a_mute_that_is_over_is_not_shown() -> None:
    ada, bob = people("ada", "bob")
    conversation_id = group(ada, bob)
    with clock.held(1_893_456_000_000 - 1_000) as advance:
        assert _prefer(bob, conversation_id, muted_until="2030-01-01T00:00:00Z")["muted_until"] == 1_893_456_000_000
        advance(1_000)
        assert _get(bob, conversation_id)["muted_until"] is None
        assert _prefer(bob, conversation_id, muted_until="2020-01-01T00:00:00Z")["muted_until"] is None


def test_preferences_end_with_the_membership() -> None:
    ada, bob = people("ada", "bob")
    conversation_id = group(ada, bob)
    _prefer(bob, conversation_id, pinned=True, archived=True, notifications="none")
    remove(bob, conversation_id, bob)
    add(ada, conversation_id, bob)
    shown = _get(bob, conversation_id)
    assert (shown["pinned"], shown["archived"], shown["notifications"]) == (False, False, "all")


def test_settings_of_a_later_version_are_passed_over() -> None:
    (ada,) = people("ada")
    conversation_id = group(ada)
    record = record_store.ConversationRecord.get(conversation_id, record_store.INFO)
    record.update(actions=[Path("settings").set(json.dumps({**asdict(record.settings), "colour": "blue"}))])
    assert "colour" not in _get(ada, conversation_id)["settings"]
