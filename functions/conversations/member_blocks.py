"""Keeps a copy of blocks between members in the memberships of groups (`Member.apart`).

So publishing reads no blocks, only the memberships it needs anyway. The copy follows blocks and joins by the queue of
losses, with a short delay; pushes and presence, which must not wait for it, read the blocks themselves.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial

from conversations import store
from conversations.model import Member
from kernel import parallel
from log.api import ContactChanged, ConversationLost
from users import api as users

Change = tuple[str, str, bool]  # whose membership, the other member, and whether a block is between them


def update_pair(change: ContactChanged) -> None:
    """Note the present block between two people, or its absence, in all groups that both are in."""
    one, other = change.user_id, change.other_id
    apart = any(users.blocks_between(one, other))
    ours, theirs = parallel.mapped(store.conversations_of, [one, other])
    for conversation_id in sorted({*ours} & {*theirs} - {change.direct_id}):
        _save(conversation_id, [(one, other, apart), (other, one, apart)])


def update_newcomers(conversation_id: str, user_ids: Sequence[str] | None) -> None:
    """Note the blocks between new members of a group and all others; None if all members are new."""
    info = store.info(conversation_id)
    if info is None or info.kind != "group":
        return
    members = {each.user_id: each for each in store.members(conversation_id)}
    new = list(members) if user_ids is None else [each for each in user_ids if each in members]
    own = dict(zip(new, parallel.mapped(users.blocked_ids, new), strict=True))
    for user_id in new:
        others = [each for each in members.values() if each.user_id != user_id]
        theirs = users.blockers_among(user_id, [each.user_id for each in others if each.user_id not in own])
        theirs |= {each for each, blocked in own.items() if user_id in blocked}
        _save(conversation_id, _changes(members[user_id], others, own[user_id] | theirs))


def remove_departed(loss: ConversationLost) -> None:
    """Remove a former member from the notes of the remaining members."""
    if loss.user_id is not None and store.member(loss.conversation_id, loss.user_id) is None:
        noted = [each for each in store.members(loss.conversation_id) if loss.user_id in each.apart]
        _save(loss.conversation_id, [(each.user_id, loss.user_id, False) for each in noted])


def _changes(newcomer: Member, others: Iterable[Member], apart: set[str]) -> list[Change]:
    found: list[Change] = []
    for each in others:
        is_apart = each.user_id in apart
        if is_apart != (newcomer.user_id in each.apart):
            found.append((each.user_id, newcomer.user_id, is_apart))
        if is_apart != (each.user_id in newcomer.apart):
            found.append((newcomer.user_id, each.user_id, is_apart))
    return found


def _save(conversation_id: str, changes: Sequence[Change]) -> None:
    parallel.mapped(partial(_save_one, conversation_id), changes)


def _save_one(conversation_id: str, change: Change) -> None:
    user_id, other_id, apart = change
    store.note_apart(conversation_id, user_id, other_id, apart)
