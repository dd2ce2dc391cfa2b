"""Every answer is as the served document says, whatever is asked (R41): Schemathesis makes the calls.

With its seed the calls are the same each time, but for ids that it finds in answers and asks for again. `make
conformance` makes ten times as many, of another seed. Not called is what would end the session of the calls.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.e2e.people import Town

SCHEMATHESIS = Path(sys.executable).parent / "schemathesis"
CHECKS = ("not_a_server_error", "status_code_conformance", "content_type_conformance", "response_schema_conformance")
EXAMPLES = int(os.environ.get("SC_EXAMPLES", "3"))
SEED = os.environ.get("SC_SEED", "1")
ENDING = ("POST /auth/logout", "POST /auth/logout-all", "DELETE /auth/sessions/{session_id}", "DELETE /users/me")
# One operation at a time: Hypothesis reads sources in threads, which CPython 3.11 answers with SystemError at times.
WORKERS = 1
# Less than an account may call, so that answers are of the routes and not of their limit.
RATE = "1100/m"
# A cold start on a busy machine is no failure.
PATIENCE_S = 60


def test_every_answer_is_as_the_served_document_says(town: Town, tmp_path: Path) -> None:
    caller = town.person("schema")
    command = [
        *(str(SCHEMATHESIS), "run", f"{town.http_url}/openapi.json", "--url", town.http_url),
        *("--header", f"Authorization: Bearer {caller.tokens['access_token']}"),
        *("--phases", "fuzzing", "--max-examples", str(EXAMPLES), "--seed", str(SEED), "--checks", ",".join(CHECKS)),
        *("--continue-on-failure", "--no-shrink", "--workers", str(WORKERS), "--request-timeout", str(PATIENCE_S)),
        *("--suppress-health-check", "all", "--warnings", "off", "--rate-limit", RATE),
    ]
    for name in ENDING:
        command += ["--exclude-name", name]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    # a run that ended its own session would have been refused everywhere, and tried nothing
    assert caller.get("/users/me").status_code == 200
