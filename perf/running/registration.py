"""People of the running local cloud, registered by another process while the counts are made.

Registering takes 0.2 s of a processor for each, most of it the hash of the password. Counting needs one processor and
measures the CPU time of its own process, so the other one is free meanwhile.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterable

from perf.effort import Effort
from perf.pushes import push_delay, push_queue
from perf.running import live
from perf.running.load_clients import Http, LoadPerson, in_parallel, keep_ready, newcomer
from perf.template import ROOT


class Registration:
    """A process that registers people, as many as the parts of these names ask for."""

    def __init__(self, http_url: str, names: Iterable[str], effort: Effort) -> None:
        needed = {
            "push_queue": 1 + push_queue.PEOPLE,
            "push_delay": 1 + push_delay.messages(effort),
            "live": live.PEOPLE,
        }
        count = sum(needed.get(name, 0) for name in names)
        self._http_url = http_url
        command = [sys.executable, "-m", "perf.running.registration", http_url, str(count)]
        self._process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)

    def arrive(self) -> None:
        """Wait until all are registered; the parts then get them as their newcomers.

        Raises subprocess.CalledProcessError if the process failed.
        """
        told, _ = self._process.communicate()
        if self._process.returncode:
            raise subprocess.CalledProcessError(self._process.returncode, self._process.args)
        keep_ready(LoadPerson(Http(self._http_url), *each) for each in json.loads(told))

    def close(self) -> None:
        """End the process if it still runs."""
        self._process.kill()
        self._process.wait()


async def _register(http_url: str, count: int) -> list[tuple[str, str, str]]:
    people: list[LoadPerson] = await in_parallel(count, lambda _: newcomer(http_url), width=2)
    return [(each.id, each.token, each.username) for each in people]


if __name__ == "__main__":
    print(json.dumps(asyncio.run(_register(sys.argv[1], int(sys.argv[2])))))
