"""Restores a stack's data to an earlier moment: `python -m infra.restore --at TIME [--stack NAME] [--go]`.

TIME is in RFC 3339, to the second: `2026-11-29T12:00:00Z`. Without `--go` nothing is changed: it prints for each table
whether it can be restored to that time, or why it is not restored. With `--go` DynamoDB restores each table under
another name (point-in-time recovery), and the differences are written into the stack's table, so that names, rights,
streams and time limits stay; items that came later are deleted. The copies are deleted at the end, unless `--keep` is
given. Files deleted after TIME are undeleted, because their bucket keeps versions.

`--only TABLE` (may be repeated) restores only these tables; `--missing` puts back missing items and changes no others.
`--on` starts recording the changes of a local stack's tables, `--off` ends it; in AWS they are always recorded.
docs/disaster-recovery.md says what to do before and after a restore.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from infra import chosen_stack
from infra.chosen_stack import client

BATCH, READS = 25, 100  # items of one BatchWriteItem, one BatchGetItem
TABLES_AT_ONCE = 8  # AWS restores up to 50 tables of an account at once
SEGMENTS = 4  # of a scan, each on its own thread
LOOK_EVERY_S = 2.0

# Tables that are not restored unless `--only` names them, and why.
LEFT: Mapping[str, str] = {
    "sessions": "a session that was ended would be live again",
    "one_time_tokens": "used codes would be valid again",
    "tickets": "they live for a minute",
    "connections": "it lists the sockets that are open now",
    "presence": "clients report it again",
    "watches": "clients subscribe again",
    "call_signals": "they live for a minute",
    "limits": "counted attempts would be forgotten",
    "idempotency": "it lives for a day",
    "follow_ups": "finished work would be repeated",
    "keyrings": "keys that were rotated away would be valid again",
}

Item = dict[str, Any]


@dataclass(frozen=True, slots=True)
class RestorableTable:
    """A table of the stack: `name` without the stack's prefix, `key` its key attributes, `earliest` and `latest` the
    limits of its point-in-time recovery (None without recovery)."""

    name: str
    full_name: str
    key: tuple[str, ...]
    items: int
    earliest: datetime | None
    latest: datetime | None

    def has(self, at: datetime) -> bool:
        return self.earliest is not None and self.latest is not None and self.earliest <= at <= self.latest


def tables(stack: str) -> list[RestorableTable]:
    """All tables of a stack by name; raises SystemExit if there are none."""
    dynamodb = client("dynamodb")
    pages = dynamodb.get_paginator("list_tables").paginate()
    full_names = sorted(name for page in pages for name in page["TableNames"])
    names = {name: full_name for full_name in full_names if (name := chosen_stack.own_part(stack, full_name))}
    if not names:
        raise SystemExit(f"there is no stack {stack} here, or it has no tables left (docs/disaster-recovery.md)")
    with ThreadPoolExecutor(TABLES_AT_ONCE) as threads:
        return list(threads.map(lambda each: _described(dynamodb, *each), names.items()))


def _described(dynamodb: Any, name: str, full_name: str) -> RestorableTable:
    about = dynamodb.describe_table(TableName=full_name)["Table"]
    backups = dynamodb.describe_continuous_backups(TableName=full_name)["ContinuousBackupsDescription"]
    recovery = backups.get("PointInTimeRecoveryDescription", {})
    earliest, latest = recovery.get("EarliestRestorableDateTime"), recovery.get("LatestRestorableDateTime")
    if earliest is not None:
        earliest = earliest.replace(microsecond=0)
    key = tuple(each["AttributeName"] for each in about["KeySchema"])
    return RestorableTable(name, full_name, key, about.get("ItemCount", 0), earliest, latest)


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result for a table: items written, items deleted, and items that were unchanged."""

    table: RestorableTable
    put: int
    deleted: int
    same: int
    seconds: float


