"""What an invitation is worth, and when."""

from __future__ import annotations

from dataclasses import replace

import pytest

from invitations.model import REQUEST_LIFE_MS, Invitation, InvitationState, JoinRequest
from kernel.errors import Gone

LINK = Invitation("inv_1", "cnv_1", "hash", "usr_1", 1_000, 2_000, max_uses=3, needs_approval=False)


@pytest.mark.parametrize(
    ("link", "now", "state"),
    [
        (LINK, 1_999, "open"),
        (LINK, 2_000, "expired"),
        (replace(LINK, uses=2), 1_500, "open"),
        (replace(LINK, uses=3), 1_500, "used_up"),
        (replace(LINK, uses=3, max_uses=None), 1_500, "open"),
        (replace(LINK, revoked_at=1_200), 1_500, "revoked"),
        (replace(LINK, revoked_at=1_200, uses=3), 9_999, "revoked"),
    ],
)
def test_the_state_of_an_invitation_is_told_by_the_time_and_its_uses(
    link: Invitation, now: int, state: InvitationState
) -> None:
    assert link.state(now) == state
    if state == "open":
        link.require_open(now)
    else:
        with pytest.raises(Gone):
            link.require_open(now)


def test_a_request_lapses_after_thirty_days() -> None:
    request = JoinRequest("cnv_1", "usr_1", "inv_1", requested_at=1_000)
    assert request.is_pending(1_000 + REQUEST_LIFE_MS - 1)
    assert not request.is_pending(1_000 + REQUEST_LIFE_MS)
