"""A call as a state machine. Pure: every transition returns a new value.

Time is part of it: `as_of` applies timeouts (of ringing, leases, rejoining), so that every reader and writer sees the
state of that instant; the lifecycle state machine only saves it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from typing import Literal

from calls.errors import AnsweredElsewhere, CallEnded, CallFull, NotInCall
from calls.participant import LEASE_MS, OFF, REJOIN_MS, Media, MediaState, Participant, initial_media
from kernel import clock, ids
from kernel.errors import Conflict, Forbidden

RING_TIMEOUT_MS = 45 * clock.SECOND
# An expired lease is noticed so much later at most: who vanishes has left within 60 s of the last heartbeat. A
# heartbeat every 15 s leaves 30 s of each lease, so an undisturbed call is checked every 42 s at most.
LAPSE_SEEN_MS = 12 * clock.SECOND
LONGEST_MS = 8 * clock.HOUR

State = Literal["ringing", "active", "ended"]
Topology = Literal["mesh", "sfu"]
EndReason = Literal["completed", "declined", "missed", "cancelled", "failed", "timeout"]


@dataclass(frozen=True, slots=True)
class Call:
    """A call; `version` counts changes, `message_seq` is its message in the conversation's log."""

    id: str
    conversation_id: str
    direct: bool
    media: Media
    initiator_id: str
    client_id: str
    message_id: str
    message_seq: int
    created_at: int
    participants: tuple[Participant, ...]
    state: State = "ringing"
    topology: Topology = "mesh"
    end_reason: EndReason | None = None
    answered_at: int | None = None
    ended_at: int | None = None
    meeting: str | None = None  # the SFU's meeting, as JSON
    version: int = 1

    # --- reading ----------------------------------------------------------------------------------------------

    @property
    def ended(self) -> bool:
        return self.state == "ended"

    @property
    def rings(self) -> bool:
        """Whether it still rings for somebody."""
        return any(each.state == "ringing" for each in self.participants)

    @property
    def joined(self) -> list[Participant]:
        """The joined participants, in the order of joining."""
        return sorted((each for each in self.participants if each.joined), key=lambda each: each.order)

    @property
    def duration_s(self) -> int | None:
        """Seconds from the answer to the end; None before the end, 0 for an unanswered call."""
        if self.ended_at is None:
            return None
        return 0 if self.answered_at is None else max(0, self.ended_at - self.answered_at) // clock.SECOND

    def participant(self, user_id: str) -> Participant | None:
        return next((each for each in self.participants if each.user_id == user_id), None)

    def require_joined(self, user_id: str, session_id: str) -> Participant:
        """The joined participant of this device; raises CallEnded, NotInCall, AnsweredElsewhere."""
        if self.ended:
            raise CallEnded
        mine = self.participant(user_id)
        if mine is None or not mine.joined:
            raise NotInCall
        if mine.session_id != session_id:
            raise AnsweredElsewhere
        return mine

    def peers(self, of: Participant) -> list[str]:
        """The other joined participants, in the order of joining; a newcomer sends each an offer."""
        return [each.participant_id for each in self.joined if each.user_id != of.user_id]

    def polite_towards(self, of: Participant) -> list[str]:
        """The participants towards whom this one is polite (WebRTC 1.0, "perfect negotiation"): all who joined earlier.

        So of any two exactly one is polite, also after one of them rejoins.
        """
        earlier = sorted((each for each in self.participants if 0 < each.order < of.order), key=lambda each: each.order)
        return [each.participant_id for each in earlier]

    def next_check(self) -> int:
        """The instant of the next check (ms): when a timeout is due, LAPSE_SEEN_MS after the next lease expires."""
        instants = [self.created_at + LONGEST_MS, *(each.until + LAPSE_SEEN_MS for each in self.joined)]
        if self.state == "ringing" or self.rings:
            instants.append(self.created_at + RING_TIMEOUT_MS)
        if self._alone_since is not None:
            instants.append(self._alone_since + REJOIN_MS)
        return min(instants)

    @property
    def _alone_since(self) -> int | None:
        """The instant since which only one of the two people of a direct call is in it."""
        if not self.direct or self.state != "active" or len(self.joined) != 1:
            return None
        return max((each.left_at or 0 for each in self.participants if not each.joined), default=None)

    # --- timeouts ---------------------------------------------------------------------------------------------

    def as_of(self, now: int) -> Call:
        """The call at an instant (ms), after the timeouts of ringing, leases, rejoining and the maximum duration."""
        if self.ended:
            return self
        if now >= self.created_at + LONGEST_MS:
            return self._end("timeout", self.created_at + LONGEST_MS)
        call = self
        if now >= self.created_at + RING_TIMEOUT_MS:
            if call.state == "ringing":
                return call._end("missed", self.created_at + RING_TIMEOUT_MS)
            call = call._with(*(replace(each, state="missed") for each in call.participants if each.state == "ringing"))
        lapsed = [each for each in call.joined if each.until <= now]
        # they left at their last heartbeat
        call = call._with(*(each.with_left(each.until - LEASE_MS) for each in lapsed))
        if not call.joined:
            ended_at = max([call.answered_at or 0, *(each.left_at or 0 for each in call.participants)])
            return call._end("missed" if call.state == "ringing" else "completed", ended_at)
        alone_since = call._alone_since
        if alone_since is not None and now >= alone_since + REJOIN_MS:
            return call._end("completed", max(alone_since + REJOIN_MS, *(each.until for each in lapsed), 0))
        return call

    # --- actions ----------------------------------------------------------------------------------------------

    def join(self, user_id: str, session_id: str, now: int, *, limit: int) -> Call:
        """A person answers, joins or rejoins on a device; the first device of a person gets the call.

        Raises CallEnded, AnsweredElsewhere, CallFull.
        """
        if self.ended:
            raise CallEnded
        known = self.participant(user_id)
        if known is not None and known.joined:
            if known.session_id != session_id:
                raise AnsweredElsewhere
            return self._with(replace(known, until=now + LEASE_MS))
        if len(self.joined) >= limit:
            raise CallFull
        person = known or Participant(ids.new("par"), user_id, "ringing", OFF)
        if person.state == "left" and not person.is_rejoin(session_id, now):
            person = replace(person, participant_id=ids.new("par"), order=0)
        order = person.order or max((each.order for each in self.participants), default=0) + 1
        joined = replace(
            person,
            state="joined",
            media=initial_media(self.media),
            session_id=session_id,
            joined_at=now,
            left_at=None,
            order=order,
            until=now + LEASE_MS,
        )
        call = self._with(joined)
        if self.state == "ringing" and user_id != self.initiator_id:
            call = replace(call, state="active", answered_at=now)
        return call

    def decline(self, user_id: str, session_id: str, now: int) -> Call:
        """A person declines; the call ends when it rings for nobody any more.

        Raises CallEnded, AnsweredElsewhere, and Conflict for a participant who has joined.
        """
        mine = self.participant(user_id)
        if mine is not None and mine.state == "declined":
            return self
        if self.ended:
            raise CallEnded
        if mine is not None and mine.joined:
            if mine.session_id != session_id:
                raise AnsweredElsewhere
            raise Conflict("You have joined this call: leave it.")
        if mine is None or mine.state == "left":
            return self  # it does not ring for them
        call = self._with(replace(mine, state="declined"))
        return call if call.state == "active" or call.rings else call._end("declined", now)

    def leave(self, user_id: str, session_id: str, now: int) -> Call:
        """A person hangs up; the last one to leave ends the call. Idempotent.

        Raises NotInCall for a person who never joined, AnsweredElsewhere if another device has the call.
        """
        mine = self.participant(user_id)
        if mine is None or mine.order == 0:
            raise CallEnded if self.ended else NotInCall
        if self.ended or not mine.joined:
            return self
        if mine.session_id != session_id:
            raise AnsweredElsewhere
        call = self._with(mine.with_left(now))
        if call.joined:
            return call
        return call._end("cancelled" if call.state == "ringing" else "completed", now)

    def dismiss(self, user_id: str, now: int, *, sessions: Collection[str] | None = None) -> Call:
        """A person loses access, or only on the devices of these sessions: they leave, and it stops ringing for them.

        The call ends if nobody is left in it, or nobody who could answer.
        """
        mine = self.participant(user_id)
        if self.ended or mine is None:
            return self
        if mine.joined and (sessions is None or mine.session_id in sessions):
            call = self._with(mine.with_left(now))
            return call if call.joined else call._end("cancelled" if call.state == "ringing" else "completed", now)
        if mine.state == "ringing" and sessions is None:
            call = self._with(replace(mine, state="missed"))
            return call if call.state == "active" or call.rings else call._end("missed", now)
        return self

    def end(self, user_id: str, now: int, *, is_admin: bool) -> Call:
        """End the call for everybody: either of two, or in a group its initiator and admins. Raises Forbidden."""
        if self.ended:
            return self
        is_initiator = user_id == self.initiator_id
        if not (is_initiator or self.direct or is_admin):
            raise Forbidden("Only who began the call and admins may end it for everybody.")
        if self.state == "active":
            return self._end("completed", now)
        if is_initiator or not self.direct:
            return self._end("cancelled", now)
        mine = self.participant(user_id)
        refused = self if mine is None else self._with(replace(mine, state="declined"))
        return refused._end("declined", now)

    def set_media(self, mine: Participant, media: MediaState, now: int) -> Call:
        """Set a participant's media state, and renew the lease."""
        return self._with(replace(mine, media=media, until=now + LEASE_MS))

    def with_sfu(self, meeting: str) -> Call:
        """The call with the SFU's meeting instead of a mesh."""
        return replace(self, topology="sfu", meeting=meeting)

    def with_next_meeting(self, *, ended: str | None, following: str | None) -> Call:
        """The call with the meeting that follows the ended one, unless it has another one already."""
        return self if self.ended or self.meeting != ended else replace(self, meeting=following)

    def with_failure(self) -> Call:
        """The call with the end reason `failed`, because its conversation or all its members are gone."""
        return replace(self, end_reason="failed")

    def close(self, now: int) -> Call:
        """End the call because its conversation is deleted."""
        return self if self.ended else self._end("completed" if self.state == "active" else "cancelled", now)

    def as_ended(self, now: int) -> Call:
        """The call as it is published to people who have lost access to it: ended."""
        if self.ended:
            return self
        reason: EndReason = "completed" if self.state == "active" else "cancelled"
        return replace(self, state="ended", end_reason=reason, ended_at=now)

    # --- helpers ----------------------------------------------------------------------------------------------

    def _with(self, *changed: Participant) -> Call:
        """The call with these participants replaced or added."""
        by_user = {each.user_id: each for each in changed}
        kept = tuple(by_user.pop(each.user_id, each) for each in self.participants)
        return replace(self, participants=(*kept, *by_user.values()))

    def _end(self, reason: EndReason, at: int) -> Call:
        ended_participants: list[Participant] = []
        for each in self.participants:
            if each.state == "ringing":
                ended_participants.append(replace(each, state="missed"))
            elif each.joined:
                ended_participants.append(each.with_left(at))
        return replace(self._with(*ended_participants), state="ended", end_reason=reason, ended_at=at)


def begin(
    *,
    call_id: str,
    conversation_id: str,
    direct: bool,
    media: Media,
    initiator_id: str,
    session_id: str,
    client_id: str,
    ringing: Iterable[str],
    busy: Collection[str],
    message_id: str,
    message_seq: int,
    now: int,
) -> Call:
    """A new call that its initiator has joined and that rings for everybody in `ringing`."""
    first = Participant(
        ids.new("par"), initiator_id, "joined", initial_media(media), session_id, joined_at=now, order=1,
        until=now + LEASE_MS,
    )  # fmt: skip
    others = [Participant(ids.new("par"), each, "ringing", OFF, busy=each in busy) for each in ringing]
    return Call(
        id=call_id,
        conversation_id=conversation_id,
        direct=direct,
        media=media,
        initiator_id=initiator_id,
        client_id=client_id,
        message_id=message_id,
        message_seq=message_seq,
        created_at=now,
        participants=(first, *others),
    )