def restore(table: RestorableTable, at: datetime, *, missing_only: bool = False, keep: bool = False) -> Outcome:
    """Restore one table; may be repeated at any time. Raises DynamoDB's errors."""
    began, dynamodb = time.monotonic(), client("dynamodb")
    copy = f"restored-{table.full_name}-{at:%Y%m%dT%H%M%S}"
    with suppress(dynamodb.exceptions.TableAlreadyExistsException):  # of an interrupted run
        dynamodb.restore_table_to_point_in_time(
            SourceTableName=table.full_name, TargetTableName=copy, RestoreDateTime=at
        )
    while dynamodb.describe_table(TableName=copy)["Table"]["TableStatus"] != "ACTIVE":
        time.sleep(LOOK_EVERY_S)
    with ThreadPoolExecutor(SEGMENTS) as threads:
        put, deleted, same = (
            sum(each)
            for each in zip(
                *threads.map(lambda n: _segment(table, copy, n, missing_only=missing_only), range(SEGMENTS)),
                strict=True,
            )
        )
    if not keep:
        dynamodb.delete_table(TableName=copy)
    return Outcome(table, put, deleted, same, time.monotonic() - began)


def _segment(table: RestorableTable, copy: str, number: int, *, missing_only: bool) -> tuple[int, int, int]:
    """Restore one segment of a table, page by page; returns the numbers written, deleted and unchanged."""
    put = deleted = same = 0
    for items in _pages(copy, number):
        there = _found(table, table.full_name, items)
        wrong = [each for each in items if _differs(each, there.get(_key(table, each)), missing_only=missing_only)]
        _write(table.full_name, [{"PutRequest": {"Item": each}} for each in wrong])
        put, same = put + len(wrong), same + len(items) - len(wrong)
    if not missing_only:
        for items in _pages(table.full_name, number):
            meant = _found(table, copy, items)
            later = [_key_of(table, each) for each in items if _key(table, each) not in meant]
            _write(table.full_name, [{"DeleteRequest": {"Key": each}} for each in later])
            deleted += len(later)
    return put, deleted, same


def _differs(item: Item, there: Item | None, *, missing_only: bool) -> bool:
    return there is None or (there != item and not missing_only)


def _key_of(table: RestorableTable, item: Item) -> Item:
    return {name: item[name] for name in table.key}


def _key(table: RestorableTable, item: Item) -> str:
    return repr(list(_key_of(table, item).values()))


def _pages(full_name: str, number: int) -> Iterator[list[Item]]:
    pages = (
        client("dynamodb")
        .get_paginator("scan")
        .paginate(TableName=full_name, ConsistentRead=True, Segment=number, TotalSegments=SEGMENTS)
    )
    return (page["Items"] for page in pages)


def _found(table: RestorableTable, full_name: str, items: Sequence[Item]) -> dict[str, Item]:
    """The items of this list that a table has, by key."""
    dynamodb = client("dynamodb")
    found: dict[str, Item] = {}
    for start in range(0, len(items), READS):
        keys = [_key_of(table, each) for each in items[start : start + READS]]
        wanted = {full_name: {"Keys": keys, "ConsistentRead": True}}
        while wanted:
            answer = dynamodb.batch_get_item(RequestItems=wanted)
            found |= {_key(table, each): each for each in answer["Responses"].get(full_name, ())}
            wanted = answer.get("UnprocessedKeys") or {}
    return found


def _write(full_name: str, writes: Sequence[Item]) -> None:
    dynamodb = client("dynamodb")
    for start in range(0, len(writes), BATCH):
        wanted = {full_name: list(writes[start : start + BATCH])}
        while wanted:
            wanted = dynamodb.batch_write_item(RequestItems=wanted).get("UnprocessedItems") or {}


def files(bucket: str, at: datetime) -> int:
    """Undo deletions of files since then; returns how many. Files whose versions were deleted are lost."""
    s3, found = client("s3"), 0
    for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket):
        for marker in page.get("DeleteMarkers", ()):
            if marker["IsLatest"] and marker["LastModified"] > at:
                s3.delete_object(Bucket=bucket, Key=marker["Key"], VersionId=marker["VersionId"])
                found += 1
    return found


def bucket_of(stack: str) -> str:
    """The bucket of a stack's files; raises SystemExit unless there is exactly one."""
    names: list[str] = [each["Name"] for each in client("s3").list_buckets()["Buckets"]]
    found = [name for name in names if re.fullmatch(rf"{re.escape(stack)}-drive-\d{{12}}", name)]
    if len(found) != 1:
        raise SystemExit(f"there is no one bucket {stack}-drive-…, but {len(found)}")
    return found[0]


