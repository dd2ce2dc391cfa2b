"""Runs last: checks which routes all other tests have called successfully."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.ai_providers import has_transcriptions
from tests.e2e.people import Town

# Routes that cannot succeed on the local stack, with the reason.
CANNOT = {
    "POST /users/me/restore": "the grace of an erasure is 0 days here",
}
TRANSCRIPTIONS = {"POST /ai/transcriptions", "GET /ai/jobs/{job_id}"}  # only if the stack has transcriptions


def test_every_route_has_answered_with_success_and_as_the_document_says(
    town: Town, endpoints: dict[str, str], request: pytest.FixtureRequest
) -> None:
    """The agreement of each answer with the document was checked when it arrived."""
    chosen = {item.path for item in request.session.items}
    if left_out := {path.name for path in Path(__file__).parent.glob("test_*.py")} - {path.name for path in chosen}:
        pytest.skip(f"only some of the tests run: without {', '.join(sorted(left_out))} not every route is called")
    cannot = CANNOT.keys() if has_transcriptions(endpoints) else CANNOT.keys() | TRANSCRIPTIONS
    assert town.answers.routes - town.answers.succeeded == cannot
