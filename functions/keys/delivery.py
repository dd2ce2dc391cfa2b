"""The delivery service of a conversation's group (RFC 9750): the log orders commits, proposals and changes.

A commit moves the group from its epoch to the next. The append's transaction updates head, epoch and log together, so
that exactly one of several concurrent commits is accepted.
"""

from __future__ import annotations

import hashlib
from base64 import b64decode, b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import keys.events  # noqa: F401 - what is appended here
from conversations import api as conversations
from conversations.api import ContextLoader, require_id, require_member
from conversations.model import MemberContext
from kernel.caller import Caller
from kernel.errors import NotFound, PayloadTooLarge
from kernel.transactions import Cancelled, Transaction
from keys import framing, group_store, large, store, welcomes
from keys.api import require_current_ciphertext
from keys.framing import ContentType, Malformed
from keys.group_store import StoredCommit, StoredGroupInfo
from keys.model import (
    MAX_CHANGE_BYTES,
    MAX_MESSAGE_BYTES,
    MAX_PROPOSAL_BYTES,
    MLS_CHANGE,
    MLS_COMMIT,
    MLS_PROPOSAL,
    EpochConflict,
    InvalidCommit,
    InvalidProposal,
    NotEncrypted,
)
from keys.welcomes import WelcomeRequest
from log import api as log
from log.model import Event, MlsGroup, NewEvent


@dataclass(frozen=True, slots=True)
class CommitRequest:
    """A client's commit, as MLSMessages, with the GroupInfo of the next epoch and the Welcomes."""

    client_id: str
    epoch: int
    commit: bytes
    group_info: bytes | None
    welcomes: Sequence[WelcomeRequest]

    @property
    def fingerprint(self) -> str:
        """A digest of the whole request, to tell a retry from another commit with the same client_id."""
        digest = hashlib.sha256(b"mls.commit %d " % self.epoch)
        parts = [self.commit, self.group_info or b"", *(each.welcome for each in self.welcomes)]
        for part in [*parts, *(",".join(each.device_ids).encode() for each in self.welcomes)]:
            digest.update(hashlib.sha256(part).digest())
        return digest.hexdigest()


@dataclass(frozen=True, slots=True)
class LoggedCommit:
    """A commit in the log; `commit` is its MLSMessage."""

    epoch: int
    sender_device: str | None
    size: int
    seq: int
    commit: bytes


# --- commits --------------------------------------------------------------------------------------------------


def commit(*, caller: Caller, conversation_id: str, new: CommitRequest) -> tuple[int, int, bool]:
    """Append a commit; returns the group's epoch after it, its seq, and whether it is new (else a retry's original).

    Raises InvalidCommit for another group or epoch, EpochConflict (with the present epoch) if another commit was first,
    ValidationFailed for a Welcome to a device of no member, PayloadTooLarge, NotEncrypted, NotFound.
    """
    send = log.Send(log.send_key(caller.user_id, new.client_id), new.fingerprint)
    require_id(conversation_id)
    try:
        with log.replay_duplicate(send.key, partial(require_member, conversation_id, caller.user_id)):
            event = _commit(caller, conversation_id, new, send)
            is_new = True
    except log.DuplicateSend:
        event = log.original_event(send, conversation_id, noun="commit")
        is_new = False
        if sum(len(each.device_ids) for each in new.welcomes) > welcomes.PER_TRANSACTION:
            # the process that appended the commit may have died before it saved the remaining Welcomes
            welcomes.save(event, welcomes.resolve(conversation_id, new.welcomes)[welcomes.PER_TRANSACTION :])
    return event.data["epoch"] + 1, event.seq, is_new


def _commit(caller: Caller, conversation_id: str, new: CommitRequest, send: log.Send) -> Event:
    context = require_member(conversation_id, caller.user_id)
    _require_group(context)
    _require_commit(conversation_id, new)
    if new.epoch != context.head.group.epoch:
        raise EpochConflict(more={"epoch": context.head.group.epoch})
    device_welcomes = welcomes.resolve(conversation_id, new.welcomes)
    blob = large.put_if_large(new.commit, folder=f"groups/{conversation_id}")
    info = None
    if new.group_info is not None:
        info_blob = large.put_if_large(new.group_info, folder=f"groups/{conversation_id}")
        info = StoredGroupInfo(new.epoch + 1, None if info_blob else new.group_info, info_blob)
    try:
        context, (event,) = _append(caller, conversation_id, new, send, blob, info, device_welcomes)
    except Exception:
        large.delete(blob, info.blob if info else None, *{each.blob for each in device_welcomes})
        raise
    conversations.publish_events(context, [event])
    welcomes.save(event, device_welcomes[welcomes.PER_TRANSACTION :])
    welcomes.publish(event, device_welcomes)
    return event


