"""Conditional writes of records: done, or refused without an error."""

from __future__ import annotations

import pytest
from pynamodb.attributes import UnicodeAttribute
from pynamodb.exceptions import UpdateError

from kernel.dynamo import Record
from kernel.records import IntegerAttribute
from log.sends_store import SendDedup
from messages.changes.reactions_store import ReactionRecord
from tests.tools import rows


class Nowhere(Record, table="nowhere"):
    """A record of a table that is not there."""

    key = UnicodeAttribute(hash_key=True)
    number = IntegerAttribute(null=True)


def _send(seq: int) -> SendDedup:
    return SendDedup("a", conversation_id="cnv_1", seq=seq)


def test_a_record_is_put_only_where_the_condition_holds() -> None:
    absent = SendDedup.key.does_not_exist()
    assert _send(1).save_if(absent)
    assert not _send(2).save_if(absent)
    assert [row["seq"] for row in rows("sends")] == [1]


def test_a_record_is_changed_only_where_the_condition_holds_and_then_is_as_it_was_left() -> None:
    _send(1).save()
    record = SendDedup("a")
    assert not record.update_if(SendDedup.seq == 5, SendDedup.seq.set(6))
    assert record.update_if(SendDedup.seq == 1, SendDedup.seq.set(2), SendDedup.conversation_id.set("cnv_2"))
    assert (int(record.seq), record.conversation_id) == (2, "cnv_2")


def test_a_record_is_deleted_only_where_the_condition_holds() -> None:
    _send(1).save()
    assert not SendDedup("a").delete_if(SendDedup.seq == 2)
    assert SendDedup("a").delete_if(SendDedup.seq == 1)
    assert rows("sends") == []


def test_another_error_than_a_failed_condition_is_raised() -> None:
    with pytest.raises(UpdateError, match="ResourceNotFound"):
        Nowhere("a").update_if(Nowhere.key.exists(), Nowhere.number.set(1))


def test_a_query_begins_behind_a_key() -> None:
    for emoji in "abc":
        ReactionRecord("m", emoji).save()
    found = ReactionRecord.query("m", last_evaluated_key=ReactionRecord.start("m", "a"))
    assert [row.entry for row in found] == ["b", "c"]
