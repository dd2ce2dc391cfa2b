"""`python -m tests.drill [--seconds S] [--running]`: the restore drill (R47), on the local cloud of the tests.

People chat with files while a clock notes each write that was acknowledged. Then rows of every table that is brought
back are deleted or spoiled and the files deleted, as an operator's mistake would. `infra.restore` brings the stack
back to the second before it; what was acknowledged before is looked for through the API. It prints how much was lost
(RPO) and how long it took until people could sign in, read and write (RTO), and ends with 1 if either is too much.

Simulated is DynamoDB's recovery: the local cloud keeps changes in memory (infra/local/parity/backups.py). That the
command does what it should is proved; that AWS restores a table within the time is AWS's word.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import secrets
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from infra.local import config
from infra.local.down import down
from infra.local.up import up
from tests.e2e import drive
from tests.e2e.people import Person, Town
from tests.e2e.tools import everything, log_of, operators_client

RPO_MAX_S, RTO_MAX_S = 300, 3600
DELETED = ("events", "members", "credentials", "drive")  # of their rows every other one
SPOILED = {"users": "display_name", "events": "text"}  # the text of those that are left
SHARE = 2


@dataclass
class Chat:
    """A group, what was acknowledged in it (when, and the text, by seq), and its files' bytes by id."""

    people: list[Person]
    group: str
    acknowledged: dict[int, tuple[float, str]] = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)

    def write(self, until: threading.Event) -> None:
        """Send messages, each person one after the other, until it is over or fails."""
        number = 0
        while not until.is_set():
            text = f"message {number} {secrets.token_hex(4)}"
            sender = self.people[number % len(self.people)]
            body = {"client_id": secrets.token_hex(8), "text": text}
            answer = sender.post(f"/conversations/{self.group}/messages", body)
            if answer.status_code != 201:
                return
            self.acknowledged[answer.json()["seq"]] = (time.time(), text)
            number += 1


@dataclass(frozen=True, slots=True)
class Report:
    """What a drill has shown; times in seconds."""

    rpo_s: float
    rto_s: float
    acknowledged: int
    lost: int
    wrong: list[str]

    @property
    def passed(self) -> bool:
        return not self.wrong and self.rpo_s <= RPO_MAX_S and self.rto_s <= RTO_MAX_S

    def __str__(self) -> str:
        lines = [
            f"RPO {self.rpo_s:.1f} s (at most {RPO_MAX_S}): {self.lost} of {self.acknowledged} acknowledged messages "
            "came after the moment that was gone back to",
            f"RTO {self.rto_s:.1f} s (at most {RTO_MAX_S}): from the order to restore until people signed in, read "
            "and wrote",
            *(f"wrong: {each}" for each in self.wrong),
            "passed" if self.passed else "FAILED",
        ]
        return "\n".join(lines)


def play(endpoints: Mapping[str, str], *, seconds: float, people: int = 4, files: int = 4) -> Report:
    """A drill on a stack, whose data are as before at its end, but for the last second before the damage."""
    with contextlib.closing(Town(endpoints)) as town:
        _operate(endpoints, "--on")
        chat = _a_chat(town, people, files)
        over = threading.Event()
        with ThreadPoolExecutor(1) as threads:
            writing = threads.submit(chat.write, over)
            time.sleep(seconds)
            damaged_at = time.time()
            damage(endpoints)
            over.set()
            writing.result()
        at = datetime.fromtimestamp(int(damaged_at), UTC)
        began = time.monotonic()
        _operate(endpoints, "--at", at.isoformat(), "--go")
        wrong = _wrong(chat, at.timestamp())
        rto_s = time.monotonic() - began
        _operate(endpoints, "--off")
    lost = [when for when, _ in chat.acknowledged.values() if when > at.timestamp()]
    rpo_s = damaged_at - min(lost) if lost and min(lost) < damaged_at else 0.0
    return Report(rpo_s, rto_s, len(chat.acknowledged), len(lost), wrong)


def _a_chat(town: Town, people: int, files: int) -> Chat:
    members = [town.person(f"drill{n}") for n in range(people)]
    chat = Chat(members, members[0].group_with(*members[1:]))
    for n in range(files):
        content = secrets.token_bytes(2_000 * (n + 1))
        file = drive.upload(
            members[0], content, name=f"file{n}.bin", content_type=drive.BYTES, conversation_id=chat.group
        )
        chat.files[file["id"]] = content
        members[0].send(chat.group, f"file {n}", attachment_ids=[file["id"]])
    return chat


