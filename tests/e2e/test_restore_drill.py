"""The restore drill in its short form (R47): data are lost and brought back, and nothing acknowledged is missing."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests import drill


def test_what_was_acknowledged_before_the_damage_is_there_after_the_restore(
    endpoints: dict[str, str], endpoints_file: Path
) -> None:
    report = drill.play(endpoints, seconds=3.0, people=2, files=2)
    assert report.passed, report
    assert report.acknowledged > report.lost
    done = subprocess.run(
        [sys.executable, "-m", "infra.check_log"],
        env=os.environ | {"SC_ENDPOINTS": str(endpoints_file)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
