"""The SFU (selective forwarding unit) for calls larger than a mesh: the Amazon Chime SDK.

Without a configured SFU calls are limited to the mesh. Chime ends a meeting to which nobody is connected for five
minutes, or only one person for 30, so a call may need several, one after the other.
"""

from __future__ import annotations

import contextlib
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


class MeetingEnded(Exception):
    """Chime has ended the meeting, which never comes back, or let go of the attendee."""


class Chime:
    """Amazon Chime SDK meetings (`chime-sdk-meetings`); clients use amazon-chime-sdk-js or the mobile SDKs.

    Meetings are stored with the call as JSON; meetings and attendees are sent to clients unchanged.
    """

    def open(self, call: Call) -> dict[str, Any]:
        """A call's first meeting, or the one that follows its meeting. Idempotent."""
        # concurrent requests have one token and get one meeting, also after that has ended; the id refers to the call
        token = call.id if call.meeting is None else json.loads(call.meeting)["MeetingId"]
        made = self._call(
            "create_meeting", ClientRequestToken=token, ExternalMeetingId=call.id, MediaRegion=config().region
        )
        return dict(made["Meeting"])

    def admit(self, meeting: dict[str, Any], participant: Participant) -> dict[str, Any]:
        """A new attendee for a participant; raises MeetingEnded."""
        made = self._call("create_attendee", MeetingId=meeting["MeetingId"], ExternalUserId=participant.participant_id)
        return dict(made["Attendee"])

    def dismiss(self, meeting: dict[str, Any], participant: Participant) -> None:
        """Remove all attendees of a participant, if there are any."""
        meeting_id = meeting["MeetingId"]
        with contextlib.suppress(MeetingEnded):
            theirs = [
                each for each in self._attendees(meeting_id) if each["ExternalUserId"] == participant.participant_id
            ]
            for each in theirs:
                with contextlib.suppress(MeetingEnded):
                    self._call("delete_attendee", MeetingId=meeting_id, AttendeeId=each["AttendeeId"])

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
        with contextlib.suppress(MeetingEnded):
            self._call("delete_meeting", MeetingId=meeting["MeetingId"])

    def _call(self, operation: str, **arguments: Any) -> dict[str, Any]:
        call = getattr(aws.client("chime-sdk-meetings"), operation)
        try:
            answer: dict[str, Any] = call(**arguments)
        except (BotoCoreError, ClientError) as error:
            if isinstance(error, ClientError) and error.response["ResponseMetadata"]["HTTPStatusCode"] == 404:
                raise MeetingEnded from error
            raise DependencyUnavailable from error
        return answer


@lru_cache(maxsize=1)
def configured() -> Chime | None:
    """The deployment's SFU, or None."""
    return Chime() if settings().sfu == "chime" else None


def meeting_for(call: Call) -> str | None:
    """The call's next meeting as JSON, opened if nobody has opened it yet; None without an SFU."""
    port = configured()
    return None if port is None else json.dumps(port.open(call))


def admission(call: Call, participant: Participant) -> dict[str, Any] | None:
    """`{meeting, attendee}` for a participant of a call that has a meeting, else None; raises MeetingEnded."""
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
