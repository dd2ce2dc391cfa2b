"""Who is told of what: every rule of the decision, one row each."""

from __future__ import annotations

from dataclasses import replace
from datetime import time
from typing import Any

import pytest

from kernel import clock
from notifications.model import (
    Membership,
    NoticePreferences,
    NoticeRecipient,
    Occurrence,
    QuietHours,
    Reason,
    decide,
    kind_for,
)

NOON = clock.parse("2026-11-28T12:00:00Z")
MESSAGE = Occurrence("cnv_1/7", "message", "usr_ada", NOON, conversation_id="cnv_1", seq=7)
MENTION = replace(MESSAGE, mentioned=frozenset({"usr_bob"}))
EVERYBODY = replace(MESSAGE, mentioned=frozenset({"*"}))
REPLY = replace(MESSAGE, answers="usr_bob")
POLL = replace(MESSAGE, kind="poll")
FILE = replace(MESSAGE, kind="file")
CALL = replace(MESSAGE, kind="call", call_id="cal_1")
REACTION = replace(MESSAGE, kind="reaction")
MISSED = Occurrence("cal_1/missed", "missed_call", "usr_ada", NOON, conversation_id="cnv_1", call_id="cal_1")
SHARED = Occurrence("shr_1", "file_shared", "usr_ada", NOON)
CONTACT = Occurrence("c", "contact_request", "usr_ada", NOON)
JOIN = Occurrence("j", "join_request", "usr_ada", NOON, conversation_id="cnv_1")
REPORT = Occurrence("r", "report", "usr_ada", NOON, conversation_id="cnv_1")
SECURITY = Occurrence("s", "security", "usr_bob", NOON)
INVITATION = Occurrence("cnv_1/1/usr_bob", "invitation", "usr_ada", NOON, conversation_id="cnv_1", seq=1)

HERE = Membership(visible_from=1)
MUTED = replace(HERE, muted_until=NOON + 1)
BOB = NoticeRecipient("usr_bob", HERE)
QUIET = QuietHours(time(11), time(13), "UTC")


def _bob(**changes: Any) -> NoticeRecipient:
    wishes = {name: changes.pop(name) for name in list(changes) if name in NoticePreferences.__dataclass_fields__}
    return replace(BOB, preferences=NoticePreferences(**wishes), **changes)


