"""`python -m infra.local.cloud --home=<directory>`: runs MiniStack, corrected by `parity` and accelerated by `speed`.

The argument shows in process lists to whom the process belongs; its settings come from the environment.
"""

import sys
from pathlib import Path

from infra.local import serving, status_page
from infra.local.parity import backups, blobs, http, keys, limits, rights, sockets, stacks, starts, streams, workers
from infra.local.speed import requests, tables, threads

HOME = "--home="


def main() -> None:
    workers.apply()
    starts.apply()
    sockets.apply()
    stacks.apply()
    streams.apply()
    blobs.apply()
    limits.apply()
    http.apply()
    keys.apply()
    backups.apply()
    requests.apply()
    tables.apply()
    threads.apply()
    home = Path(next(each for each in sys.argv if each.startswith(HOME)).removeprefix(HOME))
    rights.apply(home / "calls.jsonl")
    status_page.apply(home)
    serving.serve()


if __name__ == "__main__":
    main()