def record(stack: str, *, on: bool = True) -> int:
    """Start or stop recording the changes of a local stack's tables; returns the number of tables."""
    dynamodb, found = client("dynamodb"), tables(stack)
    for table in found:
        dynamodb.update_continuous_backups(
            TableName=table.full_name, PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": on}
        )
    return len(found)


def run(stack: str, at: datetime, *, only: Sequence[str] = (), missing_only: bool = False, keep: bool = False) -> None:
    """Restore the tables and files of a stack, and print the results. Raises SystemExit before any change."""
    chosen = [each for each in _chosen(stack, only) if not _why_not(each, at, only)]
    with ThreadPoolExecutor(TABLES_AT_ONCE) as threads:
        outcomes = threads.map(lambda each: restore(each, at, missing_only=missing_only, keep=keep), chosen)
        for done in outcomes:
            line = f"  {done.table.name:18} {done.put:8} written {done.deleted:8} deleted {done.same:8} as they were"
            print(f"{line} {done.seconds:8.1f} s", flush=True)
    if not only:
        print(f"{files(bucket_of(stack), at)} deletions of files were taken back")


def _chosen(stack: str, only: Sequence[str]) -> list[RestorableTable]:
    found = tables(stack)
    if unknown := set(only) - {each.name for each in found}:
        raise SystemExit(f"there is no table {', '.join(sorted(unknown))}")
    return [each for each in found if not only or each.name in only]


def _why_not(table: RestorableTable, at: datetime, only: Sequence[str]) -> str:
    """Why a table is not restored; empty if it is. Raises SystemExit if it cannot be restored to that time."""
    if table.name not in only and table.name in LEFT:
        return LEFT[table.name]
    if not table.has(at):
        reach = f"{table.earliest:%FT%TZ} to {table.latest:%FT%TZ}" if table.earliest and table.latest else "nothing"
        raise SystemExit(f"{table.name} cannot be had from {at:%FT%TZ}: its recovery reaches {reach}")
    return ""


def told(stack: str, at: datetime, only: Sequence[str]) -> list[str]:
    """The effect of a restore, a line for each table."""
    lines = []
    for each in _chosen(stack, only):
        why = _why_not(each, at, only)
        lines.append(f"  {each.name:18} {f'left as it is: {why}' if why else f'{each.items} items now'}")
    return lines


def instant(text: str) -> datetime:
    found = datetime.fromisoformat(text.replace("Z", "+00:00")).replace(microsecond=0)
    if found.tzinfo is None:
        raise argparse.ArgumentTypeError("a time needs its zone, such as 2026-11-29T12:00:00Z")
    return found.astimezone(UTC)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="infra.restore", description="Brings data back to an earlier moment.")
    chosen_stack.add_option(parser)
    when = parser.add_mutually_exclusive_group(required=True)
    when.add_argument("--at", type=instant, help="the moment, in RFC 3339")
    when.add_argument("--on", action="store_true", help="record the tables of a local stack from now on")
    when.add_argument("--off", action="store_true", help="record them no more")
    parser.add_argument("--only", action="append", default=[], metavar="TABLE", help="this table; may be repeated")
    parser.add_argument("--missing", action="store_true", help="put back what is not there, change nothing else")
    parser.add_argument("--keep", action="store_true", help="leave the restored copies beside the tables")
    parser.add_argument("--go", action="store_true", help="do it")
    chosen = parser.parse_args(arguments)
    chosen_stack.use(chosen.stack)
    stack = os.environ["STACK_NAME"]
    if chosen.off and os.environ["ENVIRONMENT"] != "local":
        raise SystemExit("only a local stack may do without recovery")
    if chosen.on or chosen.off:
        print(f"{record(stack, on=chosen.on)} tables are recorded {'from now on' if chosen.on else 'no more'}")
    elif chosen.go:
        run(stack, chosen.at, only=chosen.only, missing_only=chosen.missing, keep=chosen.keep)
    else:
        print("\n".join(told(stack, chosen.at, chosen.only)))
        print("Nothing was changed: stop what writes first (docs/disaster-recovery.md), then add --go.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
