"""Calls too large for a mesh, through Amazon Chime SDK meetings: botocore's own client against a loopback server."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs

import pytest

from calls import service, sfu
from calls import settings as call_settings
from conversations import service as conversations
from kernel import aws
from kernel.caller import Caller
from log.consumers import losses
from tests.field.losing import LOSING_A_SESSION, LOSING_IT_ALL, signed_in
from tests.helpers import CONTEXT
from tests.integration.calls.calling import join, refusal, ring, stored
from tests.integration.following import dispatched, settle_losses
from tests.integration.rooms import group, people, remove
from tests.support import loopback
from tests.support.loopback import QuietHandler
from tests.tools import captured_lines, queue_event


class Meetings:
    """Chime as far as calls use it (API of chime-sdk-meetings, 2021-07-15)."""

    def __init__(self) -> None:
        self.made: dict[str, dict[str, Any]] = {}
        self.attendees: list[str] = []
        self.present: dict[str, dict[str, Any]] = {}
        self.deleted: list[str] = []
        self.over: set[str] = set()
        self.failing = False
        self.leaving: set[str] = set()  # attendees who are gone by the time that they are put out

    def let_time_pass(self) -> None:
        """End all meetings, as Chime does after five minutes without a connection, or 30 with one."""
        self.over |= {each["MeetingId"] for each in self.made.values()}
        self.present.clear()

    def answer(self, method: str, address: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        if self.failing:
            return 503, {"Code": "ServiceUnavailable", "Message": "later"}
        path, _, asked = address.partition("?")
        parts, query = path.strip("/").split("/"), parse_qs(asked)
        if len(parts) > 1 and parts[1] in self.over:
            return 404, {"Code": "NotFound", "Message": f"Meeting <{parts[1]}> not found"}
        if method == "POST" and parts == ["meetings"]:  # a token's meeting, also when that has ended
            known = self.made.setdefault(
                body["ClientRequestToken"],
                {
                    "MeetingId": f"m-{len(self.made)}",
                    "ExternalMeetingId": body["ExternalMeetingId"],
                    "MediaRegion": body["MediaRegion"],
                    "MediaPlacement": {"AudioHostUrl": "audio.example.com", "SignalingUrl": "wss://s.example.com"},
                },
            )
            return 200, {"Meeting": known}
        if method == "POST" and parts[2:] == ["attendees"]:
            self.attendees.append(body["ExternalUserId"])
            attendee_id = f"a-{len(self.attendees)}"
            attendee = {"ExternalUserId": body["ExternalUserId"], "AttendeeId": attendee_id, "JoinToken": "token"}
            self.present[attendee_id] = {name: value for name, value in attendee.items() if name != "JoinToken"}
            return 200, {"Attendee": attendee}
        if method == "GET" and parts[2:] == ["attendees"]:  # a page each, as a busy meeting has
            page = int(query.get("next-token", ["0"])[0])
            listed = list(self.present.values())
            more = {"NextToken": str(page + 1)} if page + 1 < len(listed) else {}
            return 200, {"Attendees": listed[page : page + 1], **more}
        if method == "DELETE" and parts[2:3] == ["attendees"]:
            found = None if parts[3] in self.leaving else self.present.pop(parts[3], None)
            return (404, {"Code": "NotFound", "Message": "no such attendee"}) if found is None else (204, {})
        if method == "DELETE" and len(parts) == 2:
            self.deleted.append(parts[1])
            return 204, {}
        return 404, {"Code": "NotFound", "Message": path}


@pytest.fixture
def meetings(settings: pytest.MonkeyPatch) -> Iterator[Meetings]:
    state = Meetings()

    class Handler(QuietHandler):
        def _answer(self) -> None:
            status, body = state.answer(self.command, self.path, json.loads(self.body() or b"{}"))
            self.send(status, json.dumps(body).encode() if status != 204 else b"")

        do_GET = do_POST = do_DELETE = _answer

    with loopback.serving(Handler) as url:
        settings.setenv("AWS_ENDPOINT_URL_CHIME_SDK_MEETINGS", url)
        settings.setenv("CALL_SFU", "chime")
        settings.setenv("CALL_MESH_LIMIT", "2")
        call_settings.settings.cache_clear()
        sfu.configured.cache_clear()
        aws.client.cache_clear()
        yield state
    aws.client.cache_clear()


def _full_mesh() -> tuple[list[Caller], dict[str, Any]]:
    cast = people("ada", "bob", "cleo", "dan")
    call = ring(cast[0], group(*cast))
    assert join(cast[1], call)["sfu"] is None
    return cast, call


def test_a_third_one_moves_a_mesh_of_two_to_the_sfu(meetings: Meetings) -> None:
    (ada, _, cleo, _), call = _full_mesh()
    joined = join(cleo, call)
    assert (joined["call"]["topology"], joined["peers"]) == ("sfu", [])
    assert joined["sfu"]["meeting"]["ExternalMeetingId"] == call["id"]
    assert joined["sfu"]["attendee"]["ExternalUserId"] == joined["participant_id"]
    again = join(ada, call)  # who was there already joins again, now the other way
    assert again["sfu"]["meeting"] == joined["sfu"]["meeting"]
    assert meetings.attendees == [joined["participant_id"], again["participant_id"]]


def test_a_call_of_an_encrypted_conversation_stays_a_mesh(meetings: Meetings) -> None:
    cast = people("ada", "bob", "cleo")
    call = ring(cast[0], group(*cast, settings={"encrypted": True}))
    join(cast[1], call)
    assert refusal(lambda: join(cast[2], call)) == "call_full"
    assert (stored(call).topology, meetings.made) == ("mesh", {})


def test_nobody_joins_the_sfu_after_the_conversation_was_encrypted(meetings: Meetings) -> None:
    (ada, _, cleo, dan), call = _full_mesh()
    join(cleo, call)
    conversations.change(caller=ada, conversation_id=call["conversation_id"], fields={"settings": {"encrypted": True}})
    for each in (dan, cleo):
        assert refusal(lambda who=each: join(who, call)) == "encrypted_conversation"


def test_there_is_one_meeting_however_many_come_after(meetings: Meetings) -> None:
    (_, _, cleo, dan), call = _full_mesh()
    assert join(cleo, call)["sfu"]["meeting"] == join(dan, call)["sfu"]["meeting"]
    assert len(meetings.made) == 1


def test_the_meeting_ends_with_the_call(meetings: Meetings) -> None:
    (ada, _, cleo, _), call = _full_mesh()
    join(cleo, call)
    service.end(caller=ada, call_id=call["id"])
    assert meetings.deleted == ["m-0"]


def test_a_call_ends_though_its_meeting_cannot(meetings: Meetings) -> None:
    (ada, _, cleo, _), call = _full_mesh()
    join(cleo, call)
    meetings.failing = True
    with captured_lines() as lines:
        assert service.end(caller=ada, call_id=call["id"])["state"] == "ended"
    assert "meeting not closed" in lines.text


def test_without_the_sfu_nobody_more_joins_and_nothing_is_changed(meetings: Meetings) -> None:
    (_, _, cleo, _), call = _full_mesh()
    meetings.failing = True
    before = stored(call)
    assert refusal(lambda: join(cleo, call)) == "dependency_unavailable"
    assert stored(call) == before


def test_without_one_configured_a_full_mesh_is_full(settings: pytest.MonkeyPatch) -> None:
    settings.setenv("CALL_MESH_LIMIT", "2")
    call_settings.settings.cache_clear()
    (_, _, cleo, _), call = _full_mesh()
    assert refusal(lambda: join(cleo, call)) == "call_full"


def test_who_is_removed_is_put_out_of_the_meeting_on_every_device_that_was_let_in(meetings: Meetings) -> None:
    (ada, _, cleo, dan), call = _full_mesh()
    for each in (cleo, dan, cleo):
        join(each, call)
    gone, stays = (next(p for p in stored(call).participants if p.user_id == who.user_id) for who in (cleo, dan))
    remove(ada, call["conversation_id"], cleo)
    settle_losses()
    assert [each["ExternalUserId"] for each in meetings.present.values()] == [stays.participant_id]
    assert gone.participant_id not in {each["ExternalUserId"] for each in meetings.present.values()}


def test_who_is_gone_on_one_device_already_is_put_out_on_the_other(meetings: Meetings) -> None:
    (ada, _, cleo, _), call = _full_mesh()
    for _ in range(2):
        join(cleo, call)
    meetings.leaving.add("a-1")
    remove(ada, call["conversation_id"], cleo)
    settle_losses()
    assert list(meetings.present) == ["a-1"]


def _is_present(meetings: Meetings, who: Caller, call: dict[str, Any]) -> bool:
    (part,) = [each for each in stored(call).participants if each.user_id == who.user_id]
    return part.participant_id in {each["ExternalUserId"] for each in meetings.present.values()}


@pytest.mark.parametrize("how", LOSING_A_SESSION)
def test_who_loses_the_session_is_put_out_of_the_meeting(how: str, meetings: Meetings) -> None:
    (_, _, cleo, dan), call = _full_mesh()
    for each in (cleo, dan):
        join(each, call)
    LOSING_A_SESSION[how](cleo, signed_in(cleo))
    settle_losses()
    assert (_is_present(meetings, cleo, call), _is_present(meetings, dan, call)) == (False, True)


@pytest.mark.parametrize("how", LOSING_IT_ALL)
def test_who_loses_the_group_is_put_out_of_the_meeting_or_it_ends(how: str, meetings: Meetings) -> None:
    (ada, _, cleo, _), call = _full_mesh()
    join(cleo, call)
    LOSING_IT_ALL[how](ada, cleo, call["conversation_id"])
    settle_losses()
    assert not _is_present(meetings, cleo, call) or meetings.deleted == ["m-0"]


def test_a_meeting_that_does_not_answer_is_asked_again(meetings: Meetings) -> None:
    (ada, _, cleo, _), call = _full_mesh()
    join(cleo, call)
    remove(ada, call["conversation_id"], cleo)
    told = dispatched("losses")
    meetings.failing = True
    assert losses.handler(queue_event(*told), CONTEXT)["batchItemFailures"] != []
    assert [each.user_id for each in stored(call).joined if each.user_id == cleo.user_id] == []

    meetings.failing = False
    aws.breaker_of("chime-sdk-meetings").reset()
    assert losses.handler(queue_event(*told), CONTEXT)["batchItemFailures"] == []
    assert meetings.present == {}


def test_who_joins_after_chime_has_ended_the_meeting_gets_the_next_one(meetings: Meetings) -> None:
    (ada, _, cleo, dan), call = _full_mesh()
    first = join(cleo, call)["sfu"]["meeting"]
    meetings.let_time_pass()
    second = join(dan, call)["sfu"]
    assert second["meeting"]["MeetingId"] != first["MeetingId"]
    assert second["meeting"]["ExternalMeetingId"] == call["id"]
    for each in (ada, cleo):  # clients that were in the old one join again
        assert join(each, call)["sfu"]["meeting"] == second["meeting"]
    meetings.let_time_pass()
    assert join(ada, call)["sfu"]["meeting"]["MeetingId"] == "m-2"


def test_a_call_moves_to_a_live_meeting_though_one_was_opened_for_it_before_and_ended(meetings: Meetings) -> None:
    (_, _, cleo, _), call = _full_mesh()
    sfu.meeting_for(stored(call))  # by somebody whose joining was not saved
    meetings.let_time_pass()
    assert join(cleo, call)["sfu"]["meeting"]["MeetingId"] == "m-1"


def test_from_a_meeting_that_has_ended_nobody_has_to_be_put_out(meetings: Meetings) -> None:
    (ada, _, cleo, dan), call = _full_mesh()
    for each in (cleo, dan):
        join(each, call)
    meetings.let_time_pass()
    remove(ada, call["conversation_id"], cleo)
    settle_losses()
    assert cleo.user_id not in {each.user_id for each in stored(call).joined}


def test_a_call_ends_quietly_when_its_meeting_has_ended_before(meetings: Meetings) -> None:
    (ada, _, cleo, _), call = _full_mesh()
    join(cleo, call)
    meetings.let_time_pass()
    with captured_lines() as lines:
        assert service.end(caller=ada, call_id=call["id"])["state"] == "ended"
    assert "meeting not closed" not in lines.text
