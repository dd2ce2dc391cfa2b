"""Every answer agrees with the served document, whatever the request (R41): Schemathesis makes the calls.

A seed makes the same calls each time, except for ids that it finds in answers and requests again. `make conformance`
makes ten times as many, with another seed. Operations that would end the session of the calls are left out.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.e2e.people import Town

SCHEMATHESIS = Path(sys.executable).parent / "schemathesis"
# All of its checks but two: a body may fit the schema and not be acceptable (a used token, a common password, bytes
# that are no message of MLS), and what each route answers without a token is in the authorisation matrix.
LEFT_OUT = ("positive_data_acceptance", "ignored_auth")
EXAMPLES = int(os.environ.get("SC_EXAMPLES", "3"))
SEED = os.environ.get("SC_SEED", "1")
ENDING = ("POST /auth/logout", "POST /auth/logout-all", "DELETE /auth/sessions/{session_id}", "DELETE /users/me")
# One operation at a time: Hypothesis reads source files in threads, which makes CPython 3.11 raise SystemError at
# times.
WORKERS = 1
# Below an account's rate limit, so that answers come from the routes and not from the limit.
RATE = "1100/m"
# A cold start on a busy machine is no failure.
PATIENCE_S = 60


def test_every_answer_is_as_the_served_document_says(town: Town, tmp_path: Path) -> None:
    caller = town.person("schema")
    command = [
        *(str(SCHEMATHESIS), "run", f"{town.http_url}/openapi.json", "--url", town.http_url),
        *("--header", f"Authorization: Bearer {caller.tokens['access_token']}"),
        *("--phases", "fuzzing", "--max-examples", str(EXAMPLES), "--seed", str(SEED), "--checks", "all"),
        *("--exclude-checks", ",".join(LEFT_OUT)),
        *("--continue-on-failure", "--no-shrink", "--workers", str(WORKERS), "--request-timeout", str(PATIENCE_S)),
        *("--suppress-health-check", "all", "--warnings", "off", "--rate-limit", RATE),
    ]
    for name in ENDING:
        command += ["--exclude-name", name]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    # if the run had ended its own session, every call would have been refused and nothing tested
    assert caller.get("/users/me").status_code == 200