RULES: list[tuple[str, Occurrence, NoticeRecipient, Reason | None]] = [
    ("a member is told", MESSAGE, BOB, None),
    ("the sender is not", MESSAGE, replace(BOB, user_id="usr_ada"), "own"),
    ("who is no member is not", MESSAGE, replace(BOB, membership=None), "not_member"),
    ("who came later is not", MESSAGE, replace(BOB, membership=Membership(visible_from=8)), "not_member"),
    ("across a block nobody is", MESSAGE, replace(BOB, blocked=True), "blocked"),
    ("a call across a block rings for nobody", CALL, replace(BOB, blocked=True), "blocked"),
    ("who has read it is not", MESSAGE, replace(BOB, membership=replace(HERE, read_seq=7)), "seen"),
    ("who has read up to before it is", MESSAGE, replace(BOB, membership=replace(HERE, read_seq=6)), None),
    ("who looks at the conversation is not", MESSAGE, replace(BOB, focused=True), "focused"),
    ("a mention is seen there as well", MENTION, replace(BOB, focused=True), "focused"),
    ("a call rings although one looks", CALL, replace(BOB, focused=True), None),
    ("a call rings although all is read", CALL, replace(BOB, membership=replace(HERE, read_seq=7)), None),
    ("messages: mentions keeps messages out", MESSAGE, _bob(messages="mentions"), "preference"),
    ("messages: none keeps messages out", MESSAGE, _bob(messages="none"), "preference"),
    ("a mention reaches through messages: none", MENTION, _bob(messages="none"), None),
    ("a mention of all reaches through too", EVERYBODY, _bob(messages="none"), None),
    ("a reply reaches through messages: none", REPLY, _bob(messages="none"), None),
    ("mentions: false makes it a message", MENTION, _bob(mentions=False), None),
    ("mentions: false and messages: none", MENTION, _bob(mentions=False, messages="none"), "preference"),
    ("mute keeps messages out", MESSAGE, replace(BOB, membership=MUTED), "muted"),
    ("a mute that is over does not", MESSAGE, replace(BOB, membership=replace(HERE, muted_until=NOON)), None),
    ("a mention reaches through mute", MENTION, replace(BOB, membership=MUTED), None),
    ("a reply reaches through mute", REPLY, replace(BOB, membership=MUTED), None),
    ("not where mentions are off", MENTION, _bob(mentions=False, membership=MUTED), "muted"),
    ("a muted conversation does not ring", CALL, replace(BOB, membership=MUTED), "muted"),
    ("its polls are muted", POLL, replace(BOB, membership=MUTED), "muted"),
    ("notifications: none mutes", MESSAGE, replace(BOB, membership=replace(HERE, notifications="none")), "muted"),
    ("notifications: mentions", MESSAGE, replace(BOB, membership=replace(HERE, notifications="mentions")), "muted"),
    ("but mentions come", MENTION, replace(BOB, membership=replace(HERE, notifications="mentions")), None),
    ("quiet hours keep messages out", MESSAGE, _bob(quiet_hours=QUIET), "quiet"),
    ("and mentions", MENTION, _bob(quiet_hours=QUIET), "quiet"),
    ("and replies", REPLY, _bob(quiet_hours=QUIET), "quiet"),
    ("and security notices", SECURITY, _bob(quiet_hours=QUIET), "quiet"),
    ("and calls of strangers", CALL, _bob(quiet_hours=QUIET), "quiet"),
    ("calls of contacts pass them", CALL, _bob(quiet_hours=QUIET, contact_of_actor=True), None),
    ("messages of contacts do not", MESSAGE, _bob(quiet_hours=QUIET, contact_of_actor=True), "quiet"),
    ("missed calls of contacts do not", MISSED, _bob(quiet_hours=QUIET, contact_of_actor=True), "quiet"),
    ("calls: false", CALL, _bob(calls=False), "preference"),
    ("and missed ones", MISSED, _bob(calls=False), "preference"),
    ("a missed call is told", MISSED, BOB, None),
    ("polls: false", POLL, _bob(polls=False), "preference"),
    ("polls have a switch of their own", POLL, _bob(messages="none"), None),
    ("files: false keeps shares out", SHARED, _bob(files=False), "preference"),
    ("and files sent", FILE, _bob(files=False), "preference"),
    ("a file sent is a message too", FILE, _bob(messages="none"), "preference"),
    ("a shared file is told", SHARED, BOB, None),
    ("a contact request is told", CONTACT, BOB, None),
    ("not across a block", CONTACT, replace(BOB, blocked=True), "blocked"),
    ("a request to join is told to admins", JOIN, BOB, None),
    ("a report is told to admins", REPORT, BOB, None),
    ("an invitation is told", INVITATION, BOB, None),
    ("one hears of what one's account did", SECURITY, BOB, None),
    ("of a new device's sign-in too", replace(SECURITY, reference={"reason": "new_sign_in"}), BOB, None),
    ("and of a refresh token used twice", replace(SECURITY, reference={"reason": "refresh_reused"}), BOB, None),
    ("a mention does not reach across a block", MENTION, replace(BOB, blocked=True), "blocked"),
    ("nor a reply", REPLY, replace(BOB, blocked=True), "blocked"),
    ("nor an invitation", INVITATION, replace(BOB, blocked=True), "blocked"),
    ("nor a shared file", SHARED, replace(BOB, blocked=True), "blocked"),
    ("nor a request to join", JOIN, replace(BOB, blocked=True), "blocked"),
    ("nor a missed call", MISSED, replace(BOB, blocked=True), "blocked"),
    ("a contact request keeps to quiet hours", CONTACT, _bob(quiet_hours=QUIET), "quiet"),
    ("and a report", REPORT, _bob(quiet_hours=QUIET), "quiet"),
    ("a report of a muted group waits", REPORT, replace(BOB, membership=MUTED), "muted"),
    (
        "a mention in a poll reaches where polls are off",
        replace(POLL, mentioned=frozenset({"usr_bob"})),
        _bob(polls=False),
        None,
    ),
    ("a mention does not reach who has read it", MENTION, replace(BOB, membership=replace(HERE, read_seq=7)), "seen"),
    ("a call rings through messages: none", CALL, _bob(messages="none"), None),
    ("a reaction wakes nobody", REACTION, BOB, "list_only"),
    ("a call that has rung out is over", replace(CALL, at=NOON - 45_001), BOB, "over"),
    ("what is a day old wakes nobody", replace(MESSAGE, at=NOON - clock.DAY - 1), BOB, "late"),
]