def _append(
    caller: Caller,
    conversation_id: str,
    new: CommitRequest,
    send: log.Send,
    blob: str | None,
    info: StoredGroupInfo | None,
    device_welcomes: Sequence[welcomes.DeviceWelcome],
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
            group_store.stage_commit(transaction, conversation_id, StoredCommit(new.epoch, seq, blob))
            if info is not None:
                group_store.stage_group_info(transaction, conversation_id, info)
            welcomes.stage(transaction, conversation_id, new.epoch, at, device_welcomes[: welcomes.PER_TRANSACTION])

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
    """The state of the conversation's group; raises NotEncrypted, and NotFound or Forbidden upon a block."""
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
    """The commit of an epoch; raises NotFound, also for commits before the caller joined."""
    context = require_member(conversation_id, caller.user_id)
    stored = group_store.commit_in(conversation_id, epoch)
    if stored is None or not context.member.visible_from <= stored.seq <= context.head.last_seq:
        raise NotFound
    event = log.events_at([(conversation_id, stored.seq)])[conversation_id, stored.seq]
    inline = event.data["commit"]
    content = large.get(None if inline is None else b64decode(inline), stored.blob)
    return LoggedCommit(epoch, event.data["sender_device"], event.data["size"], stored.seq, content)


def group_info(*, caller: Caller, conversation_id: str) -> tuple[int, bytes]:
    """Epoch and GroupInfo for joining by an external commit; raises NotFound if the last commit had no GroupInfo."""
    group = _require_group(require_member(conversation_id, caller.user_id))
    stored = group_store.group_info(conversation_id)
    if stored is None or stored.epoch != group.epoch:
        raise NotFound("The last commit has left no GroupInfo.")
    return stored.epoch, large.get(stored.content, stored.blob)


# --- proposals ------------------------------------------------------------------------------------------------


def propose(*, caller: Caller, conversation_id: str, client_id: str, proposal: bytes) -> tuple[int, int, bool]:
    """Append a proposal; returns the group's epoch, its seq, and whether it is new (else a retry's original).

    Raises InvalidProposal for another group, EpochConflict for another epoch than the present one, PayloadTooLarge
    above 16 KB, NotEncrypted, NotFound.
    """
    if len(proposal) > MAX_PROPOSAL_BYTES:
        raise PayloadTooLarge("A proposal has at most 16 KB.")
    fingerprint = hashlib.sha256(b"mls.proposal " + proposal).hexdigest()
    send = log.Send(log.send_key(caller.user_id, client_id), fingerprint)
    require_id(conversation_id)
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


# --- changes of messages --------------------------------------------------------------------------------------


def change(*, caller: Caller, conversation_id: str, client_id: str, ciphertext: bytes) -> tuple[int, bool]:
    """Append an encrypted change of earlier messages; returns its seq and whether it is new (else a retry's original).

    Raises InvalidCiphertext, EpochOld, RekeyRequired as for an encrypted message, PayloadTooLarge above 48 KB,
    NotEncrypted, NotFound.
    """
    if len(ciphertext) > MAX_CHANGE_BYTES:
        raise PayloadTooLarge("A change has at most 48 KB.")
    send = log.Send(log.send_key(caller.user_id, client_id), hashlib.sha256(b"mls.change " + ciphertext).hexdigest())
    require_id(conversation_id)
    try:
        with log.replay_duplicate(send.key, partial(require_member, conversation_id, caller.user_id)):
            return _change(caller, conversation_id, client_id, b64encode(ciphertext).decode(), send).seq, True
    except log.DuplicateSend:
        return log.original_event(send, conversation_id, noun="change").seq, False


def _change(caller: Caller, conversation_id: str, client_id: str, ciphertext: str, send: log.Send) -> Event:
    loader = ContextLoader(records=[store.session_key(caller.session_id)])

    def plan(context: MemberContext) -> log.AppendPlan:
        require_current_ciphertext(conversation_id, _require_group(context), ciphertext)
        device = store.device_in(loader.records[0])
        data = {"client_id": client_id, "sender_device": device, "ciphertext": ciphertext}
        return log.AppendPlan([NewEvent(MLS_CHANGE, caller.user_id, data, send=send)])

    context, (event,) = conversations.append(conversation_id, caller.user_id, plan, load=loader)
    conversations.publish_events(context, [event])
    return event
