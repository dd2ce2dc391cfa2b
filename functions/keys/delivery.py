"""The delivery service of a conversation's group (RFC 9750): one order of commits and proposals, which is the log's.

A commit takes the group from its epoch to the next. Which of several is first is decided by the append: its
transaction moves head, epoch and log together, so there is exactly one commit in each epoch.
"""

from __future__ import annotations

import hashlib
from base64 import b64decode, b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import keys.events  # noqa: F401 - what is appended here
from conversations import api as conversations
from conversations.api import ContextLoader, known, require_member
from conversations.model import MemberContext
from kernel.caller import Caller
from kernel.dynamo import Cancelled, Transaction
from kernel.errors import NotFound, PayloadTooLarge
from keys import framing, group_store, large, store, welcomes
from keys.framing import ContentType, Malformed
from keys.group_store import KeptCommit, KeptGroupInfo
from keys.model import (
    MAX_MESSAGE_BYTES,
    MAX_PROPOSAL_BYTES,
    MLS_COMMIT,
    MLS_PROPOSAL,
    EpochConflict,
    InvalidCommit,
    InvalidProposal,
    NotEncrypted,
)
from keys.welcomes import Addressed
from log import api as log
from log.model import Event, MlsGroup, NewEvent


@dataclass(frozen=True, slots=True)
class CommitRequest:
    """A commit as a client sends it: MLSMessages, with the GroupInfo of the epoch it leads to and its Welcomes."""

    client_id: str
    epoch: int
    commit: bytes
    group_info: bytes | None
    welcomes: Sequence[Addressed]

    @property
    def fingerprint(self) -> str:
        """Equal for equal commits; tells a repeated one from another with the same client_id."""
        digest = hashlib.sha256(b"mls.commit %d " % self.epoch)
        parts = [self.commit, self.group_info or b"", *(each.welcome for each in self.welcomes)]
        for part in [*parts, *(",".join(each.device_ids).encode() for each in self.welcomes)]:
            digest.update(hashlib.sha256(part).digest())
        return digest.hexdigest()


@dataclass(frozen=True, slots=True)
class LoggedCommit:
    """A commit as the log has it; `commit` are its bytes."""

    epoch: int
    sender_device: str | None
    size: int
    seq: int
    commit: bytes


# --- commits --------------------------------------------------------------------------------------------------


def commit(*, caller: Caller, conversation_id: str, new: CommitRequest) -> tuple[int, int, bool]:
    """Append a commit: the group's epoch after it, its seq, and whether it is new; a repeated client_id gets the first.

    Raises InvalidCommit for what does not fit group and epoch, EpochConflict with the present epoch where another
    commit was first, ValidationFailed for a Welcome to a device that is no member's, NotEncrypted, NotFound.
    """
    send = log.Send(log.send_key(caller.user_id, new.client_id), new.fingerprint)
    known(conversation_id)
    try:
        with log.replay_duplicate(send.key, partial(require_member, conversation_id, caller.user_id)):
            event = _commit(caller, conversation_id, new, send)
            is_new = True
    except log.DuplicateSend:
        event = log.original_event(send, conversation_id, noun="commit")
        is_new = False
        if sum(len(each.device_ids) for each in new.welcomes) > welcomes.PER_TRANSACTION:
            # the process that committed it may have ended before it kept those that follow
            welcomes.deliver(event, welcomes.addressed_to(conversation_id, new.welcomes)[welcomes.PER_TRANSACTION :])
    return event.data["epoch"] + 1, event.seq, is_new


def _commit(caller: Caller, conversation_id: str, new: CommitRequest, send: log.Send) -> Event:
    context = require_member(conversation_id, caller.user_id)
    _require_group(context)
    _require_commit(conversation_id, new)
    if new.epoch != context.head.group.epoch:
        raise EpochConflict(more={"epoch": context.head.group.epoch})
    letters = welcomes.addressed_to(conversation_id, new.welcomes)
    blob = large.put_if_large(new.commit, folder=f"groups/{conversation_id}")
    info = None
    if new.group_info is not None:
        info_blob = large.put_if_large(new.group_info, folder=f"groups/{conversation_id}")
        info = KeptGroupInfo(new.epoch + 1, None if info_blob else new.group_info, info_blob)
    try:
        context, (event,) = _append(caller, conversation_id, new, send, blob, info, letters)
    except Exception:
        large.drop(blob, info.blob if info else None, *{letter.blob for letter in letters})
        raise
    conversations.publish_events(context, [event])
    welcomes.deliver(event, letters[welcomes.PER_TRANSACTION :])
    welcomes.tell(event, letters)
    return event


def _append(
    caller: Caller,
    conversation_id: str,
    new: CommitRequest,
    send: log.Send,
    blob: str | None,
    info: KeptGroupInfo | None,
    letters: Sequence[welcomes.WelcomeLetter],
) -> tuple[MemberContext, list[Event]]:
    loader = ContextLoader(records=[store.session_key(caller.session_id)])

    def plan(context: MemberContext) -> log.AppendPlan:
        group = _require_group(context)
        if new.epoch != group.epoch:
            raise EpochConflict(more={"epoch": group.epoch})
        seq, at = context.next_seq, log.event_time(context.head)
        data = {
            "epoch": new.epoch,
            "sender_device": store.device_in(loader.records[0]),
            "size": len(new.commit),
            "commit": b64encode(new.commit).decode() if blob is None else None,
        }

        def stage(transaction: Transaction) -> None:
            group_store.stage_commit(transaction, conversation_id, KeptCommit(new.epoch, seq, blob))
            if info is not None:
                group_store.stage_group_info(transaction, conversation_id, info)
            welcomes.stage(transaction, conversation_id, new.epoch, at, letters[: welcomes.PER_TRANSACTION])

        event = NewEvent(MLS_COMMIT, caller.user_id, data, send=send)
        return log.AppendPlan([event], stage, at=at, group=group.after_commit())

    try:
        return conversations.append(conversation_id, caller.user_id, plan, load=loader)
    except Cancelled as refused:
        if group_store.COMMIT_LABEL in refused.failed:
            raise EpochConflict(more={"epoch": _group(conversation_id, caller).epoch}) from refused
        raise


