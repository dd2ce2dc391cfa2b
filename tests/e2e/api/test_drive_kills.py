"""Uploads by the client package whose process is killed: the next process sends the missing parts (R32)."""

from __future__ import annotations

import hashlib
import os
import random
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from secureconnect_client.api.drive import PARALLEL_PARTS
from tests.e2e import drive
from tests.e2e.people import Town
from tests.tools import ROOT

MIB = drive.MIB
PART_BYTES = 5 * MIB
FIRST_SEED = int(os.environ.get("SC_KILL_SEED", "1"))
KILLS = int(os.environ.get("SC_KILLS", "2"))


@dataclass
class _Run:
    """The reports of one process: bytes sent, bytes stored at the beginning and at the end, the file."""

    sent: int = 0
    began_with: int | None = None
    there: int = 0
    file_id: str = ""
    code: int | None = None


def _run(arguments: list[str], kill_when: Callable[[_Run], bool] = lambda run: False) -> _Run:
    run = _Run()
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-m", "tests.e2e.api.uploader", *arguments]
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        for line in process.stdout:
            what, _, value = line.strip().partition(" ")
            if what == "sent":
                run.sent = int(value)
            elif what == "there":
                run.there = int(value)
                run.began_with = run.there if run.began_with is None else run.began_with
            else:
                run.file_id = value
            if kill_when(run):
                process.send_signal(signal.SIGKILL)
                kill_when = lambda run: False  # noqa: E731 - once
    run.code = process.returncode
    return run


@pytest.mark.parametrize("seed", range(FIRST_SEED, FIRST_SEED + KILLS))
def test_an_upload_that_is_killed_at_random_is_finished_by_the_next_process(
    town: Town, tmp_path: Path, seed: int
) -> None:
    """Repeat one seed with: SC_KILL_SEED=… SC_KILLS=1."""
    rng, who = random.Random(seed), town.person("killed")
    content = rng.randbytes(rng.randint(24 * MIB, 40 * MIB))
    path = tmp_path / "large.bin"
    path.write_bytes(content)
    moment = rng.uniform(0.2, 0.7) * len(content)
    arguments = [town.http_url, str(tmp_path / "store.db"), who.username, str(path), f"killed-{seed}"]

    killed = _run(arguments, lambda run: run.there > 0 and run.sent >= moment)
    assert (killed.code, killed.file_id) == (-signal.SIGKILL, "")
    finished = _run(arguments)

    assert finished.code == 0
    kept = finished.began_with
    assert kept is not None
    assert kept >= killed.there > 0
    on_the_way = killed.sent - kept
    assert 0 <= on_the_way <= PARALLEL_PARTS * PART_BYTES
    assert killed.sent + finished.sent < 1.1 * len(content) + on_the_way
    file = drive.settled(who, finished.file_id)
    assert (file["state"], file["sha256"]) == ("ready", hashlib.sha256(content).hexdigest())
    assert drive.download(who, finished.file_id).content == content
    usage = who.ok("GET", "/drive/usage")
    assert (usage["used"], usage["reserved"]) == (len(content), 0)
