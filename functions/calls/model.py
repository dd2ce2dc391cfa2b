"""A call as a state machine: who rings, who is in it, when it is over. Pure: every step gives a new value.

Time is part of the machine: `as_of` applies what has happened by itself (ringing that ended, leases that lapsed),
so whoever reads or changes a call sees the truth of that moment, and the lifecycle machine only writes it down.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from typing import Literal

from calls.errors import AnsweredElsewhere, CallEnded, CallFull, NotInCall
from calls.participant import LEASE_MS, OFF, REJOIN_MS, Media, MediaState, Participant, at_first
from kernel import clock, ids
from kernel.errors import Conflict, Forbidden

RING_TIMEOUT_MS = 45 * clock.SECOND
LONGEST_MS = 8 * clock.HOUR

State = Literal["ringing", "active", "ended"]
Topology = Literal["mesh", "sfu"]
EndReason = Literal["completed", "declined", "missed", "cancelled", "failed", "timeout"]


@dataclass(frozen=True, slots=True)
class Call:
    """A call; `version` is the number of changes so far, `message_seq` its message in the conversation's log."""

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
    meeting: str | None = None  # what the SFU needs to find its meeting again, as JSON
    version: int = 1

    # --- looking ----------------------------------------------------------------------------------------------

    @property
    def ended(self) -> bool:
        return self.state == "ended"

    @property
    def rings(self) -> bool:
        """Whether there still is somebody who could answer."""
        return any(each.state == "ringing" for each in self.participants)

    @property
    def joined(self) -> list[Participant]:
        """Who is in it, in the order of joining."""
        return sorted((each for each in self.participants if each.joined), key=lambda each: each.order)

    @property
    def duration_s(self) -> int | None:
        """Seconds from the answer to the end; None before the end, 0 for one that nobody answered."""
        if self.ended_at is None:
            return None
        return 0 if self.answered_at is None else max(0, self.ended_at - self.answered_at) // clock.SECOND

    def of(self, user_id: str) -> Participant | None:
        return next((each for each in self.participants if each.user_id == user_id), None)

    def require_joined(self, user_id: str, session_id: str) -> Participant:
        """The participant that this device is; raises CallEnded, NotInCall, AnsweredElsewhere."""
        if self.ended:
            raise CallEnded
        mine = self.of(user_id)
        if mine is None or not mine.joined:
            raise NotInCall
        if mine.session_id != session_id:
            raise AnsweredElsewhere
        return mine

    def peers(self, of: Participant) -> list[str]:
        """Who else is in it, in the order of joining; a newcomer makes each of them an offer."""
        return [each.participant_id for each in self.joined if each.user_id != of.user_id]

    def polite_towards(self, of: Participant) -> list[str]:
        """Towards whom this one gives way when offers collide: whoever joined earlier, now in the call or not.

        So of any two exactly one is polite (WebRTC 1.0, "perfect negotiation"), and it stays the same over a rejoin.
        """
        earlier = sorted((each for each in self.participants if 0 < each.order < of.order), key=lambda each: each.order)
        return [each.participant_id for each in earlier]

    def next_check(self) -> int:
        """The instant at which something may happen by itself."""
        instants = [self.created_at + LONGEST_MS, *(each.until for each in self.joined)]
        if self.state == "ringing" or self.rings:
            instants.append(self.created_at + RING_TIMEOUT_MS)
        if self._alone_since is not None:
            instants.append(self._alone_since + REJOIN_MS)
        return min(instants)

    @property
    def _alone_since(self) -> int | None:
        """Since when one of the two of a direct call has been gone, while the other is still in it."""
        if not self.direct or self.state != "active" or len(self.joined) != 1:
            return None
        return max((each.left_at or 0 for each in self.participants if not each.joined), default=None)

    # --- what happens by itself -------------------------------------------------------------------------------

    def as_of(self, now: int) -> Call:
        """The call at this instant: after ringing that has ended, leases that have lapsed, and its longest duration."""
        if self.ended:
            return self
        if now >= self.created_at + LONGEST_MS:
            return self._end("timeout", self.created_at + LONGEST_MS)
        call = self
        if now >= self.created_at + RING_TIMEOUT_MS:
            if call.state == "ringing":
                return call._end("missed", self.created_at + RING_TIMEOUT_MS)
            call = call._each(*(replace(each, state="missed") for each in call.participants if each.state == "ringing"))
        lapsed = [each for each in call.joined if each.until <= now]
        # they have been gone since they were last heard of
        call = call._each(*(each.gone(each.until - LEASE_MS) for each in lapsed))
        if not call.joined:
            ended_at = max([call.answered_at or 0, *(each.left_at or 0 for each in call.participants)])
            return call._end("missed" if call.state == "ringing" else "completed", ended_at)
        alone_since = call._alone_since
        if alone_since is not None and now >= alone_since + REJOIN_MS:
            return call._end("completed", max(alone_since + REJOIN_MS, *(each.until for each in lapsed), 0))
        return call

    # --- what people do ---------------------------------------------------------------------------------------

    def join(self, user_id: str, session_id: str, now: int, *, limit: int) -> Call:
        """Somebody answers, joins or comes back on one device; the first device of a person has the call.

        Raises CallEnded, AnsweredElsewhere, CallFull.
        """
        if self.ended:
            raise CallEnded
        known = self.of(user_id)
        if known is not None and known.joined:
            if known.session_id != session_id:
                raise AnsweredElsewhere
            return self._each(replace(known, until=now + LEASE_MS))
        if len(self.joined) >= limit:
            raise CallFull
        person = known or Participant(ids.new("par"), user_id, "ringing", OFF)
        if person.state == "left" and not person.comes_back(session_id, now):
            person = replace(person, participant_id=ids.new("par"), order=0)
        turn = person.order or max((each.order for each in self.participants), default=0) + 1
        joined = replace(
            person,
            state="joined",
            media=at_first(self.media),
            session_id=session_id,
            joined_at=now,
            left_at=None,
            order=turn,
            until=now + LEASE_MS,
        )
        call = self._each(joined)
        if self.state == "ringing" and user_id != self.initiator_id:
            call = replace(call, state="active", answered_at=now)
        return call

    def decline(self, user_id: str, session_id: str, now: int) -> Call:
        """Somebody does not want this call; it ends when nobody is left who could answer.

        Raises CallEnded, AnsweredElsewhere, and Conflict for who has joined.
        """
        mine = self.of(user_id)
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
        call = self._each(replace(mine, state="declined"))
        return call if call.state == "active" or call.rings else call._end("declined", now)

    def leave(self, user_id: str, session_id: str, now: int) -> Call:
        """Somebody hangs up; the last to leave ends it. Repeated it changes nothing.

        Raises NotInCall for who never was in it, AnsweredElsewhere where another device has it.
        """
        mine = self.of(user_id)
        if mine is None or mine.order == 0:
            raise CallEnded if self.ended else NotInCall
        if self.ended or not mine.joined:
            return self
        if mine.session_id != session_id:
            raise AnsweredElsewhere
        call = self._each(mine.gone(now))
        if call.joined:
            return call
        return call._end("cancelled" if call.state == "ringing" else "completed", now)

    def dismiss(self, user_id: str, now: int, *, sessions: Collection[str] | None = None) -> Call:
        """Somebody may take part no more, or not on these devices: they have left, and it rings for them no more.

        The last to go ends it, and so does the last who could have answered.
        """
        mine = self.of(user_id)
        if self.ended or mine is None:
            return self
        if mine.joined and (sessions is None or mine.session_id in sessions):
            call = self._each(mine.gone(now))
            return call if call.joined else call._end("cancelled" if call.state == "ringing" else "completed", now)
        if mine.state == "ringing" and sessions is None:
            call = self._each(replace(mine, state="missed"))
            return call if call.state == "active" or call.rings else call._end("missed", now)
        return self

    def end(self, user_id: str, now: int, *, is_admin: bool) -> Call:
        """End it for everybody: either of two, in a group who began it and admins. Raises Forbidden."""
        if self.ended:
            return self
        began = user_id == self.initiator_id
        if not (began or self.direct or is_admin):
            raise Forbidden("Only who began the call and admins may end it for everybody.")
        if self.state == "active":
            return self._end("completed", now)
        if began or not self.direct:
            return self._end("cancelled", now)
        mine = self.of(user_id)
        refused = self if mine is None else self._each(replace(mine, state="declined"))
        return refused._end("declined", now)

    def set_media(self, mine: Participant, media: MediaState, now: int) -> Call:
        """A participant's microphone, camera, screen, hand."""
        return self._each(replace(mine, media=media, until=now + LEASE_MS))

    def moved_to_sfu(self, meeting: str) -> Call:
        """From now on everybody sends to the SFU's meeting."""
        return replace(self, topology="sfu", meeting=meeting)

    def failed(self) -> Call:
        """What it was about is gone: the conversation, or everybody's context in it."""
        return replace(self, end_reason="failed")

    def close(self, now: int) -> Call:
        """End it for everybody: the conversation is gone."""
        return self if self.ended else self._end("completed" if self.state == "active" else "cancelled", now)

    def as_over(self, now: int) -> Call:
        """The call as somebody is told of it who has no part in it any more: to them it is over."""
        if self.ended:
            return self
        reason: EndReason = "completed" if self.state == "active" else "cancelled"
        return replace(self, state="ended", end_reason=reason, ended_at=now)

    # --- small parts ------------------------------------------------------------------------------------------

    def _each(self, *changed: Participant) -> Call:
        """With these participants in place of the same people's entries, or added."""
        by_user = {each.user_id: each for each in changed}
        kept = tuple(by_user.pop(each.user_id, each) for each in self.participants)
        return replace(self, participants=(*kept, *by_user.values()))

    def _end(self, reason: EndReason, at: int) -> Call:
        over: list[Participant] = []
        for each in self.participants:
            if each.state == "ringing":
                over.append(replace(each, state="missed"))
            elif each.joined:
                over.append(each.gone(at))
        return replace(self._each(*over), state="ended", end_reason=reason, ended_at=at)


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
    """A new call: its initiator is in it, everybody of `ringing` rings."""
    first = Participant(
        ids.new("par"), initiator_id, "joined", at_first(media), session_id, joined_at=now, order=1,
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
