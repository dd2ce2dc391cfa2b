"""The SFU: what a call larger than a mesh sends through. A port, and Amazon Chime SDK meetings behind it.

Without one configured a mesh that is full stays full.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import lru_cache
from typing import Any, Protocol

from botocore.exceptions import BotoCoreError, ClientError

from calls.model import Call
from calls.participant import Participant
from calls.settings import settings
from kernel import aws, telemetry
from kernel.config import config
from kernel.errors import DependencyUnavailable


class Sfu(Protocol):
    """Meetings are JSON values that the call keeps; both they and attendees go to clients as they are."""

    def open(self, call: Call) -> dict[str, Any]:
        """The meeting of a call, made if there is none; the same however often it is asked for."""
        ...

    def admit(self, meeting: dict[str, Any], participant: Participant) -> dict[str, Any]:
        """What one participant needs to take part."""
        ...

    def dismiss(self, meeting: dict[str, Any], participant: Participant) -> None:
        """Put a participant out of the meeting, however often they were let in; none there is fine."""
        ...

    def close(self, meeting: dict[str, Any]) -> None:
        """End the meeting; one that has ended is fine."""
        ...


class Chime:
    """Amazon Chime SDK meetings (`chime-sdk-meetings`); clients use amazon-chime-sdk-js or its mobile kin."""

    def open(self, call: Call) -> dict[str, Any]:
        # the token makes it the same meeting when two people ask at once, the id ties it to the call
        made = self._call(
            "create_meeting",
            ClientRequestToken=call.id,
            ExternalMeetingId=call.id,
            MediaRegion=config().region,
        )
        meeting: dict[str, Any] = made["Meeting"]
        return meeting

    def admit(self, meeting: dict[str, Any], participant: Participant) -> dict[str, Any]:
        made = self._call(
            "create_attendee",
            MeetingId=meeting["MeetingId"],
            ExternalUserId=participant.participant_id,
        )
        attendee: dict[str, Any] = made["Attendee"]
        return attendee

    def dismiss(self, meeting: dict[str, Any], participant: Participant) -> None:
        for attendee in self._attendees(meeting["MeetingId"]):
            if attendee["ExternalUserId"] == participant.participant_id:
                self._call("delete_attendee", MeetingId=meeting["MeetingId"], AttendeeId=attendee["AttendeeId"])

    def _attendees(self, meeting_id: str) -> Iterator[dict[str, Any]]:
        page: dict[str, str] = {}
        while True:
            found = self._call("list_attendees", MeetingId=meeting_id, **page)
            yield from found.get("Attendees", ())
            if not found.get("NextToken"):
                return
            page = {"NextToken": found["NextToken"]}

    def close(self, meeting: dict[str, Any]) -> None:
        self._call("delete_meeting", MeetingId=meeting["MeetingId"])

    def _call(self, operation: str, **arguments: Any) -> dict[str, Any]:
        call = getattr(aws.client("chime-sdk-meetings"), operation)
        try:
            answer: dict[str, Any] = call(**arguments)
        except (BotoCoreError, ClientError) as error:
            raise DependencyUnavailable from error
        return answer


@lru_cache(maxsize=1)
def configured() -> Sfu | None:
    """The SFU of this deployment, if it has one."""
    return Chime() if settings().sfu == "chime" else None


def meeting_for(call: Call) -> str | None:
    """The call's meeting, opened if need be, as the text that the call keeps; None without an SFU."""
    port = configured()
    return None if port is None else json.dumps(port.open(call))


def admission(call: Call, participant: Participant) -> dict[str, Any] | None:
    """`{meeting, attendee}` for a participant of a call that has a meeting, else None."""
    port = configured()
    if port is None or call.meeting is None:
        return None
    meeting = json.loads(call.meeting)
    return {"meeting": meeting, "attendee": port.admit(meeting, participant)}


def dismiss(call: Call, participant: Participant) -> None:
    """Put somebody out of a call's meeting if it has one and goes on; raises DependencyUnavailable."""
    port = configured()
    if port is not None and call.meeting is not None and not call.ended:
        port.dismiss(json.loads(call.meeting), participant)


def close(call: Call) -> None:
    """End a call's meeting if it has one. Never raises: Chime ends one that nobody is in by itself."""
    port = configured()
    if port is None or call.meeting is None:
        return
    try:
        port.close(json.loads(call.meeting))
    except DependencyUnavailable as error:
        telemetry.logger().warning("meeting not closed", exc_info=error, extra={"call_id": call.id})
