"""The SFU (selective forwarding unit) for calls larger than a mesh: the Amazon Chime SDK.

Without a configured SFU calls are limited to the mesh.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from calls.model import Call
from calls.participant import Participant
from calls.settings import settings
from kernel import aws, telemetry
from kernel.config import config
from kernel.errors import DependencyUnavailable


class Chime:
    """Amazon Chime SDK meetings (`chime-sdk-meetings`); clients use amazon-chime-sdk-js or the mobile SDKs.

    Meetings are stored with the call as JSON; meetings and attendees are sent to clients unchanged.
    """

    def open(self, call: Call) -> dict[str, Any]:
        """The meeting of a call, created if there is none. Idempotent."""
        # the token makes concurrent requests idempotent; the id refers to the call
        made = self._call(
            "create_meeting", ClientRequestToken=call.id, ExternalMeetingId=call.id, MediaRegion=config().region
        )
        return dict(made["Meeting"])

    def admit(self, meeting: dict[str, Any], participant: Participant) -> dict[str, Any]:
        """A new attendee for a participant."""
        made = self._call("create_attendee", MeetingId=meeting["MeetingId"], ExternalUserId=participant.participant_id)
        return dict(made["Attendee"])

    def dismiss(self, meeting: dict[str, Any], participant: Participant) -> None:
        """Remove all attendees of a participant, if there are any."""
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
        """End the meeting, if it has not ended."""
        self._call("delete_meeting", MeetingId=meeting["MeetingId"])

    def _call(self, operation: str, **arguments: Any) -> dict[str, Any]:
        call = getattr(aws.client("chime-sdk-meetings"), operation)
        try:
            answer: dict[str, Any] = call(**arguments)
        except (BotoCoreError, ClientError) as error:
            raise DependencyUnavailable from error
        return answer


@lru_cache(maxsize=1)
def configured() -> Chime | None:
    """The deployment's SFU, or None."""
    return Chime() if settings().sfu == "chime" else None


def meeting_for(call: Call) -> str | None:
    """The call's meeting as JSON, created if there is none; None without an SFU."""
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
    """Remove a participant from the meeting of a live call, if it has one; raises DependencyUnavailable."""
    port = configured()
    if port is not None and call.meeting is not None and not call.ended:
        port.dismiss(json.loads(call.meeting), participant)


def close(call: Call) -> None:
    """End a call's meeting, if it has one. Never raises, because Chime ends empty meetings by itself."""
    port = configured()
    if port is None or call.meeting is None:
        return
    try:
        port.close(json.loads(call.meeting))
    except DependencyUnavailable as error:
        telemetry.logger().warning("meeting not closed", exc_info=error, extra={"call_id": call.id})
