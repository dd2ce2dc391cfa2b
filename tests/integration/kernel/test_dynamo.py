"""Records: reads together, transactions that say what failed, and a store that fails or hangs (R18, R20, R21)."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders
from pynamodb.exceptions import AttributeNullError, PynamoDBException
from pynamodb.expressions.update import Action
from pynamodb.transactions import TransactWrite

from kernel import aws, config, deadline, dynamo
from kernel.breakers import RETRIES_SAVED_MAX, CircuitOpen
from kernel.errors import DependencyUnavailable, Timeout
from kernel.limit_table import LimitCounter
from kernel.reads import read_beside, read_together
from kernel.resilience import AWS_CONNECT_TIMEOUT_S
from kernel.transactions import Cancelled, Transaction
from log.head_store import HeadRecord
from log.sends_store import SendDedup
from log.store import EventRecord
from messages.changes.reactions_store import ReactionRecord
from realtime.store import ConnectionsRecord
from tests.conftest import STACK, Cloud
from tests.tools import give_up, rows

LOG = aws.breaker_of("dynamodb", "log")


def _send(key: str, seq: int = 1) -> SendDedup:
    return SendDedup(key, conversation_id="cnv_1", seq=seq)


# --- reading --------------------------------------------------------------------------------------------------


def test_records_of_several_tables_come_in_the_order_asked_for() -> None:
    _send("a").save()
    ReactionRecord("m", "👍#usr_1").save()
    found = read_together([(ReactionRecord, ("m", "👍#usr_1")), (SendDedup, ("none",)), (SendDedup, ("a",))])
    assert [getattr(each, "entry", None) or getattr(each, "key", None) for each in found] == ["👍#usr_1", None, "a"]


def test_a_record_asked_for_twice_comes_twice() -> None:
    _send("a").save()
    assert [each.key for each in read_together([(SendDedup, ("a",))] * 3)] == ["a", "a", "a"]


def test_more_records_than_a_call_takes_come_all() -> None:
    with SendDedup.batch_write() as batch:
        for number in range(230):
            batch.save(_send(f"k{number}", number))
    found = read_together([(SendDedup, (f"k{number}",)) for number in range(250)])
    assert [None if each is None else int(each.seq) for each in found] == [*range(230), *[None] * 20]


REACTION = (ReactionRecord, ("m", "👍#usr_1"))
NO_REACTION = (ReactionRecord, ("m", "none"))


def test_what_is_read_beside_others_comes_by_its_key() -> None:
    _send("a").save()
    ReactionRecord(*REACTION[1]).save()
    found, beside = read_beside([(SendDedup, ("a",)), (SendDedup, ("a",))], [REACTION, NO_REACTION])
    assert [each.key for each in found] == ["a", "a"]
    assert beside[REACTION[1]].entry == REACTION[1][1]
    assert beside[NO_REACTION[1]] is None


def test_what_dynamodb_leaves_out_beside_others_is_missing(answering: Callable[[Answering], list[int]]) -> None:
    left_out = {f"{STACK}-reactions": {"Keys": [{"message": {"S": "m"}, "entry": {"S": "none"}}]}}
    asked = answering(lambda _: (200, {"Responses": {}, "UnprocessedKeys": left_out}))
    assert read_beside([(SendDedup, ("a",))], [REACTION, NO_REACTION]) == ([None], {REACTION[1]: None})
    assert len(asked) == 1


def test_others_are_read_alone_where_the_read_of_all_fails(answering: Callable[[Answering], list[int]]) -> None:
    def answer(body: bytes) -> tuple[int, Any]:
        return _error("ThrottlingException") if b"reactions" in body else (200, {"Responses": {}})

    answering(answer)
    assert read_beside([(SendDedup, ("a",))], [REACTION]) == ([None], {})


def test_nothing_is_read_beside_others_while_its_breaker_is_open() -> None:
    give_up(aws.breaker_of("dynamodb", "rest"))
    _send("a").save()
    found, beside = read_beside([(SendDedup, ("a",))], [(ConnectionsRecord, ("usr_1",))])
    assert ([each.key for each in found], beside) == (["a"], {})


def test_nothing_asked_for_is_nothing_read() -> None:
    assert read_together([]) == []


def test_a_record_that_is_not_there_is_none() -> None:
    assert SendDedup.find("none") is None
    assert ReactionRecord.find("m", "e") is None


# --- transactions ---------------------------------------------------------------------------------------------


def test_a_transaction_writes_all() -> None:
    ReactionRecord("old", "e").save()
    transaction = Transaction()
    transaction.put("put", _send("a"))
    transaction.update("update", _send("b"), [SendDedup.seq.set(7)])
    transaction.delete("delete", ReactionRecord("old", "e"))
    assert len(transaction) == 3
    transaction.commit()
    assert {row["key"]: row["seq"] for row in rows("sends")} == {"a": 1, "b": 7}
    assert rows("reactions") == []


def test_writes_are_those_that_pynamodb_makes() -> None:
    event = EventRecord("cnv_1", 7, type="t", actor_id="usr_1", at=1, data={"a": [1]}, mentioned=frozenset({"x"}))
    unmoved = HeadRecord.last_seq == 6
    moved: list[Action] = [HeadRecord.last_seq.set(7), HeadRecord.live_call.remove()]
    ours, theirs = Transaction(), TransactWrite(connection=dynamo.connection())

    ours.put("event", event, EventRecord.seq.does_not_exist())
    ours.put("sent", _send("a"))
    ours.update("head", HeadRecord("cnv_1", "head"), moved, unmoved)
    ours.update("moved", HeadRecord("cnv_2", "head"), moved)
    ours.delete("gone", HeadRecord("cnv_3", "head"), unmoved)
    ours.check("there", HeadRecord, ("cnv_4", "head"), unmoved)
    theirs.save(event, EventRecord.seq.does_not_exist(), return_values="ALL_OLD")
    theirs.save(_send("a"))
    theirs.update(HeadRecord("cnv_1", "head"), moved, unmoved, return_values="ALL_OLD")
    theirs.update(HeadRecord("cnv_2", "head"), moved)
    theirs.delete(HeadRecord("cnv_3", "head"), unmoved)
    theirs.condition_check(HeadRecord, "cnv_4", "head", unmoved)

    for kind in ("_put_items", "_update_items", "_delete_items", "_condition_check_items"):
        assert getattr(ours._write, kind) == getattr(theirs, kind)


@pytest.mark.parametrize("lacking", ["conversation_id", "seq"])
def test_a_record_without_a_value_that_it_needs_is_not_written(lacking: str) -> None:
    record = _send("a")
    setattr(record, lacking, None)
    with pytest.raises(AttributeNullError):
        Transaction().put("sent", record)
    assert record.serialize(null_check=False).keys() == {"key", "conversation_id", "seq"} - {lacking}


def test_every_failed_condition_is_named_with_what_was_found_and_nothing_is_written() -> None:
    _send("taken", 5).save()
    transaction = Transaction()
    transaction.check("gone", ReactionRecord, ("m", "e"), ReactionRecord.entry.exists())
    transaction.delete("absent", ReactionRecord("m", "f"), ReactionRecord.entry.exists())
    transaction.put("free", _send("free"), SendDedup.key.does_not_exist())
    transaction.put("taken", _send("taken"), SendDedup.key.does_not_exist())
    transaction.update("moved", SendDedup("other"), [SendDedup.seq.set(9)], SendDedup.seq == 8)
    with pytest.raises(Cancelled) as refusal:
        transaction.commit()
    failed = refusal.value.failed
    assert failed.keys() == {"gone", "absent", "taken", "moved"}
    assert (int(failed["taken"].seq), failed["moved"]) == (5, None)
    assert not refusal.value.contended
    assert [row["key"] for row in rows("sends")] == ["taken"]


# --- a store that fails ---------------------------------------------------------------------------------------


Answering = Callable[[bytes], tuple[int, Any]]  # status and body of DynamoDB's answer to a request


@pytest.fixture
def answering() -> Iterator[Callable[[Answering], list[int]]]:
    """Answer all requests of DynamoDB by a function; tells how often it was asked."""
    handlers: list[Any] = []

    def answer_by(how: Answering) -> list[int]:
        asked: list[int] = []

        def answer(request: Any, **_: Any) -> Any:
            asked.append(1)
            status, body = how(request.body)
            return AWSResponse(request.url, status, HTTPHeaders(), _Raw(json.dumps(body).encode()))

        dynamo.connection().client.meta.events.register_first("before-send.dynamodb", answer)
        handlers.append(answer)
        return asked

    yield answer_by
    for handler in handlers:
        dynamo.connection().client.meta.events.unregister("before-send.dynamodb", handler)


def _error(code: str) -> tuple[int, Any]:
    body = {"__type": f"com.amazonaws.dynamodb.v20120810#{code}", "message": "m"}
    return 500 if code == "InternalServerError" else 400, body


@pytest.fixture
def failing(answering: Callable[[Answering], list[int]]) -> Callable[[str], list[int]]:
    """Make every answer of DynamoDB this error; tells how often it was asked."""
    return lambda code: answering(lambda _: _error(code))


class _Raw:
    """A response body as urllib3 gives it."""

    def __init__(self, body: bytes) -> None:
        self._body = body

    def stream(self, **_: Any) -> Iterator[bytes]:
        yield self._body


@pytest.mark.parametrize(
    "code",
    [
        "ProvisionedThroughputExceededException",
        "ThrottlingException",
        "RequestLimitExceeded",
        "InternalServerError",
    ],
)
def test_a_throttled_call_is_tried_again_and_then_unavailable(failing: Callable[[str], list[int]], code: str) -> None:
    asked = failing(code)
    with pytest.raises(DependencyUnavailable) as refusal:
        SendDedup.find("a")
    assert len(asked) == aws.TRIES
    assert refusal.value.retry_after_s is not None


def test_a_write_during_a_transaction_of_its_record_is_made_after_it(
    answering: Callable[[Answering], list[int]],
) -> None:
    """DynamoDB refuses it ("TransactionConflictException" of UpdateItem), and local clouds never do."""
    answers = iter([_error("TransactionConflictException"), (200, {})])
    asked = answering(lambda _: next(answers))
    _send("a").save()
    assert len(asked) == 2


def test_a_record_that_transactions_keep_writing_is_unavailable(failing: Callable[[str], list[int]]) -> None:
    asked = failing("TransactionConflictException")
    with pytest.raises(DependencyUnavailable) as refusal:
        _send("a").save()
    assert len(asked) == dynamo.CONTENDED_TRIES
    assert refusal.value.retry_after_s is not None
    assert LOG.state == "closed"


def test_a_store_that_fails_by_itself_is_given_up(failing: Callable[[str], list[int]]) -> None:
    failing("InternalServerError")
    for _ in range(40):
        with pytest.raises(DependencyUnavailable):
            SendDedup.find("a")
    assert LOG.rejections > 20
    assert LOG.state == "open"
    assert aws.breaker_of("dynamodb", "access").state == "closed"


@pytest.mark.parametrize("code", ["ConditionalCheckFailedException", "ValidationException", "AccessDeniedException"])
def test_a_refusal_is_no_failure_of_the_store(failing: Callable[[str], list[int]], code: str) -> None:
    asked = failing(code)
    for _ in range(40):
        with pytest.raises(PynamoDBException):
            SendDedup.find("a")
    assert len(asked) == 40
    assert LOG.state == "closed"


def test_retries_during_an_outage_are_a_part_of_the_calls(failing: Callable[[str], list[int]]) -> None:
    for number in range(30):
        _send(f"k{number}").save()
    asked = failing("ThrottlingException")
    for _ in range(10):
        with pytest.raises(DependencyUnavailable):
            SendDedup.find("a")
    assert len(asked) - 10 <= RETRIES_SAVED_MAX


def test_a_call_of_several_tables_asks_the_breakers_of_their_groups() -> None:
    give_up(aws.breaker_of("dynamodb", "access"))
    transaction = Transaction()
    transaction.put("send", _send("a"))
    transaction.put("counter", LimitCounter("x", expires_at=1))
    with pytest.raises(CircuitOpen):
        transaction.commit()
    _send("b").save()
    assert [row["key"] for row in rows("sends")] == ["b"]
    assert LOG._under_way == 0


# --- a store that hangs ---------------------------------------------------------------------------------------


@pytest.fixture
def hung(cloud: Cloud, settings: pytest.MonkeyPatch) -> Iterator[list[socket.socket]]:
    """AWS is a listener that takes connections and never answers; the connections it has taken."""
    taken: list[socket.socket] = []
    listener = socket.create_server(("127.0.0.1", 0), backlog=64)

    def take() -> None:
        while True:
            try:
                taken.append(listener.accept()[0])
            except OSError:
                return

    thread = threading.Thread(target=take, daemon=True)
    thread.start()
    settings.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{listener.getsockname()[1]}")
    for cached in (config.config, aws.session, aws.client, dynamo.connection):
        cached.cache_clear()
    yield taken
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    for connection in taken:
        connection.close()
    thread.join(5)
    aws.client("dynamodb").close()
    settings.delenv("AWS_ENDPOINT_URL")
    for cached in (config.config, aws.session, aws.client, dynamo.connection):
        cached.cache_clear()


def test_a_hung_store_is_given_up_in_time_and_then_at_once(hung: list[socket.socket]) -> None:
    aws.client("dynamodb")  # making one takes its time
    started = time.perf_counter()
    with pytest.raises(DependencyUnavailable):
        SendDedup.find("a")
    with pytest.raises(DependencyUnavailable):
        LimitCounter.find("a")  # of another group: the service has used up its patience
    assert time.perf_counter() - started < LOG.limits.patience_s + LOG.limits.probe_s + 1 < 5
    assert len(hung) == aws.TRIES_OF_A_HANG + 1
    started = time.thread_time()
    for _ in range(100):
        with pytest.raises(DependencyUnavailable):
            SendDedup.find("a")
    assert (time.thread_time() - started) / 100 < 0.005
    assert (LOG.state, aws.breaker_of("dynamodb", "access").state) == ("open", "open")
    assert LOG.rejections >= 100


def test_a_hung_store_is_given_up_when_the_invocation_has_no_time_left(hung: list[socket.socket]) -> None:
    aws.client("dynamodb")  # making one takes its time
    started = time.perf_counter()
    with deadline.within(0.3), pytest.raises(Timeout):
        SendDedup.find("a")
    assert 0.25 < time.perf_counter() - started < 0.3 + AWS_CONNECT_TIMEOUT_S
    assert LOG.state == "closed"


def test_nothing_is_sent_to_a_store_after_the_deadline(hung: list[socket.socket]) -> None:
    with deadline.within(0.0), pytest.raises(Timeout):
        SendDedup.find("a")
    with deadline.within(0.0), pytest.raises(Timeout):
        aws.client("sqs").list_queues()
    assert hung == []
