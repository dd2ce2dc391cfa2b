"""Runs MiniStack with the corrections of parity_*: `python -m infra.local.cloud --home=<directory>`.

The argument shows in process lists to whom the process belongs; its settings come from the environment.
"""

import sys
from pathlib import Path

from infra.local import (
    parity_backups,
    parity_blobs,
    parity_http,
    parity_keys,
    parity_limits,
    parity_rights,
    parity_sockets,
    parity_stacks,
    parity_starts,
    parity_streams,
    parity_workers,
    serving,
    speed,
    speed_tables,
    speed_threads,
    status_page,
)

HOME = "--home="


def main() -> None:
    parity_workers.apply()
    parity_starts.apply()
    parity_sockets.apply()
    parity_stacks.apply()
    parity_streams.apply()
    parity_blobs.apply()
    parity_limits.apply()
    parity_http.apply()
    parity_keys.apply()
    parity_backups.apply()
    speed.apply()
    speed_tables.apply()
    speed_threads.apply()
    home = Path(next(each for each in sys.argv if each.startswith(HOME)).removeprefix(HOME))
    parity_rights.apply(home / "calls.jsonl")
    status_page.apply(home)
    serving.serve()


if __name__ == "__main__":
    main()
