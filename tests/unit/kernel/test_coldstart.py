"""A function collects no garbage while it starts, and does so from the end of its first call on."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
FIRST_CALL = """
import gc, sys
import kernel.telemetry

def tell(*states):
    print(*states, file=sys.stderr)
tell(gc.isenabled(), gc.get_freeze_count())
try:
    with kernel.telemetry.call("first", None):
        tell(gc.isenabled())
        raise ValueError
except ValueError:
    tell(gc.isenabled(), gc.get_freeze_count() > 1000)
"""


def told(**environment: str) -> list[str]:
    paths = os.pathsep.join(str(ROOT / path) for path in ("layers/shared", "functions"))
    kept = {name: value for name, value in os.environ.items() if name != "LAMBDA_TASK_ROOT"}
    ran = subprocess.run(
        [sys.executable, "-c", FIRST_CALL],
        env={**kept, "PYTHONPATH": paths, **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    return ran.stderr.splitlines()


pytestmark = pytest.mark.usefixtures("settings")


def test_in_lambda_it_begins_with_the_end_of_the_first_call_even_one_that_failed() -> None:
    assert told(LAMBDA_TASK_ROOT="/var/task") == ["False 0", "False", "True True"]


def test_elsewhere_nothing_is_changed() -> None:
    assert told() == ["True 0", "True", "True False"]
