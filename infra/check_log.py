"""Checks that each conversation's log is complete: `python -m infra.check_log [--stack NAME] [--mend]`.

Sequence numbers must be 1 to n without a gap, where n is the number in the log's head. After a restore the head may be
one event off, because DynamoDB restores tables to the same second, not to the same transaction; then the next message
is refused. `--mend` sets such a head to the last event of its log. A gap is reported and cannot be repaired: clients
skip it.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from infra import chosen_stack

HEAD = "head"


@dataclass(frozen=True, slots=True)
class Log:
    """The stored state of a conversation's log: the number in its head, its last event, missing sequence numbers."""

    conversation_id: str
    head: int
    last: int
    gaps: tuple[int, ...]

    @property
    def whole(self) -> bool:
        return not self.gaps and self.head == self.last

    def __str__(self) -> str:
        missing = f", without {', '.join(map(str, self.gaps[:5]))}{' …' if len(self.gaps) > 5 else ''}"
        return f"{self.conversation_id}: head {self.head}, events to {self.last}{missing if self.gaps else ''}"


def logs() -> Iterator[Log]:
    """The log of every conversation, read key by key."""
    from kernel.config import config

    for each in _all("scan", TableName=config().table("conversations")):
        if each["part"]["S"] != HEAD:
            continue
        of = each["conversation_id"]["S"]
        found = [
            int(event["seq"]["N"])
            for event in _all(
                "query",
                TableName=config().table("events"),
                KeyConditionExpression="conversation_id = :of",
                ExpressionAttributeValues={":of": {"S": of}},
                ProjectionExpression="seq",
                ConsistentRead=True,
            )
        ]
        last = max(found, default=0)
        missing = tuple(sorted(set(range(1, last + 1)) - set(found)))
        yield Log(of, int(each["last_seq"]["N"]), last, missing)


def _all(operation: str, **asked: Any) -> Iterator[dict[str, Any]]:
    from kernel import aws

    for page in aws.client("dynamodb").get_paginator(operation).paginate(**asked):
        yield from page["Items"]


def mend(log: Log) -> None:
    """Set the head to the last event; raises DynamoDB's error if the head has moved since."""
    from kernel import aws
    from kernel.config import config

    aws.client("dynamodb").update_item(
        TableName=config().table("conversations"),
        Key={"conversation_id": {"S": log.conversation_id}, "part": {"S": HEAD}},
        UpdateExpression="SET last_seq = :last",
        ConditionExpression="last_seq = :seen",
        ExpressionAttributeValues={":last": {"N": str(log.last)}, ":seen": {"N": str(log.head)}},
    )


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="infra.check_log", description="Looks whether each log is whole.")
    chosen_stack.add_option(parser)
    parser.add_argument("--mend", action="store_true", help="have heads that are off point to the last event")
    chosen = parser.parse_args(arguments)
    chosen_stack.use(chosen.stack)
    found = list(logs())
    broken = [each for each in found if not each.whole]
    for each in broken:
        can = chosen.mend and each.head != each.last and each.last > 0
        if can:
            mend(each)
        print(f"  {each}{': mended' if can else ''}")
    print(f"{len(found) - len(broken)} of {len(found)} logs of {os.environ['STACK_NAME']} are whole")
    return 1 if broken and not chosen.mend else 0


if __name__ == "__main__":
    sys.exit(main())
