"""Handlers of queues and streams: a record that fails is reported alone, a change with those that wait for it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest

from kernel.consumers import Change, Message, all_changes, all_messages, each_message
from tests.helpers import CONTEXT
from tests.tools import Lines, captured_lines, queue_event, stream_event

POISON = {"n": -1}

pytestmark = pytest.mark.usefixtures("settings", "no_sockets")


class Taken:
    """Remembers what a handler was given, and fails on poison."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []

    def one(self, message: Message) -> None:
        self.all([message])

    def all(self, messages: Sequence[Message]) -> None:
        self.batches.append([message["n"] for message in messages])
        if POISON in messages:
            raise LookupError("poison")


@pytest.fixture
def lines(settings: pytest.MonkeyPatch) -> Iterator[Lines]:
    with captured_lines() as found:
        yield found


def _failed(answer: dict[str, list[dict[str, str]]]) -> list[str]:
    return [each["itemIdentifier"] for each in answer["batchItemFailures"]]


def test_messages_are_taken_one_at_a_time_in_order() -> None:
    taken = Taken()
    answer = each_message("any", taken.one)(queue_event({"n": 1}, {"n": 2}), CONTEXT)
    assert taken.batches == [[1], [2]]
    assert _failed(answer) == []


def test_a_poison_message_fails_alone() -> None:
    taken = Taken()
    answer = each_message("any", taken.one)(queue_event({"n": 1}, POISON, {"n": 2}), CONTEXT)
    assert _failed(answer) == ["m1"]
    assert taken.batches == [[1], [-1], [2]]


def test_a_body_that_is_no_json_fails_alone() -> None:
    taken = Taken()
    answer = each_message("any", taken.one)(queue_event({"n": 1}, "{", "[" * 100_000, {"n": 2}), CONTEXT)
    assert _failed(answer) == ["m1", "m2"]
    assert taken.batches == [[1], [2]]


def test_a_batch_is_taken_together() -> None:
    taken = Taken()
    assert _failed(all_messages("any", taken.all)(queue_event({"n": 1}, {"n": 2}), CONTEXT)) == []
    assert taken.batches == [[1, 2]]


def test_a_batch_with_poison_is_taken_one_by_one_and_the_poison_fails_alone() -> None:
    taken = Taken()
    answer = all_messages("any", taken.all)(queue_event({"n": 1}, POISON, {"n": 2}), CONTEXT)
    assert _failed(answer) == ["m1"]
    assert taken.batches == [[1, -1, 2], [1], [-1], [2]]


def test_a_batch_with_a_body_that_is_no_json_fails_only_there() -> None:
    taken = Taken()
    answer = all_messages("any", taken.all)(queue_event({"n": 1}, "not json", {"n": 2}), CONTEXT)
    assert _failed(answer) == ["m1"]
    assert taken.batches == [[1], [2]]


def test_records_and_failures_are_counted(lines: Lines) -> None:
    each_message("any", Taken().one)(queue_event({"n": 1}, POISON, {"n": 2}), CONTEXT)
    line = lines.only
    assert (line["records"], line["RecordsFailed"]) == (3, 1)
    assert line["level"] == "ERROR"
    assert line["exception_name"] == "LookupError"


def test_no_canary_of_a_message_reaches_the_log(lines: Lines) -> None:
    canary = "c4n4ry-of-a-person"
    for handler in (each_message("any", Taken().one), all_messages("any", Taken().all)):
        handler(queue_event({"n": 1, "text": canary}, POISON | {"text": canary}, f"{{{canary}", {canary: 1}), CONTEXT)
    assert len(lines.all) == 2
    assert canary not in lines.text


# --- streams --------------------------------------------------------------------------------------------------


class Followed:
    """Remembers the changes that a stream's handler was given, and fails on poisoned ones."""

    def __init__(self, *poison: str) -> None:
        self.poison = poison
        self.batches: list[list[str]] = []

    def all(self, changes: Sequence[Change]) -> None:
        names = [f"{change.keys['log']['S']}{change.keys['n']['N']}" for change in changes]
        self.batches.append(names)
        if set(names) & set(self.poison):
            raise LookupError("poison")

    def handle(self, *rows: str) -> list[str]:
        """Give the rows' changes to a handler; the numbers of those that it reports."""
        changes = [{"Keys": _keys(row), "NewImage": _keys(row)} for row in rows]
        return _failed(all_changes("any", "log", self.all)(stream_event(*changes), CONTEXT))


def _keys(row: str) -> dict[str, dict[str, str]]:
    return {"log": {"S": row[0]}, "n": {"N": row[1:]}}


def test_changes_are_taken_together() -> None:
    followed = Followed()
    assert followed.handle("a1", "b1", "a2") == []
    assert followed.batches == [["a1", "b1", "a2"]]


def test_a_change_says_what_it_is_and_what_was_there() -> None:
    found: list[Change] = []
    keys, old, new = _keys("a1"), {"n": {"N": "1"}}, {"n": {"N": "2"}}
    images = [
        {"Keys": keys, "NewImage": new},
        {"Keys": keys, "OldImage": old, "NewImage": new},
        {"Keys": keys, "OldImage": old},
    ]
    all_changes("any", "log", found.extend)(stream_event(*images), CONTEXT)
    assert found == [
        Change("INSERT", keys, None, new),
        Change("MODIFY", keys, old, new),
        Change("REMOVE", keys, old, None),
    ]


def test_a_poisoned_change_holds_up_those_after_it_in_its_partition_and_no_other() -> None:
    followed = Followed("a1")
    assert followed.handle("b1", "a1", "b2", "a2", "c1") == ["2", "4"]
    assert followed.batches[1:] == [["b1"], ["a1"], ["b2"], ["c1"]]


def test_changes_and_failures_are_counted(lines: Lines) -> None:
    Followed("a1").handle("b1", "a1", "a2")
    line = lines.only
    assert (line["records"], line["RecordsFailed"]) == (3, 2)
    assert (line["level"], line["exception_name"]) == ("ERROR", "LookupError")