@pytest.mark.parametrize(("what", "who", "reason"), [rule[1:] for rule in RULES], ids=[rule[0] for rule in RULES])
def test_a_push_goes_out_or_its_reason_is_named(what: Occurrence, who: NoticeRecipient, reason: Reason | None) -> None:
    assert decide(what, who, NOON).suppressed == reason


@pytest.mark.parametrize(
    ("what", "user_id", "kind"),
    [
        (MESSAGE, "usr_bob", "message"),
        (MENTION, "usr_bob", "mention"),
        (MENTION, "usr_eve", "message"),
        (EVERYBODY, "usr_eve", "mention"),
        (REPLY, "usr_bob", "reply"),
        (replace(REPLY, mentioned=frozenset({"usr_bob"})), "usr_bob", "mention"),
        (replace(POLL, mentioned=frozenset({"usr_bob"})), "usr_bob", "mention"),
        (CALL, "usr_bob", "call"),
    ],
)
def test_a_message_is_what_it_is_to_the_person(what: Occurrence, user_id: str, kind: str) -> None:
    assert kind_for(what, user_id) == kind


@pytest.mark.parametrize(
    ("what", "who", "listed"),
    [
        (MESSAGE, BOB, False),
        (MENTION, BOB, True),
        (REPLY, BOB, True),
        (REACTION, BOB, True),
        (MISSED, BOB, True),
        (SECURITY, BOB, True),
        (CALL, BOB, False),
        (POLL, BOB, False),
        (MENTION, _bob(quiet_hours=QUIET), True),
        (MENTION, replace(BOB, membership=MUTED), True),
        (MENTION, replace(BOB, blocked=True), False),
        (MENTION, replace(BOB, membership=None), False),
        (replace(MENTION, actor_id="usr_bob"), BOB, False),
    ],
)
def test_the_list_keeps_what_is_theirs_whatever_is_pushed(what: Occurrence, who: NoticeRecipient, listed: bool) -> None:
    assert decide(what, who, NOON).listed is listed


# --- quiet hours across changes of clocks ----------------------------------------------------------------------

NIGHT = QuietHours(time(22), time(7), "Europe/Berlin")


@pytest.mark.parametrize(
    ("at", "quiet"),
    [
        ("2026-11-28T20:59:59Z", False),  # 21:59:59 in Berlin
        ("2026-11-28T21:00:00Z", True),
        ("2026-11-29T05:59:59Z", True),
        ("2026-11-29T06:00:00Z", False),  # 07:00
        ("2026-07-01T19:59:59Z", False),  # summer: 21:59:59
        ("2026-07-01T20:00:00Z", True),
        ("2026-07-02T04:59:59Z", True),
        ("2026-07-02T05:00:00Z", False),
        # 29 March 2026: the night is an hour shorter
        ("2026-03-28T21:00:00Z", True),
        ("2026-03-29T04:59:59Z", True),
        ("2026-03-29T05:00:00Z", False),
        # 25 October 2026: and an hour longer
        ("2026-10-24T20:00:00Z", True),
        ("2026-10-25T05:59:59Z", True),
        ("2026-10-25T06:00:00Z", False),
    ],
)
def test_quiet_hours_follow_the_clock_on_the_wall(at: str, quiet: bool) -> None:
    assert NIGHT.cover(clock.parse(at)) is quiet


@pytest.mark.parametrize(
    ("begins", "ends", "at", "quiet"),
    [
        # from 02:30 on 29 March 2026 there is no 02:30: clocks go from 02:00 to 03:00
        (time(2, 30), time(4), "2026-03-29T00:59:59Z", False),
        (time(2, 30), time(4), "2026-03-29T01:00:00Z", True),
        # 02:30 comes twice on 25 October 2026: quiet both times
        (time(2, 15), time(2, 45), "2026-10-25T00:30:00Z", True),
        (time(2, 15), time(2, 45), "2026-10-25T01:00:00Z", False),
        (time(2, 15), time(2, 45), "2026-10-25T01:30:00Z", True),
        (time(9), time(9), "2026-10-25T01:30:00Z", True),  # equal ends: the whole day
    ],
)
def test_hours_that_are_skipped_or_come_twice(begins: time, ends: time, at: str, quiet: bool) -> None:
    assert QuietHours(begins, ends, "Europe/Berlin").cover(clock.parse(at)) is quiet


def test_every_zone_has_its_own_night() -> None:
    at = clock.parse("2026-11-28T15:00:00Z")
    assert QuietHours(time(22), time(7), "Asia/Tokyo").cover(at)  # midnight there
    assert not QuietHours(time(22), time(7), "America/New_York").cover(at)  # 10:00
