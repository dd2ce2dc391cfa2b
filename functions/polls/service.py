"""Polls: creating, voting, retracting, adding options, closing, reading.

Every change is an event of the conversation's log and commits with it, so the votes of a poll, its closing and its
tally have one order, and nobody votes twice or late however requests race.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import polls.events  # noqa: F401 - what is appended here
from conversations import api as conversations
from conversations.api import ContextLoader, require_id, require_member
from conversations.model import MemberContext
from kernel import clock, ids, telemetry
from kernel.caller import Caller
from kernel.errors import Forbidden, Gone, NotFound
from kernel.paging import Page, Paginator
from kernel.transactions import Transaction
from log import api as log
from log.model import MESSAGE_CREATED, NewEvent
from messages import api as messages
from polls import closing, store
from polls.model import POLL_CREATED, POLL_UPDATED, POLL_VOTED, Choice, NewPoll, Poll, PollClosed, State, poll_of
from users import api as users

Change = tuple[Poll, Choice, log.AppendPlan]  # the poll and the caller's vote after a change, and its append plan
MAX_SCANNED = 300  # polls that one request reads to find those in a state

# --- asking ---------------------------------------------------------------------------------------------------


def create(*, caller: Caller, conversation_id: str, draft: NewPoll) -> tuple[dict[str, Any], bool]:
    """Create a poll; returns it and whether it is new: a repeated client_id gets the first one.

    The state machine of a poll with a closing time is started first, so that a failure in between leaves no poll open.
    Raises Unprocessable if the client_id made something else, ValidationFailed for a closing time that has passed,
    Gone, Forbidden, NotFound, DependencyUnavailable.
    """
    send = log.Send(log.send_key(caller.user_id, draft.client_id), draft.fingerprint)
    try:
        with log.replay_duplicate(send.key, partial(require_member, conversation_id, caller.user_id)):
            return _create(caller, conversation_id, draft, send), True
    except log.DuplicateSend:
        ref = poll_of(log.original_event(send, conversation_id).data)
    found = {} if ref is None else store.views([ref], [caller.user_id])
    if ref is None or not found:
        raise Gone("This poll was deleted.")
    return found[ref.id, caller.user_id], False


def _create(caller: Caller, conversation_id: str, draft: NewPoll, send: log.Send) -> dict[str, Any]:
    poll_id = ids.new("pol")
    if draft.closes_at is not None:
        require_member(conversation_id, caller.user_id).require_create_polls()
        if log.original_send(send.key) is not None:
            raise log.DuplicateSend
        draft.require_time(clock.now())
        closing.start(poll_id, draft.closes_at)
    made: list[Poll] = []

    def plan(context: MemberContext) -> log.AppendPlan:
        context.require_create_polls()
        seq, at = context.next_seq, log.event_time(context.head)
        messages.require_slot(context, now=at, sent_as=send.key)
        poll = draft.poll(
            poll_id,
            creator_id=caller.user_id,
            conversation_id=conversation_id,
            message_id=ids.new_at("msg", seq),
            message_seq=seq,
            at=at,
        )
        made[:] = [poll]
        about = poll.about
        message = {"id": poll.message_id, "client_id": draft.client_id, "type": "poll", "poll": about["poll"]}

        def stage(transaction: Transaction) -> None:
            store.stage_poll(transaction, poll)
            messages.stage_slot(transaction, context, now=at)

        events = [
            NewEvent(MESSAGE_CREATED, caller.user_id, message, text=draft.question, send=send),
            NewEvent(POLL_CREATED, caller.user_id, about),
        ]
        return log.AppendPlan(events, stage, at=at)

    messages.append_in_slot(require_id(conversation_id), caller.user_id, plan)
    telemetry.count("PollsCreated")
    return made[0].view((), clock.now())


# --- voting ---------------------------------------------------------------------------------------------------


def vote(*, caller: Caller, poll_id: str, option_ids: Sequence[str]) -> dict[str, Any]:
    """Replace the caller's vote; idempotent.

    Raises PollClosed from `closes_at` on, VoteFinal, ValidationFailed for options that cannot be chosen, NotFound.
    """
    return _vote(caller, poll_id, lambda poll: poll.choice(option_ids))


def retract(*, caller: Caller, poll_id: str) -> None:
    """Retract the caller's vote; idempotent. Raises PollClosed, VoteFinal, NotFound."""
    _vote(caller, poll_id, lambda _: ())