def damage(endpoints: Mapping[str, str]) -> None:
    """Delete every other row of some tables, spoil the texts of what is left, and delete the files."""
    dynamodb, s3 = operators_client(endpoints, "dynamodb"), operators_client(endpoints, "s3")
    for name in DELETED:
        table = f"{endpoints['stack']}-{name}"
        for item in _rows(dynamodb, table)[::SHARE]:
            dynamodb.delete_item(TableName=table, Key=_key(dynamodb, table, item))
    for name, attribute in SPOILED.items():
        table = f"{endpoints['stack']}-{name}"
        for item in _rows(dynamodb, table):
            dynamodb.put_item(TableName=table, Item={**item, attribute: {"S": "spoiled"}})
    bucket = _bucket(s3, endpoints["stack"])
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket):
        for each in page.get("Contents", ()):
            s3.delete_object(Bucket=bucket, Key=each["Key"])


def _bucket(s3: Any, stack: str) -> str:
    """The bucket of the stack's files."""
    names: list[str] = [each["Name"] for each in s3.list_buckets()["Buckets"]]
    (found,) = (name for name in names if name.startswith(f"{stack}-drive-"))
    return found


def _rows(dynamodb: Any, table: str) -> list[dict[str, Any]]:
    pages = dynamodb.get_paginator("scan").paginate(TableName=table, ConsistentRead=True)
    return [item for page in pages for item in page["Items"]]


def _key(dynamodb: Any, table: str, item: Mapping[str, Any]) -> dict[str, Any]:
    schema = dynamodb.describe_table(TableName=table)["Table"]["KeySchema"]
    return {each["AttributeName"]: item[each["AttributeName"]] for each in schema}


def _operate(endpoints: Mapping[str, str], *words: str) -> None:
    """`infra.restore` as an operator runs it."""
    environment = os.environ | {
        "ENVIRONMENT": "local",
        "AWS_ENDPOINT_URL": endpoints["aws_endpoint_url"],
        "AWS_REGION": endpoints["region"],
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
    }
    command = [sys.executable, "-m", "infra.restore", "--stack", endpoints["stack"], *words]
    subprocess.run(command, cwd=config.ROOT, env=environment, check=True)


def _wrong(chat: Chat, at: float) -> list[str]:
    """What is not as it was acknowledged before the moment, seen through the API by people who sign in anew."""
    found: list[str] = []
    first, *others = [each.another_session() for each in chat.people]
    events = log_of(first, chat.group)
    sequences = [each["seq"] for each in events]
    if sequences != list(range(1, len(events) + 1)):
        found.append(f"the log has gaps: {sequences}")
    texts = {each["seq"]: each["data"].get("text") for each in events if each["type"] == "message.created"}
    for seq, (when, text) in chat.acknowledged.items():
        if when <= at and texts.get(seq) != text:
            found.append(f"event {seq} is {texts.get(seq)!r}, not {text!r}")
    members = {each["user"]["id"] for each in everything(first, f"/conversations/{chat.group}/members")}
    if members != {each.id for each in chat.people}:
        found.append(f"members are {members}")
    for file_id, content in chat.files.items():
        for who in (first, *others):
            answer = drive.download(who, file_id)
            if answer.content != content:
                found.append(f"file {file_id}: {answer.status_code}, {len(answer.content)} bytes")
    found += [f"{each.username} has lost their name" for each in chat.people if _name_of(each) == "spoiled"]
    sent = first.send(chat.group, "after the restore")
    if sent["seq"] != len(events) + 1:
        found.append(f"the next message got {sent['seq']} after {len(events)} events")
    return found


def _name_of(who: Person) -> str:
    return str(who.another_session().ok("GET", "/users/me")["display_name"])


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="drill", description="Loses the data of a stack and brings them back.")
    parser.add_argument("--seconds", type=float, default=20.0, help="how long people write before the damage")
    parser.add_argument("--running", action="store_true", help="use the test instance that is up, and leave it so")
    chosen = parser.parse_args(arguments)
    instance = config.instance("test")
    if not chosen.running:
        up(instance)
    try:
        report = play(json.loads(instance.endpoints_file.read_text()), seconds=chosen.seconds, people=6, files=12)
    finally:
        if not chosen.running:
            down(instance)
    print(report)
    return 0 if report.passed else 1


if __name__ == "__main__":
    sys.exit(main())
