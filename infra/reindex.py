"""Rebuilds the search index from the log: `python -m infra.reindex --stack NAME`, see docs/runbooks/search.md.

It runs while the system is in use, and may be stopped and repeated at any time: it brings each message's item up to
date the way the stream's consumer does.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from datetime import datetime
from itertools import islice

from infra import chosen_stack

BATCH = 100


def rebuild(conversation_id: str | None, since: int, *, rate: int) -> int:
    """Index every message of the log, or of one conversation, sent since then (ms), at most `rate` a second."""
    from messages.erasing import expiry_store
    from search import indexing

    seen, started = 0, time.monotonic()
    messages = expiry_store.every_message(conversation_id, since=since)
    while places := list(islice(messages, BATCH)):
        indexing.index(places)
        seen += len(places)
        time.sleep(max(0.0, seen / rate - (time.monotonic() - started)))
        if seen % (BATCH * 100) == 0:
            print(f"{seen} messages", file=sys.stderr, flush=True)
    return seen


def _instant(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp() * 1_000)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="infra.reindex", description="Rebuilds the search index from the log.")
    chosen_stack.add_option(parser)
    parser.add_argument("--conversation", help="only this one")
    parser.add_argument("--since", type=_instant, default=0, help="only messages sent since this RFC 3339 time")
    parser.add_argument("--rate", type=int, default=1_000, help="messages per second at most (default: %(default)s)")
    chosen = parser.parse_args(arguments)
    chosen_stack.use(chosen.stack)
    print(f"{rebuild(chosen.conversation, chosen.since, rate=chosen.rate)} messages are indexed")
    return 0


if __name__ == "__main__":
    sys.exit(main())
