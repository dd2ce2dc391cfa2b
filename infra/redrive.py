"""Shows dead letters, and retries them: `python -m infra.redrive QUEUE [--stack NAME] [--go] [--kind KIND]`.

QUEUE is the name of the dead-letter queue without the stack's prefix and without `-dead`: `push`, `notifications`,
`mail` … Without `--go` nothing is changed: it prints how many messages are in the dead-letter queue, their kinds, the
age of the oldest, and the effect of a retry. With `--go` they are put back into their queue (jobs of the fan-out into
the queue of their kind), only those of one kind if `--kind` names it. Messages that came from no queue (`dispatch`,
`drive`, `schedules`) are calls and are made again. Messages whose retry fails stay. Without `--stack` it uses the local
stack.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from infra import chosen_stack

CALLED = ("dispatch", "drive", "schedules")  # their dead letters are failed calls, not messages of a queue
SEEN_S = 60  # messages are hidden from others for this long, in case this process ends before `let_go`

# The effect of a retry on the messages of each queue.
EXPLAINED: Mapping[str, str] = {
    "push": "each device gets a push once, because its deliveries are kept for 15 days. Pushes of messages that are "
    "older than a day or were read meanwhile, and rings that are over, are dropped.",
    "notifications": "each notice is in a person's list once, because its id stays the same. Notices older than a day "
    "cause no push.",
    "follow": "people are notified according to their present settings and rights; events that they have seen, or that "
    "are a day old, cause no push.",
    "mail": "each e-mail is sent again even if it was sent before. Links past their time limit are refused.",
    "fanout": "frames are sent that clients have long read from the log: harmless, but useless. Erasures, closing of "
    "sockets and requests to sync are done; these kinds go back into queues of their own.",
    "losses": "activities that needed a lost right end; activities that began since then go on.",
    "dispatch": "subscribers get these changes again, as long as the stream still has them (24 hours).",
    "drive": "the intake of files begins, and sweeps look for due work; the next sweep does the same by itself.",
    "schedules": "the sweeps look for due work, as the next ones do by themselves.",
    "assistant": "answers are generated that people have long asked for again: purge the queue instead.",
    "meaning": "messages are indexed as they are now.",
    "moderation": "messages are checked as they are now, and reported once.",
    "search": "messages are indexed as they are now.",
}
NO_STORY = "their handler tolerates repetition (R25)."


@dataclass(frozen=True, slots=True)
class Dead:
    """A message of a dead-letter queue. `sent_at` in ms; `kind` names its purpose without personal data."""

    body: str
    receipt: str
    message_id: str
    sent_at: int
    target_arn: str = ""  # the target that EventBridge could not call, and the error
    reason: str = ""

    @property
    def letter(self) -> dict[str, Any] | None:
        """The body as a JSON object; None if it is not one."""
        try:
            found = json.loads(self.body)
        except ValueError:
            return None
        return found if isinstance(found, dict) else None

    @property
    def kind(self) -> str:
        found = self.letter
        if found is None:
            return "unreadable"
        if self.target_arn or "requestContext" in found:
            from infra import calling_again

            return calling_again.told(found, self.target_arn, self.reason)
        if people := found.get("people"):
            return "+".join(sorted(set(people.values())))
        return str(found.get("kind") or found.get("do") or found.get("job") or found.get("type") or "message")


def _client() -> Any:
    from kernel import aws

    return aws.client("sqs")


def url_of(name: str) -> str:
    """The URL of a queue of the stack; raises SystemExit if it does not exist."""
    client, whole = _client(), f"{os.environ['STACK_NAME']}-{name}"
    try:
        return str(client.get_queue_url(QueueName=whole)["QueueUrl"])
    except client.exceptions.QueueDoesNotExist:
        raise SystemExit(f"there is no queue {whole}; `python -m infra.show queues` lists them") from None


def given_up(dead_url: str) -> Iterator[Dead]:
    """The messages of a dead-letter queue, each once; they are hidden from other readers until `let_go`."""
    seen: set[str] = set()
    while True:
        answer = _client().receive_message(
            QueueUrl=dead_url,
            MaxNumberOfMessages=10,
            VisibilityTimeout=SEEN_S,
            WaitTimeSeconds=1,
            MessageSystemAttributeNames=["SentTimestamp"],
            AttributeNames=["SentTimestamp"],
            MessageAttributeNames=["All"],
        )
        found = [each for each in answer.get("Messages", ()) if each["MessageId"] not in seen]
        if not found:
            return
        for each in found:
            seen.add(each["MessageId"])
            sent_at = int(each.get("Attributes", {}).get("SentTimestamp", 0))
            about = {name: value.get("StringValue", "") for name, value in each.get("MessageAttributes", {}).items()}
            target, reason = about.get("TARGET_ARN", ""), about.get("ERROR_CODE", "")
            yield Dead(each["Body"], each["ReceiptHandle"], each["MessageId"], sent_at, target, reason)


def let_go(dead_url: str, found: Sequence[Dead]) -> None:
    """Leave messages in the dead-letter queue, and make them visible again at once."""
    for start in range(0, len(found), 10):
        entries = [
            {"Id": str(n), "ReceiptHandle": each.receipt, "VisibilityTimeout": 0}
            for n, each in enumerate(found[start : start + 10])
        ]
        _client().change_message_visibility_batch(QueueUrl=dead_url, Entries=entries)


def told(queue: str, found: Sequence[Dead]) -> list[str]:
    """The printed lines on dead letters: counts, ages, and the effect of a retry."""
    if not found:
        return [f"nothing lies in {queue}-dead"]
    oldest = datetime.fromtimestamp(min(each.sent_at for each in found) / 1_000, UTC)
    kinds = Counter(each.kind for each in found)
    return [
        f"{len(found)} messages lie in {queue}-dead, the oldest since {oldest:%Y-%m-%d %H:%M} UTC:",
        *(f"  {count:6}  {kind}" for kind, count in sorted(kinds.items())),
        f"If they are tried again, {EXPLAINED.get(queue, NO_STORY)}",
    ]


def put_back(queue_of: Callable[[Dead], str], dead_url: str, found: Sequence[Dead]) -> list[Dead]:
    """Put messages back into their queues; returns those put back. Each is deleted only after its queue accepted it."""
    by_queue: dict[str, list[Dead]] = {}
    for each in found:
        if name := queue_of(each):
            by_queue.setdefault(name, []).append(each)
    went: list[Dead] = []
    for name, waiting in by_queue.items():
        queue_url = url_of(name)
        for start in range(0, len(waiting), 10):
            batch = waiting[start : start + 10]
            entries = [{"Id": str(n), "MessageBody": each.body} for n, each in enumerate(batch)]
            answer = _client().send_message_batch(QueueUrl=queue_url, Entries=entries)
            taken = [batch[int(each["Id"])] for each in answer.get("Successful", ())]
            _delete(dead_url, taken)
            went += taken
    return went


def call_again(dead_url: str, found: Sequence[Dead]) -> list[Dead]:
    """Make the calls of messages again; returns those that succeeded. Each is deleted only after its call."""
    from infra import calling_again
    from kernel.errors import Problem

    went: list[Dead] = []
    for each in found:
        try:
            calling_again.again(each.letter or {}, each.target_arn)
        except (calling_again.CannotBeCalled, Problem) as error:
            print(f"  {each.kind} stays: {error or type(error).__name__}")
            continue
        _delete(dead_url, [each])
        went.append(each)
    return went


def _delete(dead_url: str, taken: Sequence[Dead]) -> None:
    if taken:
        gone = [{"Id": str(n), "ReceiptHandle": each.receipt} for n, each in enumerate(taken)]
        _client().delete_message_batch(QueueUrl=dead_url, Entries=gone)


def _queue_of_job(dead: Dead) -> str:
    """The queue of the fan-out for a job of this kind; empty for a kind that no domain registers: the message stays."""
    import composition  # noqa: F401 - the jobs of all domains
    from realtime.jobs import queue_of

    try:
        return queue_of(dead.letter or {"kind": "unreadable"})
    except LookupError as error:
        print(f"  {dead.kind} stays: {error}")
        return ""


def _tried_again(queue: str, dead_url: str, found: Sequence[Dead]) -> list[Dead]:
    if queue in CALLED:
        return call_again(dead_url, found)
    return put_back(_queue_of_job if queue == "fanout" else lambda _: queue, dead_url, found)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="infra.redrive", description="Shows and redrives dead letters.")
    parser.add_argument("queue", help="the queue's name without the stack's, such as push")
    chosen_stack.add_option(parser)
    parser.add_argument("--go", action="store_true", help="put them back into their queue")
    parser.add_argument("--kind", help="only those of this kind")
    chosen = parser.parse_args(arguments)
    chosen_stack.use(chosen.stack)
    dead_url = url_of(f"{chosen.queue}-dead")
    seen = list(given_up(dead_url))
    found = [each for each in seen if chosen.kind in (None, each.kind)]
    print("\n".join(told(chosen.queue, found)))
    went = _tried_again(chosen.queue, dead_url, found) if chosen.go else []
    let_go(dead_url, [each for each in seen if each not in went])
    if chosen.go:
        print(f"{len(went)} were {'called again' if chosen.queue in CALLED else 'put back'}")
    elif found:
        print("Nothing was changed: mend the cause first, then add --go.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