def _group(conversation_id: str, caller: Caller) -> MlsGroup:
    return require_member(conversation_id, caller.user_id).head.group


def _require_group(context: MemberContext) -> MlsGroup:
    """Where the conversation's group stands; raises NotEncrypted, and NotFound or Forbidden where a block stands."""
    context.require_not_blocked()
    if not context.info.settings.encrypted:
        raise NotEncrypted
    return context.head.group


def _require_commit(conversation_id: str, new: CommitRequest) -> None:
    for part in (new.commit, new.group_info or b"", *(each.welcome for each in new.welcomes)):
        if len(part) > MAX_MESSAGE_BYTES:
            raise PayloadTooLarge("A commit, a GroupInfo and a Welcome have at most 4 MB each.")
    group_id = conversation_id.encode()
    try:
        framed = framing.framed(new.commit)
        if (framed.group_id, framed.epoch, framed.content_type) != (group_id, new.epoch, ContentType.COMMIT):
            raise InvalidCommit
        if new.group_info is not None and framing.group_info(new.group_info) != (group_id, new.epoch + 1):
            raise InvalidCommit("The GroupInfo does not describe this group after the commit.")
        for each in new.welcomes:
            framing.welcome(each.welcome)
    except Malformed as error:
        raise InvalidCommit(f"{InvalidCommit.detail} {str(error).capitalize()}.") from error


def commit_of(*, caller: Caller, conversation_id: str, epoch: int) -> LoggedCommit:
    """The commit that was made in an epoch; raises NotFound, also for what came before the caller did."""
    context = require_member(conversation_id, caller.user_id)
    kept = group_store.commit_in(conversation_id, epoch)
    if kept is None or not context.member.visible_from <= kept.seq <= context.head.last_seq:
        raise NotFound
    event = log.events_at([(conversation_id, kept.seq)])[conversation_id, kept.seq]
    inline = event.data["commit"]
    content = large.get(None if inline is None else b64decode(inline), kept.blob)
    return LoggedCommit(epoch, event.data["sender_device"], event.data["size"], kept.seq, content)


def group_info(*, caller: Caller, conversation_id: str) -> tuple[int, bytes]:
    """Epoch and GroupInfo for joining by an external commit; raises NotFound where the last commit left none."""
    group = _require_group(require_member(conversation_id, caller.user_id))
    kept = group_store.group_info(conversation_id)
    if kept is None or kept.epoch != group.epoch:
        raise NotFound("The last commit has left no GroupInfo.")
    return kept.epoch, large.get(kept.content, kept.blob)


# --- proposals ------------------------------------------------------------------------------------------------


def propose(*, caller: Caller, conversation_id: str, client_id: str, proposal: bytes) -> tuple[int, int, bool]:
    """Append a proposal: the group's epoch, its seq, and whether it is new; a repeated client_id gets the first.

    Raises InvalidProposal for what does not fit the group, EpochConflict for another epoch than the present one,
    PayloadTooLarge above 16 KB, NotEncrypted, NotFound.
    """
    if len(proposal) > MAX_PROPOSAL_BYTES:
        raise PayloadTooLarge("A proposal has at most 16 KB.")
    fingerprint = hashlib.sha256(b"mls.proposal " + proposal).hexdigest()
    send = log.Send(log.send_key(caller.user_id, client_id), fingerprint)
    known(conversation_id)
    try:
        with log.replay_duplicate(send.key, partial(require_member, conversation_id, caller.user_id)):
            event = _propose(caller, conversation_id, proposal, send)
            is_new = True
    except log.DuplicateSend:
        event = log.original_event(send, conversation_id, noun="proposal")
        is_new = False
    return event.data["epoch"], event.seq, is_new


def _propose(caller: Caller, conversation_id: str, proposal: bytes, send: log.Send) -> Event:
    loader = ContextLoader(records=[store.session_key(caller.session_id)])

    def plan(context: MemberContext) -> log.AppendPlan:
        group = _require_group(context)
        epoch = _epoch_of_proposal(conversation_id, proposal)
        if epoch != group.epoch:
            raise EpochConflict(more={"epoch": group.epoch})
        data = {
            "epoch": epoch,
            "sender_device": store.device_in(loader.records[0]),
            "size": len(proposal),
            "proposal": b64encode(proposal).decode(),
        }
        return log.AppendPlan([NewEvent(MLS_PROPOSAL, caller.user_id, data, send=send)])

    context, (event,) = conversations.append(conversation_id, caller.user_id, plan, load=loader)
    conversations.publish_events(context, [event])
    return event


def _epoch_of_proposal(conversation_id: str, proposal: bytes) -> int:
    try:
        framed = framing.framed(proposal)
    except Malformed as error:
        raise InvalidProposal from error
    if (framed.group_id, framed.content_type) != (conversation_id.encode(), ContentType.PROPOSAL):
        raise InvalidProposal
    return framed.epoch
