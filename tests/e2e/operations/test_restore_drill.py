"""The short restore drill (R47): data are destroyed and restored, and nothing acknowledged is missing."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests import drill
from tests.e2e.people import Person, Town
from tests.e2e.tools import eventually, operators_client


def _caught_up(endpoints: dict[str, str], who: Person, wanted: str) -> bool:
    """Whether the consumers of the streams have handled this message, and no queue has a backlog."""
    if not who.ok("GET", "/search", params={"q": wanted})["items"]:
        return False
    sqs, waiting = operators_client(endpoints, "sqs"), "ApproximateNumberOfMessages"
    urls = sqs.list_queues(QueueNamePrefix=f"{endpoints['stack']}-")["QueueUrls"]
    of_work = [url for url in urls if not url.endswith("-dead")]
    counts = [sqs.get_queue_attributes(QueueUrl=url, AttributeNames=[waiting])["Attributes"] for url in of_work]
    return not any(int(each[waiting]) for each in counts)


def test_what_was_acknowledged_before_the_damage_is_there_after_the_restore(
    town: Town, endpoints: dict[str, str], endpoints_file: Path
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
    # and when the consumers have handled the restored rows, the stack is as fast as before
    ada, bob = town.people("ada", "bob")
    ada.send(ada.direct_with(bob), "afterwards")
    eventually(lambda: _caught_up(endpoints, bob, "afterwards"), within_s=120, every_s=0.5)