def _vote(caller: Caller, poll_id: str, choose: Callable[[Poll], Choice]) -> dict[str, Any]:
    """Append a vote: it is judged at its place in the log, and counted on the condition that the poll and the person's
    vote have not changed since they were read."""
    ref = _find(poll_id)
    seen = ContextLoader(records=store.keys_of([ref.ref], [caller.user_id]))
    read_at: list[int] = []
    outcome: list[tuple[Poll, Choice]] = []

    def load(conversation_id: str, user_id: str) -> MemberContext:
        context = seen(conversation_id, user_id)
        read_at[:] = [context.head.last_seq]
        return context

    def plan(context: MemberContext) -> log.AppendPlan:
        context.require_not_blocked()
        found, chosen = store.with_votes([ref.ref], [caller.user_id], lambda _: seen.records)
        if poll_id not in found:
            raise NotFound
        poll, before, at = (
            _visible(context, found[poll_id]),
            chosen.get((poll_id, caller.user_id), ()),
            log.event_time(context.head),
        )
        after = choose(poll)
        if not (outcome and after == before):  # else a batch has already committed this vote
            _require_open(poll, at)
            poll.require_change(before, after)
        outcome[:] = [(poll.voted(before, after), after)]
        if after == before:
            return log.AppendPlan([])
        event = NewEvent(POLL_VOTED, poll.actor_of_votes(caller.user_id), poll.about)

        def stage(transaction: Transaction) -> None:
            store.stage_vote(transaction, poll, caller.user_id, before=before, after=after, at=at)

        return log.AppendPlan([event], stage, at=at, read_again=store.VOTE_LABELS)

    _, events = conversations.append_and_publish(ref.conversation_id, caller.user_id, plan, load=load)
    poll, chosen = outcome[0]
    if events:
        telemetry.count("Votes")
        if events[0].seq != read_at[0] + 1:  # others have voted between
            poll = store.find(poll_id) or poll
    return poll.view(chosen, clock.now())


def _require_open(poll: Poll, at: int) -> None:
    try:
        poll.require_open(at)
    except PollClosed:
        telemetry.count("LateVotesRefused")
        raise


def add_option(*, caller: Caller, poll_id: str, text: str) -> dict[str, Any]:
    """Add an option where the poll allows it. Raises PollClosed, Forbidden, Conflict, NotFound."""

    def plan(context: MemberContext, poll: Poll, mine: Choice, at: int) -> Change:
        context.require_plain()
        poll.require_open(at)
        longer = poll.with_option(text, caller.user_id)
        event = NewEvent(POLL_UPDATED, caller.user_id, poll.about)
        return longer, mine, log.AppendPlan([event], lambda it: store.stage_options(it, longer), at=at)

    return _change(caller, poll_id, plan)[1]


# --- closing --------------------------------------------------------------------------------------------------


def close(*, caller: Caller, poll_id: str) -> dict[str, Any]:
    """Close a poll (its creator and admins); closing it again changes nothing."""

    def plan(context: MemberContext, poll: Poll, mine: Choice, at: int) -> Change:
        if poll.creator_id != caller.user_id and not context.member.is_admin:
            raise Forbidden("Only its creator and admins may close a poll.")
        closed, planned = closing.plan(poll, at, actor_id=caller.user_id)
        return closed, mine, planned

    changed, shown = _change(caller, poll_id, plan)
    if changed:
        telemetry.count("PollsClosed")
        if shown["closes_at"] is not None:
            closing.stop(poll_id)
    return shown


def _change(
    caller: Caller, poll_id: str, plan: Callable[[MemberContext, Poll, Choice, int], Change]
) -> tuple[bool, dict[str, Any]]:
    """Append the events of `plan`, which gets the context, the present poll, the caller's vote and the time (ms).

    Returns whether there were events, and the caller's view of the poll. Poll and vote are read after the head, so they
    are current if the transaction finds the head unmoved. Raises NotFound, and the errors of `plan`.
    """
    first = _find(poll_id)
    outcome: list[tuple[Poll, Choice]] = []

    def plan_now(context: MemberContext) -> log.AppendPlan:
        context.require_not_blocked()
        poll, mine = _with_vote(first, caller)
        after, chosen, planned = plan(context, _visible(context, poll), mine, log.event_time(context.head))
        outcome[:] = [(after, chosen)]
        return planned

    context, events = conversations.append(first.conversation_id, caller.user_id, plan_now)
    conversations.publish_events(context, events)
    poll, chosen = outcome[0]
    return bool(events), poll.view(chosen, clock.now())


