"""Runs after all other end-to-end tests, in a process of its own: which routes they have called successfully."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.e2e.api.ai_providers import has_transcriptions
from tests.e2e.people import Town

# Routes that cannot succeed on the local stack, with the reason.
CANNOT = {
    "POST /users/me/restore": "the grace of an erasure is 0 days here",
}
TRANSCRIPTIONS = {"POST /ai/transcriptions", "GET /ai/jobs/{job_id}"}  # only if the stack has transcriptions


def test_every_route_has_answered_with_success_and_as_the_document_says(
    town: Town, endpoints: dict[str, str], succeeded: Path
) -> None:
    """The agreement of each answer with the document was checked when it arrived."""
    if "SC_ALL_HAVE_RUN" not in os.environ:
        pytest.skip("only after all other end-to-end tests every route has been called: make test")
    cannot = CANNOT.keys() if has_transcriptions(endpoints) else CANNOT.keys() | TRANSCRIPTIONS
    assert town.answers.routes - set(succeeded.read_text().splitlines()) == cannot
