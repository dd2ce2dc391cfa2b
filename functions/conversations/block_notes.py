"""Notes in direct conversations that a block stands between their two: follow-up work of a block and of its end."""

from __future__ import annotations

from conversations import service
from kernel import after_commit, clock
from kernel.after_commit import FollowUp
from log import api as log
from users import api as users

NOTE_BLOCK = "note_block"


def note_of_block(blocker_id: str, blocked_id: str, blocked: bool) -> FollowUp:
    """What has to follow a block, or its end."""
    return FollowUp.of(NOTE_BLOCK, {"blocker_id": blocker_id, "blocked_id": blocked_id, "blocked": blocked})


def _note(work: after_commit.Work) -> None:
    """Note what was asked for; where the two were asked for at once, or this comes late, what stands now.

    Then whoever keeps what stood on their contact is told.
    """
    blocker_id, blocked_id = work["blocker_id"], work["blocked_id"]
    direct_id = service.note_block(blocker_id, blocked_id, work["blocked"])
    stands, _ = users.blocks_between(blocker_id, blocked_id)
    if stands != work["blocked"]:
        service.note_block(blocker_id, blocked_id, stands)
    log.enqueue_loss(log.ContactChanged(blocker_id, blocked_id, stands, direct_id, clock.now()))


after_commit.register(NOTE_BLOCK, _note)