# --- reading --------------------------------------------------------------------------------------------------


def _find(poll_id: str) -> Poll:
    poll = store.find(poll_id) if ids.is_id(poll_id, "pol") else None
    if poll is None:
        raise NotFound
    return poll


def _visible(context: MemberContext, poll: Poll) -> Poll:
    """The poll, if the member may see its message; raises NotFound."""
    if poll.message_seq < context.member.visible_from:
        raise NotFound
    return poll


def _require(caller: Caller, poll_id: str) -> tuple[Poll, Choice]:
    """A poll that the caller may see, and their vote; raises NotFound."""
    poll = _find(poll_id)
    _visible(require_member(poll.conversation_id, caller.user_id), poll)
    return _with_vote(poll, caller)


def _with_vote(poll: Poll, caller: Caller) -> tuple[Poll, Choice]:
    """The present poll and the caller's vote, read together; raises NotFound if the poll was deleted."""
    found, chosen = store.with_votes([poll.ref], [caller.user_id])
    if poll.id not in found:
        raise NotFound
    return found[poll.id], chosen.get((poll.id, caller.user_id), ())


def get(*, caller: Caller, poll_id: str) -> dict[str, Any]:
    poll, chosen = _require(caller, poll_id)
    return poll.view(chosen, clock.now())


def list_polls(
    *, caller: Caller, conversation_id: str, state: State | None, limit: int, after: str | None
) -> Page[dict[str, Any]]:
    """A conversation's polls, newest first; with `state` only those in it, and then a page may be short."""
    context = require_member(conversation_id, caller.user_id)
    paging = Paginator(after, caller.user_id, "polls", conversation_id, state or "")
    before = paging.start
    now = clock.now()
    listed: list[Poll] = []
    seen, following = before, None
    for scanned, poll in enumerate(_newest_first(conversation_id, before, chunk=limit + 1)):
        if poll.message_seq < context.member.visible_from:
            break  # and so are all that are older
        if len(listed) == limit or scanned == MAX_SCANNED:
            following = seen
            break
        seen = poll.id
        if state in (None, poll.state(now)):
            listed.append(poll)
    chosen = store.votes([poll.ref for poll in listed], [caller.user_id])
    items = [poll.view(chosen.get((poll.id, caller.user_id), ()), now) for poll in listed]
    return Page(items, paging.cursor(following))


def _newest_first(conversation_id: str, before: str | None, *, chunk: int) -> Iterator[Poll]:
    while poll_ids := store.in_conversation(conversation_id, before=before, limit=chunk):
        yield from store.polls(poll_ids).values()
        before = poll_ids[-1]
        if len(poll_ids) < chunk:
            return


def voters(
    *, caller: Caller, poll_id: str, option_id: str | None, limit: int, after: str | None
) -> Page[dict[str, Any]]:
    """The votes ordered by user id, all or those for one option.

    Raises Forbidden for anonymous polls and for hidden results, ValidationFailed for an unknown option, NotFound.
    """
    poll, chosen = _require(caller, poll_id)
    poll.require_voters(chosen, clock.now())
    if option_id is not None:
        poll.require_options("option_id", [option_id])
    paging = Paginator(after, caller.user_id, "voters", poll_id, option_id or "")
    votes = store.votes_page(poll_id, option_id=option_id, after=paging.start, limit=limit + 1)

    def show(page: Sequence[store.Vote]) -> list[dict[str, Any]]:
        people = users.public_profiles(vote.user_id for vote in page)
        return [
            {"user": people[vote.user_id], "option_ids": list(vote.chosen), "voted_at": vote.voted_at}
            for vote in page
            if vote.user_id in people
        ]

    return paging.page(votes, limit, lambda vote: vote.user_id, show)
