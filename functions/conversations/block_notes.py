"""Notes of blocks in direct conversations (`ConversationInfo.blocked_by`): follow-up work of a block and its end."""

from __future__ import annotations

from conversations import service
from kernel import after_commit, clock
from kernel.after_commit import FollowUp
from log import api as log
from users import api as users

NOTE_BLOCK = "note_block"


def note_of_block(blocker_id: str, blocked_id: str, blocked: bool) -> FollowUp:
    """The follow-up work of a block, or of its end."""
    return FollowUp.of(NOTE_BLOCK, {"blocker_id": blocker_id, "blocked_id": blocked_id, "blocked": blocked})


def _note(work: after_commit.Work) -> None:
    """Note the requested state, then the present one if it differs, as this may run late or concurrently.

    Then enqueue the loss of contact for the domains that depend on it.
    """
    blocker_id, blocked_id = work["blocker_id"], work["blocked_id"]
    direct_id = service.note_block(blocker_id, blocked_id, work["blocked"])
    blocks, _ = users.blocks_between(blocker_id, blocked_id)
    if blocks != work["blocked"]:
        service.note_block(blocker_id, blocked_id, blocks)
    log.enqueue_loss(log.ContactChanged(blocker_id, blocked_id, blocks, direct_id, clock.now()))


after_commit.register(NOTE_BLOCK, _note)
